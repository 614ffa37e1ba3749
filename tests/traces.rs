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
    // The histogram of questions has it as an exemplar.
    let found =
        daemon.get("/api/v1/query_exemplars?query=spud_query_seconds_bucket&start=0&end=9999999999").json();
    let exemplar = &found["data"][0]["exemplars"][0];
    assert_eq!(exemplar["labels"]["trace_id"], TRACE, "{found}");
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

/// Takes one request, answers it, and gives what came: its head.
fn upstream(listener: &TcpListener, answer: &str) -> String {
    heard(listener, answer).0
}

/// The same, with the body.
fn heard(listener: &TcpListener, answer: &str) -> (String, String) {
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
    (head, String::from_utf8_lossy(&body).into_owned())
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

/// A collector: takes whatever comes once it is open, and notes head and body.
struct Collector {
    address: String,
    taken: std::sync::Arc<std::sync::Mutex<Vec<(String, String)>>>,
}

impl Collector {
    /// What each request is answered, the last one for ever.
    fn start(listener: TcpListener, answers: &'static [&'static str]) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        let taken = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let notes = std::sync::Arc::clone(&taken);
        std::thread::spawn(move || {
            for n in 0.. {
                let answer = answers.get(n).or(answers.last()).unwrap();
                let heard = heard(&listener, answer);
                if answer.starts_with("200") {
                    notes.lock().unwrap().push(heard);
                }
            }
        });
        Self { address, taken }
    }

    /// Ids and names of the spans that arrived, in their order.
    fn spans(&self) -> Vec<(String, String)> {
        let taken = self.taken.lock().unwrap();
        let mut all = Vec::new();
        for (_, body) in taken.iter() {
            let document: Value = serde_json::from_str(body).unwrap();
            for one in document["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap() {
                let text = |name: &str| one[name].as_str().unwrap().to_owned();
                all.push((text("traceId"), text("name")));
            }
        }
        all
    }

    fn has(&self, trace: &str) {
        until("the trace at the collector", || self.spans().iter().any(|one| one.0 == trace).then_some(()));
    }
}

fn traced(n: u32) -> (String, String) {
    let trace = format!("{n:032x}");
    (format!("traceparent: 00-{trace}-{SPAN}-01\r\n"), trace)
}

/// A metric of the box with this outcome.
fn exported(daemon: &Daemon, outcome: &str) -> Option<f64> {
    let line = format!("spud_traces_exported_total{{outcome=\"{outcome}\"}} ");
    daemon.get("/metrics").body.lines().find_map(|text| text.strip_prefix(&line)?.parse().ok())
}

