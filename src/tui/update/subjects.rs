//! What is selected, as the form of a deed needs it: its id, what is sent of it unseen, what is said about it.

use serde_json::Value;

use super::govern::{short, summary};
use crate::api::types::approval::Approval;
use crate::api::types::incident::Incident;
use crate::api::types::use_case::UseCase;
use crate::tui::action::Action;
use crate::tui::model::{Audit, Model, Side, View, short_id};
use crate::tui::text;
use crate::tui::theme::Tone;

/// Things that a deed is done to, and how its form begins.
#[derive(Default)]
pub(super) struct About {
    /// Ids, each with what is sent beside the rows.
    pub(super) things: Vec<(String, Vec<(&'static str, Value)>)>,
    pub(super) body: Vec<String>,
    /// What must be typed by hand.
    pub(super) typed: Option<String>,
    /// A vote that must be signed.
    pub(super) signed: bool,
    /// Where an incident can go.
    pub(super) states: &'static [&'static str],
    /// What rows hold at first.
    pub(super) was: Vec<(&'static str, String)>,
}

impl About {
    fn one(id: &str, body: Vec<String>) -> Self {
        Self { things: vec![(id.to_owned(), Vec::new())], body, ..Self::default() }
    }

    fn typed(self, want: &str) -> Self {
        Self { typed: Some(want.to_owned()), ..self }
    }

    fn was(self, was: Vec<(&'static str, String)>) -> Self {
        Self { was, ..self }
    }
}

pub(super) fn named(id: &str, login: Option<&String>) -> String {
    login.map_or_else(|| id.to_owned(), |login| format!("{id} ({login})"))
}

/// `None` where nothing is selected, or where it cannot be done to that; the reason is told then.
pub(super) fn about(model: &mut Model, asked: Action, deed: Action) -> Option<About> {
    use Action as A;
    match deed {
        A::Approve | A::Reject | A::Comment | A::Withdraw | A::Delegate => of_requests(model, deed),
        A::StageModel | A::SubmitModel | A::PromoteModel | A::ArchiveModel => of_model(model, deed),
        A::RollBack => roll_back(model),
        A::ForgetJudged => {
            let one = model.models.question()?;
            Some(About::one(&one.id, vec![format!("{}: {}", one.collection, one.question)]))
        }
        A::CreateUseCase => Some(About::one("", Vec::new()).was(vec![("impact", "medium".to_owned())])),
        A::EditUseCase | A::SubmitUseCase | A::DeployUseCase | A::DeprecateUseCase | A::RetireUseCase => {
            model.use_cases.one().map(|one| of_use_case(one, deed))
        }
        A::GrantRole => Some(About::one("", Vec::new()).was(vec![("to", model.access.whom())])),
        A::RevokeGrant | A::ConfirmGrant | A::EndSession => of_access(model, deed),
        A::MakeToken | A::EnrolKey | A::EnrolTotp | A::RevokePrincipal | A::RevokeTokens => {
            of_principal(model, deed)
        }
        A::OpenReview | A::ReviewConfirm | A::ReviewRevoke | A::CloseReview => of_review(model, deed),
        A::TakePolicies => {
            let said = "The files hold at once, or wait for the votes of others where the settings say so.";
            Some(About::one("", vec![said.to_owned()]))
        }
        A::OpenIncident => Some(About::one("", Vec::new()).was(vec![("severity", "error".to_owned())])),
        A::ChangeIncident | A::BreachTold | A::LinkIncident => {
            let one = model.incidents.incident().cloned()?;
            of_incident(model, &one, asked, deed)
        }
        A::ProveEntry | A::ExportAudit | A::ExportEvidence | A::EraseEntry | A::ComplianceReport => {
            of_audit(&model.audit, deed)
        }
        A::RecordLevel => {
            let said = "Of the whole program; of a part by log.targets, in the view of settings.";
            Some(About::one("log.level", vec![said.to_owned()]))
        }
        A::ExportTrace => {
            let mut about =
                About::one("", vec!["It goes into a new file where this screen runs.".to_owned()]);
            about.things = vec![(String::new(), vec![("id", model.traces.id()?.into())])];
            Some(about)
        }
        A::CheckFile => {
            let said = "Nothing of it holds by that; files of the site are read again with the settings.";
            Some(About::one("", vec![said.to_owned()]).was(vec![("kind", in_sight(model).to_owned())]))
        }
        A::BreakGlass => {
            let permission = model.denied.clone()?;
            let body = vec![
                format!(
                    "You would be allowed to {permission} for a quarter of an hour, once somebody else agrees."
                ),
                "It opens a critical incident, and the audit log says who, why and for what.".to_owned(),
            ];
            let mut about = About::one("", body).typed(&permission);
            about.things = vec![(String::new(), vec![("permission", permission.into())])];
            Some(about)
        }
        A::Remove | A::PruneBackups | A::RestoreBackup | A::PurgeLetter | A::PurgeLetters => {
            what_goes(model, deed)
        }
        A::HoldModels => {
            Some(About::one("", vec!["Nothing is promoted until somebody releases it.".to_owned()]))
        }
        A::ReleaseModels => {
            let held = model.models.registry.as_ref()?.held.clone().unwrap_or_default();
            Some(About::one("", vec![format!("They are held by {held}")]))
        }
        _ => Some(About::one("", Vec::new())),
    }
}

/// Files of what is in sight.
fn in_sight(model: &Model) -> &'static str {
    let side = model.alerts.side.as_ref().map(|list| list.side);
    match model.view {
        View::Incidents => "sla",
        View::Observe if model.probes.shown => "probes",
        View::Observe if side == Some(Side::Receivers) => "notifications",
        View::Observe if model.alerts.shown => "alerts",
        View::Observe => "dashboards",
        _ => "violations",
    }
}

/// An entry of the log, the whole of it, or what it is evidence of.
fn of_audit(audit: &Audit, deed: Action) -> Option<About> {
    let entry = || audit.entry().map(|one| one.seq.clone());
    match deed {
        Action::ProveEntry => {
            let said = "The proof (C2SP tlog-proof) goes into a new file where this screen runs.";
            Some(About::one(&entry()?, vec![said.to_owned()]))
        }
        Action::EraseEntry => {
            let (seq, kind) = (entry()?, &audit.entry()?.kind);
            let said =
                format!("Entry {seq}, {kind}: its texts go for good; its hashes and every proof stay.");
            Some(About::one(&seq, vec![said]).typed(&seq))
        }
        Action::ComplianceReport => {
            let id = audit.framework.clone()?;
            let said = format!("Controls of {id}, with the evidence of this box and what is not evidenced.");
            Some(About::one(&id, vec![said]))
        }
        Action::ExportEvidence => {
            let said = "What was approved, deployed, reviewed and went wrong, signed and proved: a tar for those who \
                        verify it without spud. It goes into a new file where this screen runs.";
            let size = audit.status.as_ref().and_then(|status| Some(status.checkpoint.as_ref()?.size));
            let name = format!("evidence-{}.tar", size.unwrap_or_default());
            Some(About::one("", vec![said.to_owned()]).was(vec![("", name)]))
        }
        _ => {
            let said = "Every entry goes into a new file where this screen runs, as one line of JSON.";
            Some(About::one("", vec![said.to_owned()]))
        }
    }
}

/// A collection, old backups, or what the box has now.
fn what_goes(model: &Model, deed: Action) -> Option<About> {
    match deed {
        Action::Remove => {
            let one = model.library.collection()?;
            let counts = format!(
                "Its index goes: {}, {}. The source files stay on disk.",
                text::plural(one.documents, "document"),
                text::plural(one.chunks, "passage")
            );
            Some(
                About::one(&one.name, vec![format!("The collection \"{}\".", one.name), counts])
                    .typed(&one.name),
            )
        }
        Action::PurgeLetter | Action::PurgeLetters => {
            let letter = model.queue.letter()?;
            let body = match deed {
                Action::PurgeLetter => {
                    let said =
                        format!("{} {} is thrown away with its payload.", letter.kind, short_id(&letter.id));
                    vec![said, "It will never be delivered.".to_owned()]
                }
                _ => {
                    let count = model.queue.status.as_ref().map_or(0, |status| status.dead_letters);
                    vec![format!("All {count} dead letters are thrown away with their payloads.")]
                }
            };
            Some(About::one(&letter.id, body))
        }
        Action::PruneBackups => {
            let said = "Backups that retention does not keep are removed. The newest stays.";
            Some(About::one("", vec![said.to_owned()]))
        }
        _ => {
            let id = model.backups.backup()?.id.clone();
            let body = vec![
                format!("The backup {id} takes the place of this box at its next start."),
                "What the box has now is moved aside, not removed.".to_owned(),
            ];
            let mut about = About::one(&id, body).typed(&id);
            about.things = vec![(id, vec![("force", true.into())])];
            Some(about)
        }
    }
}

fn request_lines(one: &Approval) -> Vec<String> {
    let Approval { id, title, impact, votes, votes_needed, by, reason, .. } = one;
    let mut body = vec![format!("Request {id}: {title}")];
    body.push(format!("{impact} impact, {votes} of {votes_needed} votes, by {by}: {reason}"));
    body
}

fn of_requests(model: &Model, deed: Action) -> Option<About> {
    let vote = matches!(deed, Action::Approve | Action::Reject);
    let marked: Vec<&Approval> = model.approvals.chosen();
    if vote && !marked.is_empty() {
        let tag = |one: &&Approval| (one.id.clone(), vec![("etag", Value::from(one.etag.clone()))]);
        let body =
            marked.iter().map(|one| format!("{} ({}) {}: {}", one.id, one.impact, one.title, one.reason));
        let body = body.collect();
        return Some(About { things: marked.iter().map(tag).collect(), body, ..About::default() });
    }
    let one = model.approvals.approval()?;
    let mut about = About::one(&one.id, request_lines(one));
    if vote && one.signature_needed {
        about.signed = true;
        about.body.push(format!(
            "It must be signed: sign what spud approval document {} prints, and paste the signature here.",
            one.id
        ));
    }
    if deed == Action::Approve && matches!(one.impact.as_str(), "high" | "critical") {
        about.typed = Some(one.id.clone());
    }
    if vote || deed == Action::Withdraw {
        about.things = vec![(one.id.clone(), vec![("etag", one.etag.clone().into())])];
    }
    Some(about)
}

fn of_model(model: &Model, deed: Action) -> Option<About> {
    let one = model.models.version()?;
    let name = format!("{} ({})", one.name, short(&one.sha256));
    let typed: String = one.sha256.chars().take(6).collect();
    Some(match deed {
        Action::PromoteModel => {
            let gates = format!("Gates: {}. What is missing is measured first.", summary(&one.gates));
            About::one(&one.sha256, vec![format!("{name} is to answer from now on."), gates]).typed(&typed)
        }
        Action::ArchiveModel => {
            let body = vec![format!("{name} is put away, and its vectors are removed.")];
            About::one(&one.sha256, body).typed(&typed)
        }
        _ => About::one(&one.sha256, vec![name]).was(vec![("impact", "medium".to_owned())]),
    })
}

fn roll_back(model: &Model) -> Option<About> {
    let registry = model.models.registry.as_ref()?;
    let previous = registry.previous.clone()?;
    let known = registry.items.iter().find(|one| one.sha256 == previous);
    let name = known.map_or_else(String::new, |one| format!("{} ", one.name));
    Some(About::one("", vec![format!("{name}({}) answers again, at once.", short(&previous))]).typed("back"))
}

fn of_use_case(one: &UseCase, deed: Action) -> About {
    let mut body = vec![format!("{}: {}", one.name, one.purpose)];
    body.push(format!("{} impact, owned by {}; it is {}", one.impact, one.owner, one.state));
    let ends = matches!(deed, Action::DeprecateUseCase | Action::RetireUseCase);
    if ends {
        let asked: u64 = one.callers.iter().map(|caller| caller.questions).sum();
        body.push(format!("Callers: {}, with {asked} questions.", one.callers.len()));
    }
    if ends && one.name == "general" {
        body.push(
            "Questions that name no use case are asked under it: without it they get no answer. It comes back \
             when it is written again (E), submitted, voted on and deployed."
                .to_owned(),
        );
    }
    let mut about = About::one(&one.name, body);
    // What ends something is typed, and what is of high impact.
    if deed == Action::RetireUseCase || matches!(one.impact.as_str(), "high" | "critical") {
        about.typed = Some(one.name.clone());
    }
    if deed == Action::EditUseCase {
        let number = |value: Option<u32>| value.map_or_else(String::new, |value| value.to_string());
        about.body.truncate(1);
        about.things = vec![(one.name.clone(), vec![("etag", one.etag.clone().into())])];
        about.was = vec![
            ("purpose", one.purpose.clone()),
            ("owner", one.owner.clone()),
            ("legal_basis", one.legal_basis.clone()),
            ("data", one.data.join(", ")),
            ("collections", one.collections.join(", ")),
            ("impact", one.impact.clone()),
            ("retention_days", number(one.retention_days)),
            ("models", one.models.join(", ")),
            ("quality", number(one.quality)),
            ("objective", one.objective.clone().unwrap_or_default()),
        ];
    }
    about
}

fn of_access(model: &Model, deed: Action) -> Option<About> {
    if let Some(one) = model.access.session().filter(|_| deed == Action::EndSession) {
        let who = named(&one.principal, one.login.as_ref());
        let ends = match one.via.as_str() {
            "token" => "Its token is revoked for good.",
            _ => "Its connections end; it can come again.",
        };
        let body = vec![format!("{who}, over the {}, {} requests", one.via, one.requests), ends.to_owned()];
        return Some(About::one(&one.id, body));
    }
    let one = model.access.grant()?;
    let who = named(&one.to, one.login.as_ref());
    let mut body = vec![format!("{} of {who}: {}", one.role, one.reason)];
    if deed == Action::ConfirmGrant {
        body.push("The review finds this right.".to_owned());
    }
    Some(About::one(&one.id, body))
}

fn of_review(model: &Model, deed: Action) -> Option<About> {
    if deed == Action::OpenReview {
        let said = "Every grant as it is now is confirmed or revoked by somebody whose grant it is not.";
        return Some(About::one("", vec![said.to_owned()]));
    }
    if deed == Action::CloseReview {
        let open = model.access.open_review()?.items.iter().filter(|item| item.verdict == "undecided");
        let named: Vec<Value> = open.map(|item| item.grant.clone().into()).collect();
        let said = match named.len() {
            0 => "Every item is decided.".to_owned(),
            many => format!("The report will name {many} that nobody decided."),
        };
        let mut about = About::one("", vec![said]);
        about.things = vec![(String::new(), vec![("undecided", named.into())])];
        return Some(about);
    }
    let one = model.access.item()?;
    let who = named(&one.to, one.login.as_ref());
    let verdict = if deed == Action::ReviewRevoke { "revoke" } else { "confirm" };
    let mut about = About::one("", vec![format!("{} of {who}: {}", one.role, one.reason)]);
    about.things = vec![(one.grant.clone(), vec![("verdict", verdict.into())])];
    Some(about)
}

fn of_principal(model: &Model, deed: Action) -> Option<About> {
    let one = model.access.principal()?;
    let name = named(&one.id, one.login.as_ref());
    let said = match deed {
        Action::EnrolKey => format!("Votes of {name} may be signed with it."),
        Action::MakeToken => format!("Whoever has it acts as {name}."),
        Action::RevokePrincipal => format!("{name} loses all roles, tokens and keys."),
        Action::RevokeTokens => format!("{} of {name}.", text::plural(one.tokens.len() as u64, "token")),
        _ => format!("{name} needs a code of an authenticator app from now on; its secret is shown once."),
    };
    let about = About::one(&one.id, vec![said]);
    Some(match deed {
        Action::RevokePrincipal => about.typed(&one.id),
        Action::RevokeTokens => {
            let things = one.tokens.iter().map(|token| (token.id.clone(), Vec::new())).collect();
            About { things, ..about }
        }
        _ => about,
    })
}

/// Where an incident can go from its state; the state that it is in comes first.
fn states(state: &str) -> &'static [&'static str] {
    match state {
        "open" => &["open", "acknowledged", "mitigated", "resolved"],
        "acknowledged" => &["acknowledged", "mitigated", "resolved"],
        "mitigated" => &["mitigated", "resolved"],
        "resolved" => &["resolved", "closed", "open"],
        _ => &["closed", "open"],
    }
}

fn of_incident(model: &mut Model, one: &Incident, asked: Action, deed: Action) -> Option<About> {
    let etag = || ("etag", Value::from(one.etag.clone()));
    let head = vec![format!("{} {}", one.id, one.title)];
    let mut about = About::one(&one.id, head);
    about.things = vec![(one.id.clone(), vec![etag()])];
    match deed {
        Action::BreachTold => {
            if one.breach.as_ref().is_none_or(|clock| clock.told_ms.is_some()) {
                model.tell(Tone::Warn, format!("No clock of a breach runs for incident {}.", one.id));
                return None;
            }
            about.things = vec![(one.id.clone(), vec![etag(), ("told", true.into())])];
        }
        Action::ChangeIncident => {
            let wanted = match asked {
                Action::AcknowledgeIncident => "acknowledged",
                Action::ResolveIncident => "resolved",
                Action::CloseIncident => "closed",
                _ => "",
            };
            about.states = states(&one.state);
            if !wanted.is_empty() && !about.states.iter().skip(1).any(|state| *state == wanted) {
                model.tell(Tone::Warn, format!("Incident {} is {}.", one.id, one.state));
                return None;
            }
            about.was = vec![
                ("state", one.state.clone()),
                ("severity", one.severity.clone()),
                ("owner", one.owner.clone().unwrap_or_default()),
                ("wanted", wanted.to_owned()),
            ];
        }
        _ => {}
    }
    Some(about)
}
