//! What happens to an incident. Pure.

use super::IncidentError;
use super::record::{
    Act, Event, Incident, Kind, LINKS_MOST, Link, NOTE_BYTES, Severity, State, TITLE_BYTES, may_be_breach,
    text,
};

/// Things that happen to one incident, at most; what the box sees by itself leaves the rest to people.
const EVENTS_MOST: usize = 400;
const SEEN_MOST: usize = 300;

/// Where somebody takes an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Acknowledge,
    Mitigate,
    Resolve,
    Reopen,
}

/// What is done.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    Note {
        by: &'a str,
        text: &'a str,
    },
    /// To somebody, or to nobody.
    Assign {
        by: &'a str,
        to: Option<&'a str>,
        text: &'a str,
    },
    Title {
        by: &'a str,
        title: &'a str,
    },
    Severity {
        by: &'a str,
        severity: Severity,
        text: &'a str,
    },
    Kind {
        by: &'a str,
        kind: Kind,
        text: &'a str,
    },
    /// Personal data got lost, changed or out, or did not.
    Breach {
        by: &'a str,
        is_breach: bool,
        text: &'a str,
    },
    /// The authority was told of the breach.
    Told {
        by: &'a str,
        text: &'a str,
    },
    Link {
        by: &'a str,
        link: &'a Link,
    },
    Move {
        by: &'a str,
        to: Move,
        text: &'a str,
    },
    Close {
        by: &'a str,
        post_mortem: &'a str,
    },
    /// What opened it came again at this time.
    Again {
        text: &'a str,
        seen_ms: u64,
    },
    /// What opened it is over.
    Over {
        text: &'a str,
    },
}

fn conflict(what: String, advice: &'static str) -> IncidentError {
    IncidentError::Conflict { what, advice }
}

fn invalid(what: &str, advice: &'static str) -> IncidentError {
    IncidentError::Invalid { what: what.to_owned(), advice }
}

/// One step: the incident as it is then, with one event more; or with none, where the box saw again what it told
/// often enough.
///
/// # Errors
/// [`IncidentError`]: nothing is changed then.
pub fn step(before: &Incident, input: Input<'_>, now_ms: u64) -> Result<Incident, IncidentError> {
    let seen = matches!(input, Input::Again { .. } | Input::Over { .. });
    if !seen && before.events.len() >= EVENTS_MOST {
        let what = format!("{EVENTS_MOST} things happened to incident {} already", before.id);
        return Err(conflict(what, "open another one, and link this one to it"));
    }
    let reopens = matches!(input, Input::Move { to: Move::Reopen, .. });
    if before.state == State::Closed && !reopens {
        let what = format!("incident {} is closed", before.id);
        return Err(conflict(what, "reopen it first, or open another one"));
    }
    let mut after = before.clone();
    after.revision += 1;
    let (by, act, text) = changed(&mut after, input, now_ms)?;
    if !seen || before.events.len() < SEEN_MOST || after.state != before.state {
        after.events.push(Event { at_ms: now_ms, by, act, text, entry: None });
    }
    if after.state != before.state {
        after.moved_ms = now_ms;
    }
    Ok(after)
}

