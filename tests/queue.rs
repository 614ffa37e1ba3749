//! The operation queue from outside: API, command line, an upstream that misbehaves, kill -9 again and again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::{Daemon, Reply, signal, spud};

/// One delivery as the upstream saw it.
#[derive(Debug, Clone)]
struct Seen {
    key: String,
    lane: String,
    id: String,
    kind: String,
    body: String,
}

type Answers = dyn Fn(&Seen) -> &'static str + Send + Sync;

/// An HTTP server that answers as it is told and notes what it accepted (2xx).
struct Upstream {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
}

impl Upstream {
    fn start(answers: impl Fn(&Seen) -> &'static str + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let answers: Arc<Answers> = Arc::new(answers);
        let (notes, end) = (Arc::clone(&seen), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let (notes, answers) = (Arc::clone(&notes), Arc::clone(&answers));
                std::thread::spawn(move || serve(stream.unwrap(), &notes, &*answers));
            }
        });
        Self { url, seen, stop }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn wait(&self, count: usize) -> Vec<Seen> {
        until(|| self.seen().len() >= count, || format!("{:?}", self.seen()));
        self.seen()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn serve(stream: TcpStream, notes: &Mutex<Vec<Seen>>, answers: &Answers) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut headers = BTreeMap::new();
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let get = |name: &str| headers.get(name).cloned().unwrap_or_default();
        let mut body = vec![0; get("content-length").parse().unwrap_or(0)];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let seen = Seen {
            key: get("x-spud-key"),
            lane: get("x-spud-lane"),
            id: get("idempotency-key"),
            kind: get("x-spud-kind"),
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        let status = answers(&seen);
        // Modes of the tester's own machine are not what is tested.
        if status.starts_with('2') && seen.kind != "spud.mode" {
            notes.lock().unwrap().push(seen);
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn until(done: impl Fn() -> bool, told: impl Fn() -> String) {
    let end = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < end, "it took too long: {}", told());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn post(daemon: &Daemon, query: &str, headers: &str, body: &str) -> Reply {
    daemon.ask("POST", &format!("/v1/operations?{query}"), headers, body)
}

#[test]
fn operations_are_posted_listed_and_shown() {
    let daemon = Daemon::start(&[]);
    let posted = post(&daemon, "lane=high&key=pump&kind=reading", "Content-Type: text/plain\r\n", "7 bar");
    assert_eq!(posted.status, 202, "{posted:?}");
    let operation = posted.json();
    let id = operation["id"].as_str().unwrap();
    assert_eq!(posted.header("location"), Some(format!("/v1/operations/{id}").as_str()));
    assert_eq!((operation["state"].as_str(), operation["lane"].as_str()), (Some("queued"), Some("high")));
    let uid = rustix::process::getuid().as_raw();
    assert_eq!(operation["uid"], uid);
    let shown = daemon.get(&format!("/v1/operations/{id}")).json();
    assert_eq!(shown["payload"], "7 bar");
    let raw = daemon.get(&format!("/v1/operations/{id}/payload"));
    assert_eq!((raw.header("content-type"), raw.body.as_str()), (Some("text/plain"), "7 bar"));
    // The lane follows the criticality where none is named.
    for (criticality, lane) in [("critical", "critical"), ("default", "normal"), ("batch", "bulk")] {
        let reply = post(&daemon, "", &format!("X-Criticality: {criticality}\r\n"), "{}");
        assert_eq!(reply.json()["lane"], lane);
    }
    let page = daemon.get("/v1/operations?limit=3").json();
    let lanes: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|o| o["lane"].as_str().unwrap()).collect();
    assert_eq!(lanes, ["critical", "high", "normal"]);
    let next = page["next"].as_str().unwrap();
    let rest = daemon.get(&format!("/v1/operations?limit=3&cursor={next}")).json();
    assert_eq!((rest["items"][0]["lane"].as_str(), &rest["next"]), (Some("bulk"), &serde_json::Value::Null));
    let queue = daemon.get("/v1/queue").json();
    assert_eq!(queue["upstream"]["state"], "none");
    assert_eq!(queue["lanes"][1]["operations"], 1);
    for (query, status) in
        [("lane=fast", 422), ("nonsense=1", 422), ("key=spud.x", 422), ("expires_ms=1000000000", 422)]
    {
        let refused = post(&daemon, query, "", "x");
        assert_eq!(refused.status, status, "{query}: {refused:?}");
        assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    }
    assert_eq!(post(&daemon, "", "", &"x".repeat(300 << 10)).status, 422);
    assert_eq!(daemon.get("/v1/operations/nonsense").status, 404);
    assert_eq!(daemon.ask("POST", &format!("/v1/queue/dead/{id}/retry"), "", "").status, 409);
}

#[test]
fn an_idempotency_key_holds_over_a_restart() {
    let mut daemon = Daemon::start(&[]);
    let key = "Idempotency-Key: k1\r\n";
    let first = post(&daemon, "key=a", key, "one");
    let second = post(&daemon, "key=a", key, "one");
    assert_eq!((first.status, second.status), (202, 200));
    assert_eq!(daemon.terminate(), Some(0));
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    let daemon = Daemon::start_in(folder, &[]);
    let third = post(&daemon, "key=a", key, "one");
    assert_eq!(third.status, 200);
    assert_eq!(first.json()["id"], third.json()["id"]);
    assert_eq!(post(&daemon, "key=a", key, "two").status, 422);
    assert_eq!(daemon.get("/v1/queue").json()["lanes"][2]["operations"], 1);
}

#[test]
fn the_upstream_decides_what_becomes_of_an_operation() {
    let tries = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&tries);
    let upstream = Upstream::start(move |seen| match seen.body.as_str() {
        "bad" => "422 Unprocessable Content",
        "conflict" => {
            let mut tries = counted.lock().unwrap();
            *tries += 1;
            if *tries < 3 { "409 Conflict" } else { "200 OK" }
        }
        "stop" => "410 Gone",
        _ => "200 OK",
    });
    let daemon = Daemon::start(&["--upstream", &upstream.url]);
    post(&daemon, "key=c", "", "conflict");
    post(&daemon, "key=c", "", "after the conflict");
    let bad = post(&daemon, "key=b", "", "bad").json()["id"].as_str().unwrap().to_owned();
    post(&daemon, "key=b", "", "after the bad one");
    let seen = upstream.wait(3);
    let of =
        |key: &str| -> Vec<String> { seen.iter().filter(|s| s.key == key).map(|s| s.body.clone()).collect() };
    assert_eq!(of("c"), ["conflict", "after the conflict"]);
    assert_eq!(of("b"), ["after the bad one"]);
    // The dead letter is there with its reason; edited and retried, it goes.
    let dead = daemon.get("/v1/queue/dead").json();
    assert_eq!(dead["items"][0]["id"].as_str(), Some(bad.as_str()));
    assert!(dead["items"][0]["last_error"].as_str().unwrap().contains("422"));
    let edited = daemon.ask("PUT", &format!("/v1/queue/dead/{bad}"), "Content-Type: text/plain\r\n", "good");
    assert_eq!((edited.status, edited.json()["bytes"].as_u64()), (200, Some(4)), "{edited:?}");
    assert_eq!(daemon.ask("POST", &format!("/v1/queue/dead/{bad}/retry"), "", "").status, 200);
    let seen = upstream.wait(4);
    // It is another message now, which an upstream that knows the old one does not take for a double.
    assert_eq!((seen[3].body.as_str(), &seen[3].id), ("good", &format!("{bad}-1")));
    assert_eq!(edited.json()["delivery_id"], format!("{bad}-1"));
    let done = || daemon.get(&format!("/v1/operations/{bad}")).json()["state"] == "done";
    until(done, || daemon.get("/v1/queue").body);
    // 410: everything waits until a person says otherwise.
    post(&daemon, "", "", "stop");
    let state = || daemon.get("/v1/queue").json()["upstream"]["state"].as_str().unwrap().to_owned();
    until(|| state() == "paused", state);
    post(&daemon, "lane=critical", "", "waits");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(upstream.seen().len(), 4);
    let stop = daemon.get("/v1/operations").json()["items"][1]["id"].as_str().unwrap().to_owned();
    assert_eq!(daemon.get(&format!("/v1/operations/{stop}")).json()["payload"], "stop");
    assert_eq!(daemon.ask("POST", "/v1/queue/resume", "", "").status, 200);
    assert_eq!(upstream.wait(5)[4].body, "waits", "critical goes first");
}

#[test]
fn an_upstream_that_is_away_opens_the_breaker_and_nothing_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let daemon = Daemon::start(&["--upstream", &url]);
    for n in 0..5 {
        assert_eq!(post(&daemon, "", "", &n.to_string()).status, 202);
    }
    let breaker = || daemon.get("/v1/queue").json()["upstream"]["breaker"].as_str().unwrap().to_owned();
    until(|| breaker() == "open", breaker);
    let queue = daemon.get("/v1/queue").json();
    assert_eq!(queue["upstream"]["state"], "waiting");
    assert_eq!(
        (queue["lanes"][2]["operations"].as_u64(), queue["dead_letters"].as_u64()),
        (Some(5), Some(0))
    );
    // Of its axis: the tester's own machine may be short of something that is more severe.
    let upstream = || {
        let report = daemon.get("/v1/mode").json();
        let axes = report["axes"].as_array().unwrap().clone();
        axes.into_iter().find(|axis| axis["axis"] == "upstream").unwrap()["mode"].as_str().unwrap().to_owned()
    };
    until(|| upstream() == "local_queue", upstream);
    // The change of mode waits for the upstream, too, kept with the change itself.
    let waits = || daemon.get("/v1/operations?lane=high").body.contains("spud.mode");
    until(waits, || daemon.get("/v1/operations").body);
}

