//! What is asked of requests for votes, of models, and of judged questions.

use std::io::Read;

use super::{BackupRequest, Call, Request, escape, post, with_query};
use crate::api::types::access::{AddKey, TakePolicies};
use crate::api::types::approval::{ApprovalWord, BreakGlass};
use crate::api::types::registry::{JudgeAnswers, ModelReason, SubmitModel};
use crate::api::types::use_case::{DeprecateUseCase, UseCaseReason};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GovernRequest {
    /// State and kind that were typed as filter.
    Approvals(Option<String>, Option<String>),
    /// By id.
    Approval(String),
    UseCases,
    Models,
    /// By SHA-256.
    ModelHistory(String),
    /// Vectors and gates of this model.
    Stage(String),
    Judge(JudgeAnswers),
    /// What was decided, and why.
    Decide(Decision, String),
}

/// What a person decides; nothing of it is done without a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Id and tag of the request as it was shown.
    Approve(String, String),
    Reject(String, String),
    /// A vote, and what `ssh-keygen -Y sign` wrote over its document.
    Signed(Box<Decision>, String),
    /// The same, in a file.
    SignedFile(Box<Decision>, String),
    Comment(String),
    Withdraw(String, String),
    /// By SHA-256.
    Submit(String),
    Promote(String),
    RollBack,
    /// By permission.
    BreakGlass(String),
    /// What is to be done (submit, deploy, retire), and the use case.
    UseCase(&'static str, String),
    /// The use case, and when it ends.
    Deprecate(String, Option<u64>),
    /// Whose key: its line, or the path of its file.
    EnrolKey(String, String),
    /// Whose second factor.
    EnrolTotp(String),
    /// The site's files are to hold.
    TakePolicies,
    /// What goes for good, and is asked of its own view.
    Gone(Gone),
}

/// What goes for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gone {
    /// By name.
    Collection(String),
    OldBackups,
    /// What is there, for this backup.
    Box(String),
}

impl Gone {
    pub(crate) fn request(&self, reason: String) -> Request {
        match self {
            Self::Collection(name) => Request::RemoveCollection(name.clone(), reason),
            Self::OldBackups => Request::Backup(BackupRequest::Prune(reason)),
            Self::Box(id) => Request::Backup(BackupRequest::Restore(id.clone(), reason)),
        }
    }
}

/// What stands in a small file.
fn text_of(path: &str) -> Result<String, String> {
    const BYTES: u64 = 16 << 10;
    let told = |what: String| format!("{path}: {what}");
    let file = std::fs::File::open(path).map_err(|error| told(error.to_string()))?;
    let mut text = String::new();
    let read = std::io::Read::take(file, BYTES).read_to_string(&mut text);
    read.map_err(|error| told(error.to_string()))?;
    Ok(text.trim().to_owned())
}

impl GovernRequest {
    /// With what stands in the file that it names.
    ///
    /// # Errors
    /// Why that cannot be read.
    pub(crate) fn with_file(self) -> Result<Self, (Self, String)> {
        match &self {
            Self::Decide(decision, reason) => match decision.with_file() {
                Ok(decision) => Ok(Self::Decide(decision, reason.clone())),
                Err(what) => Err((self, what)),
            },
            _ => Ok(self),
        }
    }

    pub(super) fn call(&self) -> Call {
        let get = |path: String| Call { method: "GET", path, body: None };
        match self {
            Self::Approvals(state, kind) => {
                let pairs =
                    [("state", state.clone()), ("kind", kind.clone()), ("limit", Some("200".to_owned()))];
                get(with_query("/v1/approvals", &pairs))
            }
            Self::Approval(id) => get(format!("/v1/approvals/{}", escape(id))),
            Self::UseCases => get("/v1/use-cases".to_owned()),
            Self::Models => get("/v1/registry".to_owned()),
            Self::ModelHistory(sha256) => {
                get(with_query("/v1/registry/history", &[("model", Some(sha256.clone()))]))
            }
            Self::Stage(sha256) => post(format!("/v1/registry/{}/stage", escape(sha256)), &()),
            Self::Judge(request) => post("/v1/judgements".to_owned(), request),
            Self::Decide(Decision::Signed(vote, signature), reason) => vote.call(reason, Some(signature)),
            Self::Decide(decision, reason) => decision.call(reason, None),
        }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match self {
            Self::Approvals(..) | Self::Approval(_) => "read the requests",
            Self::UseCases => "read the use cases",
            Self::Models | Self::ModelHistory(_) => "read the models",
            Self::Stage(_) => "stage the model",
            Self::Judge(_) => "keep the judgement",
            Self::Decide(decision, _) => decision.purpose(),
        }
    }
}

