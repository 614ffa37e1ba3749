//! Signed votes from inside: whose key, which document, once, in time; what is kept and told of them.

use super::tests::{Bench, denied};
use crate::api::types::access::{AddKey, Principal};
use crate::api::types::approval::{Approval, ApprovalWord, SignVote, SignedVote};
use crate::base::to_base64;
use crate::engine::{
    AccessAction, AccessReply, Action, ApprovalAction, ApprovalReply, ConfigAction, EngineError, Reply,
};
use crate::governance::ssh::PublicKey;
use crate::governance::ssh::tests::{blob, sign};
use crate::store::backup::Signer;

const ANNA: u32 = 2001;
const BERT: u32 = 2002;
const SPACE: &str = "spud-approval";

fn line(signer: &Signer, application: Option<&[u8]>) -> String {
    let key = PublicKey::from_blob(&blob(signer, application)).unwrap();
    assert_eq!(key.line().split(' ').nth(1).unwrap(), to_base64(key.blob()));
    format!("{} laptop\n", key.line())
}

fn enrol(bench: &Bench, name: &str, key: String) -> Result<Principal, EngineError> {
    let request = AddKey { key, reason: "votes are signed".into() };
    match bench.ask(0, Action::Access(AccessAction::AddKey { name: name.into(), request }))? {
        Reply::Access(AccessReply::Principal(one)) => Ok(*one),
        other => panic!("{other:?}"),
    }
}

fn document(bench: &Bench, uid: u32, id: &str, decision: &str) -> Result<String, EngineError> {
    let request = SignVote { decision: decision.into() };
    match bench.ask(uid, Action::Approval(ApprovalAction::Document { id: id.into(), request }))? {
        Reply::Approval(ApprovalReply::Document(made)) => Ok(made.document),
        other => panic!("{other:?}"),
    }
}

fn vote(bench: &Bench, uid: u32, id: &str, signature: Option<String>) -> Result<Approval, EngineError> {
    let word = ApprovalWord { reason: "seen".into(), signature, ..ApprovalWord::default() };
    let action = ApprovalAction::Approve { id: id.into(), word, if_match: None };
    match bench.ask(uid, Action::Approval(action))? {
        Reply::Approval(ApprovalReply::One(one)) => Ok(*one),
        other => panic!("{other:?}"),
    }
}

fn signed(bench: &Bench, id: &str) -> Vec<SignedVote> {
    match bench.ask(0, Action::Approval(ApprovalAction::Signed(id.into()))).unwrap() {
        Reply::Approval(ApprovalReply::Signed(all)) => all,
        other => panic!("{other:?}"),
    }
}

fn set(bench: &Bench, key: &str, value: &str) {
    let request = crate::api::types::SetConfig {
        value: value.into(),
        reason: "test".into(),
        ..crate::api::types::SetConfig::default()
    };
    let action = ConfigAction::Set { key: key.into(), request, if_match: None };
    bench.ask(0, Action::Config(action)).unwrap();
}

/// A box with an approver whose key is enrolled, and votes for high impact that must be signed.
fn signing() -> (Bench, Signer) {
    let bench = Bench::new();
    let anna = Signer::from_seed(&[1; 32]);
    bench.grant(0, "uid:2001", "approver");
    bench.grant(0, "uid:2002", "operator");
    enrol(&bench, "uid:2001", line(&anna, None)).unwrap();
    set(&bench, "approval.signature", "high");
    (bench, anna)
}

