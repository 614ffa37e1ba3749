//! What people decide in the views of governance, as a table: the call, the words, the rows of its form.
//!
//! Invariant: what takes a reason has none until somebody types it, and only the button of the form sends it.

use serde_json::Value;

use crate::tui::action::Action;
use crate::tui::effect::{BYTES, Effect, Order, WHOLE, escape};
use crate::tui::model::{Field, Form, FormOf, FormRow, Kind, Model, Overlay, ROLES, View};
use crate::tui::update::subjects::{About, about};

/// One thing that can be done.
pub(super) struct Deed {
    pub(super) action: Action,
    title: &'static str,
    /// On the button; empty: it is done at once.
    verb: &'static str,
    /// Method and path; `{}` is the thing that is selected.
    call: (&'static str, &'static str),
    purpose: &'static str,
    done: &'static str,
    /// Title of the answer, where it is shown.
    show: &'static str,
    fields: &'static [Field],
}

const IMPACTS: &[&str] = &["low", "medium", "high", "critical"];
const TYPES: &[&str] = &["availability", "data", "security", "model-quality", "policy", "safety"];
const SEVERITIES: &[&str] = &["info", "warning", "error", "critical"];
const RECORDED: &[&str] = &["info", "debug", "trace", "warn", "error", "off"];
const FORMATS: &[&str] = &["md", "csv", "json", "oscal"];
pub(super) const SITE_FILES: &[&str] =
    &["violations", "alerts", "notifications", "probes", "dashboards", "sla"];
const NO_YES: &[&str] = &["no", "yes"];

const REASON: Field = Field::new("reason", "Reason", "kept with it, and in the audit log")
    .needed("A reason is needed: it is kept with it.");
/// Stands where something must be typed by hand.
const TYPED: Field = Field::new("", "", "").is(Kind::Typed);
const SIGNATURE: Field = Field::new("signature", "Signature", "file of it, or paste it").is(Kind::File);
const TO: Field = Field::new("to", "To", "uid:1000, gid:100, a login")
    .needed("Say whom: uid:1000, gid:100, a login or a principal.");
const FILE: Field = Field::new("", "File", "a new file").is(Kind::Save).needed("Name a new file.");
/// Nothing written: it is shown.
const FILE_OR_SHOWN: Field = Field::new("", "File", "a new file; empty: it is shown here").is(Kind::Save);
const FROM: Field = Field::new("from", "From (UTC)", "2026-01-01; empty: all").is(Kind::Date);
const UNTIL: Field = Field::new("to", "To (UTC)", "2026-03-31; empty: now").is(Kind::Date);
const IMPACT: Field = Field::new("impact", "Impact", "").of(IMPACTS);
const SEVERITY: Field = Field::new("severity", "Severity", "").of(SEVERITIES);
const LINKS: Field = Field::new("links", "Links", "alert:4a1f, entry:17, approval:3").is(Kind::List);
const NAME: Field = Field::new("name", "Name", "a-z, 0-9, - and _").needed("A name is needed.");
const PURPOSE: Field = Field::new("purpose", "Purpose", "what it is for");
const OWNER: Field = Field::new("owner", "Owner", "who answers for it");
const BASIS: Field = Field::new("legal_basis", "Legal basis", "contract; none: no personal data");
const DATA: Field = Field::new("data", "Data", "kinds, with commas between").is(Kind::List);
const COLLECTIONS: Field =
    Field::new("collections", "Collections", "all; with commas between").is(Kind::List);
const DAYS: Field = Field::new("retention_days", "Kept days", "who asked, for so long").is(Kind::Number);
const MODELS: Field = Field::new("models", "Models", "any; names or sha256").is(Kind::List);
const QUALITY: Field = Field::new("quality", "Quality", "least nDCG@10, in thousandths").is(Kind::Number);
const SLA: Field = Field::new("objective", "SLA", "an objective, or nothing");

const fn deed(
    action: Action,
    (title, verb): (&'static str, &'static str),
    call: (&'static str, &'static str),
    (purpose, done): (&'static str, &'static str),
    fields: &'static [Field],
) -> Deed {
    Deed { action, title, verb, call, purpose, done, show: "", fields }
}

