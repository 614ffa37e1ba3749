//! A small box with everything on it, and a screen to draw it on.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::config::config_report;
use crate::api::types::*;
use crate::tui::glyphs::{ASCII, UNICODE};
use crate::tui::key::Key;
use crate::tui::model::{Model, View};
use crate::tui::msg::{ConfigAnswer, Msg, Reply, Wire};
use crate::tui::theme::Theme;
use crate::tui::update::{start, update};
use crate::tui::view::{self, Look};

pub(crate) const NOW: u64 = 1_790_000_000_000;
pub(crate) const DAY: u64 = 86_400_000;

pub(crate) fn status() -> Status {
    let gauge = |name: &str, used, limit, unit: &str| Gauge {
        name: name.into(),
        used,
        limit,
        unit: unit.into(),
        ..Gauge::default()
    };
    let cache = |name: &str, hits, misses, entries| CacheStatus {
        name: name.into(),
        hits,
        misses,
        entries,
        ..CacheStatus::default()
    };
    Status {
        version: "0.1.0".into(),
        daemon: true,
        uptime_ms: 3 * DAY + 4 * 3_600_000,
        tier: "small".into(),
        rss_bytes: 42 << 20,
        anonymous_bytes: 12 << 20,
        peak_rss_bytes: 61 << 20,
        cpu_percent: 3.2,
        load: [0.12, 0.30, 0.25],
        temperature_c: Some(48.5),
        disk_free_bytes: 12 << 30,
        disk_total_bytes: 29 << 30,
        budgets: vec![
            gauge("memory", 42 << 20, 96 << 20, "bytes"),
            gauge("store_cache", 15 << 20, 16 << 20, "bytes"),
            gauge("l1_cache", 1 << 20, 4 << 20, "bytes"),
            gauge("index_buffer", 0, 24 << 20, "bytes"),
            gauge("connections", 13, 16, "count"),
        ],
        queries: QueryStatus {
            total: 1234,
            found: 1190,
            errors: 2,
            per_second: 1.5,
            p50_us: 2100,
            p95_us: 8400,
            p99_us: 20_300,
        },
        caches: vec![cache("l1", 820, 180, 212), cache("l2", 30, 150, 1)],
        collections: 2,
        documents: 1520,
        chunks: 48_210,
        index_bytes: 31 << 20,
        store_bytes: 54 << 20,
        jobs_running: 1,
        failures: 3,
        ..Status::default()
    }
}

/// A box that is short of memory.
pub(crate) fn short_of_memory() -> Status {
    let effect = |short: &str, about: &str| ModeEffect {
        name: short.replace(' ', "_"),
        short: short.into(),
        about: about.into(),
    };
    let mode = ModeBrief {
        mode: "memory_constrained".into(),
        title: "Memory Constrained".into(),
        since_ms: NOW - 260_000,
        axis: Some("memory".into()),
        reason: "memory in use 84 %, limit 80 %".into(),
        effects: vec![
            effect("cache off", "The answer cache in memory is emptied and kept small."),
            effect("small batches", "Indexing commits after each document and holds little."),
        ],
        way_back: "memory in use below 72 % for 120 s".into(),
        retry_after_s: 120,
        forced: None,
    };
    Status { mode, ..status() }
}

/// A box whose mode was forced.
pub(crate) fn forced() -> Status {
    let all = [
        "fewer candidates",
        "no rescoring",
        "indexing paused",
        "upstream queued",
        "sheddable refused",
        "batch refused",
        "cache off",
        "no ingest",
    ];
    let effect = |short: &&str| ModeEffect { short: (*short).into(), ..ModeEffect::default() };
    let forced = ForcedMode {
        mode: "emergency".into(),
        actor: "uid 1000, pid 4711".into(),
        reason: "flood in the cabinet".into(),
        since_ms: NOW - DAY,
        until_ms: NOW + DAY,
    };
    let mode = ModeBrief {
        mode: "emergency".into(),
        title: "Emergency".into(),
        since_ms: NOW - DAY,
        axis: None,
        reason: "forced: flood in the cabinet (uid 1000, pid 4711)".into(),
        effects: all.iter().map(effect).collect(),
        way_back: "2026-09-22 14:13 UTC, or `spud mode auto`".into(),
        retry_after_s: 86_400,
        forced: Some(forced),
    };
    Status { mode, ..status() }
}

