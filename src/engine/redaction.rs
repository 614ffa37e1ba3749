//! What people write into reasons, notes and titles loses its secrets and personal data at the door: what is kept, entered
//! and sent has never had them. Documents, questions and payloads of operations are left as they are: they are what the
//! box is for.

use std::io::{Read, Write};

use super::action::BackupWork;
use super::{
    AccessAction, Action, AlertAction, ApprovalAction, AuditAction, ConfigAction, IncidentAction,
    RegistryAction, UseCaseAction,
};
use crate::api::types::redaction::{RedactedText, RedactionCount, RedactionPlace, RedactionReport};
use crate::redact::{self, Scope, kept, redact};

/// The action without what its free texts should not have.
pub(super) fn cleaned(mut action: Action) -> Action {
    for text in texts(&mut action) {
        if let std::borrow::Cow::Owned(clean) = kept(text) {
            *text = clean;
        }
    }
    action
}

/// Every text of an action that a person writes to say why, or what happened.
fn texts(action: &mut Action) -> Vec<&mut String> {
    match action {
        Action::ForceMode(request) => vec![&mut request.reason],
        Action::RemoveCollection { reason, .. }
        | Action::BeginBackupWork(BackupWork::Restore { reason, .. }) => vec![reason],
        Action::BeginBackupWork(BackupWork::Prune(request)) => vec![&mut request.reason],
        Action::ForceBreaker(request) => vec![&mut request.reason],
        Action::PauseQueue(reason) => reason.iter_mut().collect(),
        Action::Config(ConfigAction::Set { request, .. }) => vec![&mut request.reason],
        Action::Config(ConfigAction::Apply { request, .. }) => vec![&mut request.reason],
        Action::Config(ConfigAction::Rollback { request, .. }) => vec![&mut request.reason],
        Action::Access(AccessAction::AddPrincipal(request)) => vec![&mut request.about],
        Action::Access(AccessAction::Grant(request)) => vec![&mut request.reason],
        Action::Access(AccessAction::OpenReview(request)) => vec![&mut request.reason],
        Action::Access(AccessAction::DecideReview { request, .. }) => vec![&mut request.reason],
        Action::Access(AccessAction::CloseReview { request, .. }) => vec![&mut request.reason],
        Action::Access(AccessAction::RevokePrincipal { reason, .. })
        | Action::Access(AccessAction::RevokeGrant { reason, .. })
        | Action::Audit(AuditAction::Erase { reason, .. }) => vec![reason],
        Action::Alert(AlertAction::Silence(request)) => vec![&mut request.reason],
        Action::Alert(AlertAction::Acknowledge { request, .. }) => vec![&mut request.reason],
        Action::Approval(action) => approval(action),
        Action::Registry(action) => registry(action),
        Action::UseCase(action) => use_case(action),
        Action::Incident(action) => incident(action),
        _ => Vec::new(),
    }
}

fn approval(action: &mut ApprovalAction) -> Vec<&mut String> {
    match action {
        ApprovalAction::Approve { word, .. }
        | ApprovalAction::Reject { word, .. }
        | ApprovalAction::Comment { word, .. }
        | ApprovalAction::Withdraw { word, .. } => vec![&mut word.reason],
        ApprovalAction::Delegate { request, .. } => vec![&mut request.reason],
        ApprovalAction::BreakGlass(request) => vec![&mut request.reason],
        ApprovalAction::List(_)
        | ApprovalAction::Show(_)
        | ApprovalAction::Document { .. }
        | ApprovalAction::Signed(_) => Vec::new(),
    }
}

fn registry(action: &mut RegistryAction) -> Vec<&mut String> {
    match action {
        RegistryAction::Register(request) => vec![&mut request.about, &mut request.metadata],
        RegistryAction::Submit { request, .. } => vec![&mut request.reason],
        RegistryAction::Promote { request, .. }
        | RegistryAction::Archive { request, .. }
        | RegistryAction::RollBack(request)
        | RegistryAction::Hold(request) => vec![&mut request.reason],
        _ => Vec::new(),
    }
}

fn use_case(action: &mut UseCaseAction) -> Vec<&mut String> {
    match action {
        UseCaseAction::Submit { request, .. }
        | UseCaseAction::Deploy { request, .. }
        | UseCaseAction::Retire { request, .. } => vec![&mut request.reason],
        UseCaseAction::Deprecate { request, .. } => vec![&mut request.reason],
        UseCaseAction::Create(request) | UseCaseAction::Edit { request, .. } => {
            request.purpose.iter_mut().collect()
        }
        UseCaseAction::List
        | UseCaseAction::Show(_)
        | UseCaseAction::Revisions(_)
        | UseCaseAction::Compare { .. } => Vec::new(),
    }
}

fn incident(action: &mut IncidentAction) -> Vec<&mut String> {
    match action {
        IncidentAction::Open(request) => vec![&mut request.title, &mut request.text],
        IncidentAction::Handle { change, .. } | IncidentAction::Close { change, .. } => {
            let more = change.note.iter_mut().chain(change.title.iter_mut());
            std::iter::once(&mut change.text).chain(more).collect()
        }
        IncidentAction::List(_) | IncidentAction::Show(_) | IncidentAction::Rules => Vec::new(),
    }
}

/// A text for whoever asks: everything that is found is taken out.
pub(super) fn of_text(text: &str) -> RedactedText {
    let found = redact(text, Scope::All);
    let counts = found.counts.iter().map(|(kind, count)| count_words(kind, *count)).collect();
    RedactedText { text: found.text.into_owned(), counts }
}

fn count_words(kind: &str, count: u64) -> RedactionCount {
    RedactionCount { kind: kind.to_owned(), count }
}

/// `redacted: 1 card`, as it is said of a text that is kept; `None` where nothing is taken out.
#[must_use]
pub fn redaction_of(text: &str) -> Option<String> {
    redact(text, Scope::Kept).words()
}

/// Copies a text of any length without what is found in it; needs no box.
///
/// # Errors
/// What reading or writing says.
pub fn redact_stream(input: impl Read, output: impl Write) -> std::io::Result<RedactionReport> {
    let report = redact::stream(input, output)?;
    let place = |place: &redact::Place| RedactionPlace {
        kind: place.kind.to_owned(),
        line: place.line,
        offset: place.offset,
        bytes: place.bytes,
    };
    Ok(RedactionReport {
        bytes: report.bytes,
        counts: report.counts.iter().map(|(kind, count)| count_words(kind, *count)).collect(),
        places: report.places.iter().map(place).collect(),
    })
}