/// A hand on the breaker holds what comes, outlives kill -9, is entered in the audit log, and lets go by itself.
#[test]
fn a_breaker_is_held_by_hand_over_a_restart_and_let_go() {
    let upstream = Upstream::start(|_| "204 No Content");
    let options = ["--upstream", upstream.url.as_str()];
    let mut daemon = Daemon::start(&options);
    let run = |daemon: &Daemon, args: &[&str]| {
        let mut command = assert_cmd::Command::from_std(spud());
        let done = command.arg("--data").arg(daemon.folder.path()).args(args).assert().success();
        String::from_utf8_lossy(&done.get_output().stdout).into_owned()
    };
    let hold = ["breaker", "force", "upstream", "open", "--reason", "work on the line", "--ttl", "1h"];
    let said = run(&daemon, &hold);
    assert!(said.contains("forced_open"), "{said}");
    assert_eq!(post(&daemon, "", "", "one").status, 202);
    let told = daemon.get("/v1/queue").json()["upstream"].clone();
    assert_eq!((told["breaker"].as_str(), told["state"].as_str()), (Some("forced_open"), Some("held")));
    assert!(told["reason"].as_str().is_some_and(|why| why.ends_with("work on the line")), "{told}");
    signal(&daemon.child, rustix::process::Signal::KILL);
    daemon.child.wait().unwrap();
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    let daemon = Daemon::start_in(folder, &options);
    let breaker = daemon.get("/v1/breakers").json()["items"][0].clone();
    assert_eq!(
        (breaker["name"].as_str(), breaker["state"].as_str()),
        (Some("upstream"), Some("forced_open"))
    );
    assert_eq!(breaker["held"]["reason"], "work on the line");
    assert!(upstream.seen().is_empty(), "nothing went through: {:?}", upstream.seen());

    let list = run(&daemon, &["breaker", "list"]);
    assert!(list.contains("upstream") && list.contains("work on the line"), "{list}");
    let said = run(&daemon, &["breaker", "auto", "upstream"]);
    assert!(!said.contains("forced"), "{said}");
    assert_eq!(upstream.wait(1)[0].body, "one");
    let entered = run(&daemon, &["audit", "list"]);
    assert!(entered.contains("breaker.forced") && entered.contains("breaker.auto"), "{entered}");

    let force = |body: &str| daemon.post("/v1/breakers/upstream/force", body);
    let short = r#"{"state": "open", "reason": "x", "ttl_s": 1}"#;
    assert_eq!(force(short).status, 200);
    assert_eq!(post(&daemon, "", "", "two").status, 202);
    assert_eq!(upstream.wait(2)[1].body, "two", "its time is over by itself");
    for bad in [
        r#"{"state": "ajar", "reason": "x", "ttl_s": 60}"#,
        r#"{"state": "open", "reason": " ", "ttl_s": 60}"#,
        r#"{"state": "open", "reason": "x", "ttl_s": 0}"#,
        r#"{"state": "open", "reason": "x", "ttl_s": 60, "for_ever": true}"#,
    ] {
        let refused = force(bad);
        assert!((400..500).contains(&refused.status), "{bad}: {}", refused.body);
    }
    let unknown = daemon.post("/v1/breakers/tape/force", short);
    assert_eq!(unknown.status, 404);
    assert!(unknown.body.contains("upstream"), "the names that there are: {}", unknown.body);
}

