//! Who may do what, from outside: roles and grants, tokens over TCP, site policies, denials and their reasons.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Daemon, Reply, signal, spud, take_apart};

fn run(data: &Path, words: &[&str]) -> Output {
    spud().arg("--data").arg(data).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn said(output: &Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

/// Where it listens for TCP.
fn address(daemon: &Daemon) -> String {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some((_, rest)) = daemon.said().split_once("http://") {
            return rest.split(' ').next().unwrap().to_owned();
        }
        assert!(Instant::now() < until, "{}", daemon.said());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn site(data: &Path, policies: &str) {
    let folder = data.join("config/policies");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("site.cedar"), policies).unwrap();
}

/// Variants of an enum, as its source has them.
fn variants(file: &str, name: &str) -> BTreeSet<String> {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let (_, rest) = source.split_once(&format!("pub enum {name} {{")).unwrap();
    let (body, _) = rest.split_once("\n}").unwrap();
    let variant = |line: &str| {
        let line = line.strip_prefix("    ")?;
        let end = line.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(line.len());
        line.starts_with(|c: char| c.is_ascii_uppercase()).then(|| line[..end].to_owned())
    };
    body.lines().filter_map(variant).collect()
}

#[test]
fn every_action_has_its_permission() {
    let needs = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine/access/needs.rs");
    let needs = fs::read_to_string(needs).unwrap();
    assert!(!needs.contains("_ =>"), "no arm may stand for actions that nobody thought of");
    for (file, name) in [
        ("src/engine/action.rs", "Action"),
        ("src/engine/settings_action.rs", "ConfigAction"),
        ("src/engine/access/actions.rs", "AccessAction"),
        ("src/engine/trail/actions.rs", "AuditAction"),
        ("src/engine/approvals/actions.rs", "ApprovalAction"),
        ("src/engine/registry/actions.rs", "RegistryAction"),
        ("src/engine/use_cases/actions.rs", "UseCaseAction"),
        ("src/engine/alerts/actions.rs", "AlertAction"),
        ("src/engine/incidents/actions.rs", "IncidentAction"),
    ] {
        let all = variants(file, name);
        assert!(all.len() > 4, "{name}: {all:?}");
        for variant in all {
            let path = format!("{name}::{variant}");
            let named = needs.match_indices(&path);
            let whole = named.filter(|(at, found)| {
                let (before, after) = (&needs[..*at], &needs[at + found.len()..]);
                !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
            });
            assert!(whole.count() > 0, "{name}::{variant} has no permission");
        }
    }
}

#[test]
fn the_installing_user_is_admin_and_grants_survive_kill_9() {
    let mut daemon = Daemon::start(&[]);
    let me = daemon.get("/v1/whoami").json();
    assert_eq!(me["roles"], json!(["admin"]));
    assert!(me["permissions"].as_array().unwrap().len() >= 40, "{me}");
    let data = daemon.folder.path().to_owned();
    let made = run(
        &data,
        &["--json", "role", "grant", "uid:4242", "operator", "--reason", "night shift", "--for", "30d"],
    );
    assert!(made.status.success(), "{}", said(&made));
    signal(&daemon.child, rustix::process::Signal::KILL);
    daemon.child.wait().unwrap();
    let review = json_of(&run(&data, &["--json", "role", "review"]));
    let grant =
        review["items"].as_array().unwrap().iter().find(|one| one["to"] == "uid:4242").unwrap().clone();
    assert_eq!((grant["role"].as_str(), grant["reason"].as_str()), (Some("operator"), Some("night shift")));
    let id = grant["id"].as_str().unwrap();
    let confirmed = run(&data, &["--json", "role", "review", "--confirm", id]);
    assert!(said(&confirmed).contains("confirmed_ms"), "{}", said(&confirmed));
    assert!(run(&data, &["role", "revoke", id, "--reason", "left"]).status.success());
    assert_eq!(run(&data, &["role", "revoke", id]).status.code(), Some(1));
    assert_eq!(run(&data, &["role", "grant", "uid:4242", "boss", "--reason", "x"]).status.code(), Some(65));
    assert_eq!(
        run(&data, &["role", "grant", "uid:4242", "admin"]).status.code(),
        Some(2),
        "a reason is needed"
    );
    let log = text(&run(&data, &["--json", "audit", "list"]).stdout);
    for kind in ["role.granted", "role.confirmed", "role.revoked"] {
        assert!(log.contains(kind), "{kind}: {log}");
    }
    assert!(log.contains("night shift") && log.contains("uid:4242"), "{log}");
    let roles = json_of(&run(&data, &["--json", "role", "list"]));
    let count = |name: &str| {
        let role =
            roles["items"].as_array().unwrap().iter().find(|role| role["name"] == name).unwrap().clone();
        role["permissions"].as_array().unwrap().len()
    };
    assert!(count("analyst") < count("operator") && count("operator") < count("admin"), "{roles}");
    assert!(count("auditor") > 5 && count("approver") > 5);
}

#[test]
fn a_review_is_decided_over_kill_9_and_told() {
    let mut daemon = Daemon::start(&[]);
    let data = daemon.folder.path().to_owned();
    let ok = |words: &[&str]| {
        let output = run(&data, words);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        output
    };
    assert_eq!(run(&data, &["role", "review", "--open"]).status.code(), Some(65), "nothing is granted");
    for (to, role) in [("uid:4242", "operator"), ("uid:4243", "auditor"), ("uid:4244", "operator")] {
        ok(&["role", "grant", to, role, "--reason", "night shift"]);
    }
    assert_eq!(run(&data, &["role", "review", "--open"]).status.code(), Some(65), "a reason is needed");
    let made = json_of(&ok(&["--json", "role", "review", "--open", "--reason", "quarter"]));
    assert_eq!((&made["id"], &made["undecided"]), (&json!("1"), &json!(3)));
    assert!(said(&ok(&["role", "review"])).contains("The review 1 is open: 3 of its grants are undecided"));
    ok(&["role", "review", "--confirm", "1", "--reason", "still here"]);
    // A decision that was answered is kept, whatever happens then.
    signal(&daemon.child, rustix::process::Signal::KILL);
    daemon.child.wait().unwrap();
    let shown = json_of(&ok(&["--json", "role", "review", "--show"]));
    assert_eq!((&shown["confirmed"], &shown["undecided"]), (&json!(1), &json!(2)));
    assert_eq!(shown["items"][0]["decided_reason"], "still here");
    let taken = said(&ok(&["role", "review", "--revoke", "2", "--reason", "left"]));
    assert!(taken.contains("1 undecided, 1 confirmed, 1 revoked"), "{taken}");
    let early = run(&data, &["role", "review", "--close", "--reason", "over"]);
    assert!(said(&early).contains("not decided yet: grant 3"), "{}", said(&early));
    let closed =
        json_of(&ok(&["--json", "role", "review", "--close", "--undecided", "3", "--reason", "away"]));
    assert_eq!((&closed["state"], &closed["undecided"]), (&json!("closed"), &json!(1)));
    // The report is the bytes that the evidence names.
    let report = ok(&["role", "review", "--report"]).stdout;
    assert!(text(&report).contains("| 2 | uid:4243 | auditor | box |"), "{}", text(&report));
    let digest = closed["sha256"].as_str().unwrap();
    use sha2::Digest;
    let sum: String = sha2::Sha256::digest(&report).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sum, digest);
    let log = text(&ok(&["--json", "audit", "list"]).stdout);
    for kind in ["review.opened", "role.confirmed", "role.revoked", "review.closed", digest] {
        assert!(log.contains(kind), "{kind}: {log}");
    }
    assert!(said(&ok(&["role", "review", "--list"])).contains("closed"));
    let gone = json_of(&ok(&["--json", "role", "review"]));
    assert!(!gone["items"].as_array().unwrap().iter().any(|one| one["to"] == "uid:4243"), "{gone}");
}

#[test]
fn a_site_policy_denies_with_its_name_and_the_reason_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    site(
        data,
        "@id(\"frozen\") @advice(\"wait for the thaw\")\nforbid (principal, action == Action::\"compact\", resource);",
    );
    let denied = run(data, &["compact"]);
    assert_eq!(denied.status.code(), Some(77), "{}", said(&denied));
    let told = text(&denied.stderr);
    assert!(told.contains("the policy frozen forbids it") && told.contains("wait for the thaw"), "{told}");
    let (_, rest) = told.split_once("request ").unwrap();
    let id: String = rest.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect();
    let why = run(data, &["why", &id]);
    assert!(why.status.success(), "{}", said(&why));
    let why = text(&why.stdout);
    assert!(why.contains("denied: compact") && why.contains("frozen") && why.contains(&id), "{why}");
    assert!(text(&run(data, &["policy", "decisions"]).stdout).contains("frozen"));
    let log = text(&run(data, &["--json", "audit", "list"]).stdout);
    assert!(log.contains("access.denied") && log.contains("policy.loaded") && log.contains(&id), "{log}");
    assert!(run(data, &["audit", "verify"]).status.success());
    assert_eq!(run(data, &["why", "nobody-asked"]).status.code(), Some(1));
    let explained = text(&run(data, &["policy", "explain", "compact"]).stdout);
    assert!(explained.contains("denied") && explained.contains("frozen"), "{explained}");
    let shown = text(&run(data, &["policy", "show", "frozen"]).stdout);
    assert!(shown.contains("wait for the thaw") && shown.contains("site.cedar"), "{shown}");
    let other = text(&run(data, &["policy", "explain", "force-mode", "--principal", "uid:9"]).stdout);
    assert!(other.contains("denied") && other.contains("operator or admin"), "{other}");
}