const fn shown(title: &'static str, deed: Deed) -> Deed {
    Deed { show: title, ..deed }
}

use Action as A;

#[rustfmt::skip]
pub(super) static DEEDS: &[Deed] = &[
    deed(A::Approve, ("Approve", "Approve"), ("POST", "/v1/approvals/{}/approve"),
        ("approve the request", "Your vote for request {id} is kept: it is {state}."), &[REASON, TYPED, SIGNATURE]),
    deed(A::Reject, ("Reject", "Reject"), ("POST", "/v1/approvals/{}/reject"),
        ("reject the request", "Request {id} is {state}; nothing was changed."), &[REASON, SIGNATURE]),
    deed(A::Comment, ("Comment", "Send"), ("POST", "/v1/approvals/{}/comment"),
        ("comment on the request", "Your comment is kept."), &[REASON]),
    deed(A::Delegate, ("Delegate your vote", "Delegate"), ("POST", "/v1/approvals/{}/delegate"),
        ("delegate the vote", "Your vote on request {id} is theirs to cast."), &[TO, REASON]),
    deed(A::Withdraw, ("Withdraw", "Withdraw"), ("POST", "/v1/approvals/{}/withdraw"),
        ("withdraw the request", "It is {state}."), &[REASON]),
    deed(A::BreakGlass, ("Break the glass", "Ask"), ("POST", "/v1/break-glass"),
        ("break the glass", "Somebody else confirms it now, among the approvals."), &[REASON, TYPED]),
    deed(A::StageModel, ("", ""), ("POST", "/v1/registry/{}/stage"),
        ("stage the model", "Vectors are made and gates measured; see the jobs."), &[]),
    deed(A::RegisterModel, ("Register a model", "Register"), ("POST", "/v1/registry"),
        ("register the model", "{name} is registered; n asks others to let it be promoted."), &[
            Field::new("path", "Path", "a model file, or a Model2Vec folder").is(Kind::Path).needed("A path is needed."),
            Field::new("about", "About", "what there is to say of it"),
            Field::new("licence", "Licence", "in place of the one it names"),
            Field::new("signature", "Signature", "a bundle; else model.sig of the folder").is(Kind::Path),
            Field::new("metadata", "Metadata", "TOML or JSON: a file, or its text").is(Kind::File)]),
    deed(A::SubmitModel, ("Submit the model", "Submit"), ("POST", "/v1/registry/{}/submit"),
        ("submit the model", "It waits for the votes of others."), &[REASON, IMPACT]),
    deed(A::PromoteModel, ("Promote the model", "Promote"), ("POST", "/v1/registry/{}/promote"),
        ("promote the model", "The promotion began: vectors, gates, then the switch."), &[REASON, TYPED]),
    deed(A::ArchiveModel, ("Archive the model", "Archive"), ("POST", "/v1/registry/{}/archive"),
        ("archive the model", "{name} is put away, and its vectors are removed."), &[REASON, TYPED]),
    deed(A::RollBack, ("Roll back", "Roll back"), ("POST", "/v1/registry/rollback"),
        ("roll back", "What answered before answers again."), &[REASON, TYPED]),
    deed(A::HoldModels, ("Hold all promotions", "Hold"), ("POST", "/v1/registry/hold"),
        ("hold the promotions", "No model is promoted until somebody releases that."), &[REASON]),
    deed(A::ReleaseModels, ("Let promotions go on", "Release"), ("POST", "/v1/registry/release"),
        ("release the promotions", "Promotions go on."), &[]),
    shown("What answered then", deed(A::ServedAt, ("What answered at a time", "Show"), ("GET", "/v1/registry/at"),
        ("read the models", ""), &[
            Field::new("time", "Time (UTC)", "2026-03-01 or 2026-03-01T08:00:00Z").is(Kind::Date).needed("A time is needed.")])),
    deed(A::ForgetJudged, ("Forget the judged question", "Forget"), ("DELETE", "/v1/judgements/{}"),
        ("forget the question", "It measures no model any more."), &[]),
    deed(A::CreateUseCase, ("Write a use case", "Write"), ("POST", "/v1/use-cases"),
        ("write the use case", "{name} is a draft; n asks others to let it be deployed."),
        &[NAME, PURPOSE, OWNER, BASIS, DATA, COLLECTIONS, IMPACT, DAYS, MODELS, QUALITY, SLA]),
    deed(A::EditUseCase, ("Change the use case", "Change"), ("PUT", "/v1/use-cases/{}"),
        ("change the use case", "{name} is a draft."),
        &[PURPOSE, OWNER, BASIS, DATA, COLLECTIONS, IMPACT, DAYS, MODELS, QUALITY, SLA]),
    deed(A::SubmitUseCase, ("Submit the use case", "Submit"), ("POST", "/v1/use-cases/{}/submit"),
        ("submit the use case", "It waits for the votes of others."), &[REASON, TYPED]),
    deed(A::DeployUseCase, ("Deploy the use case", "Deploy"), ("POST", "/v1/use-cases/{}/deploy"),
        ("deploy the use case", "Questions may be asked under it."), &[REASON, TYPED]),
    deed(A::DeprecateUseCase, ("Deprecate the use case", "Deprecate"), ("POST", "/v1/use-cases/{}/deprecate"),
        ("deprecate the use case", "Callers are told from now on that it ends."), &[REASON, TYPED,
            Field::new("retires_ms", "Ends", "2026-12-31 (UTC), or nothing").is(Kind::Date),
            Field::new("successor", "Successor", "the use case to ask under instead")]),
    deed(A::RetireUseCase, ("Retire the use case", "Retire"), ("POST", "/v1/use-cases/{}/retire"),
        ("retire the use case", "Nothing is answered under it any more."), &[REASON, TYPED]),
    deed(A::RecordLevel, ("What is recorded", "Record"), ("PUT", "/v1/config/{}"),
        ("change what is recorded", "It holds from now on."), &[Field::new("value", "Level", "").of(RECORDED),
            Field::new("confirm_s", "For", "until changed; then back by itself: 10m").is(Kind::Seconds),
            Field::new("reason", "Reason", "kept in the history of settings")]),
    deed(A::GrantRole, ("Grant a role", "Grant"), ("POST", "/v1/roles/grants"),
        ("grant the role", "{to} is {role} now."), &[TO, Field::new("role", "Role", "").of(&ROLES), REASON,
            Field::new("ttl_s", "For", "until revoked").is(Kind::Seconds)]),
    deed(A::RevokeGrant, ("Revoke a grant", "Revoke"), ("DELETE", "/v1/roles/grants/{}"),
        ("revoke the grant", "The grant is revoked."), &[REASON]),
    deed(A::EndSession, ("End the session", "End"), ("DELETE", "/v1/sessions/{}"),
        ("end the session", "The session is over."), &[]),
    deed(A::ConfirmGrant, ("Confirm the grant", "Confirm"), ("POST", "/v1/roles/grants/{}/confirm"),
        ("confirm the grant", "The grant is confirmed."), &[]),
    deed(A::OpenReview, ("Open a review of the grants", "Open"), ("POST", "/v1/access/reviews"),
        ("open the review", "Review {id} is open: every grant is to be decided."), &[REASON]),
    deed(A::ReviewConfirm, ("Confirm the grant", "Confirm"), ("POST", "/v1/access/reviews/open/grants/{}"),
        ("decide the grant", "It is confirmed; review {id} is {state}."), &[REASON]),
    deed(A::ReviewRevoke, ("Revoke the grant", "Revoke"), ("POST", "/v1/access/reviews/open/grants/{}"),
        ("decide the grant", "It is revoked; review {id} is {state}."), &[REASON]),
    deed(A::CloseReview, ("Close the review", "Close"), ("POST", "/v1/access/reviews/open/close"),
        ("close the review", "Review {id} is {state}."), &[REASON]),
    deed(A::AddPrincipal, ("Add a principal", "Add"), ("POST", "/v1/principals"),
        ("add the principal", "{id} is there; T makes a token, n gives a role."), &[NAME,
            Field::new("about", "About", "who or what it is")]),
    deed(A::RevokePrincipal, ("Take everything from the principal", "Take"), ("DELETE", "/v1/principals/{}"),
        ("take everything from the principal", "Roles, tokens, keys and name are gone."), &[TYPED]),
    deed(A::RevokeTokens, ("Revoke the tokens", "Revoke"), ("DELETE", "/v1/tokens/{}"),
        ("revoke the tokens", "Nobody comes in with them any more."), &[]),
    shown("The site's files of policies", deed(A::CheckPolicies, ("", ""), ("POST", "/v1/policies/check"),
        ("check the policies", ""), &[])),
    shown("What the site's files would change", deed(A::DiffPolicies, ("", ""), ("GET", "/v1/policies/diff"),
        ("compare the policies", ""), &[])),
    shown("What would be decided", deed(A::ExplainPolicy, ("What would be decided", "Show"), ("POST", "/v1/policies/explain"),
        ("ask the policies", ""), &[
            Field::new("permission", "Permission", "promote-models").needed("Name a permission: promote-models."),
            Field::new("principal", "Who", "uid:1000; empty: you"),
            Field::new("roles", "Roles", "those that they have; or analyst, approver").is(Kind::List),
            Field::new("resource", "On", "Collection::\"manuals\"; empty: the box"),
            Field::new("mode", "In mode", "the one that is now"),
            Field::new("hour", "At hour", "0-23 (UTC); empty: now").is(Kind::Number)])),
    shown("Without secrets and personal data", deed(A::Redact, ("Redact a text", "Redact"), ("POST", "/v1/redact"),
        ("redact the text", ""), &[Field::new("text", "Text", "nothing of it is kept").needed("A text is needed.")])),
    shown("What the file holds, or what is wrong with it", deed(A::CheckFile, ("Look through a file", "Look"),
        ("POST", "/v1/files/check"), ("look through the file", ""), &[
            Field::new("kind", "What", "").of(SITE_FILES),
            Field::new("text", "File", "where this screen runs").is(Kind::NamedFile).needed("Name a file.")])),
    shown("Files of other programs", deed(A::LogSources, ("", ""), ("GET", "/v1/logs/sources"),
        ("read the sources", ""), &[])),
    deed(A::ExportTrace, ("Write the trace out", "Write"), ("GET", "/v1/traces/otlp"),
        ("write the trace", "Written: the trace, as OTLP/JSON."), &[FILE]),
    shown("A token: its secret is shown this once", deed(A::MakeToken, ("Make a token", "Make"),
        ("POST", "/v1/principals/{}/tokens"), ("make the token", "Its secret is shown this once."), &[
            Field::new("scopes", "Scopes", "search, ask; * for all it may").is(Kind::List).needed("Name permissions, or *."),
            Field::new("ttl_s", "For", "30d; at most a year").is(Kind::Seconds).needed("Say for how long: 30d.")])),
    deed(A::EnrolKey, ("Enrol an SSH key", "Enrol"), ("POST", "/v1/principals/{}/keys"),
        ("enrol the key", "Votes may be signed with it."), &[REASON,
            Field::new("key", "Key", "path or line of a .pub file").is(Kind::File)
                .needed("Give the line of a .pub file, or the path of one.")]),
    shown("Type it into the app now: it is shown this once", deed(A::EnrolTotp, ("Enrol a second factor", "Enrol"),
        ("POST", "/v1/principals/{}/totp"), ("enrol a second factor", "A code is asked for from now on."), &[])),
    deed(A::TakePolicies, ("Take the policies up", "Take"), ("POST", "/v1/policies/reload"),
        ("take the policies up", "The files hold, or wait for votes: see the approvals."), &[REASON]),
    deed(A::OpenIncident, ("Open an incident", "Open"), ("POST", "/v1/incidents"),
        ("open the incident", "Incident {id} is {state}."), &[
            Field::new("title", "Title", "what is wrong, in a line").needed("A title is needed."),
            Field::new("type", "Type", "").of(TYPES), SEVERITY,
            Field::new("text", "Known", "what is known so far"),
            Field::new("breach", "Breach", "").is(Kind::Flag).of(NO_YES), LINKS]),
    deed(A::ChangeIncident, ("Change an incident", "Change"), ("PATCH", "/v1/incidents/{}"),
        ("change the incident", "Incident {id} is {state}."), &[
            Field::new("state", "State", "").of(NO_YES), SEVERITY,
            Field::new("owner", "Owner", "nobody; uid:1000, a login"),
            Field::new("text", "Reason", "kept with it; alone it is a note").needed("A reason is needed: it is kept with it.")]),
    deed(A::BreachTold, ("The authority was told", "Told"), ("PATCH", "/v1/incidents/{}"),
        ("change the incident", "The clock of incident {id} stands."), &[
            Field::new("text", "Reason", "how, and whom").needed("A reason is needed: it is kept with it.")]),
    deed(A::LinkIncident, ("Link the incident", "Link"), ("PATCH", "/v1/incidents/{}"),
        ("link the incident", "Incident {id} is linked."), &[LINKS.needed("Name a thing: alert:4a1f, entry:17.")]),
    deed(A::Remove, ("Remove a collection", "Remove"), ("DELETE", "/v1/collections/{}"),
        ("remove the collection", "The collection is removed."), &[REASON, TYPED]),
    deed(A::PurgeLetter, ("Throw a dead letter away", "Throw away"), ("DELETE", "/v1/queue/dead/{}"),
        ("throw it away", "Thrown away."), &[REASON]),
    deed(A::PurgeLetters, ("Throw all dead letters away", "Throw away"), ("DELETE", "/v1/queue/dead"),
        ("throw them away", "{purged} thrown away."), &[REASON]),
    deed(A::PruneBackups, ("Remove old backups", "Remove"), ("POST", "/v1/backups/prune"),
        ("remove old backups", "Old backups are removed; the view shows how far it is."), &[REASON]),
    deed(A::RestoreBackup, ("Restore a backup", "Restore"), ("POST", "/v1/backups/{}/restore"),
        ("restore the backup", "The backup is unpacked; it takes this box's place at its next start."), &[REASON, TYPED]),
    deed(A::ProveEntry, ("Prove the entry", "Write"), ("GET", "/v1/audit/entries/{}/proof"),
        ("prove the entry", "Written: the proof that the entry is in the log."), &[FILE]),
    deed(A::ExportAudit, ("Write the audit log out", "Write"), ("GET", "/v1/audit/entries?oldest_first=1&limit=500"),
        ("read the audit log", "Written: every entry, one a line."), &[FILE]),
    deed(A::ExportEvidence, ("Write the evidence out", "Write"), ("GET", "/v1/evidence/bundle"),
        ("write the evidence", "Written: unpack it into a new folder, then sh verify.sh."), &[FROM, UNTIL, FILE]),
    deed(A::EraseEntry, ("Erase the texts of the entry", "Erase"), ("POST", "/v1/audit/entries/{}/erase"),
        ("erase the texts", "The texts are gone; every proof holds."), &[REASON, TYPED]),
    deed(A::AnchorAudit, ("Take in a signed checkpoint", "Take"), ("POST", "/v1/audit/anchors"),
        ("take in the checkpoint", "Others signed for the log up to there."), &[
            Field::new("note", "Checkpoint", "file of it").is(Kind::File).needed("Name the file of the checkpoint.")]),
    shown("Report", deed(A::ComplianceReport, ("Report on the framework", "Report"), ("GET", "/v1/compliance/{}"),
        ("report on the framework", "Written: the report."), &[
            FROM, UNTIL, Field::new("format", "Format", "").of(FORMATS), FILE_OR_SHOWN])),
];