#[test]
fn a_vote_that_must_be_signed_counts_with_the_right_signature_only() {
    let (mut bench, anna) = signing();
    assert_eq!(bench.grant(0, "uid:2003", "admin"), "waits for approval 1");
    assert_eq!(denied(vote(&bench, ANNA, "1", None)).policies, ["votes-are-signed"]);
    // Before a document is out, over another one, for another purpose, by another key: none counts.
    let early = vote(&bench, ANNA, "1", Some(sign(&anna, b"spud approval v1\n", SPACE, None)));
    assert!(matches!(early, Err(EngineError::Conflict { .. })), "{early:?}");
    let no = document(&bench, ANNA, "1", "reject").unwrap();
    let other = vote(&bench, ANNA, "1", Some(sign(&anna, no.as_bytes(), SPACE, None)));
    assert!(matches!(other, Err(EngineError::Conflict { .. })), "{other:?}");
    let text = document(&bench, ANNA, "1", "approve").unwrap();
    for wanted in ["spud approval v1\n", "\napproval: 1\n", "\nvoter: uid:2001\n", "\ndecision: approve\n"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let wrong = [
        sign(&anna, no.as_bytes(), SPACE, None),
        sign(&anna, text.as_bytes(), "file", None),
        sign(&Signer::from_seed(&[9; 32]), text.as_bytes(), SPACE, None),
    ];
    for signature in wrong {
        let problem = denied(vote(&bench, ANNA, "1", Some(signature)));
        assert_eq!(problem.policies, ["signatures-are-by-enrolled-keys"]);
    }
    assert!(matches!(vote(&bench, ANNA, "1", Some("odd".into())), Err(EngineError::Invalid { .. })));
    assert!(signed(&bench, "1").is_empty());
    // The document outlives a restart; the vote takes key, document and signature along.
    bench.start();
    let one = vote(&bench, ANNA, "1", Some(sign(&anna, text.as_bytes(), SPACE, None))).unwrap();
    let mark = PublicKey::from_blob(&blob(&anna, None)).unwrap().fingerprint();
    assert_eq!((one.state.as_str(), one.history[1].signed.as_ref()), ("approved", Some(&mark)));
    let kept = signed(&bench, "1");
    assert_eq!((kept.len(), &kept[0].document, &kept[0].fingerprint), (1, &text, &mark));
    assert_eq!(
        (bench.log("key.enrolled"), bench.log("approval.approved"), bench.log("role.granted")),
        (1, 1, 3)
    );
    // What is of less impact takes no signature.
    assert_eq!(bench.grant(0, "uid:2005", "approver"), "waits for approval 2");
    assert_eq!(vote(&bench, ANNA, "2", None).unwrap().state, "approved");
}

#[test]
fn keys_are_enrolled_by_who_may_and_for_one_person() {
    let (bench, anna) = signing();
    let taken = enrol(&bench, "uid:2002", line(&anna, None));
    assert!(matches!(taken, Err(EngineError::Conflict { .. })), "{taken:?}");
    let rsa = enrol(&bench, "uid:2002", "ssh-rsa AAAAB3NzaC1yc2E= bert".into());
    assert!(matches!(&rsa, Err(EngineError::Invalid { what, .. }) if what.contains("ssh-rsa")), "{rsa:?}");
    let request = AddKey { key: line(&Signer::from_seed(&[2; 32]), None), reason: String::new() };
    let own = bench.ask(BERT, Action::Access(AccessAction::AddKey { name: "uid:2002".into(), request }));
    assert!(matches!(own, Err(EngineError::Denied(_))), "{own:?}");
    // Who may not vote is given no document.
    bench.grant(0, "uid:2003", "admin");
    assert!(matches!(document(&bench, BERT, "1", "approve"), Err(EngineError::Denied(_))));
    assert!(matches!(document(&bench, 0, "1", "approve"), Err(EngineError::Denied(_))));
    assert!(matches!(document(&bench, ANNA, "1", "maybe"), Err(EngineError::Invalid { .. })));
    // A key that was taken away signs nothing any more.
    let text = document(&bench, ANNA, "1", "approve").unwrap();
    let mark = PublicKey::from_blob(&blob(&anna, None)).unwrap().fingerprint();
    let gone = AccessAction::RemoveKey { name: "uid:2001".into(), fingerprint: mark, reason: "lost".into() };
    bench.ask(0, Action::Access(gone.clone())).unwrap();
    assert!(matches!(bench.ask(0, Action::Access(gone)), Err(EngineError::NotFound { .. })));
    denied(vote(&bench, ANNA, "1", Some(sign(&anna, text.as_bytes(), SPACE, None))));
    assert_eq!(bench.log("key.removed"), 1);
}

#[test]
fn a_security_key_is_touched_and_counts_on() {
    let (bench, _) = signing();
    let key = Signer::from_seed(&[4; 32]);
    enrol(&bench, "uid:2001", line(&key, Some(b"ssh:"))).unwrap();
    let grant = |to: &str| bench.grant(0, to, "admin");
    grant("uid:2003");
    let text = document(&bench, ANNA, "1", "approve").unwrap();
    let with = |flags, counter| Some(sign(&key, text.as_bytes(), SPACE, Some((flags, counter))));
    assert!(denied(vote(&bench, ANNA, "1", with(0, 5))).detail.contains("nobody touched"));
    assert_eq!(vote(&bench, ANNA, "1", with(1, 5)).unwrap().state, "approved");
    grant("uid:2004");
    let text = document(&bench, ANNA, "2", "approve").unwrap();
    let with = |flags, counter| Some(sign(&key, text.as_bytes(), SPACE, Some((flags, counter))));
    assert!(denied(vote(&bench, ANNA, "2", with(1, 5))).detail.contains("there are two of it"));
    assert_eq!(vote(&bench, ANNA, "2", with(5, 6)).unwrap().state, "approved");
}
