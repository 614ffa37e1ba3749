//! Every case of the W3C's harness for Trace Context (<https://github.com/w3c/trace-context>, `test/test.py` at its
//! strict level), with the same headers and the same expectations, by the name it has there: against a service that
//! propagates with our code, as the harness wants one, and against the API itself.
//!
//! The harness itself is run so:
//!   SPUD_HARNESS=127.0.0.1:5000 cargo test --test trace_context -- --ignored --nocapture
//!   python3 test.py http://127.0.0.1:5000/test
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use spud::base::SystemClock;
use spud::observe::trace::{Context, Ending, Kind, TraceSettings, Tracer, now_at, span, vendors};
use spud::resilience::queue::{Outcome, Papers, Upstream, Wire, post};
use support::{Daemon, until};

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "1234567890123456";

type Headers = Vec<(String, String)>;

/// What the callback must carry.
#[derive(Debug, Clone)]
enum Want {
    /// The same trace, below another span.
    Same,
    /// A trace that is in none of the headers.
    New,
    /// The same trace, and this `tracestate`; none where it is empty.
    State(String),
}

struct Case {
    name: &'static str,
    headers: Headers,
    want: Want,
}

fn headers(all: &[(&str, &str)]) -> Headers {
    all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Cases that `traceparent` alone decides: its values, and what comes of them.
fn of_parents() -> Vec<Case> {
    let good = format!("00-{TRACE}-{PARENT}-01");
    let one = |name, value: String, want| Case { name, headers: headers(&[("traceparent", &value)]), want };
    let named = |name, header: &str, want| Case { name, headers: headers(&[(header, &good)]), want };
    let with = |begin: &str, trace: &str, parent: &str, end: &str| format!("{begin}-{trace}-{parent}-{end}");
    let other = format!("00-{}1-{PARENT}-01", &TRACE[..31]);
    let mut all = vec![
        Case { name: "both_traceparent_and_tracestate_missing", headers: Vec::new(), want: Want::New },
        one("traceparent_included_tracestate_missing", good.clone(), Want::Same),
        Case {
            name: "traceparent_duplicated",
            headers: headers(&[("traceparent", &other), ("traceparent", &good)]),
            want: Want::New,
        },
        named("traceparent_header_name", "trace-parent", Want::New),
        named("traceparent_header_name", "trace.parent", Want::New),
        named("traceparent_header_name_valid_casing", "TraceParent", Want::Same),
        named("traceparent_header_name_valid_casing", "TrAcEpArEnT", Want::Same),
        named("traceparent_header_name_valid_casing", "TRACEPARENT", Want::Same),
        one("traceparent_version_0xcc", with("cc", TRACE, PARENT, "01"), Want::Same),
        one(
            "traceparent_version_0xcc",
            with("cc", TRACE, PARENT, "01-what-the-future-will-be-like"),
            Want::Same,
        ),
    ];
    for value in [" @", "\t@", "@ ", "@\t", "\t @ \t"] {
        all.push(one("traceparent_ows_handling", value.replace('@', &good), Want::Same));
    }
    let nothing = "0".repeat(32);
    let wrong: [(&'static str, String); 22] = [
        ("traceparent_version_0x00", with("00", TRACE, PARENT, "01.")),
        ("traceparent_version_0x00", with("00", TRACE, PARENT, "01-what-the-future-will-be-like")),
        ("traceparent_version_0xcc", with("cc", TRACE, PARENT, "01.what-the-future-will-be-like")),
        ("traceparent_version_0xff", with("ff", TRACE, PARENT, "01")),
        ("traceparent_version_illegal_characters", with(".0", TRACE, PARENT, "01")),
        ("traceparent_version_illegal_characters", with("0.", TRACE, PARENT, "01")),
        ("traceparent_version_too_long", with("000", TRACE, PARENT, "01")),
        ("traceparent_version_too_long", with("0000", TRACE, PARENT, "01")),
        ("traceparent_version_too_short", with("0", TRACE, PARENT, "01")),
        ("traceparent_trace_id_all_zero", with("00", &nothing, PARENT, "01")),
        ("traceparent_trace_id_illegal_characters", with("00", &format!(".{}", &TRACE[1..]), PARENT, "01")),
        ("traceparent_trace_id_illegal_characters", with("00", &format!("{}.", &TRACE[..31]), PARENT, "01")),
        ("traceparent_trace_id_too_long", with("00", &format!("{TRACE}3"), PARENT, "01")),
        ("traceparent_trace_id_too_short", with("00", &TRACE[..31], PARENT, "01")),
        ("traceparent_parent_id_all_zero", with("00", TRACE, &nothing[..16], "01")),
        ("traceparent_parent_id_illegal_characters", with("00", TRACE, &format!(".{}", &PARENT[1..]), "01")),
        ("traceparent_parent_id_illegal_characters", with("00", TRACE, &format!("{}.", &PARENT[..15]), "01")),
        ("traceparent_parent_id_too_long", with("00", TRACE, &format!("{PARENT}7"), "01")),
        ("traceparent_parent_id_too_short", with("00", TRACE, &PARENT[..15], "01")),
        ("traceparent_trace_flags_illegal_characters", with("00", TRACE, PARENT, ".0")),
        ("traceparent_trace_flags_illegal_characters", with("00", TRACE, PARENT, "0.")),
        ("traceparent_trace_flags_too_long", with("00", TRACE, PARENT, "001")),
    ];
    all.extend(wrong.into_iter().map(|(name, value)| one(name, value, Want::New)));
    all.push(one("traceparent_trace_flags_too_short", with("00", TRACE, PARENT, "1"), Want::New));
    all
}

/// Cases of `tracestate`: its headers, and what is passed on.
fn of_states() -> Vec<Case> {
    let mut all = vec![
        Case {
            name: "tracestate_included_traceparent_missing",
            headers: headers(&[("tracestate", "foo=1")]),
            want: Want::New,
        },
        Case {
            name: "tracestate_included_traceparent_missing",
            headers: headers(&[("tracestate", "foo=1,bar=2")]),
            want: Want::New,
        },
    ];
    let mut named = |name, states: &[(&str, &str)], want: &str| {
        let parent = format!("00-{TRACE}-{PARENT}-00");
        let whole = [&[("traceparent", parent.as_str())], states].concat();
        all.push(Case { name, headers: headers(&whole), want: Want::State(want.to_owned()) });
    };
    named("tracestate_header_name", &[("trace-state", "foo=1")], "");
    named("tracestate_header_name", &[("trace.state", "foo=1")], "");
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        named("tracestate_header_name_valid_casing", &[(name, "foo=1")], "foo=1");
    }
    let mut state = |name, values: &[&str], want: &str| {
        named(name, &values.iter().map(|value| ("tracestate", *value)).collect::<Vec<_>>(), want);
    };
    state("tracestate_included_traceparent_included", &["foo=1,bar=2"], "foo=1,bar=2");
    state("tracestate_empty_header", &[""], "");
    state("tracestate_empty_header", &["foo=1", ""], "foo=1");
    state("tracestate_empty_header", &["", "foo=1"], "foo=1");
    state(
        "tracestate_multiple_headers_different_keys",
        &["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
        "foo=1,bar=2,rojo=1,congo=2,baz=3",
    );
    for values in [&["foo=1,foo=1"][..], &["foo=1,foo=2"], &["foo=1", "foo=1"], &["foo=1", "foo=2"]] {
        state("tracestate_duplicated_keys", values, "");
    }
    let letters: String = ('a'..='z').collect();
    let value: String = (' '..='~').filter(|letter| !matches!(letter, ',' | '=')).collect();
    for key in [format!("{letters}0123456789_-*/"), format!("{letters}0123456789_-*/@a-z0-9_-*/")] {
        let member = format!("{key}={value}");
        state("tracestate_all_allowed_characters", &[&member], &member);
    }
    state("tracestate_ows_handling", &["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3");
    state("tracestate_ows_handling", &["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], "foo=1,bar=2,baz=3");
    for value in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        state("tracestate_ows_handling", &[value], "foo=1");
    }
    of_limits(&mut state);
    all
}

/// Members of a `tracestate` that are none, and too many or too long ones.
fn of_limits(state: &mut dyn FnMut(&'static str, &[&str], &str)) {
    for value in ["foo =1", "FOO=1", "foo.bar=1"] {
        state("tracestate_key_illegal_characters", &[value], "");
    }
    for value in ["foo@=1,bar=2", "@foo=1,bar=2", "foo@@bar=1,bar=2", "foo@bar@baz=1,bar=2"] {
        state("tracestate_key_illegal_vendor_format", &[value], "");
    }
    let members =
        |from: u32, to: u32| (from..=to).map(|n| format!("bar{n:02}={n:02}")).collect::<Vec<_>>().join(",");
    let [ten, twenty, thirty] = [members(1, 10), members(11, 20), members(21, 30)];
    for (last, want) in [(members(31, 32), members(1, 32)), (members(31, 33), String::new())] {
        state("tracestate_member_count_limit", &[&ten, &twenty, &thirty, &last], &want);
    }
    let long = |key: String| format!("{key}=1");
    for (key, fits) in [
        (long("z".repeat(256)), true),
        (long("z".repeat(257)), false),
        (long(format!("{}@{}", "t".repeat(241), "v".repeat(14))), true),
        (long(format!("{}@v", "t".repeat(242))), false),
        (long(format!("t@{}", "v".repeat(15))), false),
    ] {
        let want = if fits { format!("foo=1,{key}") } else { String::new() };
        state("tracestate_key_length_limit", &["foo=1", &key], &want);
    }
    state("tracestate_value_illegal_characters", &["foo=bar=baz"], "");
    state("tracestate_value_illegal_characters", &["foo=,bar=3"], "");
}

/// A service that does what the harness asks for: it posts to every address it is given, in the trace of its caller.
async fn serve(tracer: Arc<Tracer>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let called = tokio::task::spawn_blocking(move || {
        let all = |name: &str| {
            let values = headers.get_all(name).into_iter();
            values.map(|value| value.to_str().unwrap_or_default().to_owned()).collect::<Vec<String>>()
        };
        let caller = Context::from_headers(all("traceparent").iter().map(String::as_str));
        let state =
            caller.map_or_else(String::new, |_| vendors(all("tracestate").iter().map(String::as_str)));
        let trace = tracer.begin(Kind::Server, caller, state);
        let at = trace.enter();
        let calls: Vec<Value> = serde_json::from_slice(&body).unwrap_or_default();
        let called = calls.iter().all(|call| {
            let _part = span("call");
            let mut headers = vec![
                ("content-type", "application/json".to_owned()),
                ("traceparent", now_at().unwrap().to_string()),
            ];
            if !trace.state().is_empty() {
                headers.push(("tracestate", trace.state().to_owned()));
            }
            let upstream = Upstream::parse(call["url"].as_str().unwrap()).unwrap();
            let wire = Wire { upstream, secret: None, papers: Papers::default(), subject: String::new() };
            let body = call["arguments"].to_string();
            matches!(post(wire, &headers, body.as_bytes()), Outcome::Delivered)
        });
        drop(at);
        tracer.end(trace, &Ending { verb: "POST", what: "/test", ..Ending::default() });
        called
    });
    if called.await.unwrap() { StatusCode::OK } else { StatusCode::BAD_GATEWAY }
}

/// The service, at this address; where it is.
fn service(address: &str) -> SocketAddr {
    let listener = TcpListener::bind(address).unwrap();
    let place = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let tracer = Arc::new(Tracer::new(Arc::new(SystemClock::default()), TraceSettings::of(1 << 20)));
        let answer = move |headers: HeaderMap, body: Bytes| serve(Arc::clone(&tracer), headers, body);
        let router = Router::new().fallback(answer);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    place
}

/// One message from a stream: its headers in lower case.
fn message(stream: &mut impl BufRead) -> (String, Headers) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let all: Headers = lines.filter_map(header).collect();
    let length =
        all.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, text)| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (first, all)
}

/// Hears callbacks: the headers of each.
fn harness() -> (SocketAddr, Receiver<Headers>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (_, headers) = message(&mut stream);
            let _ = stream
                .get_mut()
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            if sender.send(headers).is_err() {
                return;
            }
        }
    });
    (place, receiver)
}

