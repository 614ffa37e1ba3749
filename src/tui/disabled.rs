//! Why an action cannot be done now: short reasons, which the footer, the help and the palette show.
//!
//! Invariant: looks at the model, changes nothing.

use crate::tui::model::{Model, Reading, Tab, View, together};

pub(super) fn a_grant(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    unless(m.view == View::Access && m.access.grant().is_some(), "select a grant")
}

pub(super) fn a_principal(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    let one = m.view == View::Access && m.access.principal().is_some();
    unless(one, "select a principal")
}

pub(super) fn revocable(m: &Model) -> Option<&'static str> {
    let access = &m.access;
    let here = m.view == View::Access && (access.session().is_some() || access.principal().is_some());
    if here && !m.link.down { None } else { confirmable(m) }
}

pub(super) fn some_tokens(m: &Model) -> Option<&'static str> {
    a_principal(m)
        .or_else(|| unless(m.access.principal().is_some_and(|one| !one.tokens.is_empty()), "it has no token"))
}

pub(super) fn a_trace(m: &Model) -> Option<&'static str> {
    unless(m.view == View::Observe && m.traces.shown && m.traces.id().is_some(), "select a trace")
}

/// A grant, or an item of the open review.
pub(super) fn confirmable(m: &Model) -> Option<&'static str> {
    let item = m.view == View::Access && m.access.item().is_some();
    if item && !m.link.down { None } else { a_grant(m) }
}

pub(super) fn a_use_case(m: &Model) -> Option<&'static str> {
    if m.use_cases.one().is_none() { Some("no use case") } else { connected(m) }
}

pub(super) fn no_review(m: &Model) -> Option<&'static str> {
    if m.access.open_review().is_some() { Some("one is open") } else { connected(m) }
}

pub(super) fn a_review(m: &Model) -> Option<&'static str> {
    if m.access.open_review().is_none() { Some("no review is open") } else { connected(m) }
}

pub(super) fn was_denied(m: &Model) -> Option<&'static str> {
    unless(m.denied.is_some(), "nothing was denied")
}

pub(super) fn decisions_here(m: &Model) -> Option<&'static str> {
    let decisions = [View::Approvals, View::Models, View::Incidents, View::UseCases];
    unless(decisions.contains(&m.view), "no decisions here")
}

/// Decisions are made unlocked, about what is selected and not over.
fn unlocked(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    unless(m.unlocked, "read-only: u unlocks")
}

pub(super) fn a_decision(m: &Model) -> Option<&'static str> {
    let Some(one) = m.approvals.approval().filter(|_| m.view == View::Approvals) else {
        return Some("select a request");
    };
    unlocked(m).or_else(|| unless(one.state == "pending", "it is decided"))
}

pub(super) fn a_model(m: &Model) -> Option<&'static str> {
    let Some(one) = m.models.version().filter(|_| m.view == View::Models) else {
        return Some("select a model");
    };
    unlocked(m).or_else(|| unless(one.stage != "archived", "it is archived"))
}

pub(super) fn unlocked_models(m: &Model) -> Option<&'static str> {
    if m.view == View::Models { unlocked(m) } else { Some("see the models") }
}

pub(super) fn unlocked_use_cases(m: &Model) -> Option<&'static str> {
    if m.view == View::UseCases { unlocked(m) } else { Some("see the use cases") }
}

/// A model is selected, and another one marked.
pub(super) fn two_models(m: &Model) -> Option<&'static str> {
    let here = m.models.version().filter(|_| m.view == View::Models);
    let two = here.is_some_and(|one| m.models.marked.as_ref().is_some_and(|marked| *marked != one.sha256));
    unless(two, "mark another one: space")
}

pub(super) fn a_question(m: &Model) -> Option<&'static str> {
    if m.view != View::Models || m.models.question().is_none() {
        return Some("see the judged questions");
    }
    unlocked(m)
}

/// The state that a use case must have for something to be done to it.
fn use_case_in(m: &Model, states: &[&str], reason: &'static str) -> Option<&'static str> {
    let Some(one) = m.use_cases.one().filter(|_| m.view == View::UseCases) else {
        return Some("select a use case");
    };
    unlocked(m).or_else(|| unless(states.contains(&one.state.as_str()), reason))
}

pub(super) fn a_draft(m: &Model) -> Option<&'static str> {
    use_case_in(m, &["draft"], "it is no draft")
}

/// A draft; the general one also when it is retired, so that it can come back.
pub(super) fn editable(m: &Model) -> Option<&'static str> {
    let general = m.use_cases.one().is_some_and(|one| one.name == "general");
    use_case_in(m, if general { &["draft", "retired"] } else { &["draft"] }, "it is no draft")
}

