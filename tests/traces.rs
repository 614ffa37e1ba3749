//! Traces from outside: headers in and out, the command line, links to later work, restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};
use support::command::{good, json as json_of, run};
use support::{Daemon, Reply, signal, spud, until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn parent(sampled: bool) -> String {
    format!("traceparent: 00-{TRACE}-{SPAN}-0{}\r\n", u8::from(sampled))
}

fn returned(reply: &Reply) -> Vec<String> {
    reply.header("traceparent").unwrap().split('-').map(str::to_owned).collect()
}

/// The trace of this id, once it is kept.
fn whole(daemon: &Daemon, id: &str) -> Value {
    until(&format!("trace {id}"), || {
        let reply = daemon.get(&format!("/v1/traces/{id}"));
        (reply.status == 200).then(|| reply.json())
    })
}

fn spans(detail: &Value) -> Vec<&str> {
    detail["spans"].as_array().unwrap().iter().map(|span| span["name"].as_str().unwrap()).collect()
}

#[test]
fn a_caller_s_trace_goes_on_in_the_answer_and_in_the_log() {
    let daemon = Daemon::start(&[]);
    let headers = format!("{}tracestate: foo=1\r\ntracestate: bar=2\r\n", parent(true));
    let reply = daemon.ask("GET", "/v1/search?q=queue&n=3", &headers, "");
    assert_eq!(reply.status, 200, "{reply:?}");
    let told = returned(&reply);
    assert_eq!((told[0].as_str(), told[1].as_str(), told[3].as_str()), ("00", TRACE, "01"));
    assert_ne!(told[2], SPAN);
    let detail = whole(&daemon, TRACE);
    assert_eq!((&detail["state"], &detail["kept"]), (&json!("foo=1,bar=2"), &json!("asked")));
    let root = &detail["spans"][0];
    assert_eq!(
        (&root["id"], &root["parent"], &root["kind"]),
        (&json!(told[2]), &json!(SPAN), &json!("server"))
    );
    assert_eq!((&root["name"], &root["depth"]), (&json!("GET /v1/search"), &json!(0)));
    assert_eq!(root["attributes"]["http.response.status_code"], 200);
    assert_eq!(
        spans(&detail),
        ["GET /v1/search", "wait", "work", "cache", "lexical", "dense", "fuse", "passages", "words"]
    );
    // A change is told in the log, with its trace.
    let body = "{\"name\":\"pumps\"}";
    let headers = format!("Content-Type: application/json\r\n{}", parent(true));
    assert_eq!(daemon.ask("POST", "/v1/collections", &headers, body).status, 201);
    let line = until("a line of the log", || {
        let page = daemon.get(&format!("/v1/logs?trace={TRACE}")).json();
        page["items"].as_array().unwrap().iter().find(|line| line["message"] == "change asked for").cloned()
    });
    assert_eq!(line["fields"]["trace_id"], TRACE);
    assert_eq!(line["fields"]["span_id"].as_str().unwrap().len(), 16);
    // Both requests are one trace.
    let detail = whole(&daemon, &TRACE[..8]);
    assert!(spans(&detail).contains(&"POST /v1/collections") && spans(&detail).contains(&"GET /v1/search"));
}

#[test]
fn headers_that_are_none_begin_a_new_trace() {
    let daemon = Daemon::start(&[]);
    let wrong = [
        String::new(),
        format!("traceparent: 00-{TRACE}-{SPAN}\r\n"),
        format!("traceparent: 00-{TRACE}-0000000000000000-01\r\n"),
        format!("traceparent: ff-{TRACE}-{SPAN}-01\r\n"),
        format!("{}{}", parent(true), parent(true)),
        format!("traceparent: 00-{TRACE}-{SPAN}-01\u{e9}\r\n"),
    ];
    let mut seen = std::collections::HashSet::new();
    for headers in wrong {
        let told = returned(&daemon.ask("GET", "/healthz", &headers, ""));
        assert!(told[1].len() == 32 && told[2].len() == 16, "{told:?}");
        assert!(told[1] != TRACE && seen.insert(told[1].clone()), "{headers}");
    }
    // A state that is none is left out; the trace goes on.
    let headers = format!("{}tracestate: foo\r\n", parent(true));
    assert_eq!(returned(&daemon.ask("GET", "/healthz", &headers, ""))[1], TRACE);
    assert_eq!(whole(&daemon, TRACE)["state"], "");
    for (target, status) in [
        ("/v1/traces/xyz", 422),
        ("/v1/traces/0123456789abcdef0123456789abcdef", 404),
        ("/v1/traces?limit=1001", 422),
        ("/v1/traces?failed=perhaps", 422),
        ("/v1/traces/otlp?id=zz", 422),
    ] {
        assert_eq!(daemon.get(target).status, status, "{target}");
    }
}

/// Takes one request, answers it, and gives what came.
fn upstream(listener: &TcpListener, answer: &str) -> String {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<u64>().ok());
    let mut body = Vec::new();
    reader.by_ref().take(length.unwrap_or(0)).read_to_end(&mut body).unwrap();
    write!(reader.get_mut(), "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    head
}

#[test]
fn what_is_queued_is_linked_to_its_delivery() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("queue.upstream=http://{}/in", listener.local_addr().unwrap());
    let daemon = Daemon::start(&["--set", &url, "--set", "queue.deliver=[]"]);
    let headers = format!("Content-Type: text/plain\r\n{}", parent(true));
    let posted = daemon.ask("POST", "/v1/operations?kind=reading", &headers, "42");
    assert_eq!(posted.status, 202, "{posted:?}");
    // It fails at first: that is kept, and counted among the failures.
    let first = upstream(&listener, "500 Internal Server Error");
    let second = upstream(&listener, "200 OK");
    let of = |head: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix("traceparent: ")).unwrap().to_owned();
        assert!(line.starts_with("00-"), "{line}");
        line.split('-').nth(1).unwrap().to_owned()
    };
    assert!(second.contains("-01\r\n"), "whoever asked wants the delivery kept, too: {second}");
    let (failed, done) = (of(&first), of(&second));
    assert!(failed != done && failed != TRACE);
    let detail = whole(&daemon, &failed);
    assert_eq!((&detail["failed"], &detail["links"]), (&json!(true), &json!([TRACE])));
    assert_eq!(spans(&detail), ["deliver normal"]);
    assert_eq!(detail["spans"][0]["kind"], "consumer");
    whole(&daemon, &done);
    let linked = whole(&daemon, TRACE)["linked"].clone();
    assert!(linked.as_array().unwrap().contains(&json!(failed)) && linked.as_array().unwrap().len() == 2);
    let groups = daemon.get("/v1/errors").json()["items"].clone();
    let group = groups.as_array().unwrap().iter().find(|group| group["kind"] == "delivery").unwrap();
    assert_eq!(
        (&group["place"], &group["count"], &group["trace"]),
        (&json!("normal"), &json!(1), &json!(failed))
    );
}

