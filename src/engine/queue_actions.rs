//! What people ask of the queue: list, show, pause, retry, edit, purge.

use super::paging::bad_cursor;
use super::queue_words::{self, store_said};
use super::run::Inner;
use super::trail;
use super::worker::invalid;
use super::{Action, EngineError, Reply};
use crate::api::types::{Operation, OperationDetail, OperationQuery, Page, Purged, QueueStatus};
use crate::audit::Entry;
use crate::resilience::queue::{Id, LANES, PAYLOAD, State, delivery_id};

const REASON: usize = 500;

/// The number in an id of this box.
fn parse(inner: &Inner, text: &str) -> Result<Id, EngineError> {
    let box_id = inner.outbox.queue.box_id();
    Id::parse(text, box_id).filter(|id| id.box_id == box_id).ok_or_else(|| missing(text))
}

fn missing(id: &str) -> EngineError {
    EngineError::NotFound {
        noun: "operation",
        name: id.to_owned(),
        advice: "`spud operation list` shows what waits, `spud queue list` the dead letters".into(),
    }
}

/// Does what is asked of the queue.
pub(super) fn act(inner: &Inner, action: Action, told: Option<&Entry>) -> Result<Reply, EngineError> {
    match action {
        // Kept together with others before it gets here.
        Action::PostOperation(_) => Err(EngineError::Internal("a post came the wrong way".into())),
        Action::Operations(query) => list(inner, &query).map(Reply::Operations),
        Action::Operation(id) => show(inner, &id).map(|detail| Reply::Operation(Box::new(detail))),
        Action::OperationPayload(id) => payload(inner, &id).map(|(kind, bytes)| Reply::Payload(kind, bytes)),
        Action::Queue => queue_words::whole(inner).map(|status| Reply::Queue(Box::new(status))),
        Action::PauseQueue(reason) => {
            pause(inner, reason.as_deref(), told).map(|status| Reply::Queue(Box::new(status)))
        }
        Action::RetryOperation(id) => retry(inner, &id, told).map(Box::new).map(Reply::Changed),
        Action::EditOperation { id, content_type, payload } => {
            let edited = edit(inner, &id, content_type.as_deref(), &payload, told);
            edited.map(Box::new).map(Reply::Changed)
        }
        Action::PurgeOperations { id, reason } => {
            reasoned(&reason, "say why they are thrown away: it stays in the audit log")?;
            purge(inner, id.as_deref(), told).map(Reply::Purged)
        }
        _ => Err(EngineError::Internal("this is not asked of the queue".into())),
    }
}

fn show(inner: &Inner, text: &str) -> Result<OperationDetail, EngineError> {
    let (id, operation, payload) = find(inner, text)?;
    let payload = payload.and_then(|payload| String::from_utf8(payload).ok());
    Ok(OperationDetail { operation: with_revision(inner, id, &operation)?, payload })
}

/// In the words of the API, with the id that an edit gave it.
fn with_revision(
    inner: &Inner,
    id: Id,
    operation: &crate::resilience::queue::Operation,
) -> Result<Operation, EngineError> {
    let revision = inner.outbox.queue.revision(&inner.modes.control, id.number);
    let revision = revision.map_err(|error| store_said(&error))?;
    Ok(Operation { delivery_id: delivery_id(id, revision), ..queue_words::operation(id, operation) })
}

fn find(
    inner: &Inner,
    text: &str,
) -> Result<(Id, crate::resilience::queue::Operation, Option<Vec<u8>>), EngineError> {
    let id = parse(inner, text)?;
    let found =
        inner.outbox.queue.find(&inner.modes.control, id.number).map_err(|error| store_said(&error))?;
    let (operation, payload) =
        found.filter(|(found, _)| found.epoch == id.epoch).ok_or_else(|| missing(text))?;
    Ok((id, operation, payload))
}

/// The payload as it was posted, with its type.
fn payload(inner: &Inner, text: &str) -> Result<(String, Vec<u8>), EngineError> {
    let (_, operation, payload) = find(inner, text)?;
    let payload = payload.ok_or_else(|| EngineError::Conflict {
        what: format!("operation '{text}' was delivered: its payload is gone"),
        advice: "payloads are kept until they are delivered".into(),
    })?;
    Ok((operation.content_type, payload))
}

