//! A box that is not there, for looking at the screen by hand:
//!
//! `cargo test --test tui_fake -- --ignored --nocapture` in a terminal (or tmux). `SPUD_FAKE=empty`
//! has no documents, `SPUD_FAKE=down` does not answer, `SPUD_FAKE=mode` is short of memory now and then,
//! `SPUD_FAKE=theme:mono` takes a theme.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::result_large_err
)]

use std::ops::ControlFlow;
use std::time::Duration;

use spud::api::types::*;
use spud::tui::{ColorChoice, Link, LinkError, Options, run};

#[derive(Clone)]
struct Fake {
    mood: String,
    bytes: (u64, u64),
}

fn problem(title: &str, status: u16) -> LinkError {
    LinkError { problem: Problem { title: title.into(), status, ..Problem::default() } }
}

fn page<T: serde::Serialize>(items: Vec<T>, next: Option<String>) -> Vec<u8> {
    serde_json::to_vec(&Page { items, next }).unwrap()
}

fn status(second: u64) -> Status {
    let gauge = |name: &str, used: u64, limit: u64| Gauge {
        name: name.into(),
        used,
        limit,
        unit: "bytes".into(),
        ..Gauge::default()
    };
    Status {
        version: "0.1.0".into(),
        daemon: true,
        uptime_ms: 271_000_000 + second * 1000,
        tier: "small".into(),
        rss_bytes: (42 << 20) + second % 7 * 300_000,
        anonymous_bytes: 12 << 20,
        peak_rss_bytes: 61 << 20,
        cpu_percent: 2.0 + f32::from(u8::try_from(second * 7 % 11).unwrap()),
        load: [0.12, 0.30, 0.25],
        temperature_c: Some(48.5),
        disk_free_bytes: 12 << 30,
        disk_total_bytes: 29 << 30,
        budgets: vec![
            gauge("memory", (42 << 20) + second % 7 * 300_000, 96 << 20),
            gauge("store_cache", 15 << 20, 16 << 20),
            gauge("l1_cache", 1 << 20, 4 << 20),
            gauge("index_buffer", 20 << 20, 24 << 20),
        ],
        queries: QueryStatus {
            total: 1234 + second,
            found: 1190,
            errors: 2,
            per_second: f32::from(u8::try_from(second % 5).unwrap()),
            p50_us: 2100,
            p95_us: 8400,
            p99_us: 20_300,
        },
        caches: vec![CacheStatus {
            name: "l1".into(),
            hits: 820,
            misses: 180,
            entries: 212,
            ..CacheStatus::default()
        }],
        collections: 2,
        documents: 1520,
        chunks: 48_210,
        index_bytes: 31 << 20,
        store_bytes: 54 << 20,
        jobs_running: 1,
        failures: 3,
        mode: mode(second),
        ..Status::default()
    }
}

/// `SPUD_FAKE=mode` is short of memory for 20 of 40 seconds.
fn mode(second: u64) -> ModeBrief {
    if std::env::var("SPUD_FAKE").is_ok_and(|mood| mood == "mode") && second % 40 < 20 {
        let effect = ModeEffect { short: "cache off".into(), ..ModeEffect::default() };
        return ModeBrief {
            mode: "memory_constrained".into(),
            title: "Memory Constrained".into(),
            since_ms: 1_790_000_000_000,
            axis: Some("memory".into()),
            reason: "memory in use 84 %, limit 80 %".into(),
            effects: vec![effect],
            way_back: "memory in use below 72 % for 120 s".into(),
            ..ModeBrief::default()
        };
    }
    ModeBrief::default()
}

fn job(second: u64) -> Job {
    Job {
        id: "j1".into(),
        kind: "add".into(),
        state: JobState::Running,
        collection: "manuals".into(),
        files_total: 1200,
        files_done: 530 + second,
        bytes_total: 900 << 20,
        bytes_done: (378 << 20) + (second << 21),
        bytes_per_second: 5 << 20,
        eta_ms: Some(104_000),
        current: Some(format!("/srv/manuals/compressors/screw/type-{second}/service.pdf")),
        ..Job::default()
    }
}

