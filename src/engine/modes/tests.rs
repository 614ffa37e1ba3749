//! Effects at work in an engine, with measures that are made up: nothing is really exhausted.

use std::sync::mpsc::channel;
use std::time::Duration;

use super::*;
use crate::api::types::{AddRequest, ForceMode, JobState, ModeHistoryQuery, SearchRequest};
use crate::engine::{Action, Caller, Engine, Reply, Settings};
use crate::resilience::{Criticality, Mode};

const GIB: u64 = 1 << 30;

struct Bench {
    engine: Engine,
    data: tempfile::TempDir,
    at: Now,
}

fn calm() -> Inputs {
    Inputs { memory_percent: 20.0, disk_free: 10 * GIB, disk_total: 20 * GIB, ..Inputs::default() }
}

impl Bench {
    fn new() -> Self {
        Self::in_folder(tempfile::tempdir().unwrap())
    }

    fn in_folder(data: tempfile::TempDir) -> Self {
        let settings = Settings { data_dir: data.path().to_owned(), ..Settings::default() };
        let engine = Engine::open(settings).unwrap();
        // Only the test measures.
        engine.inner().modes.idle.store(true, Ordering::Relaxed);
        let at = now(&*engine.inner().clock);
        Self { engine, data, at }
    }

    /// A step with these measures, so long after the last one; the real ticker's own steps are far apart.
    fn measure(&mut self, after_ms: u64, inputs: Inputs) {
        self.at.monotonic_ms += after_ms;
        self.at.wall_ms += after_ms;
        let inner = self.engine.inner();
        let mut active = inner.modes.active();
        inner.modes.step(inner, &mut active, &inputs, self.at);
    }

    fn ask(&self, action: Action, criticality: Criticality) -> Result<Reply, EngineError> {
        let (send, receive) = channel();
        let caller = Caller { criticality, ..Caller::local(0, 0, 7, "r".into()) };
        self.engine.submit(caller, action, move |result| send.send(result).unwrap());
        receive.recv_timeout(Duration::from_secs(30)).unwrap()
    }

    fn question(&self, criticality: Criticality) -> Result<Reply, EngineError> {
        let q = "how do I reset error E-05 of the pump".to_owned();
        self.ask(Action::Ask(SearchRequest { q, ..SearchRequest::default() }), criticality)
    }

    fn add(&self, folder: &std::path::Path) -> Result<Reply, EngineError> {
        let paths = vec![folder.display().to_string()];
        self.ask(Action::Add(AddRequest { paths, ..AddRequest::default() }), Criticality::Default)
    }

    fn mode(&self) -> Mode {
        self.engine.inner().modes.view(&*self.engine.inner().clock).mode
    }

    fn job_state(&self, id: &str) -> JobState {
        match self.ask(Action::Job(id.to_owned()), Criticality::Default) {
            Ok(Reply::Job(job)) => job.state,
            other => panic!("{other:?}"),
        }
    }
}