impl Decision {
    fn call(&self, reason: &str, signature: Option<&String>) -> Call {
        let reason = reason.to_owned();
        let on = |id: &str, verb: &str, etag: Option<&String>| {
            let word =
                ApprovalWord { reason: reason.clone(), etag: etag.cloned(), signature: signature.cloned() };
            post(format!("/v1/approvals/{}/{verb}", escape(id)), &word)
        };
        let why = ModelReason { reason: reason.clone() };
        match self {
            Self::Approve(id, etag) => on(id, "approve", Some(etag)),
            Self::Reject(id, etag) => on(id, "reject", Some(etag)),
            Self::Withdraw(id, etag) => on(id, "withdraw", Some(etag)),
            Self::Signed(vote, signature) | Self::SignedFile(vote, signature) => {
                vote.call(&reason, Some(signature))
            }
            Self::Comment(id) => on(id, "comment", None),
            Self::Submit(sha256) => {
                let request = SubmitModel { reason, impact: None };
                post(format!("/v1/registry/{}/submit", escape(sha256)), &request)
            }
            Self::Promote(sha256) => post(format!("/v1/registry/{}/promote", escape(sha256)), &why),
            Self::BreakGlass(permission) => {
                let request = BreakGlass { permission: permission.clone(), reason, ttl_s: None };
                post("/v1/break-glass".to_owned(), &request)
            }
            Self::RollBack => post("/v1/registry/rollback".to_owned(), &why),
            Self::UseCase(verb, name) => {
                post(format!("/v1/use-cases/{}/{verb}", escape(name)), &UseCaseReason { reason })
            }
            Self::Deprecate(name, retires_ms) => {
                let request = DeprecateUseCase { reason, retires_ms: *retires_ms, successor: None };
                post(format!("/v1/use-cases/{}/deprecate", escape(name)), &request)
            }
            Self::EnrolKey(name, key) => {
                let request = AddKey { key: key.clone(), reason };
                post(format!("/v1/principals/{}/keys", escape(name)), &request)
            }
            Self::EnrolTotp(name) => post(format!("/v1/principals/{}/totp", escape(name)), &()),
            Self::TakePolicies => {
                post("/v1/policies/reload".to_owned(), &TakePolicies { reason, digest: None })
            }
            Self::Gone(gone) => gone.request(reason).call(),
        }
    }

    /// With the text of the file that it names, where it names one.
    ///
    /// # Errors
    /// Why the file cannot be read.
    fn with_file(&self) -> Result<Self, String> {
        Ok(match self {
            Self::SignedFile(vote, path) => Self::Signed(vote.clone(), text_of(path)?),
            Self::EnrolKey(name, path) if !path.starts_with("ssh-") && !path.starts_with("sk-") => {
                Self::EnrolKey(name.clone(), text_of(path)?)
            }
            other => other.clone(),
        })
    }

    fn purpose(&self) -> &'static str {
        match self {
            Self::Approve(..) => "approve the request",
            Self::Reject(..) => "reject the request",
            Self::Signed(vote, _) | Self::SignedFile(vote, _) => vote.purpose(),
            Self::Comment(_) => "comment on the request",
            Self::Withdraw(..) => "withdraw the request",
            Self::Submit(_) => "submit the model",
            Self::Promote(_) => "promote the model",
            Self::RollBack => "roll back",
            Self::BreakGlass(_) => "break the glass",
            Self::UseCase("submit", _) => "submit the use case",
            Self::UseCase("deploy", _) => "deploy the use case",
            Self::Deprecate(..) => "deprecate the use case",
            Self::EnrolKey(..) => "enrol the key",
            Self::EnrolTotp(_) => "enrol a second factor",
            Self::TakePolicies => "take the policies up",
            Self::Gone(gone) => gone.request(String::new()).purpose(),
            Self::UseCase(..) => "retire the use case",
        }
    }

    /// What to tell when it is done.
    pub(crate) fn done(&self) -> &'static str {
        match self {
            Self::Approve(..) => "Your vote for it is kept.",
            Self::Reject(..) => "It is rejected; nothing was changed.",
            Self::Signed(vote, _) | Self::SignedFile(vote, _) => vote.done(),
            Self::Comment(_) => "Your comment is kept.",
            Self::Withdraw(..) => "It is withdrawn.",
            Self::Submit(_) => "It waits for the votes of others.",
            Self::Promote(_) => "The promotion began: vectors, gates, then the switch.",
            Self::BreakGlass(_) => "Somebody else confirms it now, among the approvals.",
            Self::RollBack => "What answered before answers again.",
            Self::UseCase("submit", _) => "It waits for the votes of others.",
            Self::UseCase("deploy", _) => "Questions may be asked under it.",
            Self::Deprecate(..) => "Callers are told from now on that it ends.",
            Self::EnrolKey(..) => "Votes may be signed with it.",
            Self::EnrolTotp(_) => "A code is asked for from now on.",
            Self::TakePolicies => "The files hold, or wait for votes: see the approvals.",
            Self::Gone(_) => "It is done, or waits for votes: see the approvals.",
            Self::UseCase(..) => "Nothing is answered under it any more.",
        }
    }
}