pub(crate) fn mode_report() -> ModeReport {
    let axis = |axis: &str, mode: &str, what: &str, value: &str, enter: &str| ModeAxis {
        axis: axis.into(),
        mode: mode.into(),
        readings: vec![ModeReading {
            what: what.into(),
            value: value.into(),
            enter: enter.into(),
            ..ModeReading::default()
        }],
        ..ModeAxis::default()
    };
    ModeReport {
        now: short_of_memory().mode,
        axes: vec![
            axis("latency", "normal", "p95 of questions", "-", "300 ms"),
            axis("memory", "memory_constrained", "memory in use", "84 %", "80 %"),
            axis("disk", "normal", "free space", "12.0 GiB", "1.5 GiB"),
        ],
        ballast: true,
        ..ModeReport::default()
    }
}

pub(crate) fn hardware() -> Hardware {
    Hardware {
        memory_effective: 512 << 20,
        cores: 4,
        vector_kernel: "neon-dotprod".into(),
        warnings: vec!["No swap: a burst may end in the OOM killer. Add zram.".into()],
        ..Hardware::default()
    }
}

pub(crate) fn answer() -> AskResponse {
    let text = "The shaft seal wears with use. Replace the pump seal every 500 hours or when it leaks. \
                Torque the four bolts to 12 Nm in a cross pattern.\n\nNever run the pump dry.";
    let best = text.find("Replace").unwrap();
    let end = text.find("Torque").unwrap() - 1;
    let pump = text.find("pump").unwrap();
    let hit = |rank: usize, title: &str, score: f32| Hit {
        rank,
        chunk: format!("c{rank}"),
        document: format!("d{rank}"),
        collection: "manuals".into(),
        path: format!("/srv/manuals/pump-{rank}.pdf"),
        title: title.into(),
        kind: "pdf".into(),
        heading: vec!["Maintenance".into(), "Seals".into()],
        place: Place { page: Some(10 + u32::try_from(rank).unwrap()), ..Place::default() },
        text: text.into(),
        highlights: vec![(pump, pump + 9)],
        best_sentence: (best, end),
        score,
        parts: Some(ScoreParts {
            lexical: 12.3,
            dense: 0.71,
            lexical_share: 0.55,
            dense_share: 0.3,
            proximity_share: 0.07,
            terms: vec!["pump 1.00".into(), "seal 0.92".into(), "gasket~ 0.52".into()],
        }),
        duplicates: rank - 1,
    };
    AskResponse {
        answer: vec![
            AnswerSentence {
                text: "Replace the pump seal every 500 hours or when it leaks.".into(),
                citation: 1,
            },
            AnswerSentence { text: "Torque the four bolts to 12 Nm in a cross pattern.".into(), citation: 2 },
        ],
        search: SearchResponse {
            query: "how do I replace the pump seal?".into(),
            found: true,
            results: vec![
                hit(1, "P-200 service manual", 0.92),
                hit(2, "A very long title that cannot possibly fit on a small screen over SSH", 0.71),
                hit(3, "", 0.4),
            ],
            took_us: 12_345,
            cache: CacheLayer::L1,
            ..SearchResponse::default()
        },
    }
}

pub(crate) fn collections() -> Vec<Collection> {
    let one = |name: &str, documents, failures| Collection {
        name: name.into(),
        documents,
        chunks: documents * 32,
        failures,
        source_bytes: documents * 300_000,
        index_bytes: documents * 21_000,
        language: "auto".into(),
        languages: vec!["en".into(), "de".into()],
        ..Collection::default()
    };
    vec![one("manuals", 1500, 3), Collection { built_in: true, ..one("help", 20, 0) }]
}

pub(crate) fn documents(n: usize) -> Vec<Document> {
    (0..n)
        .map(|i| Document {
            id: format!("d{i}"),
            collection: "manuals".into(),
            path: format!("/srv/manuals/part-{i:03}.pdf"),
            title: if i % 3 == 0 { String::new() } else { format!("Manual, part {i}") },
            kind: if i % 2 == 0 { "pdf".into() } else { "markdown".into() },
            bytes: 1000 * (i as u64 + 1).pow(2),
            pages: u32::try_from(i).unwrap(),
            chunks: 12,
            modified_ms: NOW - DAY * i as u64,
            indexed_ms: NOW,
            ..Document::default()
        })
        .collect()
}

