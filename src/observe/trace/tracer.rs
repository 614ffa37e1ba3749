//! Begins traces and ends them; what is worth it is kept in a ring and waits for the disk.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::context::{Context, SpanId, TraceId};
use super::draft::{Draft, Ending, GOLDEN, Parts, SPANS, Trace, mix, record};
use super::outgoing::Outgoing;
use super::record::{Kind, TraceRecord};
use super::ring::Ring;
use super::sampler::{Sampler, Why};
use crate::base::Clock;

/// Ended traces whose memory is used again.
const POOL: usize = 16;
/// Of the bytes in memory, what may wait for the disk.
const WAITING_PART: usize = 4;
/// What waits is written after this time: a commit costs a card some 25 KB, however little is in it.
const WAIT_US: u64 = 600_000_000;
/// What failed or was asked for is written sooner, but not oftener than the second.
const URGENT_US: u64 = 10_000_000;
const OFTEN_US: u64 = 60_000_000;
/// Operations whose deliveries are linked to the trace that posted them.
const REMEMBERED: usize = 1024;
/// What traces may use.
#[derive(Debug, Clone, Copy)]
pub struct TraceSettings {
    /// Bytes in memory.
    pub memory: usize,
    /// Ids and chance come from these.
    pub seeds: [u64; 2],
}

impl TraceSettings {
    /// With seeds that nobody foresees.
    #[must_use]
    pub fn of(memory: u64) -> Self {
        let seeds = [0u64, 1].map(|salt| RandomState::new().hash_one(salt));
        Self { memory: usize::try_from(memory).unwrap_or(usize::MAX), seeds }
    }
}

/// Kept traces with their numbers.
pub type Waiting = Vec<(u64, Arc<TraceRecord>)>;

struct State {
    sampler: Sampler,
    ring: Ring,
    waiting: Ring,
    /// Since when something waits, and whether it should not wait long.
    since_us: u64,
    urgent: bool,
    /// When it was taken the last time.
    taken_us: Option<u64>,
    number: u64,
    /// Where there is a collector.
    outgoing: Option<Outgoing>,
}

impl State {
    fn push(&mut self, number: u64, record: Arc<TraceRecord>, is_new: bool) {
        let Self { ring, waiting, outgoing, .. } = self;
        if is_new {
            ring.push(number, Arc::clone(&record), &mut |gone| {
                outgoing.iter_mut().for_each(|out| out.left_memory(gone));
            });
        }
        waiting.push(number, record, &mut |gone| {
            outgoing.iter_mut().for_each(|out| out.not_shelved(gone, ring.oldest()));
        });
    }
}

/// Begins and ends traces.
pub struct Tracer {
    clock: Arc<dyn Clock>,
    seeds: [u64; 2],
    dice: AtomicU64,
    pool: Mutex<Vec<Arc<Draft>>>,
    state: Mutex<State>,
    remembered: Mutex<VecDeque<(u64, Context)>>,
}

