//! Signed votes from outside: a key that is enrolled, a document that OpenSSH signs, a vote that takes it, and an
//! export that OpenSSH verifies without this program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use support::command::{fine, run_as, said};
use support::{Daemon, signal, spud};

/// Votes.
const ANNA: u32 = 2001;

/// True where OpenSSH and two people can be had.
fn can_sign() -> bool {
    if !rustix::process::getuid().is_root() {
        println!("skipped: only root can be two people");
        return false;
    }
    let there =
        Command::new("ssh-keygen").arg("-?").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        println!("skipped: ssh-keygen is not installed");
    }
    there
}

fn keygen(folder: &Path, kind: &str, name: &str) -> String {
    let file = folder.join(name);
    let words = ["-q", "-t", kind, "-N", "", "-C", "anna@laptop", "-f", file.to_str().unwrap()];
    assert!(Command::new("ssh-keygen").args(words).status().unwrap().success());
    folder.join(format!("{name}.pub")).to_str().unwrap().to_owned()
}

fn ssh_sign(key: &Path, document: &Path) -> String {
    let signed = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-q", "-n", "spud-approval", "-f"])
        .arg(key)
        .arg(document)
        .output()
        .unwrap();
    assert!(signed.status.success(), "{}", said(&signed));
    format!("{}.sig", document.display())
}

/// What `ssh-keygen -Y verify` says of an exported vote.
fn verified(folder: &Path, name: &str) -> bool {
    let document = fs::File::open(folder.join(name)).unwrap();
    let verify = Command::new("ssh-keygen")
        .current_dir(folder)
        .args(["-Y", "verify", "-n", "spud-approval", "-f", "allowed_signers", "-I", "uid:2001", "-s"])
        .arg(format!("{name}.sig"))
        .stdin(document)
        .output()
        .unwrap();
    println!("{}", said(&verify));
    verify.status.success()
}