#[test]
fn a_collector_is_told_of_every_kept_trace_over_outages_and_kill_9() {
    let headers = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(headers.path(), "Authorization=Bearer s3cret, X-Scope=box7\n").unwrap();
    let reference = format!("traces.headers=file:{}", headers.path().display());
    // Nobody listens there for now.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let endpoint = format!("traces.endpoint=http://{address}");
    let settings = [&endpoint, &reference, "traces.interval_s=1", "memory.metrics=8MiB"];
    let options = settings.map(|setting| ["--set", setting]).concat();
    let mut daemon = Daemon::start(&options);
    let data = daemon.folder.path().to_owned();
    let (header, first) = traced(1);
    assert_eq!(daemon.ask("GET", "/v1/search?q=queue", &header, "").status, 200);
    until("a breaker that opens", || {
        let breakers = json_of(&data, &["breaker", "list"])["items"].as_array().unwrap().clone();
        breakers.into_iter().find(|one| one["name"] == "traces" && one["state"] == "open")
    });
    assert_eq!((exported(&daemon, "sent"), exported(&daemon, "dropped")), (Some(0.0), Some(0.0)));
    // What was kept on disk and not sent is sent by the next process; an order to stop writes all there is.
    assert_eq!(daemon.terminate(), Some(0));
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    let collector = Collector::start(TcpListener::bind(address).unwrap(), &["503 Later", "200 OK"]);
    assert_eq!(collector.address, address.to_string());
    let mut daemon = Daemon::start_in(folder, &options);
    collector.has(&first);
    let (head, _) = collector.taken.lock().unwrap()[0].clone();
    let head = head.to_lowercase();
    for line in [
        "post /v1/traces http/1.1\r\n",
        "content-type: application/json\r\n",
        "authorization: bearer s3cret\r\n",
        "x-scope: box7\r\n",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    // In their order, each trace as a whole.
    let ids: Vec<String> = (2..150)
        .map(|n| {
            let (header, trace) = traced(n);
            daemon.ask("GET", "/healthz", &header, "");
            trace
        })
        .collect();
    collector.has(ids.last().unwrap());
    let seen = collector.spans();
    let of: Vec<&String> = seen.iter().map(|one| &one.0).filter(|id| ids.contains(id)).collect();
    let mut known = std::collections::HashSet::new();
    let order: Vec<&String> = of.into_iter().filter(|id| known.insert(*id)).collect();
    assert_eq!(order, ids.iter().collect::<Vec<_>>(), "nothing is left out");
    let names: Vec<&str> = seen.iter().filter(|one| one.0 == first).map(|one| one.1.as_str()).collect();
    assert!(names.contains(&"GET /v1/search") && names.contains(&"lexical"), "{names:?}");
    until("the count", || exported(&daemon, "sent").filter(|sent| *sent >= 149.0));
    assert_eq!(exported(&daemon, "dropped"), Some(0.0));
    // After kill -9 what is new follows.
    signal(&daemon.child, rustix::process::Signal::KILL);
    daemon.child.wait().unwrap();
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    let daemon = Daemon::start_in(folder, &["--set", "traces.interval_s=1"]);
    let (header, last) = traced(999);
    daemon.ask("GET", "/healthz", &header, "");
    // Named and taken away while it runs; what is no collector is refused with its key.
    let set = |key: &str, value: &str| run(&data, &["config", "set", key, value]);
    assert_eq!(exported(&daemon, "sent"), None);
    assert!(set("traces.endpoint", &format!("http://{address}")).status.success());
    collector.has(&last);
    assert!(set("traces.endpoint", "").status.success());
    until("no collector", || exported(&daemon, "sent").is_none().then_some(()));
    let wrong = set("traces.endpoint", "nats://127.0.0.1:4222");
    assert!(!wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("traces.endpoint"));
}

#[test]
fn what_a_collector_refuses_for_good_is_counted_and_the_rest_follows() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("traces.endpoint=http://{}", listener.local_addr().unwrap());
    let collector = Collector::start(listener, &["400 Bad Request", "200 OK"]);
    let daemon = Daemon::start(&["--set", &endpoint, "--set", "traces.interval_s=1"]);
    let (header, refused) = traced(7);
    daemon.ask("GET", "/healthz", &header, "");
    until("the refusal", || exported(&daemon, "dropped").filter(|dropped| *dropped >= 1.0));
    let (header, next) = traced(8);
    daemon.ask("GET", "/healthz", &header, "");
    collector.has(&next);
    assert!(collector.spans().iter().all(|one| one.0 != refused), "{:?}", collector.spans());
}

#[test]
fn a_job_is_linked_to_its_request_over_kill_9() {
    let documents = tempfile::tempdir().unwrap();
    std::fs::write(documents.path().join("pump.md"), "# Pump\n\nIt stands by the well.\n").unwrap();
    let mut daemon = Daemon::start(&[]);
    // In this mode a job waits.
    let force = "{\"mode\":\"reduced\",\"reason\":\"a test\",\"ttl_s\":600}";
    assert_eq!(daemon.post("/v1/mode/force", force).status, 200);
    let body = json!({"paths": [documents.path()]}).to_string();
    let headers = format!("Content-Type: application/json\r\n{}", parent(true));
    let job = daemon.ask("POST", "/v1/documents", &headers, &body);
    assert_eq!(job.status, 202, "{job:?}");
    let id = job.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(daemon.get(&format!("/v1/jobs/{id}")).json()["state"], "queued");
    signal(&daemon.child, rustix::process::Signal::KILL);
    daemon.child.wait().unwrap();
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    let daemon = Daemon::start_in(folder, &[]);
    assert_eq!(daemon.post("/v1/mode/auto", "").status, 200);
    // Whoever asked wants what follows kept, too.
    let found = until("the trace of the job", || {
        let listed = daemon.get("/v1/traces?name=job%20add").json();
        listed["items"].as_array().unwrap().first().cloned()
    });
    let detail = whole(&daemon, found["id"].as_str().unwrap());
    assert_eq!(detail["links"], json!([TRACE]), "{detail}");
    assert_eq!(daemon.get(&format!("/v1/jobs/{id}")).json()["state"], "done");
}
