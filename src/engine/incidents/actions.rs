//! What people ask of incidents: look, open, work on them, close.

use super::{control, keep, kind, words};
use crate::api::types::Page;
use crate::api::types::incident::{ChangeIncident, Incident as Words, IncidentQuery, OpenIncident};
use crate::api::types::violation::ViolationRules;
use crate::audit::Entry;
use crate::engine::access::{meant, subject};
use crate::engine::paging::{cursor, page_of, unchanged};
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{Caller, EngineError, trail, violations};
use crate::governance::approval::Shelf as Requests;
use crate::governance::incident::{
    Draft, Event, Filter, Incident, IncidentError, Input, Kind, Link, Move, Severity, Shelf, State, step,
};

const LIMIT: usize = 100;
const LIMIT_MOST: usize = 1_000;
const STATES: &str = "acknowledged, mitigated, resolved, closed, or open to reopen it";

/// Everything that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentAction {
    List(IncidentQuery),
    /// By id.
    Show(String),
    /// What is looked for in the audit log.
    Rules,
    Open(OpenIncident),
    /// Notes, owner, severity, state.
    Handle {
        id: String,
        change: ChangeIncident,
    },
    /// The same, and it is closed or reopened.
    Close {
        id: String,
        change: ChangeIncident,
    },
}

