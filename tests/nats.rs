//! Delivery to a real `nats-server`: what arrives, once and in order, whatever is stopped, killed or forgotten.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use spud::resilience::queue::{
    Delivery, FleetLock, LaneLimits, Link, LockError, Mark, NewOperation, Outcome, Papers, Parcel, Queue,
    QueueSettings, Surroundings, Upstream, Wire,
};
use spud::store::Control;
use support::nats::{Message, NatsServer};
use support::{Daemon, spud};

const WINDOW_MS: u64 = 120_000;

fn until(done: impl Fn() -> bool, told: impl Fn() -> String) {
    let end = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < end, "it took too long: {}", told());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn post(daemon: &Daemon, query: &str, body: &str) -> String {
    let reply = daemon.ask("POST", &format!("/v1/operations?{query}"), "", body);
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()["id"].as_str().unwrap().to_owned()
}

fn is_empty(daemon: &Daemon) -> bool {
    let queue = daemon.get("/v1/queue").json();
    queue["lanes"].as_array().unwrap().iter().all(|lane| lane["operations"] == 0)
}

fn drained(daemon: &Daemon) {
    until(|| is_empty(daemon), || daemon.get("/v1/queue").body);
}

fn bodies(messages: &[Message], key: &str) -> Vec<String> {
    messages.iter().filter(|m| m.key == key).map(|m| m.body.clone()).collect()
}

#[test]
fn operations_arrive_with_their_headers() {
    let Some(server) = NatsServer::start("max_payload: 64KB") else { return };
    server.make_stream(WINDOW_MS);
    let daemon = Daemon::start(&["--upstream", &server.url()]);
    let id = post(&daemon, "lane=high&key=pump-7&kind=reading", "7 bar");
    post(&daemon, "key=pump-7", "8 bar");
    let large = post(&daemon, "", &"x".repeat(100 << 10));
    until(|| daemon.get("/v1/queue").json()["dead_letters"] == 1, || daemon.get("/v1/queue").body);
    drained(&daemon);
    let messages = server.messages();
    let box_id = id.split('-').next().unwrap().to_owned();
    assert_eq!(
        messages[0],
        Message {
            subject: format!("spud.{box_id}.ops.high"),
            id,
            kind: "reading".into(),
            key: "pump-7".into(),
            body: "7 bar".into()
        }
    );
    assert_eq!(messages[1].subject, format!("spud.{box_id}.ops.normal"));
    let dead = daemon.get(&format!("/v1/operations/{large}")).json();
    assert!(dead["last_error"].as_str().unwrap().contains("larger"), "{dead}");
    let upstream = daemon.get("/v1/queue").json()["upstream"].clone();
    assert_eq!(
        (&upstream["kind"], &upstream["state"], &upstream["tls"]),
        (&"nats".into(), &"up".into(), &false.into())
    );
    assert_eq!(upstream["stream"], "OPS");
    assert!(upstream["sequence"].as_u64() >= Some(2), "{upstream}");
    assert!(upstream["server"].as_str().unwrap().contains("nats-server"), "{upstream}");
    // An edited dead letter is another message, and says so.
    let edited = daemon.ask("PUT", &format!("/v1/queue/dead/{large}"), "", "short").json();
    assert_eq!(edited["delivery_id"], format!("{large}-1"));
    assert_eq!(daemon.ask("POST", &format!("/v1/queue/dead/{large}/retry"), "", "").status, 200);
    drained(&daemon);
    assert_eq!(server.messages().last().unwrap().id, format!("{large}-1"));
    let mut command = assert_cmd::Command::from_std(spud());
    command.arg("--data").arg(daemon.folder.path()).args(["queue", "status"]);
    command.assert().success().stdout(predicates::str::contains("stream OPS"));
}

#[test]
fn without_a_stream_it_says_how_to_make_one() {
    let Some(server) = NatsServer::start("") else { return };
    let daemon = Daemon::start(&["--upstream", &server.url()]);
    post(&daemon, "", "x");
    let reason = || daemon.get("/v1/queue").json()["upstream"]["reason"].as_str().unwrap().to_owned();
    until(|| reason().contains("nats stream add SPUD --subjects 'spud.>'"), reason);
    assert_eq!(daemon.get("/v1/queue").json()["dead_letters"], 0);
}

#[test]
fn a_server_that_is_restarted_misses_and_doubles_nothing() {
    let Some(mut server) = NatsServer::start("") else { return };
    server.make_stream(100); // forgotten long before it is back
    let daemon = Daemon::start(&["--upstream", &server.url()]);
    let mut posted = Vec::new();
    for round in 0..3 {
        posted.extend((0..20).map(|n| post(&daemon, "key=k", &format!("{round}.{n}"))));
        server.stop();
        posted.extend((20..40).map(|n| post(&daemon, "key=k", &format!("{round}.{n}"))));
        std::thread::sleep(Duration::from_millis(200));
        server.start_again();
    }
    drained(&daemon);
    let arrived: Vec<String> = server.messages().into_iter().map(|message| message.id).collect();
    assert_eq!(arrived, posted);
}