/// Changes the incident; gives who did what, with the words of the timeline.
fn changed(
    after: &mut Incident,
    input: Input<'_>,
    now_ms: u64,
) -> Result<(String, Act, String), IncidentError> {
    let why = |text: &str| optional(text);
    let (by, act, text) = match input {
        Input::Note { by, text: note } => (by, Act::Noted, text(note, "a note", NOTE_BYTES)?),
        Input::Assign { by, to, text } => {
            after.owner = to.map(str::to_owned);
            (by, Act::Assigned, said(format!("to {}", to.unwrap_or("nobody")), &why(text)?))
        }
        Input::Title { by, title } => {
            let title = text(title, "a title", TITLE_BYTES)?;
            let before = std::mem::replace(&mut after.title, title);
            (by, Act::Changed, format!("title was: {before}"))
        }
        Input::Severity { by, severity, text } => {
            let before = std::mem::replace(&mut after.severity, severity);
            let words = format!("severity {} -> {}", before.name(), severity.name());
            (by, Act::Changed, said(words, &why(text)?))
        }
        Input::Kind { by, kind, text } => {
            if after.is_breach {
                may_be_breach(kind)?;
            }
            let before = std::mem::replace(&mut after.kind, kind);
            (by, Act::Changed, said(format!("type {} -> {}", before.name(), kind.name()), &why(text)?))
        }
        Input::Breach { by, is_breach, text: reason } => {
            may_be_breach(after.kind)?;
            // That no authority has to be told needs a reason (GDPR, art. 33 par. 5 asks for the record of it).
            let reason = if is_breach { why(reason)? } else { text(reason, "a reason", NOTE_BYTES)? };
            after.is_breach = is_breach;
            let words = if is_breach { "a breach of personal data" } else { "no breach of personal data" };
            (by, Act::Changed, said(words.to_owned(), &reason))
        }
        Input::Told { by, text } => {
            if !after.is_breach {
                return Err(invalid("there is no breach to tell of", "mark it as one first: --breach yes"));
            }
            if after.authority_ms.is_some() {
                return Err(conflict("the authority was told already".to_owned(), "add a note instead"));
            }
            after.authority_ms = Some(now_ms);
            (by, Act::Changed, said("the authority was told".to_owned(), &why(text)?))
        }
        Input::Link { by, link } => {
            linked(after, link)?;
            (by, Act::Linked, format!("{}:{}", link.kind, link.id))
        }
        Input::Move { by, to, text } => {
            let (act, text) = moved(after, to, text)?;
            (by, act, text)
        }
        Input::Close { by, post_mortem } => {
            closed(after, post_mortem)?;
            (by, Act::Closed, after.post_mortem.clone())
        }
        Input::Again { text, seen_ms } => {
            (after.seen_ms, after.times) = (seen_ms, after.times + 1);
            if after.state == State::Resolved {
                after.state = State::Open;
            }
            ("box", Act::Recurred, cut(text))
        }
        Input::Over { text } => ("box", Act::Ceased, cut(text)),
    };
    Ok((by.to_owned(), act, text))
}

fn closed(after: &mut Incident, post_mortem: &str) -> Result<(), IncidentError> {
    if after.state != State::Resolved {
        let what = format!("incident {} is {}, not resolved", after.id, after.state.name());
        return Err(conflict(what, "resolve it first: spud incident resolve"));
    }
    if after.breach_runs() {
        let what = "nobody said yet that the authority was told of the breach".to_owned();
        return Err(conflict(what, "spud incident set ID --told, or --breach no with a reason"));
    }
    after.post_mortem = text(post_mortem, "a post-mortem", NOTE_BYTES)?;
    after.state = State::Closed;
    Ok(())
}

fn linked(after: &mut Incident, link: &Link) -> Result<(), IncidentError> {
    if after.links.contains(link) {
        return Err(conflict("it is linked already".to_owned(), "link something else"));
    }
    if after.links.len() >= LINKS_MOST {
        return Err(conflict(format!("it has {LINKS_MOST} links already"), "name the rest in a note"));
    }
    after.links.push(link.clone());
    Ok(())
}

fn moved(after: &mut Incident, to: Move, reason: &str) -> Result<(Act, String), IncidentError> {
    use State::{Acknowledged, Closed, Mitigated, Open, Resolved};
    let (state, act, from): (State, Act, &[State]) = match to {
        Move::Acknowledge => (Acknowledged, Act::Acknowledged, &[Open]),
        Move::Mitigate => (Mitigated, Act::Mitigated, &[Open, Acknowledged]),
        Move::Resolve => (Resolved, Act::Resolved, &[Open, Acknowledged, Mitigated]),
        Move::Reopen => (Open, Act::Reopened, &[Resolved, Closed]),
    };
    if !from.contains(&after.state) {
        let what = format!("incident {} is {} already", after.id, after.state.name());
        return Err(conflict(what, "open -> acknowledged -> mitigated -> resolved -> closed, or reopened"));
    }
    // Who acknowledges need not say why; that it does no harm any more, or does again, is a claim.
    let reason =
        if to == Move::Acknowledge { optional(reason)? } else { text(reason, "a reason", NOTE_BYTES)? };
    after.state = state;
    Ok((act, reason))
}

/// A reason that may be left out.
fn optional(reason: &str) -> Result<String, IncidentError> {
    if reason.trim().is_empty() { Ok(String::new()) } else { text(reason, "a reason", NOTE_BYTES) }
}

fn said(what: String, why: &str) -> String {
    if why.is_empty() { what } else { format!("{what}: {why}") }
}

/// What the box says of itself is cut, never refused.
fn cut(text: &str) -> String {
    let end = (0..=NOTE_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default().trim().to_owned()
}