/// Cursor: `lane:number` for what waits, `number` for the others.
fn list(inner: &Inner, query: &OperationQuery) -> Result<Page<Operation>, EngineError> {
    let limit = if query.limit == 0 { 100 } else { query.limit.min(1000) };
    let wanted = query.lane.as_deref().map(queue_words::lane).transpose()?;
    let (queue, control) = (&inner.outbox.queue, &inner.modes.control);
    let box_id = queue.box_id();
    let words = |(number, operation): &(u64, crate::resilience::queue::Operation)| {
        queue_words::operation(Id { box_id, epoch: operation.epoch, number: *number }, operation)
    };
    let state = match query.state.as_deref() {
        None | Some("waiting") => None,
        Some("dead") => Some(State::Dead),
        Some("done") => Some(State::Done),
        Some(other) => return Err(invalid(format!("there is no state '{other}'"), "waiting, dead or done")),
    };
    if let Some(state) = state {
        let before = match &query.cursor {
            Some(cursor) => cursor.parse().map_err(|_| bad_cursor())?,
            None => u64::MAX,
        };
        let found = queue.ended(control, state, before, limit).map_err(|error| store_said(&error))?;
        let next = found.last().filter(|_| found.len() == limit).map(|(number, _)| number.to_string());
        let kept = found.iter().filter(|(_, operation)| wanted.is_none_or(|lane| lane == operation.lane));
        return Ok(Page { items: kept.map(words).collect(), next });
    }
    let (mut lane_from, mut after) = (0, 0);
    if let Some(cursor) = &query.cursor {
        let (lane, number) = cursor.split_once(':').ok_or_else(bad_cursor)?;
        lane_from = queue_words::lane(lane).map_err(|_| bad_cursor())? as usize;
        after = number.parse().map_err(|_| bad_cursor())?;
    }
    let mut items = Vec::new();
    let mut next = None;
    for lane in LANES.into_iter().skip(lane_from) {
        if wanted.is_none_or(|wanted| wanted == lane) {
            let found = queue
                .waiting(control, lane, after, limit - items.len())
                .map_err(|error| store_said(&error))?;
            next = found.last().map(|(number, _)| format!("{}:{number}", lane.name())).or(next);
            items.extend(found.iter().map(words));
        }
        after = 0;
        if items.len() >= limit {
            return Ok(Page { items, next });
        }
    }
    Ok(Page { items, next: None })
}

fn retry(inner: &Inner, text: &str, told: Option<&Entry>) -> Result<Operation, EngineError> {
    let (id, ..) = dead(inner, text)?;
    let revived = inner
        .outbox
        .queue
        .retry(&inner.modes.control, id.number, inner.clock.now_ms(), trail::also(told))
        .map_err(|error| store_said(&error))?;
    with_revision(inner, id, &revived.ok_or_else(|| missing(text))?)
}

fn edit(
    inner: &Inner,
    text: &str,
    content_type: Option<&str>,
    payload: &[u8],
    told: Option<&Entry>,
) -> Result<Operation, EngineError> {
    if payload.len() > PAYLOAD {
        return Err(invalid(format!("a payload has at most {PAYLOAD} bytes"), "say it shorter"));
    }
    let (id, ..) = dead(inner, text)?;
    let edited = inner
        .outbox
        .queue
        .edit(&inner.modes.control, id.number, (content_type, payload), trail::also(told))
        .map_err(|error| store_said(&error))?;
    let (operation, revision) = edited.ok_or_else(|| missing(text))?;
    Ok(Operation { delivery_id: delivery_id(id, revision), ..queue_words::operation(id, &operation) })
}

/// One dead letter, or all where none is named.
fn purge(inner: &Inner, text: Option<&str>, told: Option<&Entry>) -> Result<Purged, EngineError> {
    let number = text.map(|text| dead(inner, text).map(|(id, ..)| id.number)).transpose()?;
    let purged = inner.outbox.queue.purge(&inner.modes.control, number, trail::also(told));
    Ok(Purged { purged: purged.map_err(|error| store_said(&error))? })
}

fn dead(
    inner: &Inner,
    text: &str,
) -> Result<(Id, crate::resilience::queue::Operation, Option<Vec<u8>>), EngineError> {
    let found = find(inner, text)?;
    if found.1.state != State::Dead {
        return Err(EngineError::Conflict {
            what: format!("operation '{text}' is {}, not a dead letter", found.1.state.name()),
            advice: "what is queued is tried by itself".into(),
        });
    }
    Ok(found)
}

fn reasoned(reason: &str, advice: &str) -> Result<(), EngineError> {
    if (1..=REASON).contains(&reason.trim().len()) {
        return Ok(());
    }
    Err(invalid(format!("a reason of 1 to {REASON} bytes is needed"), advice))
}

/// Stops deliveries, or lets them go on.
fn pause(inner: &Inner, reason: Option<&str>, told: Option<&Entry>) -> Result<QueueStatus, EngineError> {
    let reason = reason.map(str::trim);
    reason.map_or(Ok(()), |reason| reasoned(reason, "say why nothing is to be delivered"))?;
    inner
        .outbox
        .queue
        .pause(&inner.modes.control, reason, inner.clock.now_ms(), trail::also(told))
        .map_err(|error| store_said(&error))?;
    queue_words::whole(inner)
}