/// The same box once more.
fn again(daemon: &mut Daemon) {
    let words = ["daemon", "--set", "approval.signature=high"];
    let mut command = spud();
    command.arg("--data").arg(daemon.folder.path()).args(words).stdout(Stdio::null()).stderr(Stdio::null());
    daemon.child = command.spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while UnixStream::connect(daemon.socket()).is_err() {
        assert!(Instant::now() < until, "the daemon did not start again");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn openssh_signs_a_vote_and_verifies_what_is_exported() {
    if !can_sign() {
        return;
    }
    let mut daemon = Daemon::start(&["--set", "approval.signature=high"]);
    let data = daemon.folder.path().to_owned();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let laptop = tempfile::tempdir().unwrap();
    fs::set_permissions(laptop.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let owner = |words: &[&str]| run_as(None, &data, words);
    let anna = |words: &[&str]| run_as(Some(ANNA), &data, words);
    fine(&owner(&["role", "grant", "uid:2001", "approver", "--reason", "votes"]));
    // Her key is enrolled by an admin; an RSA key is refused by name, and nobody enrols their own.
    let public = keygen(laptop.path(), "ed25519", "key");
    let rsa = keygen(laptop.path(), "rsa", "old");
    let refused = owner(&["principal", "key", "add", "uid:2001", &rsa]);
    assert!(
        !refused.status.success() && said(&refused).contains("ssh-rsa are not taken"),
        "{}",
        said(&refused)
    );
    assert_eq!(anna(&["principal", "key", "add", "uid:2001", &public]).status.code(), Some(77));
    fine(&owner(&["principal", "key", "add", "uid:2001", &public, "--reason", "her laptop"]));
    let listed = fine(&owner(&["principal", "key", "list"]));
    assert!(
        listed.contains("uid:2001") && listed.contains("SHA256:") && listed.contains("anna@laptop"),
        "{listed}"
    );
    assert_eq!(
        owner(&["principal", "key", "add", "uid:2002", &public]).status.code(),
        Some(1),
        "one key, one person"
    );

    fine(&owner(&["role", "grant", "uid:2003", "admin", "--reason", "stands in"]));
    let bare = anna(&["approval", "approve", "1", "--reason", "agreed"]);
    assert_eq!(bare.status.code(), Some(77), "{}", said(&bare));
    assert!(said(&bare).contains("votes for changes of high impact are signed here"), "{}", said(&bare));
    let made = anna(&["approval", "document", "1"]);
    let document = laptop.path().join("vote");
    fs::write(&document, &made.stdout).unwrap();
    let signature = ssh_sign(&laptop.path().join("key"), &document);
    // A power cut between document and vote loses nothing.
    signal(&daemon.child, rustix::process::Signal::KILL);
    daemon.child.wait().unwrap();
    again(&mut daemon);
    let voted = fine(&anna(&["approval", "approve", "1", "--reason", "agreed", "--signature", &signature]));
    assert!(voted.contains("is done"), "{voted}");
    let shown = fine(&anna(&["approval", "show", "1"]));
    assert!(shown.contains("uid:2001 approved, signed SHA256:"), "{shown}");

    let folder = laptop.path().join("evidence");
    let said = fine(&owner(&["approval", "export", "1", "--to", folder.to_str().unwrap()]));
    assert!(said.contains("ssh-keygen -Y verify -n spud-approval"), "{said}");
    assert!(verified(&folder, "approval-1-uid-2001"), "what was exported verifies");
    let text = fs::read_to_string(folder.join("approval-1-uid-2001")).unwrap();
    fs::write(folder.join("approval-1-uid-2001"), text.replace("uid:2003", "uid:2004")).unwrap();
    assert!(!verified(&folder, "approval-1-uid-2001"), "what was changed does not");

    fs::write(folder.join("approval-1-uid-2001"), &text).unwrap();
    the_bundle_holds_the_vote(&data, laptop.path());
    let all = daemon.get("/v1/approvals/1/signatures").json();
    assert_eq!(
        (all["items"][0]["voter"].as_str(), all["items"][0]["document"].as_str()),
        (Some("uid:2001"), Some(text.as_str()))
    );
    assert_eq!(daemon.get("/v1/approvals/1").json()["signature_needed"], json!(true));
    assert_eq!(daemon.post("/v1/approvals/1/document", "{\"decision\": \"approve\"}").status, 403);
    assert_eq!(daemon.post("/v1/principals/uid:2001/keys", "{\"key\": \"odd\"}").status, 422);
    let log = fine(&owner(&["--json", "audit", "list"]));
    assert!(log.contains("key.enrolled") && log.contains("her laptop"), "{log}");
    assert!(owner(&["audit", "verify"]).status.success());
}

/// An auditor's folder with the vote in it: its script says so, and says no to whatever somebody does to a vote.
fn the_bundle_holds_the_vote(data: &Path, laptop: &Path) {
    fine(&run_as(None, data, &["audit", "checkpoint"]));
    let folder = laptop.join("bundle");
    let made = fine(&run_as(None, data, &["evidence", "bundle", folder.to_str().unwrap()]));
    assert!(made.contains("1 signed votes"), "{made}");
    let openssl = Command::new("openssl").arg("version").output();
    if !openssl.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).starts_with("OpenSSL 3")) {
        println!("SKIPPED: there is no openssl 3 here; the script of the bundle was not run");
        return;
    }
    let verify = || Command::new("sh").arg(folder.join("verify.sh")).output().unwrap();
    // Whoever changes a file writes the manifest anew, too.
    let manifest = || {
        let script =
            "find . -type f ! -name SHA256SUMS | sed 's,^./,,' | sort | xargs sha256sum > SHA256SUMS";
        assert!(Command::new("sh").args(["-c", script]).current_dir(&folder).status().unwrap().success());
    };
    let sound = verify();
    assert!(sound.status.success() && said(&sound).contains("1 signed votes"), "{}", said(&sound));
    let vote = folder.join("votes/approval-1-uid-2001");
    let (text, signature) =
        (fs::read_to_string(&vote).unwrap(), folder.join("votes/approval-1-uid-2001.sig"));
    let refused = |what: &str, wanted: &str| {
        manifest();
        let output = verify();
        assert!(!output.status.success() && said(&output).contains(wanted), "{what}: {}", said(&output));
    };
    fs::write(&vote, text.replace("decision: approve", "decision: reject")).unwrap();
    refused("another decision", "uid:2001 did not sign");
    fs::write(&vote, &text).unwrap();
    let kept = fs::read_to_string(&signature).unwrap();
    let allowed = fs::read_to_string(folder.join("votes/allowed_signers")).unwrap();
    // Somebody else signs the same and says that the key is hers.
    let other = fs::read_to_string(keygen(laptop, "ed25519", "other")).unwrap();
    fs::remove_file(&signature).unwrap();
    ssh_sign(&laptop.join("other"), &vote);
    refused("another key", "uid:2001 did not sign");
    fs::write(folder.join("votes/allowed_signers"), format!("uid:2001 {other}")).unwrap();
    refused("another key that is said to be hers", "is not here");
    fs::write(folder.join("votes/allowed_signers"), allowed).unwrap();
    fs::remove_file(&signature).unwrap();
    refused("a vote that was taken out", "is not here");
    fs::write(&signature, kept).unwrap();
    manifest();
    assert!(verify().status.success());
}

#[test]
fn what_waits_is_answered_with_its_request_and_done_after_the_vote() {
    if !rustix::process::getuid().is_root() {
        println!("skipped: only root can be two people");
        return;
    }
    let daemon = Daemon::start(&["--set", "approval.subjects=purge"]);
    let data = daemon.folder.path();
    fs::set_permissions(data, fs::Permissions::from_mode(0o755)).unwrap();
    fine(&run_as(None, data, &["role", "grant", "uid:2001", "approver", "--reason", "votes"]));
    assert_eq!(daemon.post("/v1/collections", "{\"name\": \"garden\"}").status, 201);
    let there = || daemon.get("/v1/collections").body.contains("garden");
    let silent = daemon.ask("DELETE", "/v1/collections/garden", "", "");
    assert!(silent.status == 422 && silent.body.contains("wants to know why"), "{silent:?}");
    let held = daemon.ask("DELETE", "/v1/collections/garden?reason=sold", "", "");
    assert_eq!((held.status, held.header("location")), (202, Some("/v1/approvals/1")), "{held:?}");
    let told = held.json();
    assert_eq!((&told["type"], &told["approval"]), (&json!("urn:spud:problem:waits-for-votes"), &json!("1")));
    let again = run_as(None, data, &["collection", "remove", "garden", "--reason", "sold"]);
    assert_eq!(again.status.code(), Some(75), "{}", said(&again));
    assert!(
        said(&again).contains("waits: request 1 waits for votes: remove the collection garden"),
        "{}",
        said(&again)
    );
    assert!(there());
    fine(&run_as(Some(ANNA), data, &["approval", "approve", "1", "--reason", "it is empty"]));
    assert!(!there());
    let shown = fine(&run_as(None, data, &["approval", "show", "1"]));
    assert!(shown.contains("box carried out") && shown.contains("sold"), "{shown}");
}