#[test]
fn policies_are_checked_compared_and_tested_before_they_count() {
    let daemon = Daemon::start(&[]);
    let data = daemon.folder.path();
    let file = data.join("new.cedar");
    fs::write(&file, "permit (principal,\n  action == Action::\"serch\", resource);").unwrap();
    let check = run(data, &["policy", "check", file.to_str().unwrap()]);
    assert_eq!(check.status.code(), Some(78));
    let told = text(&check.stdout);
    assert!(told.contains("new.cedar:2:3: there is no action \"serch\"; did you mean 'search'?"), "{told}");
    fs::write(&file, "@id(\"quiet\") forbid (principal, action == Action::\"search\", resource) when { context.hour < 6 };").unwrap();
    assert!(run(data, &["policy", "check", file.to_str().unwrap()]).status.success());
    let cases = data.join("cases.toml");
    fs::write(
        &cases,
        "[[case]]\nname = \"night\"\npermission = \"search\"\nhour = 3\nroles = [\"analyst\"]\nexpect = \"deny\"\n\
         [[case]]\npermission = \"search\"\nhour = 12\nroles = [\"analyst\"]\nexpect = \"allow\"\n",
    )
    .unwrap();
    let words = ["policy", "test", cases.to_str().unwrap()];
    let before = run(data, &words);
    assert_eq!(before.status.code(), Some(1), "{}", said(&before));
    assert!(text(&before.stdout).contains("failed: night"), "{}", said(&before));
    let with = run(data, &[&words[..], &["--with", file.to_str().unwrap()]].concat());
    assert!(with.status.success() && text(&with.stdout).contains("2 passed, 0 failed"), "{}", said(&with));
    site(data, &fs::read_to_string(&file).unwrap());
    // The folder may have been noticed already; after a reload it is.
    let listed = run(data, &["policy", "reload"]);
    assert!(text(&listed.stdout).contains("quiet"), "{}", said(&listed));
    assert!(run(data, &words).status.success());
    site(data, "forbid (principal, action, resource) when { nonsense };");
    let diff = run(data, &["policy", "diff"]);
    assert_eq!(diff.status.code(), Some(78), "{}", said(&diff));
    assert_eq!(run(data, &["policy", "reload"]).status.code(), Some(78));
    assert!(run(data, &words).status.success(), "the old ones go on");
    for bad in ["case = 3", "[[case]]\npermision = \"search\"", "[["] {
        fs::write(&cases, bad).unwrap();
        assert_eq!(run(data, &words).status.code(), Some(65), "{bad}");
    }
}