pub(crate) fn jobs() -> Vec<Job> {
    let running = Job {
        id: "j1".into(),
        kind: "add".into(),
        state: JobState::Running,
        collection: "manuals".into(),
        paths: vec!["/srv/manuals".into()],
        files_total: 1200,
        files_done: 530,
        bytes_total: 900 << 20,
        bytes_done: 378 << 20,
        bytes_per_second: 5 << 20,
        eta_ms: Some(104_000),
        current: Some("/srv/manuals/compressors/screw/type-9/service.pdf".into()),
        created_ms: NOW - 60_000,
        ..Job::default()
    };
    let failed = Job {
        id: "j0".into(),
        kind: "reindex".into(),
        state: JobState::Failed,
        collection: "manuals".into(),
        error: Some("disk full".into()),
        created_ms: NOW - DAY,
        ..Job::default()
    };
    vec![running, failed]
}

pub(crate) fn failures() -> Vec<Failure> {
    let one = |path: &str, kind: &str, reason: &str, advice: &str| Failure {
        collection: "manuals".into(),
        path: path.into(),
        kind: kind.into(),
        reason: reason.into(),
        advice: advice.into(),
        at_ms: NOW - DAY,
    };
    vec![
        one(
            "/srv/manuals/locked.pdf",
            "encrypted",
            "needs a password",
            "Save a copy without password and add it.",
        ),
        one("/srv/manuals/huge.pdf", "too_large", "612 MiB, the limit is 256 MiB", "Split it."),
    ]
}

pub(crate) fn logs() -> Vec<LogLine> {
    (0..40)
        .map(|i| LogLine {
            timestamp: format!("2026-11-21T03:{i:02}:07.123Z"),
            level: ["INFO", "DEBUG", "WARN", "ERROR"][if i % 9 == 8 { 3 } else { i % 3 }].into(),
            target: "spud::engine".into(),
            message: format!("indexed part-{i:03}.pdf"),
            fields: [("chunks".to_owned(), serde_json::json!(i * 3))].into_iter().collect(),
        })
        .collect()
}

pub(crate) fn log_page(items: Vec<LogLine>) -> Reply {
    Reply::Logs(Box::default(), LogPage { items, ..LogPage::default() })
}

pub(crate) fn queue() -> QueueStatus {
    let lane = |lane: &str, operations, bytes, oldest| QueueLane {
        lane: lane.into(),
        weight: 1,
        operations,
        bytes,
        most_operations: 2000,
        most_bytes: 4 << 20,
        overflow: "reject".into(),
        added_per_minute: operations / 10,
        delivered_per_minute: operations / 40,
        oldest_ms: (operations > 0).then_some(NOW - oldest),
        ..QueueLane::default()
    };
    let mut bulk = lane("bulk", 1999, 3 << 20, 2 * DAY);
    bulk.dropped = 12;
    QueueStatus {
        lanes: vec![
            lane("critical", 0, 0, 0),
            lane("high", 3, 900, 65_000),
            lane("normal", 1200, 90 << 10, 3_600_000),
            bulk,
        ],
        dead_letters: 2,
        next_retry_ms: Some(NOW + 4_000),
        backlog_percent: 60,
        upstream: QueueUpstream {
            url: Some("http://hub.example:8080/in".into()),
            state: "waiting".into(),
            reason: "hub.example:8080 cannot be reached: connection refused".into(),
            retry_ms: Some(NOW + 20_000),
            breaker: "open".into(),
            kind: "http".into(),
            ..QueueUpstream::default()
        },
        own: vec![OwnWork { kind: "jobs".into(), running: 1, waiting: 2, ..OwnWork::default() }],
    }
}

pub(crate) fn breakers() -> Vec<Breaker> {
    let held = HeldBreaker {
        by: "uid 1000, pid 12".into(),
        reason: "the provider works on the line".into(),
        until_ms: NOW + 1_800_000,
    };
    vec![
        Breaker {
            name: "notify:duty".into(),
            state: "open".into(),
            since_ms: NOW - 4_000,
            calls: 3,
            failures: 3,
            refused: 9,
            retry_ms: Some(NOW + 12_000),
            held: None,
        },
        Breaker {
            name: "upstream".into(),
            state: "forced_open".into(),
            since_ms: NOW - 600_000,
            held: Some(held),
            ..Breaker::default()
        },
    ]
}