#[test]
fn the_command_line_posts_and_mends() {
    let upstream = Upstream::start(|seen| if seen.body == "bad" { "422 No" } else { "204 No Content" });
    let daemon = Daemon::start(&["--upstream", &upstream.url]);
    let run = |args: &[&str], input: &str| {
        let mut command = assert_cmd::Command::from_std(spud());
        command.arg("--data").arg(daemon.folder.path()).args(args).write_stdin(input.to_owned());
        command.assert()
    };
    run(&["operation", "post", "--lane", "high", "--key", "k", "--content-type", "text/plain", "-"], "good")
        .success();
    assert_eq!(upstream.wait(1)[0].lane, "high");
    let posted = run(&["operation", "post", "-"], "bad").success();
    let id = String::from_utf8_lossy(&posted.get_output().stdout).trim().to_owned();
    until(|| daemon.get("/v1/queue").json()["dead_letters"] == 1, || daemon.get("/v1/queue").body);
    let says = |args: &[&str], input: &str, what: &str| {
        run(args, input).success().stdout(predicates::str::contains(what.to_owned()));
    };
    says(&["queue", "list"], "", "422");
    says(&["queue", "show", &id], "", "bad");
    says(&["queue", "edit", &id, "-"], "mended", "edited");
    says(&["queue", "retry", &id], "", "queued again");
    assert_eq!(upstream.wait(2)[1].body, "mended");
    says(&["queue", "status"], "", "dead letters: 0");
    run(&["operation", "post", "-"], "bad").success();
    until(|| daemon.get("/v1/queue").json()["dead_letters"] == 1, || daemon.get("/v1/queue").body);
    says(&["queue", "purge", "--all", "--reason", "of no use"], "", "1 thrown away");
    says(&["queue", "pause", "--reason", "the line is dear"], "", "the line is dear");
    says(&["queue", "resume"], "", "upstream:");
    run(&["queue", "retry", &id], "").code(1);
    run(&["operation", "post", "--lane", "fast", "-"], "x").code(65);
    run(&["queue", "purge"], "").code(2);
    run(&["queue", "purge", "--all"], "").code(2);
}