impl Tracer {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, settings: TraceSettings) -> Self {
        let waiting = settings.memory / WAITING_PART;
        let state = State {
            sampler: Sampler::default(),
            ring: Ring::new(settings.memory - waiting),
            waiting: Ring::new(waiting),
            since_us: 0,
            urgent: false,
            taken_us: None,
            number: 0,
            outgoing: None,
        };
        Self {
            clock,
            seeds: settings.seeds,
            dice: AtomicU64::new(0),
            pool: Mutex::default(),
            state: Mutex::new(state),
            remembered: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Two numbers that were never given before.
    fn roll(&self) -> [u64; 2] {
        let turn = self.dice.fetch_add(GOLDEN, Ordering::Relaxed);
        self.seeds.map(|seed| mix(seed.wrapping_add(turn)))
    }

    /// Begins a trace, below what a caller said of it or a new one; `state` is the caller's `tracestate`.
    #[must_use]
    pub fn begin(&self, kind: Kind, caller: Option<Context>, state: String) -> Trace {
        let [one, two] = self.roll();
        let trace = match &caller {
            Some(caller) => caller.trace,
            None => {
                let [three, _] = self.roll();
                TraceId((u128::from(two) << 64 | u128::from(three)).max(1))
            }
        };
        let sampled = caller.is_some_and(|caller| caller.sampled);
        let context = Context { trace, span: SpanId(one.max(1)), sampled };
        let state = if caller.is_some() { state } else { String::new() };
        let reused = self.pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut draft = reused.unwrap_or_else(|| self.draft(context));
        if let Some(draft) = Arc::get_mut(&mut draft) {
            draft.context = context;
            draft.parent = caller.map_or(0, |caller| caller.span.0);
            (draft.state, draft.kind) = (state, kind);
            (draft.started_ms, draft.started_us) = (self.clock.now_ms(), self.clock.monotonic_us());
            *draft.ids.get_mut() = 1;
        }
        Trace(draft)
    }

    fn draft(&self, context: Context) -> Arc<Draft> {
        Arc::new(Draft {
            clock: Arc::clone(&self.clock),
            context,
            parent: 0,
            state: String::new(),
            kind: Kind::Internal,
            started_ms: 0,
            started_us: 0,
            ids: AtomicU64::new(1),
            parts: Mutex::new(Parts { spans: Vec::with_capacity(SPANS / 4), ..Parts::default() }),
        })
    }

    /// Ends a trace: what is kept of it can be found from now on. The context says whether it is.
    pub fn end(&self, trace: Trace, ending: &Ending<'_>) -> Context {
        self.end_telling(trace, ending, |_| {})
    }

    /// The same; tells of the trace where it is kept.
    pub fn end_telling(&self, trace: Trace, ending: &Ending<'_>, kept: impl FnOnce(&Trace)) -> Context {
        let took_us = trace.now_us().saturating_sub(trace.0.started_us);
        let [dice, _] = self.roll();
        let name = name_of(ending);
        let asked = trace.asked().sampled;
        let why = self.state().sampler.decide(name, took_us, (ending.error.is_some(), asked), dice);
        if let Some(why) = why {
            kept(&trace);
            self.keep(record(&trace, ending, took_us, why), why);
        }
        let context = Context { sampled: why.is_some(), ..trace.0.context };
        self.reuse(trace);
        context
    }

    fn keep(&self, record: TraceRecord, why: Why) {
        let record = Arc::new(record);
        let now_ms = self.clock.now_ms();
        let mut state = self.state();
        // Room for a thousand a millisecond; a clock that goes back changes no order.
        state.number = (now_ms << 10).max(state.number + 1);
        let number = state.number;
        if state.waiting.is_empty() {
            (state.since_us, state.urgent) = (self.clock.monotonic_us(), false);
        }
        state.urgent |= matches!(why, Why::Failed | Why::Asked);
        state.push(number, record, true);
    }

    /// Its memory serves the next one, unless somebody still has it.
    fn reuse(&self, mut trace: Trace) {
        let Some(draft) = Arc::get_mut(&mut trace.0) else { return };
        let parts = draft.parts.get_mut().unwrap_or_else(PoisonError::into_inner);
        parts.spans.clear();
        parts.links.clear();
        parts.dropped = 0;
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < POOL {
            pool.push(trace.0);
        }
    }

    /// True where what waits should be written.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let now_us = self.clock.monotonic_us();
        let state = self.state();
        let waits_us = now_us.saturating_sub(state.since_us);
        let often = state.taken_us.is_some_and(|taken| now_us.saturating_sub(taken) < OFTEN_US);
        let due = waits_us >= WAIT_US || state.urgent && waits_us >= URGENT_US && !often;
        due && !state.waiting.is_empty()
    }