impl IncidentAction {
    /// What a change is: its end is somebody else's to say.
    #[must_use]
    pub fn change(id: String, change: ChangeIncident) -> Self {
        match change.state.as_deref() {
            Some("closed" | "open") => Self::Close { id, change },
            _ => Self::Handle { id, change },
        }
    }
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum IncidentReply {
    Page(Page<Words>),
    One(Box<Words>),
    Rules(Box<ViolationRules>),
}

/// Does what is asked. `told` is the entry of what changes something.
pub(in crate::engine) fn act(
    inner: &Inner,
    caller: &Caller,
    action: IncidentAction,
    told: Option<&Entry>,
) -> Result<IncidentReply, EngineError> {
    let done = match action {
        IncidentAction::List(query) => return list(inner, &query).map(IncidentReply::Page),
        IncidentAction::Rules => return Ok(IncidentReply::Rules(Box::new(violations::listed(inner)))),
        IncidentAction::Show(id) => Shelf::get(control(inner)?, number(&id)?)?,
        IncidentAction::Open(request) => open(inner, caller, &request, told)?,
        IncidentAction::Handle { id, change } | IncidentAction::Close { id, change } => {
            changed(inner, caller, &id, &change, told)?
        }
    };
    Ok(IncidentReply::One(Box::new(words::incident(&done, inner.clock.now_ms()))))
}

/// Cursor: the id of the last one of the page before.
fn list(inner: &Inner, query: &IncidentQuery) -> Result<Page<Words>, EngineError> {
    let state = query.state.as_deref().filter(|name| *name != "all");
    let filter = Filter {
        state: state.map(|name| word(State::parse(name), "state", name, State::known())).transpose()?,
        unclosed: query.state.is_none(),
        kind: query.kind.as_deref().map(typed).transpose()?,
        severity: query.severity.as_deref().map(severity).transpose()?,
        violations: query.violations,
    };
    let before = cursor(query.cursor.as_ref())?.unwrap_or(u64::MAX);
    let limit = if query.limit == 0 { LIMIT } else { query.limit.min(LIMIT_MOST) };
    let found = Shelf::list(control(inner)?, &filter, before, limit + 1)?;
    let (found, next) = page_of(found, limit, |one| one.id);
    let now_ms = inner.clock.now_ms();
    Ok(Page { items: found.iter().map(|one| words::incident(one, now_ms)).collect(), next })
}

fn word<T>(found: Option<T>, what: &str, name: &str, known: String) -> Result<T, EngineError> {
    let shown: String = name.chars().take(40).collect();
    found.ok_or_else(|| invalid(format!("there is no {what} '{shown}'"), known))
}

fn typed(name: &str) -> Result<Kind, EngineError> {
    word(Kind::parse(name), "type", name, Kind::known())
}

fn severity(name: &str) -> Result<Severity, EngineError> {
    word(Severity::parse(name), "severity", name, Severity::known())
}

/// Links that somebody typed; what this box counts itself must be there.
fn links(inner: &Inner, texts: &[String]) -> Result<Vec<Link>, EngineError> {
    let control = control(inner)?;
    let links: Vec<Link> = texts.iter().map(|text| Link::parse(text)).collect::<Result<_, _>>()?;
    for link in &links {
        let id = link.id.parse::<u64>().ok();
        let advice = match link.kind.as_str() {
            "entry" if !id.is_some_and(|id| trail::has_entry(control, id)) => "`spud audit list` shows them",
            "approval" if id.is_none_or(|id| Requests::get(control, id).is_err()) => {
                "`spud approval list --state all` shows them"
            }
            "incident" if id.is_none_or(|id| Shelf::get(control, id).is_err()) => {
                "`spud incident list --state all` shows them"
            }
            _ => continue,
        };
        return Err(invalid(format!("there is no {} {}", link.kind, link.id), advice));
    }
    Ok(links)
}

/// Somebody that a person typed; nobody where nothing was.
fn owner(inner: &Inner, typed: &str) -> Result<Option<String>, EngineError> {
    if typed.trim().is_empty() { Ok(None) } else { Ok(Some(meant(inner, typed.trim())?.to_string())) }
}

fn open(
    inner: &Inner,
    caller: &Caller,
    request: &OpenIncident,
    told: Option<&Entry>,
) -> Result<Incident, EngineError> {
    let draft = Draft {
        title: request.title.clone(),
        kind: typed(&request.kind)?,
        severity: request.severity.as_deref().map_or(Ok(Severity::Error), severity)?,
        by: subject(inner, caller)?.name.to_string(),
        text: request.text.clone(),
        owner: owner(inner, request.owner.as_deref().unwrap_or_default())?,
        is_breach: request.breach,
        key: String::new(),
        links: links(inner, &request.links)?,
    };
    let control = control(inner)?;
    let mut desk = inner.incidents.desk();
    let mut incident = Incident::new(Shelf::next(control)?, draft, inner.clock.now_ms())?;
    let title = incident.title.clone();
    let entry = entries(inner, told);
    keep(inner, control, &mut desk, &mut incident, 0, |event, id| {
        entry(event, id).text("title", title.as_str())
    })
    .map_err(IncidentError::from)?;
    Ok(incident)
}

/// Makes the entry of an event after that of the request.
fn entries<'a>(inner: &'a Inner, told: Option<&'a Entry>) -> impl Fn(&Event, &str) -> Entry + 'a {
    move |event, id| {
        // Each has salts of its own.
        let fresh = trail::entry(inner, &kind(event.act), &event.by, ("incident", id));
        let (texts, subject) = (Vec::new(), fresh.subject.clone());
        let entry = match told {
            Some(told) => Entry { kind: fresh.kind, subject, texts, seed: fresh.seed, ..told.clone() },
            None => fresh,
        };
        entry.text("text", event.text.as_str())
    }
}

fn changed(
    inner: &Inner,
    caller: &Caller,
    id: &str,
    change: &ChangeIncident,
    told: Option<&Entry>,
) -> Result<Incident, EngineError> {
    let control = control(inner)?;
    let id = number(id)?;
    let by = subject(inner, caller)?.name.to_string();
    let (links, to) =
        (links(inner, &change.links)?, change.owner.as_deref().map(|to| owner(inner, to)).transpose()?);
    let inputs = inputs(change, &by, &links, to.as_ref().map(Option::as_deref))?;
    let mut desk = inner.incidents.desk();
    let before = Shelf::get(control, id)?;
    unchanged(change.etag.as_deref(), before.revision, "something happened to the incident meanwhile")?;
    let now_ms = inner.clock.now_ms();
    let first = before.events.len();
    let mut after = inputs.into_iter().try_fold(before, |incident, input| step(&incident, input, now_ms))?;
    keep(inner, control, &mut desk, &mut after, first, entries(inner, told)).map_err(IncidentError::from)?;
    Ok(after)
}

/// Everything that a change says, in the order in which it is done.
fn inputs<'a>(
    change: &'a ChangeIncident,
    by: &'a str,
    links: &'a [Link],
    owner: Option<Option<&'a str>>,
) -> Result<Vec<Input<'a>>, EngineError> {
    let text = change.text.as_str();
    let mut all = Vec::new();
    if let Some(name) = &change.kind {
        all.push(Input::Kind { by, kind: typed(name)?, text });
    }
    if let Some(name) = &change.severity {
        all.push(Input::Severity { by, severity: severity(name)?, text });
    }
    all.extend(change.title.as_ref().map(|title| Input::Title { by, title }));
    all.extend(change.breach.map(|is_breach| Input::Breach { by, is_breach, text }));
    all.extend(change.told.then_some(Input::Told { by, text }));
    all.extend(owner.map(|to| Input::Assign { by, to, text }));
    all.extend(links.iter().map(|link| Input::Link { by, link }));
    all.extend(change.note.as_ref().map(|note| Input::Note { by, text: note }));
    if let Some(state) = &change.state {
        let to = |to| Input::Move { by, to, text };
        let moved = match state.as_str() {
            "acknowledged" => Some(to(Move::Acknowledge)),
            "mitigated" => Some(to(Move::Mitigate)),
            "resolved" => Some(to(Move::Resolve)),
            "open" => Some(to(Move::Reopen)),
            "closed" => Some(Input::Close { by, post_mortem: text }),
            _ => None,
        };
        let moved = word(moved, "state", state, STATES.to_owned())?;
        // Only a reopened incident takes the rest.
        let at = if state == "open" { 0 } else { all.len() };
        all.insert(at, moved);
    }
    if all.is_empty() {
        return Err(invalid("nothing is to change", "give a note, an owner, a severity, a state"));
    }
    Ok(all)
}

fn number(id: &str) -> Result<u64, EngineError> {
    id.parse().map_err(|_| EngineError::NotFound {
        noun: "incident",
        name: id.chars().take(40).collect(),
        advice: "`spud incident list --state all` shows them".into(),
    })
}