const TITLES: [&str; 4] = [
    "P-200 service manual",
    "Pumps \u{1b}[31mred \u{202e}evil",
    "A very long title of a very long manual about pumps and their seals, volume 2",
    "",
];

fn hit(rank: usize) -> Hit {
    let text = "The shaft seal wears with use. Replace the pump seal every 500 hours or when it \
                leaks. Torque the four bolts to 12 Nm in a cross pattern.\n\nNever run the pump dry: \
                the seal faces need the liquid to cool them, and a minute without it scores them.";
    let best = text.find("Replace").unwrap();
    let pump = text.find("pump seal").unwrap();
    Hit {
        rank,
        chunk: format!("c{}", rank * 10),
        document: format!("d{rank}"),
        collection: "manuals".into(),
        path: format!("/srv/manuals/pump-{rank}.pdf"),
        title: TITLES[rank % 4].into(),
        kind: "pdf".into(),
        heading: vec!["Maintenance".into(), "Seals".into()],
        place: Place { page: Some(11), page_end: (rank == 2).then_some(12), ..Place::default() },
        text: text.into(),
        highlights: vec![(pump, pump + 9)],
        best_sentence: (best, best + 56),
        score: 0.95 - f32::from(u8::try_from(rank).unwrap()) / 15.0,
        parts: Some(ScoreParts {
            lexical: 12.3,
            dense: 0.71,
            lexical_share: 0.55,
            dense_share: 0.3,
            proximity_share: 0.07,
            terms: vec!["pump 1.00".into(), "gasket~ 0.52".into()],
        }),
        ..Hit::default()
    }
}

fn answer(q: &str) -> AskResponse {
    let said = |text: &str, citation| AnswerSentence { text: text.into(), citation };
    if q.contains("nothing") {
        let did_you_mean = Some("replace pump seal".into());
        let search = SearchResponse { did_you_mean, ..SearchResponse::default() };
        return AskResponse { search, ..AskResponse::default() };
    }
    AskResponse {
        answer: vec![
            said("Replace the pump seal every 500 hours or when it leaks.", 1),
            said("Torque the four bolts to 12 Nm in a cross pattern.", 2),
        ],
        search: SearchResponse {
            query: q.into(),
            found: true,
            results: (1..=12).map(hit).collect(),
            took_us: 12_345,
            ..SearchResponse::default()
        },
    }
}

fn hardware() -> Hardware {
    Hardware {
        memory_effective: 512 << 20,
        cores: 4,
        vector_kernel: "neon-dotprod".into(),
        warnings: vec!["No swap: a burst may end in the OOM killer. Add zram.".into()],
        ..Hardware::default()
    }
}

fn collections() -> Vec<Collection> {
    vec![
        Collection {
            name: "manuals".into(),
            documents: 1500,
            chunks: 48_000,
            failures: 3,
            source_bytes: 450 << 20,
            index_bytes: 30 << 20,
            ..Collection::default()
        },
        Collection { name: "help".into(), documents: 20, built_in: true, ..Collection::default() },
    ]
}

fn documents(path: &str) -> Vec<u8> {
    let cursor = path.split("cursor=").nth(1).and_then(|c| c.split('&').next()?.parse().ok());
    let from: usize = cursor.unwrap_or(0);
    let one = |i: usize| Document {
        id: format!("d{i}"),
        collection: "manuals".into(),
        path: format!("/srv/manuals/part-{i:04}.pdf"),
        kind: "pdf".into(),
        bytes: i as u64 * 7777,
        modified_ms: 1_790_000_000_000,
        ..Document::default()
    };
    page((from..from + 100).map(one).collect(), (from < 1400).then(|| (from + 100).to_string()))
}

fn failure() -> Failure {
    Failure {
        path: "/srv/manuals/locked.pdf".into(),
        kind: "encrypted".into(),
        reason: "needs a password".into(),
        advice: "Save a copy without password and add it.".into(),
        ..Failure::default()
    }
}

fn passage(i: u64) -> Passage {
    Passage {
        chunk: format!("c{}", 7 + i),
        text: format!("Passage {i}. Close the valve and let the pressure go before any work on the pump."),
        heading: vec!["Maintenance".into()],
        ..Passage::default()
    }
}