    /// True where something waits that failed or was asked for.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        let state = self.state();
        state.urgent && !state.waiting.is_empty()
    }

    /// Takes what waits for the disk.
    #[must_use]
    pub fn take_waiting(&self) -> Waiting {
        let now_us = self.clock.monotonic_us();
        let mut state = self.state();
        state.taken_us = Some(now_us);
        state.waiting.take()
    }

    /// It could not be written: it is tried again later, as far as there is room.
    pub fn put_back(&self, waiting: Waiting) {
        let now_us = self.clock.monotonic_us();
        let mut state = self.state();
        let newer = state.waiting.take();
        state.since_us = now_us;
        for (number, record) in waiting.into_iter().chain(newer) {
            state.push(number, record, false);
        }
    }

    /// What is in memory, newest first.
    #[must_use]
    pub fn newest(&self) -> Waiting {
        self.state().ring.all()
    }

    /// From now on a collector is told of what is kept, after the number that disk says is settled; `newest` is the
    /// newest on disk. A clock that went back since begins no second series of numbers.
    pub fn export_after(&self, sent: u64, newest: u64) {
        let mut state = self.state();
        // What came before this call with a number of before is passed over.
        let passed = state.ring.all().iter().filter(|(number, _)| *number <= sent).count();
        let outgoing = Outgoing::after(sent, passed as u64);
        state.number = state.number.max(sent).max(newest);
        state.outgoing = Some(outgoing);
    }

    /// There is no collector any more.
    pub fn export_nothing(&self) {
        self.state().outgoing = None;
    }

    /// Up to which number a collector was told, and the newest one, where there is one and something is not settled.
    #[must_use]
    pub fn unsent(&self) -> Option<(u64, u64)> {
        let state = self.state();
        state.outgoing.as_ref().map(|out| (out.sent, state.number)).filter(|(sent, newest)| sent < newest)
    }

    /// What memory has after this number; not in order, and some of it twice.
    #[must_use]
    pub fn after(&self, number: u64) -> Waiting {
        let state = self.state();
        state.ring.after(number).chain(state.waiting.after(number)).cloned().collect()
    }

    /// A collector need not be told of those up to this number any more.
    pub fn settle(&self, number: u64) {
        self.state().outgoing.iter_mut().for_each(|out| out.settle(number));
    }

    /// A collector refuses so many, up to this number, for good.
    pub fn refused(&self, count: u64, number: u64) {
        let mut state = self.state();
        let Some(out) = &mut state.outgoing else { return };
        out.lost += count;
        out.settle(number);
    }

    /// The disk has these no more.
    pub fn left_disk(&self, gone: &[u64]) {
        let mut state = self.state();
        let Some(out) = &mut state.outgoing else { return };
        gone.iter().for_each(|number| out.left_disk(*number));
    }

    /// Up to which number all is settled, where the disk does not know that yet.
    #[must_use]
    pub fn unsaved(&self) -> Option<u64> {
        let state = self.state();
        state.outgoing.as_ref().filter(|out| out.sent > out.saved).map(|out| out.sent)
    }

    /// The disk knows.
    pub fn saved(&self, number: u64) {
        self.state().outgoing.iter_mut().for_each(|out| out.saved = number);
    }

    /// How many a collector will never hear of, since the start; nothing where there is none.
    #[must_use]
    pub fn lost(&self) -> Option<u64> {
        self.state().outgoing.as_ref().map(|out| out.lost)
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let state = self.state();
        state.ring.bytes() + state.waiting.bytes()
    }

    /// What is made of the operation of this number later came about through this trace.
    pub fn remember(&self, number: u64, context: Context) {
        let mut all = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.pop_front();
        }
        all.push_back((number, context));
    }

    /// Through which trace an operation came about, as far as that is known.
    #[must_use]
    pub fn recall(&self, number: u64) -> Option<Context> {
        let all = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().rev().find(|one| one.0 == number).map(|one| one.1)
    }
}