#[test]
fn tokens_are_good_for_their_scopes_over_tcp() {
    let daemon = Daemon::start(&["--listen", "127.0.0.1:0"]);
    let data = daemon.folder.path();
    let address = address(&daemon);
    let ask = |method: &str, target: &str, token: Option<&str>| -> Reply {
        let mut stream = TcpStream::connect(&address).unwrap();
        let bearer = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        write!(stream, "{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{bearer}\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        take_apart(&text)
    };
    assert_eq!(ask("GET", "/v1/documents", None).status, 403);
    assert_eq!(ask("GET", "/v1/documents", Some("spud_1_00")).status, 401);
    assert!(run(data, &["principal", "add", "grafana", "--about", "dashboards"]).status.success());
    assert!(run(data, &["role", "grant", "grafana", "operator", "--reason", "dashboards"]).status.success());
    let made =
        run(data, &["principal", "token", "create", "grafana", "--scope", "read-documents", "--for", "1h"]);
    assert!(made.status.success(), "{}", said(&made));
    let token = text(&made.stdout).trim().to_owned();
    assert_eq!(ask("GET", "/v1/documents", Some(&token)).status, 200);
    let denied = ask("POST", "/v1/compact", Some(&token));
    assert_eq!(denied.status, 403);
    let problem = denied.json();
    assert_eq!(problem["type"], "urn:spud:problem:denied");
    assert_eq!(problem["policies"], json!(["tokens-keep-their-scopes"]));
    assert_eq!(problem["permission"], "compact");
    assert_eq!(problem["digest"].as_str().unwrap().len(), 64);
    let request = denied.header("x-request-id").unwrap();
    assert_eq!(problem["instance"], request);
    let kept = daemon.get(&format!("/v1/decisions/{request}")).json();
    assert_eq!((kept["principal"].as_str(), kept["allowed"].as_bool()), (Some("grafana"), Some(false)));
    assert_eq!(ask("GET", "/healthz", Some(&token)).status, 200);
    let list = json_of(&run(data, &["--json", "principal", "show", "grafana"]));
    assert!(!list.to_string().contains(&token), "the secret is shown once");
    let control = fs::read(data.join("control.redb")).unwrap();
    let secret = token.rsplit('_').next().unwrap().as_bytes();
    assert!(!control.windows(secret.len()).any(|window| window == secret), "the secret is kept nowhere");
    // Even a token for everything does not decide who may do what.
    run(data, &["role", "grant", "grafana", "admin", "--reason", "test"]);
    let all = text(&run(data, &["principal", "token", "create", "grafana", "--scope", "*"]).stdout)
        .trim()
        .to_owned();
    let refused = ask("DELETE", "/v1/roles/grants/1", Some(&all));
    assert_eq!((refused.status, &refused.json()["policies"]), (403, &json!(["tokens-trust-nobody"])));
    let id = list["tokens"][0]["id"].as_str().unwrap();
    assert!(run(data, &["principal", "token", "revoke", id]).status.success());
    assert_eq!(ask("GET", "/v1/documents", Some(&token)).status, 401);
    assert!(run(data, &["principal", "revoke", "grafana"]).status.success());
    assert_eq!(ask("GET", "/v1/status", Some(&all)).status, 401);
}

#[test]
fn wrong_policies_of_a_new_box_are_told_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    site(folder.path(), "permit (principal, action, resource)");
    let refused = run(folder.path(), &["status"]);
    assert_eq!(refused.status.code(), Some(78), "{}", said(&refused));
    assert!(text(&refused.stderr).contains("site.cedar:1:37: ';' is wanted"), "{}", said(&refused));
}