pub(crate) fn letters() -> Vec<Operation> {
    let letter = |n: u32, kind: &str, error: &str| Operation {
        id: format!("00000000000000b0-691f3c04-{n:012x}"),
        state: "dead".into(),
        kind: kind.into(),
        lane: "normal".into(),
        key: "pump-7".into(),
        content_type: "application/json".into(),
        bytes: 24,
        created_ms: NOW - DAY,
        attempts: n,
        last_error: error.into(),
        ended_ms: Some(NOW - 3_600_000),
        uid: 1000,
        pid: 77,
        ..Operation::default()
    };
    vec![
        letter(20, "reading", "given up after 20 attempts: status 500"),
        letter(1, "report", "status 422: no such pump"),
    ]
}

/// A model that has drawn nothing yet.
pub(crate) fn empty(size: (u16, u16)) -> Model {
    let mut model = Model { size, now_ms: NOW, touched: true, ..Model::default() };
    start(&mut model);
    model
}

pub(crate) fn reply(model: &mut Model, reply: Reply) {
    update(model, Msg::Reply(Box::new(reply), Wire { bytes: 900, round_trip_us: 1800 }));
}

/// A model that has everything loaded.
pub(crate) fn full(size: (u16, u16)) -> Model {
    let mut model = empty(size);
    reply(&mut model, Reply::Status(Box::new(status())));
    reply(&mut model, Reply::Hardware(Box::new(hardware())));
    reply(&mut model, Reply::Collections(collections()));
    reply(&mut model, Reply::Jobs(jobs()));
    reply(&mut model, Reply::Failures(failures()));
    reply(&mut model, log_page(logs()));
    reply(&mut model, Reply::Queue(Box::new(queue())));
    reply(&mut model, Reply::DeadLetters(letters()));
    reply(&mut model, Reply::Config(ConfigAnswer::Report(Box::new(config_report()))));
    let page = Page { items: documents(60), next: Some("more".into()) };
    let serial = model.library.serial;
    reply(&mut model, Reply::Documents(serial, false, page));
    model
}

pub(crate) fn keys(model: &mut Model, names: &str) -> Vec<crate::tui::effect::Effect> {
    let mut effects = Vec::new();
    for name in names.split(' ') {
        let key = Key::parse(name).unwrap_or_else(|| panic!("{name}"));
        effects.extend(update(model, Msg::Key(key)));
    }
    effects
}

/// What was ordered: method and path, and what goes with it.
pub(crate) fn orders(effects: &[crate::tui::effect::Effect]) -> Vec<(String, serde_json::Value)> {
    use crate::tui::effect::{Effect, Request};
    let all = effects.iter().filter_map(|effect| match effect {
        Effect::Request(Request::Order(orders)) => Some(orders),
        _ => None,
    });
    let call = |order: &crate::tui::effect::Order| {
        let call = order.call();
        let body = call.body.map(|body| serde_json::from_slice(&body).unwrap()).unwrap_or_default();
        (format!("{} {}", call.method, call.path), body)
    };
    all.flatten().map(call).collect()
}

/// The box did it, and told so.
pub(crate) fn done(model: &mut Model, told: &str) -> Vec<crate::tui::effect::Effect> {
    let done = crate::tui::msg::Ordered { told: told.to_owned(), shown: None };
    update(model, Msg::Reply(Box::new(Reply::Ordered(done)), Wire::default()))
}

/// Asks the question and gives the answer.
pub(crate) fn ask(model: &mut Model, response: AskResponse) {
    model.view = View::Ask;
    model.ask.question.set("how do I replace the pump seal?");
    keys(model, "enter");
    let serial = model.ask.serial;
    reply(model, Reply::Answer(serial, Box::new(response)));
}

pub(crate) fn look(ascii: bool) -> Look {
    Look { theme: Theme::Calm, glyphs: if ascii { ASCII } else { UNICODE } }
}

/// The screen as text.
pub(crate) fn shot(model: &Model) -> String {
    shot_with(model, &look(false))
}

pub(crate) fn shot_with(model: &Model, look: &Look) -> String {
    let (width, height) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|f| view::draw(f, model, look)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut out = String::new();
    for y in 0..height {
        let row: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}