pub(super) fn deployable(m: &Model) -> Option<&'static str> {
    use_case_in(m, &["approved", "deprecated"], "not approved, or deployed")
}

pub(super) fn a_deployed(m: &Model) -> Option<&'static str> {
    use_case_in(m, &["deployed", "deprecated"], "it is not deployed")
}

pub(super) fn retirable(m: &Model) -> Option<&'static str> {
    use_case_in(m, &["draft", "approved", "deployed", "deprecated"], "retired, or others vote on it")
}

pub(super) fn a_previous(m: &Model) -> Option<&'static str> {
    let previous = m.models.registry.as_ref().is_some_and(|registry| registry.previous.is_some());
    if m.view != View::Models || !previous {
        return Some("nothing to roll back to");
    }
    unlocked(m)
}

pub(super) fn judgeable(m: &Model) -> Option<&'static str> {
    unless(m.ask.hit().is_some(), "no result")
}

pub(super) fn an_incident(m: &Model) -> Option<&'static str> {
    let selected = m.view == View::Incidents && m.incidents.incident().is_some();
    unless(selected, "select an incident").or_else(|| unlocked(m))
}

pub(super) fn always(_: &Model) -> Option<&'static str> {
    None
}

fn unless(fine: bool, reason: &'static str) -> Option<&'static str> {
    if fine { None } else { Some(reason) }
}

pub(super) fn not_typing(m: &Model) -> Option<&'static str> {
    unless(!m.typing(), "you are typing it")
}

pub(super) fn connected(m: &Model) -> Option<&'static str> {
    unless(!m.link.down, "not connected")
}

pub(super) fn forced(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    unless(m.mode().is_some_and(|mode| mode.forced.is_some()), "nothing is forced")
}

pub(super) fn suggestion(m: &Model) -> Option<&'static str> {
    unless(m.ask.suggestion().is_some(), "no suggestion")
}

pub(super) fn some_collections(m: &Model) -> Option<&'static str> {
    unless(!m.library.collections.items.is_empty(), "no collections yet")
}

pub(super) fn reading_before(m: &Model) -> Option<&'static str> {
    match &m.ask.reader {
        None => Some("open a result first"),
        Some(r) => unless(r.before != Reading::End, "this is the beginning"),
    }
}

pub(super) fn reading_after(m: &Model) -> Option<&'static str> {
    match &m.ask.reader {
        None => Some("open a result first"),
        Some(r) => unless(r.after != Reading::End, "this is the end"),
    }
}

pub(super) fn removable(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    match m.library.tab {
        Tab::Collections => match m.library.collection() {
            None => Some("nothing selected"),
            Some(c) => unless(!c.built_in, "built in"),
        },
        Tab::Documents => unless(m.library.document().is_some(), "nothing selected"),
        Tab::Jobs | Tab::Failures => Some("nothing to remove here"),
    }
}

pub(super) fn collection_selected(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    unless(m.library.tab == Tab::Collections && m.library.collection().is_some(), "select a collection")
}

pub(super) fn job_selected(m: &Model) -> Option<&'static str> {
    if m.library.tab != Tab::Jobs {
        return Some("see the jobs tab");
    }
    match m.library.job() {
        None => Some("no job"),
        Some(j) => unless(!j.state.is_final(), "already ended"),
    }
}

pub(super) fn letter(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    if m.view != View::Queue {
        return Some("see the queue");
    }
    unless(m.queue.letter().is_some(), "no dead letter")
}

pub(super) fn a_breaker(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    unless(m.view == View::Queue && m.queue.breaker().is_some(), "select a breaker")
}

pub(super) fn a_held_breaker(m: &Model) -> Option<&'static str> {
    let held = || m.queue.breaker().is_some_and(|breaker| breaker.held.is_some());
    a_breaker(m).or_else(|| unless(held(), "nobody holds it"))
}

pub(super) fn idle_backups(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    if m.view != View::Backups {
        return Some("see the backups");
    }
    unless(!m.backups.is_busy(), "work is under way")
}

pub(super) fn backup_selected(m: &Model) -> Option<&'static str> {
    idle_backups(m).or(unless(m.backups.backup().is_some(), "no backup"))
}

pub(super) fn upstream(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    let known = m.queue.status.as_ref().is_some_and(|status| status.upstream.url.is_some());
    unless(known, "there is no upstream")
}

pub(super) fn a_setting(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    if m.view != View::Config {
        return Some("see the settings");
    }
    unless(m.config.versions.is_none() && m.config.setting().is_some(), "select a setting")
}

