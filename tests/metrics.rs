//! Metrics as programs and people meet them: `/metrics`, the query API of Prometheus, `spud metric`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Daemon, spud};

/// Recorded every second, so that no test waits long.
const QUICK: &[&str] = &["--set", "metrics.interval_s=1"];

/// The value of the first series, once there is one. Recording takes seconds: this waits, and judges no time.
fn value(daemon: &Daemon, query: &str) -> f64 {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let reply = daemon.get(&format!("/api/v1/query?query={query}"));
        assert_eq!(reply.status, 200, "{reply:?}");
        let value = reply.json()["data"]["result"][0]["value"][1].clone();
        if let Some(text) = value.as_str() {
            return text.parse().unwrap();
        }
        assert!(Instant::now() < until, "{query} never had a value: {reply:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What `promtool` says, where it is installed (Debian: prometheus).
fn promtool(arguments: &[&str], input: &str) -> Option<(bool, String)> {
    let child = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!("skipped: promtool cannot be started ({error})");
            return None;
        }
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn everything_is_exposed_in_both_formats() {
    let daemon = Daemon::start(&[]);
    assert_eq!(daemon.post("/v1/ask", r#"{"q": "what is spud"}"#).status, 200);
    let plain = daemon.get("/metrics");
    assert_eq!(plain.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for part in [
        "# TYPE spud_queries_total counter\n",
        "spud_queries_total{kind=\"ask\",outcome=",
        "# TYPE spud_query_seconds histogram\n",
        "spud_query_seconds_bucket{kind=\"ask\",le=\"+Inf\"} 1\n",
        "spud_query_stage_seconds_count{stage=\"wait\"} 1\n",
        "spud_cache_misses_total{layer=\"l1\"} 1\n",
        "spud_store_commits_total{store=\"corpus\"} ",
        "spud_api_requests_total{route=\"/v1/ask\",method=\"POST\",code=\"200\"} 1\n",
        "process_resident_memory_bytes ",
        "spud_box_info{tier=\"",
        "spud_mode_level ",
        "spud_queue_operations{lane=\"critical\"} 0\n",
    ] {
        assert!(plain.body.contains(part), "{part} is not in\n{}", plain.body);
    }
    let open = daemon.ask("GET", "/metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n", "");
    assert!(open.header("content-type").unwrap().starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(open.body.contains("# TYPE spud_queries counter\n") && open.body.ends_with("# EOF\n"));
    assert!(open.body.contains("# UNIT spud_query_seconds seconds\n"));
    assert_eq!(daemon.get("/metrics?format=yaml").status, 422);
    if let Some((fine, said)) = promtool(&["check", "metrics"], &plain.body) {
        assert!(fine && said.trim().is_empty(), "{said}");
    }
}

#[test]
fn the_query_api_answers_as_prometheus_does() {
    let daemon = Daemon::start(QUICK);
    assert_eq!(value(&daemon, "spud_mode_level*0%2B1"), 1.0);
    let reply = daemon.get("/api/v1/query?query=process_threads").json();
    assert_eq!((&reply["status"], &reply["data"]["resultType"]), (&"success".into(), &"vector".into()));
    assert_eq!(reply["data"]["result"][0]["metric"]["__name__"], "process_threads");
    let scalar = daemon.get("/api/v1/query?query=1%2B1&time=1435781430.781").json();
    assert_eq!(
        scalar["data"],
        serde_json::json!({"resultType": "scalar", "result": [1_435_781_430.781, "2"]})
    );
    // The same as a form.
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let now = value(&daemon, "vector(time())") as u64;
    let body = format!("query=process_threads%2B0&start={}&end={now}&step=5s", now - 60);
    let range = daemon.ask("POST", "/api/v1/query_range", form, &body);
    assert_eq!(range.status, 200, "{range:?}");
    assert_eq!(range.json()["data"]["resultType"], "matrix");
    // What can be known of series.
    let names = daemon.get("/api/v1/labels").json();
    assert!(names["data"].as_array().unwrap().contains(&"outcome".into()), "{names}");
    let values = daemon.get("/api/v1/label/mode/values").json();
    assert!(values["data"].as_array().unwrap().contains(&"emergency".into()), "{values}");
    let series = daemon.get("/api/v1/series?match[]=spud_mode%7Bmode%3D%22normal%22%7D").json();
    assert_eq!(series["data"], serde_json::json!([{"__name__": "spud_mode", "mode": "normal"}]));
    let metadata = daemon.get("/api/v1/metadata?metric=process_cpu_seconds_total").json();
    assert_eq!(metadata["data"]["process_cpu_seconds_total"][0]["type"], "counter");
    assert!(daemon.get("/api/v1/rules").json()["data"]["groups"].is_array());
    assert!(daemon.get("/api/v1/alerts").json()["data"]["alerts"].is_array());
    assert!(daemon.get("/api/v1/status/buildinfo").json()["data"]["version"].is_string());
}

#[test]
fn what_the_query_api_cannot_answer_has_a_kind_and_a_status() {
    let daemon = Daemon::start(QUICK);
    let refusals = [
        ("/api/v1/query?query=sum(", 400, "bad_data"),
        ("/api/v1/query?query=1&time=soon", 400, "bad_data"),
        ("/api/v1/query_range?query=1&start=0&end=100&step=0", 400, "bad_data"),
        ("/api/v1/query_range?query=1&start=0&end=1000000&step=1", 400, "bad_data"),
        ("/api/v1/query_range?query=1&start=9&end=1&step=1", 400, "bad_data"),
        ("/api/v1/query_range?query=1&start=0&end=1&step=1&max_source_resolution=wide", 400, "bad_data"),
        ("/api/v1/query_range?query=1&start=0&end=1&step=1&max_source_resolution=-5m", 400, "bad_data"),
        ("/api/v1/series", 400, "bad_data"),
        (
            "/api/v1/query?query=label_replace(process_threads,%22a%22,%22b%22,%22c%22,%22(%22)",
            422,
            "execution",
        ),
    ];
    for (target, status, kind) in refusals {
        let reply = daemon.get(target);
        assert_eq!(reply.status, status, "{target}: {reply:?}");
        assert_eq!((&reply.json()["status"], &reply.json()["errorType"]), (&"error".into(), &kind.into()));
        assert!(!reply.json()["error"].as_str().unwrap().is_empty());
    }
}

#[test]
fn the_query_api_refuses_in_the_words_of_prometheus() {
    let daemon = Daemon::start(QUICK);
    let brace = "1:5: parse error: unexpected end of input inside braces";
    let empty = "match[] must contain at least one non-empty matcher";
    let time = |name: &str| {
        format!(
            "invalid parameter \"{name}\": Invalid time value for '{name}': cannot parse \"x\" to a valid timestamp"
        )
    };
    let query = |what: &str| format!("invalid parameter \"query\": {what}");
    let matches = |what: &str| format!("invalid parameter \"match[]\": {what}");
    let range = |kind: &str| {
        format!("invalid expression type {kind:?} for range query, must be Scalar or instant Vector")
    };
    for (target, said) in [
        ("query?query=1&time=x", time("time")),
        ("series?match[]=x&start=x", time("start")),
        ("labels?end=x", time("end")),
        ("query_exemplars?query=x&start=x", time("start")),
        (
            "query_range?query=1&start=x&end=1&step=1",
            "invalid parameter \"start\": cannot parse \"x\" to a valid timestamp".to_owned(),
        ),
        (
            "query_range?query=1&start=1&step=1",
            "invalid parameter \"end\": cannot parse \"\" to a valid timestamp".to_owned(),
        ),
        ("query_range?query=foo[5m]&start=1&end=2&step=1", range("range vector")),
        ("query_range?query=%22x%22&start=1&end=2&step=1", range("string")),
        ("query_range?query=foo%7B&start=1&end=2&step=1", brace.to_owned()),
        ("query?query=foo%7B&timeout=-1", query(brace)),
        ("query?query=foo%20=~%20bar", query("1:5: parse error: unexpected character after '=': '~'")),
        (
            "query?query=foo%7Ba=~%22(%22%7D",
            query("1:5: parse error: error parsing regexp: missing closing ): `^(?:()$`"),
        ),
        (
            "query?query=foo%7Ba=~%22*%22%7D",
            query("1:5: parse error: error parsing regexp: missing argument to repetition operator: `*`"),
        ),
        (
            "query?query=foo%7Ba=~%22[%22%7D",
            query("1:5: parse error: error parsing regexp: missing closing ]: `[)$`"),
        ),
        ("labels?match[]=foo%7B", brace.to_owned()),
        ("label/n/values?match[]=%7B%7D", empty.to_owned()),
        ("series?match[]=%7B%7D", matches(empty)),
        ("series?match[]=sum(x)", matches("1:4: parse error: unexpected \"(\"")),
        ("series?match[]=x@1", matches("1:2: parse error: unexpected \"<Item 57385>\" <op:@>")),
        ("labels?match[]=x@1", "1:2: parse error: unexpected \"<Item 57385>\" <op:@>".to_owned()),
        ("metadata?limit=x", "limit must be a number".to_owned()),
        ("query?query=1&timeout=-1", "query timed out in query execution".to_owned()),
        (
            "query_range?query=1&start=1&end=2&step=1&timeout=0",
            "query timed out in query execution".to_owned(),
        ),
    ] {
        let reply = daemon.get(&format!("/api/v1/{target}"));
        assert_eq!(reply.status, if said.contains("timed out") { 503 } else { 400 }, "{target}: {reply:?}");
        assert_eq!(reply.json()["error"], said, "{target}");
    }
    let all = daemon.get("/api/v1/metadata?limit=-1").json();
    assert_eq!(all, daemon.get("/api/v1/metadata").json());
}

#[test]
fn what_was_recorded_survives_a_kill_and_is_read_without_a_daemon() {
    let mut daemon = Daemon::start(QUICK);
    let count = "count_over_time(process_threads%5B1h%5D)";
    let until = Instant::now() + Duration::from_secs(60);
    while value(&daemon, count) < 3.0 {
        assert!(Instant::now() < until, "nothing more is recorded");
        std::thread::sleep(Duration::from_millis(200));
    }
    // Rows of ten seconds share a sync: wait until one was made.
    let tail = daemon.folder.path().join("telemetry.tail");
    while std::fs::metadata(&tail).map_or(0, |meta| meta.len()) == 0 {
        assert!(Instant::now() < until, "no row reached the disk");
        std::thread::sleep(Duration::from_millis(200));
    }
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    let run = |arguments: &[&str]| {
        let output = spud().arg("--data").arg(folder.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let kept: f64 =
        run(&["metric", "query", "scalar(count_over_time(process_threads[1h]))"]).trim().parse().unwrap();
    assert!(kept >= 1.0, "{kept}");
    let range = run(&["metric", "range", "process_threads", "--from", "5m", "--step", "1s"]);
    assert!(range.starts_with("process_threads\n") && range.lines().count() >= 2, "{range}");
    let json: Value = serde_json::from_str(&run(&["metric", "query", "process_threads", "--json"])).unwrap();
    assert_eq!(json["resultType"], "vector");
    let listed = run(&["metric", "list", "spud_queue"]);
    assert!(listed.contains("spud_queue_dead_letters") && !listed.contains("spud_cache"), "{listed}");
    assert!(run(&["metric", "export", "--openmetrics"]).ends_with("# EOF\n"));
    assert!(run(&["metric", "labels", "--match", "process_threads"]).starts_with("__name__\n"));
    let names = run(&["metric", "labels", "__name__", "--match", "{__name__=~\"process_.*\"}"]);
    assert!(names.contains("process_threads\n") && !names.contains("spud_"), "{names}");
    assert!(
        run(&["metric", "series", "process_threads", "spud_mode_level"]).starts_with("process_threads\n")
    );
    for (arguments, said) in
        [(["labels", "lane2"], "no series there has a label lane2;"), (["series", "lane2"], "no series")]
    {
        let empty = spud().arg("--data").arg(folder.path()).arg("metric").args(arguments).output().unwrap();
        assert!(empty.status.success() && empty.stdout.is_empty());
        assert!(String::from_utf8_lossy(&empty.stderr).starts_with(said), "{empty:?}");
    }
    let wrong = spud().arg("--data").arg(folder.path()).args(["metric", "series", "x@1"]).output().unwrap();
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(wrong.status.code() == Some(65) && said.contains("x@1\n ^"), "{said}");
    let wrong = spud().arg("--data").arg(folder.path()).args(["metric", "query", "sum(*)"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(65));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(said.contains("parse error") && said.contains("sum(*)\n    ^"), "{said}");
}

#[test]
fn a_damaged_store_of_metrics_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("telemetry.redb"), vec![3u8; 9000]).unwrap();
    std::fs::write(folder.path().join("telemetry.tail"), vec![9u8; 500]).unwrap();
    let daemon = Daemon::start_in(folder, QUICK);
    assert!(value(&daemon, "process_threads") >= 1.0);
    assert!(daemon.folder.path().join("telemetry.redb.damaged").exists());
    assert_eq!(daemon.get("/readyz").status, 200);
}

#[test]
fn promtool_reads_the_box_over_tcp() {
    if promtool(&["--version"], "").is_none() {
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("127.0.0.1:{port}");
    let daemon = Daemon::start(&["--listen", &listen, "--set", "metrics.interval_s=1"]);
    let _ = value(&daemon, "process_threads");
    let now = value(&daemon, "vector(time())") as u64;
    let url = format!("http://{listen}");
    let (start, end) = (format!("--start={}", now - 60), format!("--end={now}"));
    let cases: [(&[&str], &str); 4] = [
        (&["query", "instant", &url, "process_threads"], "process_threads"),
        (&["query", "range", &start, &end, "--step=5s", &url, "sum(process_threads)"], "@["),
        (&["query", "labels", &url, "mode"], "emergency"),
        (&["query", "series", "--match=spud_mode{mode=\"normal\"}", &url], "mode=\"normal\""),
    ];
    for (arguments, expected) in cases {
        let (fine, said) = promtool(arguments, "").unwrap();
        assert!(fine && said.contains(expected), "{arguments:?}: {said}");
    }
    assert!(Path::new(&daemon.folder.path().join("telemetry.redb")).exists());
}

/// Every expression that is shipped is one, and names metrics that there are.
#[test]
fn the_shipped_dashboard_asks_for_what_there_is() {
    let daemon = Daemon::start(&[]);
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/grafana/dashboard.json"));
    let dashboard: Value = serde_json::from_str(&text.unwrap()).unwrap();
    let metadata = daemon.get("/api/v1/metadata").json();
    let mut asked = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap().replace("$__rate_interval", "5m");
            let escaped: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let reply = daemon.get(&format!("/api/v1/query?query={escaped}"));
            assert_eq!(reply.status, 200, "{expression}: {reply:?}");
            let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            for name in words.filter(|word| word.starts_with("spud_") || word.starts_with("process_")) {
                let stem = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|end| name.strip_suffix(end))
                    .unwrap_or(name);
                assert!(metadata["data"][stem].is_array(), "{expression}: there is no {stem}");
                asked += 1;
            }
        }
    }
    assert!(asked > 10);
}