/// Sends these headers to the service, asks for so many callbacks, and gives the headers of those.
fn called(
    service: SocketAddr,
    harness: &(SocketAddr, Receiver<Headers>),
    headers: &Headers,
    count: usize,
) -> Vec<Headers> {
    let url = |n: usize| format!("http://{}/callback/{n}", harness.0);
    let calls: Vec<Value> = (0..count).map(|n| json!({"url": url(n), "arguments": []})).collect();
    let body = Value::from(calls).to_string();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect();
    let mut stream = TcpStream::connect(service).unwrap();
    write!(
        stream,
        "POST /test HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n{lines}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let (status, _) = message(&mut BufReader::new(stream));
    assert!(status.contains(" 200 "), "{status}: {headers:?}");
    (0..count).map(|_| harness.1.recv_timeout(Duration::from_secs(60)).unwrap()).collect()
}

fn values<'a>(headers: &'a Headers, name: &str) -> Vec<&'a str> {
    headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
}

/// Trace and span of the one `traceparent` there must be, which must be of the form.
fn parent(headers: &Headers) -> (String, String) {
    let all = values(headers, "traceparent");
    assert_eq!(all.len(), 1, "{headers:?}");
    let parts: Vec<&str> = all[0].split('-').collect();
    let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [2, 32, 16, 2], "{}", all[0]);
    assert!(parts.iter().all(|part| hex(part)) && parts[0] == "00", "{}", all[0]);
    assert!(
        parts[1].bytes().any(|byte| byte != b'0') && parts[2].bytes().any(|byte| byte != b'0'),
        "{}",
        all[0]
    );
    (parts[1].to_owned(), parts[2].to_owned())
}