pub(super) fn a_set_one(m: &Model) -> Option<&'static str> {
    a_setting(m).or_else(|| {
        let set = m.config.setting().is_some_and(|setting| setting.layer != "default");
        unless(set, "it is at its default")
    })
}

pub(super) fn a_version(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    unless(m.view == View::Config && m.config.shown_version().is_some(), "see the versions")
}

pub(super) fn not_newest(m: &Model) -> Option<&'static str> {
    unless(m.observe.back_ms > 0, "this is the newest")
}

/// The panels of a dashboard, or the list of dashboards.
pub(super) fn panels(m: &Model) -> Option<&'static str> {
    unless(m.shows_graphs() && m.observe.is_dashboard(), "see the dashboard")
}

pub(super) fn a_panel(m: &Model) -> Option<&'static str> {
    panels(m).or(unless(m.graphs() > 0, "no panel"))
}

pub(super) fn a_changed_dashboard(m: &Model) -> Option<&'static str> {
    panels(m).or(unless(m.dashboards.changed, "nothing was changed"))
}

pub(super) fn an_expression(m: &Model) -> Option<&'static str> {
    unless(m.shows_graphs() && !m.observe.is_dashboard(), "ask something first")
}

pub(super) fn some_alerts(m: &Model) -> Option<&'static str> {
    unless(m.view == View::Observe && m.alerts.lists_alerts(), "see the alerts")
}

pub(super) fn a_trial(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    let trial = m.config.report.as_ref().is_some_and(|report| report.trial.is_some());
    unless(trial, "nothing is on trial")
}

pub(super) fn an_audit(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    if m.view != View::Audit {
        return Some("see the audit log");
    }
    unless(!m.audit.verifying, "it is being verified")
}

/// Something is selected of which the audit log may hold evidence.
pub(super) fn attested(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    unless(m.audited_subject().is_some(), "select a request, a model, a use case, an incident or an entry")
}

pub(super) fn an_alert(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    if m.view != View::Observe || !m.alerts.shown {
        return Some("see the alerts");
    }
    unless(m.alerts.alert().is_some(), "no alert")
}

pub(super) fn a_silenced_alert(m: &Model) -> Option<&'static str> {
    let silenced = m.alerts.alert().is_some_and(|alert| !alert.silenced_by.is_empty());
    if m.view == View::Observe && m.alerts.silence().is_some() && !m.link.down {
        return None;
    }
    an_alert(m).or(unless(silenced, "it is not silenced"))
}

pub(super) fn a_probe(m: &Model) -> Option<&'static str> {
    if m.link.down {
        return Some("not connected");
    }
    let probe = m.probes.shown && m.probes.probe().is_some();
    let some = probe || m.alerts.receiver().is_some();
    unless(m.view == View::Observe && some, "see the probes, or receivers")
}

pub(super) fn some_lines(m: &Model) -> Option<&'static str> {
    unless(!m.logs.visible.is_empty(), "no lines")
}

pub(super) fn some_pins(m: &Model) -> Option<&'static str> {
    unless(!m.logs.pinned.is_empty(), "nothing is pinned")
}

pub(super) fn openable(m: &Model) -> Option<&'static str> {
    if m.view == View::Overview {
        return Some("no list here");
    }
    if m.view == View::Ask && m.ask.reader.is_some() {
        return Some("it is open");
    }
    unless(m.something_selected(), "nothing selected")
}

pub(super) fn something(m: &Model) -> Option<&'static str> {
    if m.view == View::Overview {
        return Some("no list here");
    }
    unless(m.something_selected(), "nothing to copy")
}

pub(super) fn a_list(m: &Model) -> Option<&'static str> {
    let none = matches!(m.view, View::Overview | View::Ask | View::Queue | View::Backups | View::Observe);
    let levels = m.view == View::Incidents && m.incidents.service;
    unless(!none && !levels, "no list here")
}

pub(super) fn a_table(m: &Model) -> Option<&'static str> {
    unless(m.view == View::Library, "no table here")
}

/// Documents; models to compare; requests of which several may be voted on together.
pub(super) fn selectable(m: &Model) -> Option<&'static str> {
    match m.view {
        View::Models => unless(m.models.version().is_some(), "select a model"),
        View::Approvals => match m.approvals.approval() {
            None => Some("select a request"),
            Some(one) => unless(together(one), "one by one: it is grave, signed or decided"),
        },
        _ => unless(m.view == View::Library && m.library.tab == Tab::Documents, "only documents"),
    }
}

/// An entry of the audit log.
pub(super) fn an_entry(m: &Model) -> Option<&'static str> {
    an_audit(m).or_else(|| unless(m.audit.entry().is_some(), "no entry"))
}