/// Posts from several threads and an upstream that loses answers, while the box is killed again and again.
#[test]
fn kill_nine_again_and_again_loses_nothing() {
    let count = Arc::new(Mutex::new(0u64));
    let counted = Arc::clone(&count);
    // What arrived is noted even where the answer says otherwise: those are delivered twice.
    let arrived: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let notes = Arc::clone(&arrived);
    let upstream = Upstream::start(move |seen| {
        let mut count = counted.lock().unwrap();
        *count += 1;
        // Each failure holds its key back for a second: few enough that the queue empties.
        if count.is_multiple_of(23) {
            return "409 Conflict";
        }
        notes.lock().unwrap().push(seen.clone());
        if count.is_multiple_of(31) { "500 Lost" } else { "200 OK" }
    });
    let mut folder = tempfile::tempdir().unwrap();
    let mut accepted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for round in 0..6 {
        let mut daemon = Daemon::start_in(folder, &["--upstream", &upstream.url]);
        let socket = daemon.socket();
        let stop = Arc::new(AtomicBool::new(false));
        let posters: Vec<_> = (0..3)
            .map(|thread| {
                let (socket, stop) = (socket.clone(), Arc::clone(&stop));
                std::thread::spawn(move || {
                    let mut ids = Vec::new();
                    let mut n = 0;
                    while !stop.load(Ordering::Relaxed) {
                        n += 1;
                        let body = format!("{round}.{thread}.{n}");
                        let Some(id) = try_post(&socket, &format!("k{thread}"), &body) else { break };
                        ids.push(id);
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    (format!("k{thread}"), ids)
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(500 + 130 * round));
        signal(&daemon.child, rustix::process::Signal::KILL);
        daemon.child.wait().unwrap();
        stop.store(true, Ordering::Relaxed);
        for poster in posters {
            let (key, ids) = poster.join().unwrap();
            accepted.entry(key).or_default().extend(ids);
        }
        folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    }
    let total: usize = accepted.values().map(Vec::len).sum();
    assert!(total > 50, "only {total} were accepted");
    let daemon = Daemon::start_in(folder, &["--upstream", &upstream.url]);
    let empty = || {
        let queue = daemon.get("/v1/queue").json();
        queue["lanes"].as_array().unwrap().iter().all(|lane| lane["operations"] == 0)
    };
    until(empty, || daemon.get("/v1/queue").body);
    assert_eq!(daemon.get("/v1/queue").json()["dead_letters"], 0);
    let arrived = arrived.lock().unwrap().clone();
    let ids: HashSet<&str> = arrived.iter().map(|seen| seen.id.as_str()).collect();
    for id in accepted.values().flatten() {
        assert!(ids.contains(id.as_str()), "{id} was accepted and never arrived");
    }
    // In effect once: the first arrival of an id counts, and these keep the order of their key.
    let mut known = HashSet::new();
    let mut newest: BTreeMap<String, String> = BTreeMap::new();
    for seen in arrived.iter().filter(|seen| seen.kind != "spud.mode") {
        if known.insert(seen.id.clone())
            && let Some(before) = newest.insert(seen.key.clone(), seen.id.clone())
        {
            assert!(before < seen.id, "{} came after {before}", seen.id);
        }
    }
    println!("{total} accepted, {} arrived, {} of them once more", known.len(), arrived.len() - known.len());
}

/// The id of what was accepted; nothing when the box died meanwhile.
fn try_post(socket: &std::path::Path, key: &str, body: &str) -> Option<String> {
    let mut stream = std::os::unix::net::UnixStream::connect(socket).ok()?;
    let request = format!(
        "POST /v1/operations?key={key} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let reply = support::take_apart(&text);
    let json: serde_json::Value = serde_json::from_str(&reply.body).ok()?;
    if reply.status != 202 {
        return None;
    }
    Some(json["id"].as_str()?.to_owned())
}