fn judge(case: &Case, seen: &Headers) {
    let (trace, span) = parent(seen);
    let state = values(seen, "tracestate").join(",");
    match &case.want {
        Want::Same => {
            assert!(trace == TRACE && span != PARENT, "{}: {:?}: {seen:?}", case.name, case.headers)
        }
        Want::New => {
            let all: String = case.headers.iter().map(|(_, value)| value.as_str()).collect();
            assert!(!all.contains(&trace) && state.is_empty(), "{}: {:?}: {seen:?}", case.name, case.headers);
        }
        Want::State(want) => {
            assert_eq!((trace.as_str(), &state), (TRACE, want), "{}: {:?}", case.name, case.headers);
            assert_ne!(span, PARENT);
        }
    }
}

#[test]
fn every_case_of_the_harness_passes_against_a_service_that_propagates() {
    let (service, harness) = (service("127.0.0.1:0"), harness());
    let all: Vec<Case> = of_parents().into_iter().chain(of_states()).collect();
    let names: BTreeSet<&str> = all.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), 37, "one name for each case of class TraceContextTest: {names:?}");
    for case in &all {
        let seen = called(service, &harness, &case.headers, 1);
        judge(case, &seen[0]);
    }
    // Class AdvancedTest: several callbacks of one request.
    let good = format!("00-{TRACE}-{PARENT}-01");
    let zero = format!("00-{}-{PARENT}-01", "0".repeat(32));
    for (name, given, same) in [
        ("multiple_requests_with_valid_traceparent", headers(&[("traceparent", &good)]), true),
        ("multiple_requests_without_traceparent", Vec::new(), false),
        ("multiple_requests_with_illegal_traceparent", headers(&[("traceparent", &zero)]), false),
    ] {
        let seen: Vec<(String, String)> = called(service, &harness, &given, 3).iter().map(parent).collect();
        let traces: BTreeSet<&str> = seen.iter().map(|one| one.0.as_str()).collect();
        let spans: BTreeSet<&str> = seen.iter().map(|one| one.1.as_str()).collect();
        assert_eq!((traces.len(), spans.len(), traces.contains(TRACE)), (1, 3, same), "{name}: {seen:?}");
    }
}