#[test]
fn traces_are_listed_shown_and_exported_and_outlive_the_box() {
    let mut daemon = Daemon::start(&[]);
    let data = daemon.folder.path().to_owned();
    // The program goes on with the trace of whoever started it.
    let mut command = spud();
    command
        .arg("--data")
        .arg(&data)
        .args(["search", "queue"])
        .env("TRACEPARENT", format!("00-{TRACE}-{SPAN}-01"));
    assert!(command.output().unwrap().status.success());
    // A box that gives things up answers 503: that failed.
    let force = "{\"mode\":\"emergency\",\"reason\":\"a test\",\"ttl_s\":600}";
    assert_eq!(daemon.post("/v1/mode/force", force).status, 200);
    let refused = daemon.post("/v1/documents", "{\"paths\":[\"/etc/hostname\"]}");
    assert_eq!((refused.status, returned(&refused)[3].as_str()), (503, "01"), "what failed is kept");
    assert_eq!(daemon.post("/v1/mode/auto", "").status, 200);
    let list = good(&data, &["trace", "list", "--failed"]);
    assert!(list.contains("POST /v1/documents") && !list.contains("/v1/search"), "{list}");
    let shown = good(&data, &["trace", "show", &TRACE[..6]]);
    assert!(shown.contains("  lexical") && shown.contains("|") && shown.contains("=="), "{shown}");
    let file = data.join("traces.json");
    good(&data, &["trace", "export", "--since", "1h", "--otlp", file.to_str().unwrap()]);
    let document: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let exported = document["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone();
    let root = exported.iter().find(|span| span["traceId"] == TRACE && span["kind"] == 2).unwrap();
    assert_eq!((&root["name"], &root["parentSpanId"]), (&json!("POST /v1/search"), &json!(SPAN)));
    let one = json_of(&data, &["trace", "export", TRACE, "--otlp", "-"]);
    assert_eq!(one["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len(), 9);
    // A collector takes it over HTTP.
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/traces", collector.local_addr().unwrap());
    let sent = std::thread::spawn(move || upstream(&collector, "200 OK"));
    good(&data, &["trace", "export", TRACE, "--otlp", &url]);
    let head = sent.join().unwrap().to_lowercase();
    assert!(
        head.starts_with("post /v1/traces ") && head.contains("content-type: application/json"),
        "{head}"
    );
    assert_eq!(
        run(&data, &["trace", "export", TRACE, "--otlp", "http://127.0.0.1:1/"]).status.code(),
        Some(69)
    );
    assert_eq!(run(&data, &["trace", "show", "ffffffff"]).status.code(), Some(1));
    assert_eq!(run(&data, &["trace", "export", "--otlp", "-"]).status.code(), Some(2));
    assert_eq!(good(&data, &["trace", "errors"]).trim(), "Nothing failed.", "turned away is not broken");
    // What was kept is there after a restart, and after a kill.
    assert_eq!(daemon.terminate(), Some(0));
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    let daemon = Daemon::start_in(folder, &[]);
    let detail = whole(&daemon, TRACE);
    assert_eq!(spans(&detail)[0], "POST /v1/search");
    signal(&daemon.child, rustix::process::Signal::KILL);
    let list = json_of(&data, &["trace", "list", "--failed"]);
    assert_eq!(list["items"][0]["name"], "POST /v1/documents", "{list}");
}
