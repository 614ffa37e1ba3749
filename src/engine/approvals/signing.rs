//! Documents for voters to sign, and what is asked of a signature that comes back.

use super::control;
use crate::api::types::Problem;
use crate::api::types::approval::{ApprovalDocument, SignedVote as Words};
use crate::audit::Log;
use crate::engine::EngineError;
use crate::engine::queue_words::store_said;
use crate::engine::run::Inner;
use crate::governance::approval::{
    Approval, Ballot, Impact, Issued, NAMESPACE, Proof, SignedVote, counted, decision, issue, issued,
    signed_votes,
};
use crate::governance::ssh::{Signature, SshError};
use crate::store::crypt::random;

/// From which impact on votes are signed, by the settings.
pub(super) fn is_asked(inner: &Inner, impact: Impact) -> bool {
    let running = inner.config.running();
    running.text("approval.signature").and_then(Impact::parse).is_some_and(|least| impact >= least)
}

/// What stands behind a vote.
pub(super) fn proof(inner: &Inner, one: &Approval, signed: bool) -> Proof {
    match (signed, is_asked(inner, one.impact)) {
        (true, _) => Proof::Signed,
        (false, true) => Proof::Missing,
        (false, false) => Proof::NotAsked,
    }
}

/// Makes the document of a vote. That the voter may cast it was seen by the caller.
pub(super) fn document(
    inner: &Inner,
    approval: &Approval,
    voter: &str,
    approve: bool,
) -> Result<ApprovalDocument, EngineError> {
    let control = control(inner)?;
    let now_ms = inner.clock.now_ms();
    let log = Log::open(&control.snapshot().map_err(|error| store_said(&error))?)?;
    let (size, nonce) = (log.size(), random());
    let box_id = inner.outbox.queue.box_id();
    let ballot = Ballot { box_id, approval, voter, approve, nonce, log: (size, log.root(size)?) };
    let expires_ms = ballot.expires_ms(now_ms);
    let given = Issued { approve, text: ballot.text(now_ms), expires_ms };
    issue(control, (approval.id, voter), &given, now_ms)?;
    let decision = decision(approve).to_owned();
    Ok(ApprovalDocument { document: given.text, namespace: NAMESPACE.to_owned(), decision, expires_ms })
}

fn refused(what: String, advice: &str) -> EngineError {
    EngineError::Denied(Box::new(Problem {
        detail: what,
        advice: Some(advice.to_owned()),
        policies: vec!["signatures-are-by-enrolled-keys".to_owned()],
        ..Problem::default()
    }))
}

fn unsigned(error: &SshError) -> EngineError {
    let (what, advice) = (error.to_string(), error.advice());
    match error {
        SshError::Wrong | SshError::Untouched | SshError::Namespace { .. } => refused(what, advice),
        SshError::Key(_) | SshError::Kind(_) | SshError::Signature(_) => {
            EngineError::Invalid { what, advice: advice.to_owned() }
        }
    }
}

/// Checks a signature against the document that this voter was given: an enrolled key of theirs, for this decision,
/// in time, touched, and never seen before.
pub(super) fn checked(
    inner: &Inner,
    approval: &Approval,
    voter: &str,
    approve: bool,
    text: &str,
) -> Result<SignedVote, EngineError> {
    let (control, now_ms) = (control(inner)?, inner.clock.now_ms());
    let signature = Signature::parse(text).map_err(|error| unsigned(&error))?;
    let fingerprint = signature.key.fingerprint();
    let owner = inner.access.state().book.keys.get(&fingerprint).map(|key| key.owner.clone());
    if owner.as_deref() != Some(voter) {
        let what = format!("{fingerprint} is no key that was enrolled for {voter}");
        return Err(refused(what, "an admin enrols it: spud principal key add LOGIN FILE.pub"));
    }
    let anew =
        format!("ask for a new one: spud approval document {} --decision {}", approval.id, decision(approve));
    let given = issued(control, approval.id, voter)?.filter(|given| now_ms < given.expires_ms);
    let Some(given) = given else {
        let what = format!("no document for a vote of {voter} on request {} is out", approval.id);
        return Err(EngineError::Conflict { what, advice: anew });
    };
    if given.approve != approve {
        let what = format!("the document that is out says {}", decision(given.approve));
        return Err(EngineError::Conflict { what, advice: anew });
    }
    let presence = signature.verify(given.text.as_bytes(), NAMESPACE).map_err(|error| unsigned(&error))?;
    let counter = presence.map(|presence| presence.counter);
    if let Some(counter) = counter {
        let last = counted(control, &fingerprint)?;
        // A key that does not count says 0 for ever.
        if u64::from(counter) <= last && (counter, last) != (0, 0) {
            let what =
                format!("the security key counted {counter} now and {last} before: there are two of it");
            return Err(refused(what, "remove the key: spud principal key remove LOGIN FINGERPRINT"));
        }
    }
    Ok(SignedVote {
        approval: approval.id,
        voter: voter.to_owned(),
        approve,
        at_ms: now_ms,
        document: given.text,
        signature: signature.text(),
        key: signature.key.line(),
        fingerprint,
        counter,
    })
}

/// Every signed vote on a request, in the API's words.
pub(in crate::engine) fn signed(inner: &Inner, approval: u64) -> Result<Vec<Words>, EngineError> {
    let votes = signed_votes(control(inner)?, approval)?;
    let words = |vote: SignedVote| Words {
        approval: vote.approval.to_string(),
        voter: vote.voter,
        decision: decision(vote.approve).to_owned(),
        at_ms: vote.at_ms,
        document: vote.document,
        signature: vote.signature,
        key: vote.key,
        fingerprint: vote.fingerprint,
        namespace: NAMESPACE.to_owned(),
    };
    Ok(votes.into_iter().map(words).collect())
}
