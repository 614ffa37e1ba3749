//! Who may do what, over the API: tags that changes hold to, pages, keys of requests that are nobody else's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use support::command::{json_of, run, said, text};
use support::{Daemon, Reply, take_apart};

#[test]
fn everything_has_a_tag_and_changes_hold_to_it() {
    let daemon = Daemon::start(&[]);
    let data = daemon.folder.path();
    for name in ["anna", "ben"] {
        assert!(run(data, &["principal", "add", name]).status.success());
    }
    assert!(run(data, &["role", "grant", "anna", "operator", "--reason", "a test"]).status.success());
    assert!(run(data, &["principal", "token", "create", "anna", "--scope", "*"]).status.success());
    let grants = daemon.get("/v1/roles/grants").json();
    let grant =
        grants["items"].as_array().unwrap().iter().find(|one| one["to"] == "anna").unwrap()["id"].clone();
    let grant = format!("/v1/roles/grants/{}", grant.as_str().unwrap());
    let token = daemon.get("/v1/tokens").json()["items"][0]["id"].as_str().unwrap().to_owned();
    let session = daemon.get("/v1/sessions").json()["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(daemon.post("/v1/access/reviews", r#"{"reason":"a test"}"#).status, 201);
    assert_eq!(daemon.post("/v1/audit/checkpoints", "").status, 200);
    for target in [
        "/v1/principals",
        "/v1/principals/anna",
        "/v1/sessions",
        "/v1/tokens",
        "/v1/roles",
        "/v1/roles/grants",
        "/v1/policies",
        "/v1/decisions",
        "/v1/registry",
        "/v1/judgements",
        "/v1/use-cases",
        "/v1/use-cases/general",
        "/v1/approvals",
        "/v1/incidents",
        "/v1/violations/rules",
        "/v1/sla",
        "/v1/compliance",
        "/v1/compliance/gdpr?format=md",
        "/v1/access/reviews/open/report",
        "/v1/audit/entries/0",
        &grant,
        &format!("/v1/tokens/{token}"),
    ] {
        let reply = daemon.get(target);
        assert_eq!(reply.status, 200, "{target}: {reply:?}");
        let tag = reply.header("etag").unwrap_or_else(|| panic!("{target} has no tag"));
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{target}: {tag}");
    }
    assert_eq!(daemon.get(&format!("/v1/sessions/{session}x")).status, 404);
    // Who has it already is told so; a tag that is another one's is none.
    let before = daemon.get("/v1/principals/anna").header("etag").unwrap().to_owned();
    let known = |tag: &str| {
        daemon.ask("GET", "/v1/principals/anna", &format!("If-None-Match: \"x\", {tag}\r\n"), "").status
    };
    assert_eq!((known(&before), known("*"), known("\"y\"")), (304, 304, 200));
    // A change by what was seen: somebody else was faster.
    let key_of = |tag: &str| {
        let head = format!("If-Match: {tag}\r\nContent-Type: application/json\r\n");
        daemon.ask("POST", "/v1/principals/anna/totp", &head, "").status
    };
    assert!(run(data, &["principal", "token", "create", "anna", "--scope", "*"]).status.success());
    assert_eq!(known(&before), 200);
    assert_eq!(key_of(&before), 412);
    let second = daemon.get("/v1/principals/anna").header("etag").unwrap().to_owned();
    assert_eq!(key_of(&second), 201);
    let drop = |tag: &str| {
        daemon.ask("DELETE", &format!("{grant}?reason=over"), &format!("If-Match: {tag}\r\n"), "")
    };
    let tag = daemon.get(&grant).header("etag").unwrap().to_owned();
    let stale = drop("\"odd\"");
    assert_eq!((stale.status, stale.json()["type"].as_str()), (412, Some("urn:spud:problem:stale")));
    assert_eq!(drop(&format!("\"odd\", {tag}")).status, 204);
    assert_eq!(drop("*").status, 404, "what is gone is gone");
    let none = daemon.ask("POST", "/v1/compact", "If-Match: \"1\"\r\n", "");
    assert_eq!(none.status, 400, "nothing ignores what somebody relies on: {none:?}");
}

#[test]
fn one_of_several_tags_is_enough_where_the_engine_compares_once_more() {
    let daemon = Daemon::start(&[]);
    let body = json!({"title": "x", "type": "data", "severity": "info", "text": "x"}).to_string();
    let opened = daemon.post("/v1/incidents", &body);
    let place = opened.header("location").unwrap().to_owned();
    let tag = daemon.get(&place).header("etag").unwrap().to_owned();
    let head = format!("If-Match: \"odd\", {tag}\r\nContent-Type: application/json\r\n");
    assert_eq!(daemon.ask("PATCH", &place, &head, r#"{"severity":"warning"}"#).status, 200);
    assert_eq!(daemon.ask("PATCH", &place, &head, r#"{"severity":"info"}"#).status, 412);
}

#[test]
fn lists_come_in_pages_and_the_command_line_shows_all_of_them() {
    let daemon = Daemon::start(&[]);
    let data = daemon.folder.path();
    for n in 0..7 {
        let body = json!({"name": format!("robot-{n}"), "about": "x"}).to_string();
        assert_eq!(daemon.post("/v1/principals", &body).status, 201);
    }
    let whole = daemon.get("/v1/principals").json();
    let mut pages = Vec::new();
    let mut target = "/v1/principals?limit=3".to_owned();
    loop {
        let page = daemon.get(&target).json();
        assert!(page["items"].as_array().unwrap().len() <= 3);
        pages.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        // Somebody new before those that were shown: nobody is shown twice or left out.
        daemon
            .post("/v1/principals", &json!({"name": format!("a-{}", pages.len()), "about": "x"}).to_string());
        target = format!("/v1/principals?limit=3&cursor={}", next.replace('~', "%7E"));
    }
    assert_eq!(&pages, whole["items"].as_array().unwrap());
    let policies = daemon.get("/v1/policies?limit=2").json();
    assert!(policies["items"].as_array().unwrap().len() == 2 && policies["digest"].is_string(), "{policies}");
    for (query, status) in [("limit=1001", 422), ("limit=x", 422), ("cursor=x", 422), ("odd=1", 422)] {
        assert_eq!(daemon.get(&format!("/v1/roles?{query}")).status, status, "{query}");
    }
    assert_eq!(daemon.get("/v1/registry?limit=1").json()["next"], Value::Null);
    let lines: String = (0..1001)
        .map(|n| format!("{{\"text\": \"what is number {n}?\", \"file\": \"n{n}.md\"}}\n"))
        .collect();
    let file = data.join("judged.jsonl");
    fs::write(&file, lines).unwrap();
    assert!(run(data, &["collection", "create", "numbers"]).status.success());
    let taken = run(data, &["judge", "import", "numbers", file.to_str().unwrap()]);
    assert!(taken.status.success(), "{}", said(&taken));
    let first = daemon.get("/v1/judgements").json();
    assert_eq!((first["items"].as_array().unwrap().len(), first["next"].is_string()), (1000, true));
    let shown = json_of(&run(data, &["judge", "list", "--json"]));
    assert_eq!((shown["items"].as_array().unwrap().len(), &shown["next"]), (1001, &Value::Null));
}

#[test]
fn a_key_of_a_token_is_done_once_and_is_nobody_elses() {
    let daemon = Daemon::start(&["--listen", "127.0.0.1:0"]);
    let data = daemon.folder.path();
    let address = daemon.address();
    let tokens: Vec<String> = ["anna", "ben"]
        .iter()
        .map(|name| {
            assert!(run(data, &["principal", "add", name]).status.success());
            assert!(run(data, &["role", "grant", name, "operator", "--reason", "a test"]).status.success());
            text(&run(data, &["principal", "token", "create", name, "--scope", "*"]).stdout).trim().to_owned()
        })
        .collect();
    let open = |token: &str, title: &str| -> Reply {
        let body = json!({"title": title, "type": "data", "severity": "info", "text": "x"}).to_string();
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!(
            "POST /v1/incidents HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nIdempotency-Key: same\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        take_apart(&all)
    };
    let (first, again) = (open(&tokens[0], "one"), open(&tokens[0], "one"));
    assert_eq!((first.status, again.status), (201, 201), "{first:?} {again:?}");
    assert_eq!(first.json(), again.json());
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(open(&tokens[0], "another").status, 422);
    // The same key of another principal is another key: what it gets is its own.
    let other = open(&tokens[1], "one");
    assert_eq!(other.status, 201);
    assert_ne!(other.json()["id"], first.json()["id"]);
    assert_eq!(daemon.get("/v1/incidents?state=all").json()["items"].as_array().unwrap().len(), 2);
    // A token that holds no longer is told nothing, whatever it was told before.
    let id = daemon.get("/v1/principals/anna").json()["tokens"][0]["id"].as_str().unwrap().to_owned();
    assert!(run(data, &["principal", "token", "revoke", &id]).status.success());
    assert_eq!(open(&tokens[0], "one").status, 401);
    // What can be said of a request is told by the document.
    let document = daemon.get("/v1/openapi.json").json();
    let names = |path: &str, method: &str| -> BTreeSet<String> {
        let all = document["paths"][path][method]["parameters"].as_array().unwrap();
        all.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let incidents = names("/v1/incidents", "post");
    assert!(incidents.contains("Idempotency-Key") && incidents.contains("If-Match"), "{incidents:?}");
    let principals = names("/v1/principals", "get");
    assert!(["cursor", "limit", "If-None-Match"].iter().all(|name| principals.contains(*name)));
    assert!(
        !names("/v1/principals/{name}/tokens", "post").contains("Idempotency-Key"),
        "secrets stay nowhere"
    );
    let get = &document["paths"]["/v1/principals"]["get"]["responses"];
    assert!(get["200"]["headers"]["ETag"].is_object() && get["304"].is_object(), "{get}");
    assert!(document["paths"]["/v1/tokens/{id}"]["delete"]["responses"]["412"].is_object());
}