/// What an action is on the wire.
fn of(action: Action) -> Option<&'static Deed> {
    DEEDS.iter().find(|deed| deed.action == action)
}

/// Some actions are others under another name.
fn meant(model: &Model, action: Action) -> Action {
    let access = (model.view == View::Access).then_some(&model.access);
    match action {
        A::AcknowledgeIncident | A::ResolveIncident | A::CloseIncident => A::ChangeIncident,
        A::RevokeGrant if access.is_some_and(|access| access.session().is_some()) => A::EndSession,
        A::RevokeGrant if access.is_some_and(|access| access.principal().is_some()) => A::RevokePrincipal,
        A::RevokeGrant if model.access.item().is_some() => A::ReviewRevoke,
        A::ConfirmGrant if model.access.item().is_some() => A::ReviewConfirm,
        A::HoldModels if model.models.is_held() => A::ReleaseModels,
        other => other,
    }
}

/// The order of a deed upon a thing, with what is sent beside the rows.
fn order(deed: &Deed, id: &str, fixed: Vec<(&'static str, Value)>) -> Order {
    let (method, path) = deed.call;
    let save = match deed.action {
        A::ProveEntry => Some((String::new(), "proof")),
        A::ExportAudit => Some((String::new(), "")),
        A::ExportEvidence => Some((String::new(), BYTES)),
        A::ComplianceReport | A::ExportTrace => Some((String::new(), WHOLE)),
        _ => None,
    };
    Order {
        method,
        path: path.replace("{}", &escape(id)),
        fields: fixed,
        file: None,
        save,
        show: deed.show,
        purpose: deed.purpose,
        done: deed.done,
    }
}

/// Opens the form of an action, or does it where there is nothing to say; `None` where it is none of these.
pub(super) fn begin(model: &mut Model, action: Action) -> Option<Vec<Effect>> {
    // Documents go without a word: their files stay.
    if action == A::Remove && model.library.collection().is_none() {
        return None;
    }
    let deed = of(meant(model, action))?;
    let About { things, mut body, typed, signed, states, was } = match about(model, action, deed.action) {
        Some(about) => about,
        None => return Some(Vec::new()),
    };
    let orders: Vec<Order> = things.into_iter().map(|(id, fixed)| order(deed, &id, fixed)).collect();
    if deed.verb.is_empty() {
        return Some(vec![super::form::send(orders)]);
    }
    let known = |key: &str| was.iter().find(|(known, _)| *known == key).map_or("", |(_, text)| text.as_str());
    let row = |field: &Field| match field.kind {
        Kind::Typed => typed.clone().map(FormRow::typed),
        Kind::File if field.key == "signature" && !signed => None,
        _ if field.key == "state" => Some(field.of(states).row(known("state"))),
        _ => Some(field.row(known(field.key))),
    };
    let rows = deed.fields.iter().filter_map(row).collect();
    // As the row's label is where it is short.
    body.extend(typed.iter().filter(|want| want.len() > 6).map(|want| format!("To allow it, type: {want}")));
    let mut form = Form::new(FormOf::Orders(orders), rows);
    (form.title, form.verb, form.body) = (deed.title.into(), deed.verb, body);
    form.edits = matches!(deed.action, A::EditUseCase | A::ChangeIncident);
    form.signs = matches!(deed.action, A::Approve | A::Reject);
    form.eager = deed.call.0 == "GET";
    form.choose("state", known("wanted"));
    model.overlay = Some(Overlay::Form(form));
    Some(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No compiler sees the words of this table: the API's own description does.
    #[test]
    fn every_deed_is_a_call_of_the_api() {
        let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut routes = String::new();
        for file in std::fs::read_dir(top.join("src/api/route")).unwrap() {
            routes += &std::fs::read_to_string(file.unwrap().path()).unwrap();
        }
        let text = std::fs::read_to_string(top.join("assets/openapi/schemas.json")).unwrap();
        let schemas: Value = serde_json::from_str(&text).unwrap();
        let routes: Vec<&str> = routes.split("Route::new(").skip(1).collect();
        for deed in DEEDS {
            let (method, path) = deed.call;
            let path = path.split('?').next().unwrap();
            let is = |route: &&&str| {
                let mut words = route.split('"').skip(1).step_by(2);
                let same =
                    |(a, b): (&str, &str)| a == b || (matches!(a, "{}" | "open") && b.starts_with('{'));
                words.next() == Some(method)
                    && words.next().is_some_and(|known| {
                        known.split('/').count() == path.split('/').count()
                            && path.split('/').zip(known.split('/')).all(same)
                    })
            };
            let route = routes.iter().find(is).unwrap_or_else(|| panic!("no route {method} {path}"));
            let body = route.split(".body(\"").nth(1).and_then(|rest| rest.split('"').next());
            let queries = route.split(".query(").nth(1).and_then(|rest| rest.split(')').next());
            for field in deed.fields.iter().filter(|field| !field.key.is_empty()) {
                let known = match body {
                    Some(body) => schemas[body]["properties"].get(field.key).is_some(),
                    None => queries.unwrap_or("").contains(&format!("\"{}\"", field.key)),
                };
                assert!(known, "{method} {path} does not know {}", field.key);
            }
        }
    }
}