#[test]
fn sessions_are_listed_and_ended_and_a_token_ends_with_its_own() {
    let daemon = Daemon::start(&["--listen", "127.0.0.1:0"]);
    let data = daemon.folder.path();
    let address = address(&daemon);
    assert!(run(data, &["principal", "add", "grafana"]).status.success());
    assert!(run(data, &["role", "grant", "grafana", "operator", "--reason", "dashboards"]).status.success());
    let token = text(&run(data, &["principal", "token", "create", "grafana", "--scope", "*"]).stdout)
        .trim()
        .to_owned();
    // One that stays: over TCP with the token, and over the socket.
    let ask = |stream: &mut dyn ReadWrite, head: &str| {
        write!(stream, "GET /v1/status HTTP/1.1\r\nHost: {address}\r\n{head}\r\n").unwrap();
        let mut seen = vec![0; 64];
        let count = stream.read(&mut seen).unwrap();
        String::from_utf8_lossy(&seen[..count]).into_owned()
    };
    let mut tcp = TcpStream::connect(&address).unwrap();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert!(ask(&mut tcp, &bearer).starts_with("HTTP/1.1 200"));
    let mut local = daemon.connect();
    assert!(ask(&mut local, "").starts_with("HTTP/1.1 200"));
    let list = json_of(&run(data, &["--json", "session", "list"]));
    let items = list["items"].as_array().unwrap();
    let of_token = items.iter().find(|one| one["via"] == "token").unwrap();
    assert!(
        of_token["principal"].as_str().unwrap().starts_with("token:") && of_token["requests"] == 1,
        "{list}"
    );
    let me = format!("{}-{}", rustix::process::getuid().as_raw(), std::process::id());
    assert!(items.iter().any(|one| one["id"] == me.as_str() && one["via"] == "socket"), "{list}");
    let id = of_token["id"].as_str().unwrap();
    for id in [id, &me] {
        let ended = run(data, &["session", "revoke", id, "--reason", "lost laptop"]);
        assert!(ended.status.success(), "{}", said(&ended));
    }
    assert_eq!(run(data, &["session", "revoke", "1-1"]).status.code(), Some(1));
    // Both connections end; the kernel's word is as good as before, the token is not.
    let mut rest = Vec::new();
    tcp.read_to_end(&mut rest).unwrap();
    local.read_to_end(&mut rest).unwrap();
    assert!(ask(&mut daemon.connect(), "").starts_with("HTTP/1.1 200"));
    assert!(ask(&mut TcpStream::connect(&address).unwrap(), &bearer).starts_with("HTTP/1.1 401"));
    let log = text(&run(data, &["--json", "audit", "list"]).stdout);
    assert!(log.contains("session.revoked") && log.contains("lost laptop"), "{log}");
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

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
    let address = address(&daemon);
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