/// A number of the name, as short work as the sampler needs (FNV-1a).
fn name_of(ending: &Ending<'_>) -> u64 {
    let letters = ending.verb.bytes().chain([b' ']).chain(ending.what.bytes());
    letters.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ManualClock;
    use crate::observe::trace::draft::{LINKS, Note};
    use crate::observe::trace::record::Attribute;
    use crate::observe::trace::{note, now_at, span};

    fn tracer(memory: usize) -> (Tracer, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        clock.advance_ms(1_000_000);
        (Tracer::new(clock.clone(), TraceSettings { memory, seeds: [1, 2] }), clock)
    }

    fn failed(what: &str) -> Ending<'_> {
        Ending { verb: "GET", what, error: Some("it broke"), notes: &[("http.status", Note::Number(500))] }
    }

    #[test]
    fn parts_stand_below_what_they_are_part_of() {
        let (tracer, clock) = tracer(1 << 16);
        let trace = tracer.begin(Kind::Server, None, "a=1".into());
        assert_eq!(trace.state(), "", "nobody's state without a parent");
        {
            let _at = trace.enter();
            assert_eq!(now_at().unwrap(), trace.context());
            let _outer = span("outer").note("things", 3);
            clock.advance_ms(2);
            {
                let _inner = span("inner");
                clock.advance_ms(5);
            }
            note("told", 1_000_003_000, 1_000_004_000);
        }
        assert_eq!(now_at(), None);
        drop(span("nowhere"));
        let told = tracer.end(trace.clone(), &failed("/x"));
        assert!(told.sampled && told.trace == trace.context().trace);
        let kept = tracer.newest();
        let record = &kept[0].1;
        let names: Vec<(&str, u64, u64)> =
            record.spans.iter().map(|s| (s.name.as_str(), s.start_us - 1_000_000_000, s.took_us)).collect();
        let wanted = [("GET /x", 0, 7000), ("outer", 0, 7000), ("inner", 2000, 5000), ("told", 3000, 1000)];
        assert_eq!(names, wanted);
        assert_eq!(record.spans[1].parent, record.spans[0].id);
        assert_eq!(
            (record.spans[2].parent, record.spans[3].parent),
            (record.spans[1].id, record.spans[1].id)
        );
        assert_eq!(record.spans[1].attributes, [("things".to_owned(), Attribute::Number(3))]);
        assert_eq!((record.why(), record.spans[0].error.as_str()), (Why::Failed, "it broke"));
    }

    #[test]
    fn a_caller_s_trace_goes_on_and_what_led_to_one_is_linked() {
        let (tracer, _) = tracer(1 << 16);
        let caller = Context::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        let trace = tracer.begin(Kind::Server, Some(caller), "a=1".into());
        assert_eq!((trace.context().trace, trace.state()), (caller.trace, "a=1"));
        assert_ne!(trace.context().span, caller.span);
        tracer.remember(7, trace.context());
        let link = tracer.recall(7).unwrap();
        assert_eq!(tracer.recall(8), None);
        let fine = Ending { verb: "", what: "deliver", ..Ending::default() };
        assert!(tracer.end(trace, &fine).sampled, "it was asked for");
        let later = tracer.begin(Kind::Consumer, None, String::new());
        (0..20).for_each(|_| later.link(link));
        tracer.end(later, &failed("deliver"));
        let kept = tracer.newest();
        assert_eq!(kept[0].1.links, vec![(link.trace.0, link.span.0); LINKS]);
        assert_eq!((kept[1].1.spans[0].parent, kept[1].1.why()), (caller.span.0, Why::Asked));
    }

    #[test]
    fn memory_is_bounded_and_ids_differ() {
        let (tracer, clock) = tracer(80_000);
        let mut ids = std::collections::HashSet::new();
        for _ in 0..500 {
            let trace = tracer.begin(Kind::Server, None, String::new());
            {
                let _at = trace.enter();
                for _ in 0..SPANS + 5 {
                    drop(span("part"));
                }
            }
            assert!(ids.insert(trace.context().trace) && ids.len() < 600);
            tracer.end(trace, &failed("/x"));
            assert!(tracer.bytes() <= 80_000);
        }
        let kept = tracer.newest();
        assert_eq!((kept[0].1.dropped, kept[0].1.spans.len()), (5, SPANS + 1));
        let spans: std::collections::HashSet<u64> = kept[0].1.spans.iter().map(|span| span.id).collect();
        assert_eq!(spans.len(), SPANS + 1);
        assert!(kept.windows(2).all(|two| two[0].0 > two[1].0), "numbers rise, whatever the clock says");
        assert!(tracer.is_urgent() && !tracer.is_due());
        clock.advance_ms(10_000);
        assert!(tracer.is_due());
        let waiting = tracer.take_waiting();
        assert!(!waiting.is_empty() && !tracer.is_due());
        tracer.put_back(waiting.clone());
        clock.advance_ms(10_000);
        assert!(!tracer.is_due(), "not again so soon");
        clock.advance_ms(50_000);
        assert!(tracer.is_due());
        assert_eq!(tracer.take_waiting(), waiting);
    }

    #[test]
    fn what_ended_leaves_nothing_to_the_next() {
        let (tracer, _) = tracer(1 << 16);
        let fine = Ending { what: "x", ..Ending::default() };
        for _ in 0..3 {
            let trace = tracer.begin(Kind::Server, None, String::new());
            let late = trace.clone();
            tracer.end(trace, &fine);
            // Somebody who still has an ended one disturbs nobody.
            let _at = late.enter();
            drop(span("late"));
        }
        let trace = tracer.begin(Kind::Server, None, String::new());
        tracer.end(trace, &failed("/x"));
        assert_eq!(tracer.newest()[0].1.spans.len(), 1);
    }
}