/// Dies between the acknowledgement and its record, as often as it can, and the server forgets ids at once: only the
/// expected sequence is left to tell a double.
#[test]
fn kill_nine_doubles_nothing_though_the_server_forgets() {
    let Some(server) = NatsServer::start("") else { return };
    server.make_stream(100);
    let mut folder = tempfile::tempdir().unwrap();
    let mut accepted: BTreeSet<String> = BTreeSet::new();
    for round in 0..8u64 {
        let mut daemon = Daemon::start_in(folder, &["--upstream", &server.url()]);
        let (socket, stop) = (daemon.socket(), Arc::new(AtomicBool::new(false)));
        let posters: Vec<_> = (0..3)
            .map(|thread| {
                let (socket, stop) = (socket.clone(), Arc::clone(&stop));
                std::thread::spawn(move || {
                    let mut ids = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let Some(id) = try_post(&socket, thread) else { break };
                        ids.push(id);
                    }
                    ids
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(300 + 70 * round));
        daemon.child.kill().unwrap();
        daemon.child.wait().unwrap();
        stop.store(true, Ordering::Relaxed);
        accepted.extend(posters.into_iter().flat_map(|poster| poster.join().unwrap()));
        std::thread::sleep(Duration::from_millis(250));
        folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    }
    assert!(accepted.len() > 50, "only {} were accepted", accepted.len());
    let daemon = Daemon::start_in(folder, &["--upstream", &server.url()]);
    drained(&daemon);
    assert_eq!(daemon.get("/v1/queue").json()["dead_letters"], 0);
    let messages = server.messages();
    let mut newest: BTreeMap<String, String> = BTreeMap::new();
    for message in &messages {
        if let Some(before) = newest.insert(message.key.clone(), message.id.clone()) {
            assert!(before < message.id, "{} came after {before}", message.id);
        }
    }
    let arrived: BTreeSet<String> = messages.iter().map(|message| message.id.clone()).collect();
    assert_eq!(arrived.len(), messages.len(), "something arrived twice");
    assert!(arrived.is_superset(&accepted));
    println!("{} accepted, {} arrived", accepted.len(), arrived.len());
}

fn try_post(socket: &std::path::Path, thread: usize) -> Option<String> {
    let mut stream = std::os::unix::net::UnixStream::connect(socket).ok()?;
    let request = format!(
        "POST /v1/operations?key=k{thread} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let reply = support::take_apart(&text);
    if reply.status != 202 {
        return None;
    }
    let json: serde_json::Value = serde_json::from_str(&reply.body).ok()?;
    Some(json["id"].as_str()?.to_owned())
}

#[test]
fn who_is_not_let_in_waits_until_the_secret_is_changed() {
    let Some(server) = NatsServer::start("authorization { token: s3cret }") else { return };
    server.make_stream(WINDOW_MS);
    let folder = tempfile::tempdir().unwrap();
    let secret = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("file:{}", path.display())
    };
    let (wrong, right) = (secret("wrong", "guess"), secret("right", "s3cret"));
    let daemon = Daemon::start(&[]);
    let set = |key: &str, value: &str| {
        let mut command = assert_cmd::Command::from_std(spud());
        command.arg("--data").arg(daemon.folder.path()).args(["config", "set", key, value]);
        command.assert().success();
    };
    post(&daemon, "key=a", "waits");
    // All of this without a restart.
    set("queue.upstream_token", &wrong);
    set("queue.upstream", &server.url());
    let upstream = || daemon.get("/v1/queue").json()["upstream"].clone();
    until(
        || upstream()["reason"].as_str().unwrap().contains("lets this box not in"),
        || upstream().to_string(),
    );
    assert!(!upstream().to_string().contains("guess"));
    set("queue.upstream_token", &right);
    drained(&daemon);
    assert_eq!(bodies(&server.messages(), "a"), ["waits"]);
    assert_eq!(upstream()["state"], "up");
    set("queue.subject", "spud.{box}.elsewhere");
    post(&daemon, "key=a", "over there");
    drained(&daemon);
    assert!(server.messages().last().unwrap().subject.ends_with(".elsewhere.normal"));
    set("queue.upstream", "");
    post(&daemon, "key=a", "stays");
    assert_eq!((upstream()["state"].as_str(), is_empty(&daemon)), (Some("none"), false));
}

#[test]
fn tls_is_spoken_and_an_unknown_authority_is_refused() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
    let tls = format!(
        "tls {{ cert_file: {:?}, key_file: {:?} }}",
        folder.join("server.pem"),
        folder.join("server.key")
    );
    let Some(server) = NatsServer::start(&tls) else { return };
    server.make_stream(WINDOW_MS);
    let url = format!("tls://localhost:{}", server.port);
    let daemon = Daemon::start(&["--upstream", &url]);
    post(&daemon, "key=a", "over TLS");
    let upstream = || daemon.get("/v1/queue").json()["upstream"].clone();
    // Where the system has no authorities at all, that is said instead.
    let refused = || {
        let reason = upstream()["last_error"].as_str().unwrap().to_owned();
        reason.contains("queue.upstream_ca") || reason.contains("platform certs")
    };
    until(refused, || upstream().to_string());
    let authority = folder.join("authority.pem");
    let mut command = assert_cmd::Command::from_std(spud());
    command
        .arg("--data")
        .arg(daemon.folder.path())
        .args(["config", "set", "queue.upstream_ca"])
        .arg(authority);
    command.assert().success();
    drained(&daemon);
    assert_eq!(
        (bodies(&server.messages(), "a"), upstream()["tls"].as_bool()),
        (vec!["over TLS".into()], Some(true))
    );
}

#[test]
fn a_leaf_node_hands_on_to_the_hub() {
    let Some(hub) = NatsServer::start("leafnodes { listen: \"127.0.0.1:-1\" }") else { return };
    hub.make_stream(WINDOW_MS);
    let mut leaf = NatsServer::leaf_of(hub.leaf_port());
    let daemon = Daemon::start(&["--upstream", &leaf.url()]);
    let first = post(&daemon, "key=a", "over the leaf");
    // Before the leaf has found its hub, nobody takes the subject: said, and tried again.
    until(|| bodies(&hub.messages(), "a").len() == 1 || !is_up(&daemon), || daemon.get("/v1/queue").body);
    if !is_up(&daemon) {
        assert_eq!(daemon.ask("POST", "/v1/queue/resume", "", "").status, 200);
    }
    drained(&daemon);
    leaf.stop();
    let second = post(&daemon, "key=a", "after a while");
    leaf.start_again();
    drained(&daemon);
    let ids: Vec<String> = hub.messages().into_iter().map(|message| message.id).collect();
    assert_eq!(ids, [first, second]);
}

fn is_up(daemon: &Daemon) -> bool {
    let state = daemon.get("/v1/queue").json()["upstream"]["state"].clone();
    state == "up" || state == "unknown"
}

/// A delivery whose answers are lost on the way back.
struct Deaf(Box<dyn Delivery>, bool);

impl Delivery for Deaf {
    fn deliver(&mut self, parcel: &Parcel) -> Outcome {
        let outcome = self.0.deliver(parcel);
        assert_eq!(outcome, Outcome::Delivered);
        let lost = Outcome::Retry { after_ms: None, reason: "lost".into(), counts: false, failure: false };
        if self.1 { lost } else { outcome }
    }
    fn longest_ms(&self) -> u64 {
        1_000
    }
    fn recall(&mut self, marks: Vec<Mark>) {
        self.0.recall(marks);
    }
    fn marks(&self) -> Vec<Mark> {
        self.0.marks()
    }
    fn settled(&mut self, open: &BTreeSet<u64>) {
        self.0.settled(open);
    }
    fn link(&self) -> Link {
        self.0.link()
    }
}

struct Later(u64);

impl Surroundings for Later {
    fn now_ms(&self) -> u64 {
        self.0
    }
    fn random(&mut self) -> u64 {
        0
    }
    fn allow(&mut self) -> Result<(), u64> {
        Ok(())
    }
    fn record(&mut self, _failed: bool) {}
    fn is_stopping(&self) -> bool {
        false
    }
}

/// A queue over its file with a deliverer that knows what was kept: as after a start.
struct Bench {
    control: Control,
    queue: Queue,
    delivery: Deaf,
    at: Later,
}

impl Bench {
    fn new(folder: &std::path::Path, url: &str, at_ms: u64) -> Self {
        let control = Control::open(&folder.join("control.redb"), 256 << 10).unwrap();
        let lane = LaneLimits { operations: 1_000, bytes: 1 << 20, drop_oldest: false };
        let settings = QueueSettings { limits: [lane; 4], attempts_most: 20, upstream: true };
        let queue = Queue::new(settings, 7, at_ms);
        queue.load(&control, at_ms).unwrap();
        let wire = Wire {
            upstream: Upstream::parse(url).unwrap(),
            secret: None,
            papers: Papers::default(),
            subject: "spud.{box}.ops".into(),
        };
        let mut delivery = Deaf(wire.open().unwrap(), false);
        delivery.recall(queue.marks(&control).unwrap());
        Self { control, queue, delivery, at: Later(at_ms) }
    }

    fn post(&self, range: std::ops::Range<u32>) {
        let new: Vec<NewOperation> = range
            .map(|n| NewOperation { payload: n.to_string().into_bytes(), ..NewOperation::default() })
            .collect();
        self.queue.post(&self.control, &new, self.at.0).unwrap();
    }

    fn work(&mut self) {
        self.at.0 += 600_000;
        self.queue.work(&self.control, Some(&mut self.delivery), &mut self.at).unwrap();
    }

    fn mark(&self) -> u64 {
        self.queue.marks(&self.control).unwrap().first().map_or(0, |mark| mark.sequence)
    }

    fn left(&self) -> u64 {
        let view = self.queue.view(&self.control, self.at.0).unwrap();
        view.lanes.iter().map(|lane| lane.operations).sum()
    }
}

#[test]
fn what_arrived_unnoticed_is_found_in_the_stream() {
    let Some(server) = NatsServer::start("") else { return };
    server.make_stream(100);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url();
    let forget = || std::thread::sleep(Duration::from_millis(300));
    let mut bench = Bench::new(folder.path(), &url, 1_000_000);
    bench.post(0..5);
    bench.work();
    assert_eq!((server.count(), bench.mark(), bench.left()), (5, 5, 0));
    // Ten arrive, and nobody here hears of it. The mark stays behind them, however often it is kept.
    bench.delivery.1 = true;
    bench.post(5..15);
    bench.work();
    assert_eq!((server.count(), bench.mark(), bench.left()), (15, 5, 10));
    forget();
    // The same process knows them by heart; another one reads them in the stream.
    let at_ms = bench.at.0;
    drop(bench);
    let mut bench = Bench::new(folder.path(), &url, at_ms);
    for _ in 0..3 {
        bench.work();
    }
    assert_eq!((server.count(), bench.mark(), bench.left()), (15, 15, 0));
    // A stream that was made anew begins again at 1.
    server.remove_stream();
    server.make_stream(100);
    bench.post(15..18);
    bench.work();
    assert_eq!((server.count(), bench.mark(), bench.left()), (3, 3, 0));
    // Without its marks (a lost record, or a data folder from long ago) it reads the subject from the beginning.
    let at_ms = bench.at.0;
    bench.delivery.1 = true;
    bench.post(18..20);
    bench.work();
    drop(bench);
    forget();
    let mut bench = Bench::new(folder.path(), &url, at_ms + 600_000);
    bench.delivery = Deaf(
        Wire {
            upstream: Upstream::parse(&url).unwrap(),
            secret: None,
            papers: Papers::default(),
            subject: "spud.{box}.ops".into(),
        }
        .open()
        .unwrap(),
        false,
    );
    for _ in 0..3 {
        bench.work();
    }
    assert_eq!((server.count(), bench.mark(), bench.left()), (5, 5, 0));
}

fn lock(server: &NatsServer, bucket: &str) -> FleetLock {
    let upstream = Upstream::parse(&server.url()).unwrap();
    let wire = Wire { upstream, secret: None, papers: Papers::default(), subject: String::new() };
    FleetLock::new(wire, bucket, "promotion")
}

#[test]
fn one_box_of_a_fleet_has_the_lock() {
    let Some(mut server) = NatsServer::start("") else { return };
    let nobody = lock(&server, "locks").take("a").unwrap_err().to_string();
    assert!(nobody.contains("nats kv add locks"), "{nobody}");
    server.make_bucket("locks", Duration::from_secs(3600));
    let lock = lock(&server, "locks");
    // Of many who ask at once, one gets it.
    let won: Vec<String> = std::thread::scope(|scope| {
        let asked = (0..8).map(|n| format!("box{n} promotes m{n}"));
        let all: Vec<_> = asked.map(|who| scope.spawn(|| lock.take(&who).is_ok().then_some(who))).collect();
        all.into_iter().filter_map(|one| one.join().unwrap()).collect()
    });
    let [winner] = won.as_slice() else { panic!("{won:?}") };
    assert_eq!(lock.take("other promotes x"), Err(LockError::Taken(winner.clone())));
    // Who has it may ask again, over a restart of either; others cannot give it back.
    server.stop();
    assert!(matches!(lock.take(winner), Err(LockError::Unreachable(_))));
    server.start_again();
    lock.take(winner).unwrap();
    lock.release("other").unwrap();
    assert!(lock.take("other promotes x").is_err());
    lock.release(winner).unwrap();
    lock.release(winner).unwrap();
    lock.take("other promotes x").unwrap();
}

#[test]
fn the_lock_of_a_box_that_died_ends() {
    let Some(server) = NatsServer::start("") else { return };
    server.make_bucket("short", Duration::from_secs(2));
    let lock = lock(&server, "short");
    lock.take("dead").unwrap();
    assert!(lock.take("next").is_err());
    until(|| lock.take("next").is_ok(), || "the lock of the dead box".to_owned());
}
