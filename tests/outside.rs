//! What others' programs say of what spud hands out: codes, envelopes, reports, rules, log lines, messages, its API.
//! `.ci/run` installs them; a test whose program is not here says so and looks at nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use support::command::{good, run, said};
use support::{Daemon, Reply, take_apart, until};

/// Where `.ci/run` puts what comes from PyPI.
fn python_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("outside").join("bin")
}

/// This program of somebody else's with these arguments, or nothing where it is not here.
fn outside(program: &str, arguments: &[&str]) -> Option<Output> {
    let installed = python_folder().join(program);
    let path = if installed.exists() { installed } else { program.into() };
    let mut command = Command::new(path);
    // Some leave notes where they run.
    command.args(arguments).env("PYTHONWARNINGS", "ignore").current_dir(env!("CARGO_TARGET_TMPDIR"));
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            skipped(&format!("{program} cannot be started ({error})"));
            None
        }
    }
}

/// Said past the harness, which keeps to itself what a test prints.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}; `.ci/run` installs it");
}

/// A script of ours for a library of somebody else's; nothing where the library is not here.
fn python(library: &str, script: &str, arguments: &[&str]) -> Option<Output> {
    let there = outside("python3", &["-c", &format!("import {library}")])?;
    if !there.status.success() {
        skipped(&format!("there is no {library} for python3"));
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outside").join(script);
    outside("python3", &[&[script.to_str().unwrap()], arguments].concat())
}

/// A daemon that listens on loopback, and its address.
fn listening() -> (Daemon, String) {
    let daemon = Daemon::start(&["--tier", "lite", "--listen", "127.0.0.1:0"]);
    let address = daemon.address();
    (daemon, address)
}

/// A token for everything of somebody with this role.
fn token(data: &Path, name: &str, role: &str) -> String {
    good(data, &["principal", "add", name]);
    good(data, &["role", "grant", name, role, "--reason", "a test"]);
    good(data, &["principal", "token", "create", name, "--scope", "*"]).trim().to_owned()
}

#[test]
fn codes_of_oathtool_are_taken_once() {
    if outside("oathtool", &["--version"]).is_none() {
        return;
    }
    let (daemon, address) = listening();
    let data = daemon.folder.path();
    let token = token(data, "grafana", "operator");
    let uri = good(data, &["principal", "totp", "enrol", "grafana"]);
    let secret = uri.split_once("secret=").unwrap().1.split(['&', '\n']).next().unwrap();
    let code = |now: &str| {
        let made = outside("oathtool", &["--totp", "--base32", "--now", now, secret]).unwrap();
        assert!(made.status.success(), "{}", said(&made));
        String::from_utf8_lossy(&made.stdout).trim().to_owned()
    };
    let ask = |code: &str| -> Reply {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(
            stream,
            "POST /v1/mode/auto HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 0\r\n\
             Authorization: Bearer {token}\r\n{code}\r\n"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        take_apart(&text)
    };
    let with = |code: &str| ask(&format!("Spud-Otp: {code}\r\n"));
    let refused = |reply: &Reply| reply.status == 403 && reply.body.contains("second-factor");
    assert!(refused(&ask("")), "without a code");
    assert!(refused(&with(&code("now + 1 hour"))), "a code of later");
    let now = code("now");
    let first = with(&now);
    assert_eq!(first.status, 200, "{first:?}");
    assert!(refused(&with(&now)), "a code counts once");
}

#[test]
fn securesystemslib_verifies_envelopes_by_two_keys() {
    let daemon = Daemon::start(&[]);
    let data = daemon.folder.path();
    let body = json!({"title": "Card lost", "type": "data", "text": "in the bus"});
    assert_eq!(daemon.post("/v1/incidents", &body.to_string()).status, 201);
    let id = daemon.get("/v1/evidence").json()["items"][0]["id"].as_str().unwrap().to_owned();
    let at = |name: &str| data.join(name).to_str().unwrap().to_owned();
    fs::write(at("one.json"), good(data, &["evidence", "show", &id, "--envelope"])).unwrap();
    let laptop = good(data, &["audit", "key", &at("laptop.key"), "--name", "laptop"]);
    fs::write(at("laptop.pub"), laptop).unwrap();
    let key = daemon.get(&format!("/v1/evidence/{id}")).json()["key_openssh"].as_str().unwrap().to_owned();
    fs::write(at("box.pub"), key).unwrap();
    fs::write(at("two.json"), good(data, &["evidence", "sign", &at("one.json"), "--key", &at("laptop.key")]))
        .unwrap();
    let verify = |file: &str, threshold: &str| {
        python("securesystemslib", "envelope.py", &[&at(file), threshold, &at("box.pub"), &at("laptop.pub")])
    };
    let Some(one) = verify("one.json", "1") else { return };
    assert!(one.status.success() && said(&one).contains("verified by 1"), "{}", said(&one));
    let two = verify("two.json", "2").unwrap();
    assert!(two.status.success() && said(&two).contains("verified by 2"), "{}", said(&two));
    // What is changed, or signed by too few, does not pass.
    assert_eq!(verify("one.json", "2").unwrap().status.code(), Some(1));
    let mut changed: Value = serde_json::from_slice(&fs::read(at("two.json")).unwrap()).unwrap();
    let payload = changed["payload"].as_str().unwrap().replacen('e', "f", 1);
    changed["payload"] = payload.into();
    fs::write(at("changed.json"), changed.to_string()).unwrap();
    assert_eq!(verify("changed.json", "1").unwrap().status.code(), Some(1));
}

#[test]
fn trestle_reads_every_report_as_oscal() {
    let daemon = Daemon::start(&[]);
    let data = daemon.folder.path();
    assert_eq!(daemon.post("/v1/queue/pause", r#"{"reason": "flood"}"#).status, 200);
    good(data, &["audit", "checkpoint"]);
    let mut files = Vec::new();
    for framework in ["soc2", "iso27001", "hipaa", "pci-dss", "gdpr"] {
        let file = data.join(framework);
        fs::write(&file, good(data, &["compliance", "report", framework, "--format", "oscal"])).unwrap();
        files.push(file.to_str().unwrap().to_owned());
    }
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    let Some(read) = python("trestle", "oscal.py", &names) else { return };
    assert!(read.status.success() && said(&read).contains("5 assessment results"), "{}", said(&read));
    let mut broken: Value = serde_json::from_slice(&fs::read(&files[0]).unwrap()).unwrap();
    broken["assessment-results"]["uuid"] = json!("no uuid");
    fs::write(&files[0], broken.to_string()).unwrap();
    assert_eq!(python("trestle", "oscal.py", &names[..1]).unwrap().status.code(), Some(1));
}

#[test]
fn check_jsonschema_reads_the_schema_of_the_configuration() {
    let daemon = Daemon::start(&[]);
    let schema = daemon.folder.path().join("schema.json");
    fs::write(&schema, daemon.get("/v1/config/schema").body).unwrap();
    let schema = schema.to_str().unwrap();
    let Some(fine) = outside("check-jsonschema", &["--check-metaschema", schema]) else { return };
    assert!(fine.status.success(), "{}", said(&fine));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs/good");
    let mut checked = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let fine = outside("check-jsonschema", &["--schemafile", schema, file.to_str().unwrap()]).unwrap();
        assert!(fine.status.success(), "{}: {}", file.display(), said(&fine));
        checked += 1;
    }
    assert!(checked > 0);
    let wrong = daemon.folder.path().join("wrong.toml");
    fs::write(&wrong, "[queue]\nattempts = 'many'\n").unwrap();
    let refused = outside("check-jsonschema", &["--schemafile", schema, wrong.to_str().unwrap()]).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
}

#[test]
fn sigma_checks_the_rules_without_an_issue() {
    let daemon = Daemon::start(&[]);
    let data = daemon.folder.path();
    let file = data.join("violations-of-spud.yml");
    let rules = good(data, &["violation", "export", "--sigma"]);
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        outside("sigma", &["check", "--fail-on-error", "--fail-on-issues", file.to_str().unwrap()])
    };
    let Some(checked) = check(&rules) else { return };
    assert!(checked.status.success() && said(&checked).contains("Found 0 errors"), "{}", said(&checked));
    for (from, to) in [("level: medium", "level: loud"), ("selection and not box", "selection and not lorry")]
    {
        let refused = check(&rules.replace(from, to)).unwrap();
        assert!(!refused.status.success(), "{to}: {}", said(&refused));
    }
}

#[test]
fn fail2ban_finds_denials_and_who_they_were() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("config/policies")).unwrap();
    fs::write(
        folder.path().join("config/policies/site.cedar"),
        "@id(\"nobody-compacts\")\nforbid (principal, action == Action::\"compact\", resource);\n",
    )
    .unwrap();
    let daemon = Daemon::start_in(folder, &[]);
    for _ in 0..3 {
        assert_eq!(daemon.post("/v1/compact", "").status, 403);
    }
    let logs = daemon.folder.path().join("logs");
    let log = until("the denials", || {
        let mut files = fs::read_dir(&logs).ok()?.map(|entry| entry.unwrap().path());
        files.find(|file| fs::read_to_string(file).unwrap().matches(r#""message":"denied""#).count() == 3)
    });
    let filter = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/fail2ban/spud.conf");
    let (log, filter) = (log.to_str().unwrap(), filter.to_str().unwrap());
    let Some(found) = outside("fail2ban-regex", &["--out", "id", log, filter]) else { return };
    let me = format!("uid:{}", rustix::process::getuid().as_raw());
    let ids = String::from_utf8_lossy(&found.stdout).into_owned();
    assert_eq!(ids.lines().collect::<Vec<_>>(), [me.as_str(); 3], "{}", said(&found));
    // The time of the line was read, too: none of them is without one.
    let told = said(&outside("fail2ban-regex", &[log, filter]).unwrap());
    assert!(told.contains("Failregex: 3 total") && told.contains("3 matched"), "{told}");
    assert!(!told.contains("without a valid timestamp"), "{told}");
}

/// One request, answered with 204: its head and body.
fn heard(listener: &TcpListener) -> (String, String) {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let length =
        head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[test]
fn standardwebhooks_verifies_what_a_receiver_gets() {
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_owned();
    fs::create_dir_all(data.join("config")).unwrap();
    fs::write(data.join("secret"), SECRET).unwrap();
    let receiver = format!(
        "[[receivers]]\nname = 'hub'\nkind = 'standard'\nurl = 'http://{}/in'\nsecret = 'file:{}/secret'\n",
        listener.local_addr().unwrap(),
        data.display()
    );
    fs::write(data.join("config/notify.toml"), receiver).unwrap();
    let daemon = Daemon::start_in(folder, &[]);
    let ear = std::thread::spawn(move || heard(&listener));
    let test = run(&data, &["notify", "test", "hub"]);
    assert!(test.status.success(), "{}", said(&test));
    let (head, body) = ear.join().unwrap();
    let (headers, message) = (data.join("headers"), data.join("body"));
    fs::write(&headers, head).unwrap();
    fs::write(&message, &body).unwrap();
    let verify = |secret: &str| {
        let files = [headers.to_str().unwrap(), message.to_str().unwrap(), secret];
        python("standardwebhooks", "webhook.py", &files)
    };
    let Some(verified) = verify(SECRET) else { return };
    assert!(verified.status.success() && said(&verified).contains("verified"), "{}", said(&verified));
    assert_eq!(verify("whsec_AfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap().status.code(), Some(1));
    fs::write(&message, body + " ").unwrap();
    assert_eq!(verify(SECRET).unwrap().status.code(), Some(1));
    drop(daemon);
}

#[test]
fn schemathesis_finds_nothing_in_the_api() {
    if outside("schemathesis", &["--version"]).is_none() {
        return;
    }
    let (daemon, address) = listening();
    let data = daemon.folder.path();
    let bearer = format!("Authorization: Bearer {}", token(data, "fuzz", "admin"));
    let (document, url) = (data.join("openapi.json"), format!("http://{address}"));
    let check = |more: &[&str]| {
        let usual = [
            "run",
            document.to_str().unwrap(),
            "--url",
            &url,
            "--header",
            &bearer,
            "--phases=fuzzing",
            "--checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
            // A stream never ends.
            "--exclude-path=/v1/events",
            "--seed=1",
            "--no-shrink",
            "--request-timeout=60",
            "--suppress-health-check=all",
            "--warnings=off",
        ];
        outside("schemathesis", &[&usual, more].concat()).unwrap()
    };
    let told = daemon.get("/v1/openapi.json").body;
    // A document that lies about one field is found out.
    let mut lying: Value = serde_json::from_str(&told).unwrap();
    lying["components"]["schemas"]["Status"]["properties"]["version"] = json!({"type": "integer"});
    fs::write(&document, lying.to_string()).unwrap();
    let found = check(&["--include-path=/v1/status", "--max-examples=1"]);
    assert!(!found.status.success() && said(&found).contains("/v1/status"), "{}", said(&found));
    fs::write(&document, told).unwrap();
    let checked = check(&["--max-examples=3", "--continue-on-failure"]);
    assert!(checked.status.success(), "{}", said(&checked));
    assert_eq!(daemon.get("/healthz").status, 200);
}