fn retry_after(result: Result<Reply, EngineError>) -> u64 {
    match result {
        Err(EngineError::Degraded { retry_after_s, what, advice }) => {
            assert!(what.contains("Emergency") && advice.contains("free space at least"), "{what} {advice}");
            retry_after_s
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_full_disk_refuses_ingest_gives_up_the_ballast_and_still_answers() {
    let mut bench = Bench::new();
    let docs = tempfile::tempdir().unwrap();
    std::fs::write(docs.path().join("a.md"), "# A\n\nThe valve is behind the fan.\n").unwrap();
    bench.measure(1000, calm());
    let ballast = bench.data.path().join("ballast");
    assert_eq!(std::fs::metadata(&ballast).unwrap().len(), BALLAST);
    bench.measure(1000, Inputs { disk_free: 1 << 20, ..calm() });
    assert_eq!(bench.mode(), Mode::Emergency);
    assert!(!ballast.exists(), "the space is given up");
    assert!(retry_after(bench.add(docs.path())) >= 1);
    assert!(retry_after(bench.question(Criticality::Batch)) >= 1);
    assert!(retry_after(bench.question(Criticality::Sheddable)) >= 1);
    for criticality in [Criticality::Default, Criticality::Critical] {
        let Ok(Reply::Ask(answer)) = bench.question(criticality) else { panic!("no answer") };
        assert!(answer.search.found && !answer.answer.is_empty());
    }
    // Space came back: writing is allowed within seconds, the ballast is taken again.
    bench.measure(1000, calm());
    bench.measure(4000, calm());
    assert_ne!(bench.mode(), Mode::Emergency);
    bench.measure(61_000, calm());
    bench.measure(61_000, calm());
    assert_eq!(bench.mode(), Mode::Normal);
    assert!(ballast.exists());
    let Ok(Reply::Job(_)) = bench.add(docs.path()) else { panic!("ingest goes on") };
}

#[test]
fn memory_empties_the_cache_and_a_slow_box_looks_at_less() {
    let mut bench = Bench::new();
    bench.question(Criticality::Default).unwrap();
    let limit = |bench: &Bench| {
        let inner = bench.engine.inner();
        inner.answers.counts(&inner.library.database())[0]
    };
    let before = limit(&bench);
    assert!(before.entries > 0);
    bench.measure(1000, Inputs { pressure_some: 50.0, ..calm() });
    assert_eq!(bench.mode(), Mode::MemoryConstrained);
    assert_eq!((limit(&bench).entries, limit(&bench).limit), (0, before.limit / 8));
    assert_eq!(bench.engine.inner().modes.effort().candidates, Effort::default().candidates);
    let slow = Inputs { p95_us: Some(10_000_000), ..calm() };
    bench.measure(1000, slow);
    bench.measure(6000, slow);
    let effort = bench.engine.inner().modes.effort();
    assert_eq!(effort.candidates, Effort::default().candidates / 4);
    assert_eq!(effort.rescored, effort.candidates);
    let q = "which oil does the generator take".to_owned();
    let reply =
        bench.ask(Action::Search(SearchRequest { q, ..SearchRequest::default() }), Criticality::Default);
    let Ok(Reply::Search(found)) = reply else { panic!("{reply:?}") };
    assert!(found.found && found.notes.iter().any(|note| note.contains("fewer candidates")), "{found:?}");
}

#[test]
fn background_work_waits_and_goes_on() {
    let mut bench = Bench::new();
    let docs = tempfile::tempdir().unwrap();
    for n in 0..20 {
        std::fs::write(docs.path().join(format!("{n}.md")), format!("# {n}\n\nThe part {n} is in rack 5.\n"))
            .unwrap();
    }
    bench.measure(1000, Inputs { temperature_c: Some(95.0), ..calm() });
    assert_eq!(bench.mode(), Mode::ReducedPerformance);
    let Ok(Reply::Job(job)) = bench.add(docs.path()) else { panic!("a job is taken in, it only waits") };
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(bench.job_state(&job.id), JobState::Queued);
    for _ in 0..8 {
        bench.measure(10_000, Inputs { temperature_c: Some(40.0), ..calm() });
    }
    assert_eq!(bench.mode(), Mode::Normal);
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while bench.job_state(&job.id) != JobState::Done {
        assert!(std::time::Instant::now() < until, "the job did not go on");
        std::thread::sleep(Duration::from_millis(20));
    }
    // A box that is told to end does not wait for a better mode.
    bench.measure(1000, Inputs { temperature_c: Some(95.0), ..calm() });
    bench.add(docs.path()).unwrap();
}

#[test]
fn a_forced_mode_and_its_history_survive_a_restart() {
    let bench = Bench::new();
    let force = |ttl_s, reason: &str, mode: &str| {
        Action::ForceMode(ForceMode { mode: mode.into(), reason: reason.into(), ttl_s })
    };
    for bad in [force(0, "x", "reduced"), force(60, " ", "reduced"), force(60, "x", "panic")] {
        let result = bench.ask(bad, Criticality::Default);
        assert!(matches!(result, Err(EngineError::Invalid { .. })), "{result:?}");
    }
    let Ok(Reply::Mode(report)) = bench.ask(force(600, "uplink work", "memory"), Criticality::Default) else {
        panic!("not forced")
    };
    assert_eq!(report.now.mode, "memory_constrained");
    assert_eq!(report.now.reason, "forced: uplink work (uid 0, pid 7)");
    let Bench { engine, data, .. } = bench;
    drop(engine);
    let bench = Bench::in_folder(data);
    assert_eq!(bench.mode(), Mode::MemoryConstrained);
    assert!(bench.engine.inner().modes.effects().has(Effect::DropCaches));
    let history = || {
        let query = ModeHistoryQuery::default();
        match bench.ask(Action::ModeHistory(query), Criticality::Default) {
            Ok(Reply::ModeChanges(page)) => page.items,
            other => panic!("{other:?}"),
        }
    };
    let items = history();
    assert_eq!((items[0].cause.as_str(), items[0].to.as_str()), ("forced", "memory_constrained"));
    let Ok(Reply::Mode(report)) = bench.ask(Action::AutoMode, Criticality::Default) else {
        panic!("not auto")
    };
    assert!(report.now.forced.is_none());
    assert_eq!(history()[0].cause, "auto");
}

#[test]
fn a_failed_store_is_opened_again_and_work_goes_on() {
    let mut bench = Bench::new();
    let docs = tempfile::tempdir().unwrap();
    std::fs::write(docs.path().join("a.md"), "# A\n\nThe gasket is made of cork.\n").unwrap();
    bench.measure(1000, calm());
    let inner = bench.engine.inner();
    inner.modes.store_failed();
    let Ok(Reply::Job(job)) = bench.add(docs.path()) else { panic!("not taken in") };
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(bench.job_state(&job.id), JobState::Queued, "nothing is begun on a failed store");
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while bench.job_state(&job.id) != JobState::Done {
        assert!(std::time::Instant::now() < until, "the job did not go on");
        inner.modes.reopen(inner);
        std::thread::sleep(Duration::from_millis(20));
    }
    bench.question(Criticality::Default).unwrap();
}

#[test]
fn a_store_that_fails_is_an_emergency_and_not_an_end() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("control.redb"), vec![7u8; 4096]).unwrap();
    let mut bench = Bench::in_folder(data);
    bench.measure(1000, Inputs { store_failed: true, ..calm() });
    assert_eq!(bench.mode(), Mode::Emergency);
    bench.question(Criticality::Default).unwrap();
    let report = bench.ask(Action::Mode, Criticality::Batch).unwrap();
    let Reply::Mode(report) = report else { panic!("{report:?}") };
    assert_eq!(report.now.axis.as_deref(), Some("store"));
    // What could not be kept is told all the same.
    let query = ModeHistoryQuery::default();
    let Ok(Reply::ModeChanges(page)) = bench.ask(Action::ModeHistory(query), Criticality::Default) else {
        panic!("no history")
    };
    assert!(page.items.iter().any(|change| change.to == "emergency"), "{page:?}");
}

#[test]
fn the_store_has_a_small_cache_while_memory_is_short_and_nothing_is_lost_by_it() {
    let mut bench = Bench::new();
    let docs = tempfile::tempdir().unwrap();
    std::fs::write(docs.path().join("a.md"), "# A\n\nThe gasket is made of cork.\n").unwrap();
    let short = Inputs { memory_percent: 85.0, ..calm() };
    bench.measure(1000, short);
    bench.measure(4000, short);
    assert_eq!(bench.mode(), Mode::MemoryConstrained);
    let modes = |bench: &Bench| {
        let inner = bench.engine.inner();
        inner.modes.fit_store_cache(inner);
        inner.modes.small_cache.load(Ordering::Relaxed)
    };
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while !modes(&bench) {
        assert!(std::time::Instant::now() < until, "somebody uses the store for ever");
        std::thread::sleep(Duration::from_millis(20));
    }
    let whole = usize::try_from(bench.engine.inner().budgets.store_cache).unwrap();
    assert!(bench.engine.inner().library.fit_store_cache(whole / SMALL_CACHE).unwrap());
    let Ok(Reply::Job(job)) = bench.add(docs.path()) else { panic!("not taken in") };
    while bench.job_state(&job.id) != JobState::Done {
        assert!(std::time::Instant::now() < until, "the job does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    for _ in 0..60 {
        bench.measure(10_000, calm());
    }
    assert_eq!(bench.mode(), Mode::Normal);
    while modes(&bench) {
        assert!(std::time::Instant::now() < until, "the cache stays small");
        std::thread::sleep(Duration::from_millis(20));
    }
    let Ok(Reply::Ask(answer)) = bench.question(Criticality::Default) else { panic!("no answer") };
    assert!(!answer.search.results.is_empty(), "{answer:?}");
}
