//! The API as its clients see it: over the real socket of a real daemon.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use support::{Daemon, signal, spud, take_apart};

#[test]
fn refusals_are_problem_documents() {
    let daemon = Daemon::start(&[]);
    assert_eq!(daemon.get("/healthz").status, 200);
    assert_eq!(daemon.get("/readyz").status, 200);
    let json = "Content-Type: application/json\r\n";
    let large = format!("{{\"q\":\"{}\"}}", "x".repeat(1 << 20));
    let cases = [
        ("GET", "/nothing", "", "", 404, "no such resource"),
        ("PATCH", "/v1/status", "", "", 405, "method"),
        ("POST", "/v1/search", "", "{}", 415, "Content-Type"),
        ("POST", "/v1/search", json, "{", 400, "line 1 column 1"),
        ("POST", "/v1/search", json, "{\"q\":\"x\",\n \"qq\":1}", 422, "line 2 column 5"),
        ("POST", "/v1/search", json, "{\"q\":\" \"}", 422, "empty"),
        ("POST", "/v1/search", json, "{\"q\":\"x\",\"n\":101}", 422, "100"),
        ("POST", "/v1/search", json, &large, 413, "1048576"),
        ("GET", "/v1/search?q=x&nn=3", "", "", 422, "nn"),
        ("GET", "/v1/search?q=x&n=lots", "", "", 422, "lots"),
        ("GET", "/v1/search?q=x&after=soon", "", "", 422, "soon"),
        ("GET", "/v1/status?x=1", "", "", 422, "x"),
        ("POST", "/v1/documents", json, "{\"paths\":[\"relative\"]}", 422, "absolute"),
        ("DELETE", "/v1/documents", json, "{}", 422, "neither"),
        ("GET", "/v1/jobs/nonesuch", "", "", 404, "nonesuch"),
        ("GET", "/v1/collections/nonesuch", "", "", 404, "nonesuch"),
        ("POST", "/v1/embeddings", json, "{\"input\":[]}", 422, "0 inputs"),
        ("POST", "/v1/embeddings", json, "{\"input\":\"x\",\"encoding_format\":\"hex\"}", 422, "hex"),
        ("GET", "/v1/events", "Last-Event-ID: x\r\n", "", 400, "Last-Event-ID"),
    ];
    for (method, target, headers, body, status, words) in cases {
        let reply = daemon.ask(method, target, headers, body);
        assert_eq!(reply.status, status, "{method} {target}: {reply:?}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{method} {target}");
        let problem = reply.json();
        assert_eq!(problem["status"], status);
        assert!(problem["type"].as_str().unwrap().starts_with("urn:spud:problem:"));
        assert!(problem["detail"].as_str().unwrap().contains(words), "{method} {target}: {problem}");
        assert_eq!(problem["instance"].as_str(), reply.header("x-request-id"));
    }
    assert!(daemon.ask("PATCH", "/v1/status", "", "").header("allow").unwrap().contains("GET"));
}

#[test]
fn the_openapi_document_tells_the_truth() {
    let daemon = Daemon::start(&[]);
    let document = daemon.get("/v1/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 20);
    for (path, operations) in paths {
        if path == "/v1/events" {
            continue;
        }
        let target = path.replace("{id}", "nonesuch").replace("{name}", "nonesuch");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let reply = daemon.ask(method, &target, "", "");
            let described = operations.get(method.to_lowercase()).is_some();
            assert_eq!(reply.status != 405, described, "{method} {path}: {reply:?}");
            assert!(!reply.body.contains("no such resource"), "{method} {path}");
        }
    }
}

#[test]
fn request_ids_are_kept_or_made() {
    let daemon = Daemon::start(&[]);
    let given = daemon.ask("GET", "/healthz", "X-Request-Id: abc-1.2\r\n", "");
    assert_eq!(given.header("x-request-id"), Some("abc-1.2"));
    let hostile = daemon.ask("GET", "/healthz", "X-Request-Id: a b\"c\r\n", "");
    assert_ne!(hostile.header("x-request-id"), Some("a b\"c"));
    let (one, two) = (daemon.get("/healthz"), daemon.get("/healthz"));
    assert_ne!(one.header("x-request-id").unwrap(), two.header("x-request-id").unwrap());
}

