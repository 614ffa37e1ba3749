//! Governance from outside: two people of one box, their terminals, and everything that a change of model needs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;
use spud::knowledge::{ModelSource, default_model_id, write_model};
use support::Daemon;
use support::command::{self, fine, said};
use support::terminal::{PATIENCE, Terminal};

/// Votes.
const ANNA: u32 = 2001;
/// Tends the box.
const OLAF: u32 = 2002;
const LEFT_TO_RIGHT: &str = "\x1b[C";
/// A word of each document, and what people call it.
const WORDS: [(&str, &str); 3] = [("zorblat", "quixnar"), ("brindlow", "yerpfin"), ("klamdrop", "wofenta")];

/// A model that knows these pairs of words, and nothing else.
fn artifact(path: &Path) {
    const COLUMNS: usize = 64;
    let mut pieces = vec!["[PAD]".to_owned()];
    let mut table = vec![0f32; COLUMNS];
    for (axis, (one, other)) in WORDS.iter().enumerate() {
        for word in [one, other] {
            pieces.push((*word).to_owned());
            let mut row = vec![0f32; COLUMNS];
            row[axis] = 1.0;
            table.extend(row);
        }
    }
    let weights = vec![1.0; pieces.len()];
    let (columns, kept) = (64, 64);
    let (name, source, licence) = ("garden-words".into(), "test".into(), "MIT".into());
    let source = ModelSource { name, source, licence, columns, kept, levels: 127, pieces, table, weights };
    write_model(path, &source).unwrap();
}

fn run_as(user: Option<u32>, data: &Path, words: &[&str]) -> Output {
    let output = command::run_as(user, data, words);
    // The README shows this: cargo test --test governance -- --nocapture
    let who = user.map_or("root", |user| if user == ANNA { "anna" } else { "olaf" });
    println!("{who}$ spud {}\n{}", words.join(" "), said(&output));
    output
}