fn log(i: u64) -> LogLine {
    LogLine {
        timestamp: format!("2026-11-21T03:{:02}:{:02}.123Z", i / 60 % 60, i % 60),
        level: ["INFO", "DEBUG", "INFO", "WARN", "INFO", "ERROR"][usize::try_from(i % 6).unwrap()].into(),
        target: "spud::engine".into(),
        message: format!("indexed part-{i:03}.pdf"),
        fields: [("chunks".to_owned(), serde_json::json!(i))].into_iter().collect(),
    }
}

impl Fake {
    fn check(&self) -> Result<(), LinkError> {
        if self.mood == "down" { Err(problem("The daemon does not answer.", 0)) } else { Ok(()) }
    }

    fn list(&self, path: &str) -> Option<Vec<u8>> {
        let empty = self.mood == "empty";
        Some(match path.split('?').next()? {
            "/v1/status" => {
                serde_json::to_vec(&Status { jobs_running: u64::from(!empty), ..status(0) }).ok()?
            }
            "/v1/hardware" => serde_json::to_vec(&hardware()).ok()?,
            "/v1/collections" | "/v1/documents" | "/v1/jobs" if empty => page(Vec::<Job>::new(), None),
            "/v1/collections" => page(collections(), None),
            "/v1/documents" => documents(path),
            "/v1/jobs" => page(vec![job(0)], None),
            "/v1/failures" => page(vec![failure()], None),
            "/v1/logs" => page((0..60).map(log).collect(), None),
            p if p.ends_with("/passages") => page((0..7).map(passage).collect(), None),
            _ => return None,
        })
    }
}

impl Link for Fake {
    fn get(&mut self, path: &str) -> Result<Vec<u8>, LinkError> {
        self.check()?;
        std::thread::sleep(Duration::from_millis(3));
        let body = self.list(path).ok_or_else(|| problem("There is no such thing.", 404))?;
        self.bytes.0 += body.len() as u64;
        Ok(body)
    }

    fn send(&mut self, _: &str, path: &str, body: Option<Vec<u8>>) -> Result<Vec<u8>, LinkError> {
        self.check()?;
        if path == "/v1/ask" {
            let request: SearchRequest = serde_json::from_slice(&body.unwrap()).unwrap();
            return Ok(serde_json::to_vec(&answer(&request.q)).unwrap());
        }
        Ok(serde_json::to_vec(&job(0)).unwrap())
    }

    fn events(
        &mut self,
        after: u64,
        sink: &mut dyn FnMut(Event) -> ControlFlow<()>,
    ) -> Result<(), LinkError> {
        self.check()?;
        for id in after + 1.. {
            std::thread::sleep(Duration::from_millis(250));
            let kind = match id % 4 {
                0 => EventKind::Status(Box::new(status(id / 4))),
                1 if self.mood != "empty" => EventKind::Job(job(id / 4)),
                _ => EventKind::Log(log(id)),
            };
            if sink(Event { id, at_ms: 0, kind }).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn bytes(&self) -> (u64, u64) {
        self.bytes
    }

    fn fork(&self) -> Box<dyn Link> {
        Box::new(self.clone())
    }
}

#[test]
#[ignore = "for eyes, in a terminal"]
fn look_at_it() {
    let mood = std::env::var("SPUD_FAKE").unwrap_or_default();
    let theme = mood.strip_prefix("theme:").map(str::to_owned);
    let options = Options { color: ColorChoice::Auto, theme, ..Options::default() };
    run(Box::new(Fake { mood, bytes: (0, 0) }), options).unwrap();
}

#[test]
fn a_wrong_theme_or_key_file_is_refused_before_anything_is_drawn() {
    let fake = || Box::new(Fake { mood: String::new(), bytes: (0, 0) });
    let options = Options { theme: Some("neon".into()), ..Options::default() };
    let told = run(fake(), options).unwrap_err().to_string();
    assert_eq!(told, "there is no theme \"neon\": calm, mono or contrast");
    let options = Options { keys_file: Some("/nonexistent/keys.toml".into()), ..Options::default() };
    assert!(run(fake(), options).unwrap_err().to_string().starts_with("/nonexistent/keys.toml: "));
}