#[test]
fn garbage_does_no_harm() {
    let daemon = Daemon::start(&[]);
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200));
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(64 << 10));
    let garbage: [&[u8]; 9] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
        b"GET /%ff%fe%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        many.as_bytes(),
        long.as_bytes(),
    ];
    for bytes in garbage {
        let mut stream = daemon.connect();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        let reply = take_apart(&String::from_utf8_lossy(&reply));
        assert!(reply.status == 0 || reply.status >= 400, "{:?}: {reply:?}", String::from_utf8_lossy(bytes));
        assert_eq!(daemon.get("/healthz").status, 200);
    }
}

#[test]
fn what_is_no_request_gets_a_problem_document_too() {
    let daemon = Daemon::start(&[]);
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200));
    let large = format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "x".repeat(40_000));
    let cases = [
        ("GET / HTTP/9.9\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
        ("POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (many.as_str(), 431),
        (large.as_str(), 431),
    ];
    for (bytes, status) in cases {
        let mut stream = daemon.connect();
        let _ = stream.write_all(bytes.as_bytes());
        let mut text = String::new();
        // What the server did not read of a large head may reset the connection after the answer.
        let _ = stream.read_to_string(&mut text);
        let reply = take_apart(&text);
        assert_eq!(reply.status, status, "{bytes:.60}: {reply:?}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{reply:?}");
        assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));
        assert_eq!(reply.json()["status"], status);
        assert_eq!(reply.json()["instance"].as_str(), reply.header("x-request-id"));
    }
    // A response of ours without a body stays as it is.
    let reply = take_apart(&daemon.raw(b"HEAD /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert_eq!((reply.status, reply.body.as_str()), (404, ""));
}

#[test]
fn slow_clients_hold_up_nobody() {
    let daemon = Daemon::start(&[]);
    let mut slow: Vec<UnixStream> = (0..20).map(|_| daemon.connect()).collect();
    for stream in &mut slow {
        stream
            .write_all(b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nContent-Ty")
            .unwrap();
    }
    let started = Instant::now();
    assert_eq!(daemon.get("/healthz").status, 200);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_thousand_connections_are_refused_politely() {
    let daemon = Daemon::start(&["--tier", "ultra_lite"]);
    // The limit of the tier is learnt from the engine just after the start.
    std::thread::sleep(Duration::from_millis(300));
    let mut all = Vec::new();
    let mut refused = 0;
    for _ in 0..1000 {
        // Out of descriptors here, or of backlog there, is as good as refused.
        let Ok(mut stream) = UnixStream::connect(daemon.socket()) else { continue };
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let mut start = [0; 12];
        if stream.read(&mut start).is_ok_and(|read| start[..read].ends_with(b"503")) {
            refused += 1;
        } else if all.len() < 300 {
            all.push(stream);
        }
    }
    assert!(refused > 0, "nobody was told that there are too many");
    drop(all);
    let until = Instant::now() + Duration::from_secs(10);
    while daemon.get("/healthz").status != 200 {
        assert!(Instant::now() < until, "the daemon did not recover");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_socket_is_private_and_a_second_daemon_is_refused() {
    let daemon = Daemon::start(&[]);
    let mode = std::fs::metadata(daemon.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let second = spud().arg("--data").arg(daemon.folder.path()).arg("daemon").output().unwrap();
    assert_eq!(second.status.code(), Some(75));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another spud serves"), "{said}");
    assert_eq!(daemon.get("/healthz").status, 200);
}

/// Who may read an answer is decided by policies: nobody reads the stores around them.
#[test]
fn what_the_box_keeps_is_not_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let made = spud().arg("--data").arg(&data).arg("ask").arg("what is spud").output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let (mut paths, mut files) = (vec![data], 0);
    while let Some(path) = paths.pop() {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0, "{} is {mode:o}", path.display());
        match std::fs::read_dir(&path) {
            Ok(inside) => paths.extend(inside.map(|entry| entry.unwrap().path())),
            Err(_) => files += 1,
        }
    }
    assert!(files > 3, "{files} files");
}

#[test]
fn stale_sockets_are_replaced_and_files_are_not() {
    let mut daemon = Daemon::start(&[]);
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    assert!(daemon.socket().exists());
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    let again = Daemon::start_in(folder, &[]);
    assert_eq!(again.get("/healthz").status, 200);
    let other = tempfile::tempdir().unwrap();
    let file = other.path().join("notes.txt");
    std::fs::write(&file, "mine").unwrap();
    let refused =
        spud().arg("--data").arg(other.path()).arg("--socket").arg(&file).arg("daemon").output().unwrap();
    assert!(!refused.status.success());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    // A socket that somebody else serves is not taken away, either.
    let foreign = other.path().join("foreign.sock");
    let _listener = UnixListener::bind(&foreign).unwrap();
    let refused =
        spud().arg("--data").arg(other.path()).arg("--socket").arg(&foreign).arg("daemon").output().unwrap();
    assert_eq!(refused.status.code(), Some(75));
    assert!(foreign.exists());
}

#[test]
fn sigterm_drains_within_five_seconds_though_streams_are_open() {
    let mut daemon = Daemon::start(&[]);
    let mut stream = daemon.connect();
    stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut line = String::new();
    BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("200"));
    let _half = {
        let mut half = daemon.connect();
        half.write_all(b"GET /hea").unwrap();
        half
    };
    let started = Instant::now();
    assert_eq!(daemon.terminate(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(!daemon.socket().exists());
}

#[test]
fn events_carry_ids_and_resume() {
    let daemon = Daemon::start(&[]);
    let docs = tempfile::tempdir().unwrap();
    std::fs::write(docs.path().join("a.md"), "# A\n\nThe answer is in the valve.\n").unwrap();
    let mut stream = daemon.connect();
    stream.write_all(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == ": spud"));
    let body = format!("{{\"collection\":\"c\",\"paths\":[\"{}\"]}}", docs.path().display());
    let reply = daemon.post("/v1/documents", &body);
    assert_eq!(reply.status, 202, "{reply:?}");
    assert!(reply.header("location").unwrap().starts_with("/v1/jobs/"));
    let id = lines.find_map(|line| line.strip_prefix("id: ").map(str::to_owned)).unwrap();
    let data = lines.next().unwrap();
    assert!(data.starts_with("data: {"), "{data}");
    let before: u64 = id.parse::<u64>().unwrap() - 1;
    let mut again = daemon.connect();
    let request = format!("GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {before}\r\n\r\n");
    again.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(again).lines().map(Result::unwrap);
    let resumed = lines.find_map(|line| line.strip_prefix("id: ").map(str::to_owned)).unwrap();
    assert_eq!(resumed, id, "the same event comes again");
    // So does a command, which leaves the sample of every second out where nobody asks for it.
    let after = before.to_string();
    let told = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_spud"));
        command.arg("--data").arg(daemon.folder.path()).args(["event", "--json"]);
        if !arguments.contains(&"--after") {
            command.args(["--after", &after]);
        }
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(line).collect::<Vec<_>>()
    };
    let jobs = told(&["--kind", "job", "-n", "2"]);
    assert!(
        jobs.len() == 2 && jobs.iter().all(|one| one["type"] == "job" && one["data"]["collection"] == "c")
    );
    assert!(told(&["-n", "3"]).iter().all(|one| one["type"] != "status"));
    assert_eq!(told(&["--kind", "status", "-n", "1"])[0]["type"], "status");
    // A gap is told whatever was asked for, and is not what was asked for.
    let gap = told(&["--after", "99999999999999", "--kind", "status", "-n", "1"]);
    let kinds: Vec<&str> = gap.iter().filter_map(|one| one["type"].as_str()).collect();
    assert_eq!(kinds, ["missed", "status"]);
    let refused = |arguments: &[&str], data: &std::path::Path| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_spud"));
        let output = command.arg("--data").arg(data).arg("event").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = refused(&["--kind", "alerts"], daemon.folder.path());
    assert!(code == Some(2) && said.contains("'alert'"), "{said}");
    let (code, said) = refused(&["-n", "1"], &daemon.folder.path().join("none"));
    assert!(code == Some(69) && said.contains("spud daemon"), "{code:?} {said}");
}

#[test]
fn an_idempotency_key_is_done_once() {
    let daemon = Daemon::start(&[]);
    let headers = "Content-Type: application/json\r\nIdempotency-Key: k1\r\n";
    let first = daemon.ask("POST", "/v1/collections", headers, "{\"name\":\"manuals\"}");
    assert_eq!(first.status, 201, "{first:?}");
    let second = daemon.ask("POST", "/v1/collections", headers, "{\"name\":\"manuals\"}");
    assert_eq!((second.status, second.json()), (201, first.json()));
    assert_eq!(daemon.ask("POST", "/v1/collections", headers, "{\"name\":\"other\"}").status, 422);
    assert_eq!(daemon.post("/v1/collections", "{\"name\":\"manuals\"}").status, 409);
    assert_eq!(daemon.ask("DELETE", "/v1/collections/manuals", "", "").status, 204);
    // A secret is told once: a second token is not made in silence.
    assert_eq!(daemon.post("/v1/principals", "{\"name\":\"robot\"}").status, 201);
    let token = "{\"scopes\":[\"search\"],\"ttl_s\":3600}";
    assert_eq!(daemon.ask("POST", "/v1/principals/robot/tokens", headers, token).status, 422);
    assert_eq!(daemon.post("/v1/principals/robot/tokens", token).status, 201);
    assert_eq!(daemon.get("/v1/principals/robot").json()["tokens"].as_array().unwrap().len(), 1);
}

#[test]
fn embeddings_speak_openai() {
    let daemon = Daemon::start(&[]);
    let reply = daemon.post("/v1/embeddings", "{\"input\":[\"pump\",\"valve\"],\"model\":\"any\"}").json();
    assert_eq!(reply["object"], "list");
    assert_eq!(reply["data"][1]["index"], 1);
    let columns = reply["data"][0]["embedding"].as_array().unwrap().len();
    assert!(columns == 64 || columns == 128);
    assert!(reply["usage"]["total_tokens"].as_u64().unwrap() >= 2);
    let coded = daemon.post("/v1/embeddings", "{\"input\":\"pump\",\"encoding_format\":\"base64\"}").json();
    let text = coded["data"][0]["embedding"].as_str().unwrap();
    assert_eq!(text.len(), (columns * 4).div_ceil(3) * 4);
}

#[test]
fn the_network_gets_answers_only() {
    let daemon = Daemon::start(&["--listen", "127.0.0.1:0"]);
    let address = daemon.address();
    let ask = |method: &str, target: &str, headers: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "{method} {target} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        take_apart(&text).status
    };
    let host = format!("Host: {address}\r\n");
    assert_eq!(ask("GET", "/healthz", &host), 200);
    assert_eq!(ask("GET", "/readyz", &host), 200);
    assert_eq!(ask("GET", "/v1/status", &host), 200);
    assert_eq!(ask("GET", "/v1/search?q=valve", &host), 200);
    assert_eq!(ask("GET", "/v1/documents", &host), 403);
    assert_eq!(ask("POST", "/v1/documents", &host), 403);
    assert_eq!(ask("GET", "/v1/logs", &host), 403);
    assert_eq!(ask("GET", "/healthz", "Host: evil.example\r\n"), 403, "DNS rebinding");
    assert_eq!(ask("GET", "/healthz", &format!("{host}Origin: http://evil.example\r\n")), 403);
    let refused =
        spud().args(["--data", "/tmp/spud-none", "daemon", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn sighup_reloads_and_the_daemon_goes_on() {
    let daemon = Daemon::start(&[]);
    signal(&daemon.child, rustix::process::Signal::HUP);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(daemon.get("/readyz").status, 200);
}

/// A person who comes back after a pause finds the kept connection closed by the server: nothing may be lost.
#[test]
#[ignore = "takes 31 seconds: the server's limit on idle connections"]
fn slow_and_idle_clients_are_closed_and_a_client_that_returns_is_served() {
    let daemon = Daemon::start(&[]);
    let mut client = spud::api::client::Client::connect(&daemon.socket()).unwrap();
    let made = |name: &str| serde_json::json!({"name": name});
    let _: serde_json::Value = client.send("POST", "/v1/collections", &made("one")).unwrap();
    let mut slow = daemon.connect();
    slow.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    slow.write_all(b"GET /hea").unwrap();
    let started = Instant::now();
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(started.elapsed() > Duration::from_secs(20) && started.elapsed() < Duration::from_secs(38));
    let _: serde_json::Value = client.send("POST", "/v1/collections", &made("two")).unwrap();
}

#[test]
fn the_service_manager_hears_of_start_life_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let manager = std::os::unix::net::UnixDatagram::bind(folder.path().join("notify")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut command = support::spud();
    let child = command
        .env("NOTIFY_SOCKET", folder.path().join("notify"))
        .env("WATCHDOG_USEC", "400000")
        .arg("--data")
        .arg(folder.path().join("data"))
        .arg("daemon")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut daemon = support::Daemon { folder, child };
    let hear = || {
        let mut buffer = [0; 256];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
    };
    assert_eq!(hear(), "READY=1");
    assert_eq!((hear(), hear()), ("WATCHDOG=1".to_owned(), "WATCHDOG=1".to_owned()));
    assert_eq!(daemon.terminate(), Some(0));
    let last = std::iter::repeat_with(hear).find(|said| said != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
}