#[test]
fn every_case_of_the_harness_is_read_alike_by_the_api() {
    let daemon = Daemon::start(&[]);
    for (n, mut case) in (1u32..).zip(of_parents().into_iter().chain(of_states())) {
        // What is kept can be looked at: it is asked for, and each case has a trace of its own.
        let own = format!("{:08x}{}", n, &TRACE[8..]);
        for (_, value) in &mut case.headers {
            *value = value.replace(TRACE, &own);
            if let Some(begin) = value.strip_suffix("-00") {
                *value = format!("{begin}-01");
            }
        }
        let lines: String = case.headers.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect();
        let reply = daemon.ask("GET", "/healthz", &lines, "");
        let told = reply.header("traceparent").unwrap().to_owned();
        let (trace, span) = parent(&vec![("traceparent".to_owned(), told)]);
        assert_ne!(span, PARENT);
        match &case.want {
            Want::Same => assert_eq!(trace, own, "{}: {lines}", case.name),
            Want::New => assert!(!lines.contains(&trace), "{}: {lines}", case.name),
            Want::State(want) => {
                assert_eq!(trace, own, "{}: {lines}", case.name);
                let kept = until("the trace", || {
                    let reply = daemon.get(&format!("/v1/traces/{own}"));
                    (reply.status == 200).then(|| reply.json())
                });
                assert_eq!(kept["state"], *want, "{}: {lines}", case.name);
            }
        }
    }
}

#[test]
#[ignore = "serves the W3C's own harness until it is ended: SPUD_HARNESS=127.0.0.1:5000"]
fn serves_the_harness() {
    let address = std::env::var("SPUD_HARNESS").unwrap_or_else(|_| "127.0.0.1:5000".to_owned());
    println!("http://{}/test", service(&address));
    loop {
        std::thread::park();
    }
}