fn show(terminal: &Terminal) {
    println!("{}\n", terminal.screen.screen().contents().trim_end());
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A box with three documents of its own, judged questions, an approver, an operator, and a model to register.
fn garden() -> (Daemon, std::path::PathBuf) {
    let daemon = Daemon::start(&["--set", "modes.latency_target_ms=600000"]);
    let data = daemon.folder.path().to_owned();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let documents = data.join("garden");
    fs::create_dir(&documents).unwrap();
    let mut judged = String::new();
    for (word, question) in WORDS {
        let text = format!("# About it\n\nThe {word} stands behind the house and is painted green.\n");
        fs::write(documents.join(format!("{word}.md")), text).unwrap();
        judged.push_str(&format!("{{\"text\": \"{question}?\", \"file\": \"{word}.md\"}}\n"));
    }
    judged.push_str("{\"text\": \"who won in 1954?\", \"file\": null}\n");
    fs::write(data.join("judged.jsonl"), judged).unwrap();
    let model = data.join("garden.spudmodel");
    artifact(&model);
    fs::set_permissions(&model, fs::Permissions::from_mode(0o644)).unwrap();
    let owner = |words: &[&str]| fine(&run_as(None, &data, words));
    owner(&["add", documents.to_str().unwrap(), "--collection", "garden"]);
    owner(&["judge", "import", "garden", data.join("judged.jsonl").to_str().unwrap()]);
    owner(&["role", "grant", "uid:2001", "approver", "--reason", "votes"]);
    owner(&["role", "grant", "uid:2002", "operator", "--reason", "tends the box"]);
    (daemon, model)
}

/// Loads the view again until it says this.
fn reload_until(terminal: &mut Terminal, text: &str) {
    let until = Instant::now() + PATIENCE;
    while !terminal.screen.screen().contents().contains(text) {
        assert!(Instant::now() < until, "never saw '{text}':\n{}", terminal.screen.screen().contents());
        terminal.send("r");
        let moment = Instant::now() + Duration::from_millis(300);
        while Instant::now() < moment {
            terminal.read();
        }
    }
}

/// Registered, submitted, and refused where it must be; the gates are measured before the vote.
fn asked_for(data: &Path, model: &Path) {
    let olaf = |words: &[&str]| run_as(Some(OLAF), data, words);
    fine(&olaf(&["model", "register", model.to_str().unwrap(), "--about", "knows our words"]));
    let refused = olaf(&["model", "promote", "garden-words", "--reason", "now"]);
    assert!(!refused.status.success() && said(&refused).contains("has no approval"), "{}", said(&refused));
    fine(&olaf(&["model", "submit", "garden-words", "--reason", "knows our words"]));
    // Nobody approves what they submitted; root never votes.
    let own = olaf(&["approval", "approve", "1", "--reason", "mine"]);
    assert_eq!(own.status.code(), Some(77), "{}", said(&own));
    assert!(said(&own).contains("nobody-decides-their-own"), "{}", said(&own));
    let root = run_as(None, data, &["approval", "approve", "1", "--reason", "mine"]);
    assert!(root.status.code() == Some(77) && said(&root).contains("root-never-votes"), "{}", said(&root));
    fine(&olaf(&["model", "stage", "garden-words"]));
    let shown = fine(&olaf(&["approval", "show", "1"]));
    assert!(shown.contains("quality") && shown.contains("nDCG@10 1.000"), "before the vote: {shown}");
}

fn voted_on(data: &Path) {
    let mut anna = Terminal::open_as(Some(ANNA), data, (30, 100), &[]);
    anna.wait_for("Ask, as you would ask a colleague");
    anna.send("\x1ba");
    anna.wait_for("1 wait for votes");
    anna.send("+");
    anna.wait_for("read-only: u unlocks");
    anna.send("u");
    anna.wait_for("unlocked");
    anna.send("+");
    anna.wait_for("Reason");
    anna.send("figures are right\r");
    anna.send(LEFT_TO_RIGHT);
    anna.wait_for("figures are right");
    show(&anna);
    anna.send("\r");
    anna.wait_for("0 wait for votes");
    anna.send("\x03");
    assert_eq!(anna.ends(), Some(0));
}

fn promoted_asked_and_rolled_back(data: &Path) {
    let mut screen = Terminal::open_as(Some(OLAF), data, (30, 100), &[]);
    screen.wait_for("Ask, as you would ask a colleague");
    screen.send("\x1br");
    screen.wait_for("garden-words");
    screen.wait_for("approved");
    screen.send("ju");
    screen.wait_for("unlocked");
    screen.send("P");
    screen.wait_for("Promote the model");
    let all = json(&run_as(Some(OLAF), data, &["--json", "model", "show", "garden-words"]));
    let sha256 = all["sha256"].as_str().unwrap().to_owned();
    screen.send("better for our questions\r");
    screen.send(&sha256[..6]);
    screen.send("\r");
    screen.send(LEFT_TO_RIGHT);
    screen.wait_for("better for our questions");
    show(&screen);
    screen.send("\r");
    screen.wait_without("Promote the model");
    reload_until(&mut screen, "answers garden-words");
    // The word that nobody knew is understood now.
    screen.send("\x1bOQ");
    screen.wait_for("Ask, as you would ask a colleague");
    screen.send("quixnar\r");
    screen.wait_for("zorblat");
    show(&screen);
    screen.send("\x1br");
    screen.wait_for("answers garden-words");
    // The view was left: it is read-only again.
    screen.send("u");
    screen.wait_for("unlocked");
    screen.send("R");
    screen.wait_for("answers again, at once");
    screen.send("only a trial\r");
    screen.send("back\r");
    screen.send(LEFT_TO_RIGHT);
    screen.send("\r");
    screen.wait_without("answers garden-words");
    show(&screen);
    screen.send("\x1b[23~");
    screen.wait_for("model.rolled_back");
    screen.send("v");
    screen.wait_for("All as it was entered");
    screen.send("\x03");
    assert_eq!(screen.ends(), Some(0));
}

#[test]
fn a_better_model_is_registered_voted_on_promoted_asked_and_rolled_back() {
    if !rustix::process::getuid().is_root() {
        // Only root can be two other people; the engine's own tests go the same way without terminals.
        return;
    }
    let (daemon, model) = garden();
    let data = daemon.folder.path();
    asked_for(data, &model);
    voted_on(data);
    promoted_asked_and_rolled_back(data);

    let olaf = |words: &[&str]| run_as(Some(OLAF), data, words);
    let now = json(&olaf(&["--json", "model", "list"]));
    let serving = now["items"].as_array().unwrap().iter().find(|one| one["active"] == true).unwrap();
    assert_eq!(serving["sha256"], default_model_id());
    let history = fine(&olaf(&["model", "history"]));
    for what in ["registered", "submitted", "approved", "staged", "promoted", "rolled back to"] {
        assert!(history.contains(what), "{what}: {history}");
    }
    let entries = fine(&run_as(None, data, &["audit", "list", "-n", "200"]));
    for kind in
        ["approval.submitted", "approval.approved", "model.approved", "model.promoted", "model.rolled_back"]
    {
        assert!(entries.contains(kind), "{kind}: {entries}");
    }
}

/// How long a rollback takes whoever asks for it, commit, audit entry and all: `cargo test --test governance -- --ignored
/// --nocapture`, with `SPUD_BINARY` for another build than this one.
#[test]
#[ignore = "measures; needs root, to be two people"]
fn rollback_at_once() {
    let (daemon, model) = garden();
    let data = daemon.folder.path();
    asked_for(data, &model);
    fine(&run_as(Some(ANNA), data, &["approval", "approve", "1", "--reason", "fine"]));
    let mut took = Vec::new();
    for _ in 0..20 {
        fine(&run_as(Some(OLAF), data, &["model", "promote", "garden-words", "--reason", "better"]));
        let began = Instant::now();
        let reply = daemon.post("/v1/registry/rollback", "{\"reason\": \"a trial\"}");
        took.push(began.elapsed());
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    took.sort();
    println!(
        "rollback: median {:?}, worst {:?} of {}",
        took[took.len() / 2],
        took[took.len() - 1],
        took.len()
    );
}

#[test]
fn the_api_has_tags_pages_and_problems() {
    let (daemon, model) = garden();
    let register = format!("{{\"path\": \"{}\"}}", model.display());
    let made = daemon.post("/v1/registry", &register);
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(daemon.post("/v1/registry", &register).status, 409, "once");
    let sha256 = made.json()["sha256"].as_str().unwrap().to_owned();
    let path = |verb: &str| format!("/v1/registry/{}/{verb}", &sha256[..8]);
    assert_eq!(daemon.post(&path("submit"), "{\"reason\": \" \"}").status, 422);
    let submitted = daemon.post(&path("submit"), "{\"reason\": \"better\", \"impact\": \"critical\"}");
    assert_eq!((submitted.status, submitted.json()["review"].as_str()), (200, Some("pending")));
    let one = daemon.get("/v1/approvals/1");
    let tag = one.header("etag").unwrap().to_owned();
    assert_eq!((one.status, one.json()["votes_needed"].as_u64()), (200, Some(2)), "critical: two at least");
    let word = "{\"reason\": \"hm\"}";
    assert_eq!(daemon.post("/v1/approvals/1/comment", word).status, 200);
    let head = format!("If-Match: {tag}\r\nContent-Type: application/json\r\n");
    let stale = daemon.ask("POST", "/v1/approvals/1/withdraw", &head, word);
    assert_eq!((stale.status, stale.json()["type"].as_str()), (412, Some("urn:spud:problem:stale")));
    let denied = daemon.post("/v1/approvals/1/approve", word);
    assert_eq!(denied.status, 403, "{denied:?}");
    assert!(denied.json()["policies"].to_string().contains("nobody-decides-their-own"), "{denied:?}");
    assert_eq!(daemon.post(&path("promote"), word).status, 409);
    assert_eq!(daemon.post("/v1/registry/rollback", word).status, 409);
    let page = daemon.get("/v1/approvals?state=all&limit=1").json();
    assert_eq!((page["items"].as_array().unwrap().len(), page["next"].as_str()), (1, Some("1")));
    assert_eq!(daemon.get("/v1/approvals?state=odd").status, 422);
    assert_eq!(daemon.get("/v1/approvals/77").status, 404);
    assert_eq!(daemon.get("/v1/registry/nobody").status, 404);
    let judged = daemon.get("/v1/judgements?collection=garden").json();
    assert_eq!(judged["items"].as_array().unwrap().len(), WORDS.len());
    let at = daemon.get("/v1/registry/at?time=2090-01-01").json();
    assert_eq!(at["sha256"], default_model_id());
    let before = daemon.get("/v1/registry/at?time=1999-01-01");
    assert!(before.status == 422 && before.body.contains("nothing is known of that time"), "{before:?}");
    assert_eq!(daemon.get("/v1/registry/at").status, 422);
    let compared = daemon.get(&format!("/v1/registry/compare?a={sha256}&b={}", &sha256[..8])).json();
    let fields = compared["fields"].as_array().unwrap();
    assert!(fields.iter().any(|field| field["name"] == "sha256" && field["a"] == sha256.as_str()));
    assert!(fields.iter().all(|field| field["differs"] == false), "{compared}");
    assert_eq!(daemon.get(&format!("/v1/registry/compare?a={sha256}")).status, 422);
    assert_eq!(daemon.get(&format!("/v1/registry/compare?a={sha256}&b=nobody")).status, 404);
    assert_eq!(daemon.post("/v1/approvals/1/withdraw", word).json()["state"], "withdrawn");
}

#[test]
fn what_is_said_of_models_and_use_cases_is_checked_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let (data, model) = (folder.path().join("data"), folder.path().join("garden.spudmodel"));
    artifact(&model);
    let said_of_it = folder.path().join("said.toml");
    let register = |text: &str| {
        fs::write(&said_of_it, text).unwrap();
        let (model, said_of_it) = (model.to_str().unwrap(), said_of_it.to_str().unwrap());
        run_as(None, &data, &["model", "register", model, "--metadata", said_of_it])
    };
    let wrong = register("training = \"x\"\n[metrics]\nndcg = \"high\"\n");
    assert!(!wrong.status.success());
    assert!(said(&wrong).contains("metadata: line"), "{}", said(&wrong));
    let shown = fine(&register("training_data = \"the garden\"\n[metrics]\n\"ndcg@10\" = 0.41\n"));
    assert!(shown.contains("training data: the garden") && shown.contains("ndcg@10: 0.41"), "{shown}");
    let compared = fine(&run_as(None, &data, &["model", "compare", "garden-words", default_model_id()]));
    assert!(compared.contains("said: ndcg@10"), "{compared}");
    let create = ["use-case", "create", "gate", "--purpose", "open it", "--owner", "workshop"];
    fine(&run_as(None, &data, &create));
    fine(&run_as(None, &data, &["use-case", "edit", "gate", "--purpose", "close it"]));
    let history = fine(&run_as(None, &data, &["use-case", "history", "gate"]));
    assert!(history.contains("edited") && history.contains("purpose"), "{history}");
    let compared = fine(&run_as(None, &data, &["use-case", "compare", "gate", "1", "2"]));
    assert!(compared.contains("open it") && compared.contains("close it"), "{compared}");
    let missing = run_as(None, &data, &["use-case", "compare", "gate", "1", "7"]);
    assert!(
        said(&missing).contains("7 of gate") && said(&missing).contains("there are 1, 2"),
        "{}",
        said(&missing)
    );
}

#[test]
fn a_use_case_is_written_voted_on_deployed_and_ends() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let (daemon, _) = garden();
    let data = daemon.folder.path();
    let olaf = |words: &[&str]| run_as(Some(OLAF), data, words);
    let create = ["use-case", "create", "gate", "--purpose", "tend the garden gate", "--owner", "olaf"];
    let draft = fine(&olaf(&[&create[..], &["--collection", "garden"]].concat()));
    assert!(draft.contains("state       draft"), "{draft}");
    let ask = ["ask", "--use-case", "gate", "where does the zorblat stand"];
    let refused = olaf(&ask);
    assert!(!refused.status.success() && said(&refused).contains("is draft"), "{}", said(&refused));
    let lacks = olaf(&["use-case", "submit", "gate", "--reason", "spring"]);
    assert!(!lacks.status.success() && said(&lacks).contains("no legal basis"), "{}", said(&lacks));
    fine(&olaf(&[
        "use-case",
        "edit",
        "gate",
        "--legal-basis",
        "none: no personal data",
        "--retention",
        "30",
    ]));
    fine(&olaf(&["use-case", "submit", "gate", "--reason", "spring"]));
    let shown = fine(&run_as(Some(ANNA), data, &["approval", "show", "1"]));
    assert!(
        shown.contains("let the use case gate be deployed") && shown.contains("+ retention   30 days"),
        "{shown}"
    );
    fine(&run_as(Some(ANNA), data, &["approval", "approve", "1", "--reason", "fine"]));
    fine(&olaf(&["use-case", "deploy", "gate", "--reason", "spring"]));
    let answer = fine(&olaf(&ask));
    assert!(answer.contains("behind the house"), "{answer}");
    let other = olaf(&["ask", "--use-case", "gate", "--collection", "default", "zorblat"]);
    assert!(said(&other).contains("may not look into"), "{}", said(&other));
    let ends = ["use-case", "deprecate", "gate", "--reason", "autumn", "--retires", "2099-01-01"];
    fine(&olaf(&[&ends[..], &["--successor", "general"]].concat()));
    let answer = fine(&olaf(&ask));
    assert!(answer.contains("is deprecated and ends 2099-01-01"), "{answer}");
    let shown = fine(&olaf(&["use-case", "show", "gate"]));
    assert!(shown.contains("uid:2002") && shown.contains("deprecated by uid:2002: autumn"), "{shown}");
    fine(&olaf(&["use-case", "retire", "gate", "--reason", "winter"]));
    assert!(said(&olaf(&ask)).contains("ask under general instead"));
    let list = json(&olaf(&["--json", "usecase", "list"]));
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    let one = daemon.get("/v1/use-cases/gate");
    assert_eq!((one.status, one.json()["state"].as_str()), (200, Some("retired")));
    let head = format!("If-Match: {}\r\nContent-Type: application/json\r\n", one.header("etag").unwrap());
    assert_eq!(
        daemon.ask("PUT", "/v1/use-cases/gate", &head, "{\"owner\": \"x\"}").status,
        409,
        "it is over"
    );
    let stale = daemon.ask(
        "PUT",
        "/v1/use-cases/gate",
        "If-Match: \"1\"\r\nContent-Type: application/json\r\n",
        "{}",
    );
    assert_eq!(stale.status, 412, "{stale:?}");
}
