//! The queue in the words of the API.

use super::run::Inner;
use super::worker::invalid;
use super::{Caller, EngineError, mode_words, outbox, wire};
use crate::api::types::{self, JobState, OwnWork, PostOperation, QueueLane, QueueStatus, QueueUpstream};
use crate::resilience::queue::{Id, Lane, NewOperation, Operation, QueueView, Refusal};
use crate::resilience::{Change, Criticality, Held};
use crate::store::StoreError;

const KIND: usize = 100;
const KEY: usize = 200;
const LANES: &str = "critical, high, normal or bulk";

pub(super) fn operation(id: Id, operation: &Operation) -> types::Operation {
    let time = |ms: u64| Some(ms).filter(|ms| *ms > 0);
    types::Operation {
        id: id.to_string(),
        delivery_id: id.to_string(),
        state: operation.state.name().to_owned(),
        kind: operation.kind.clone(),
        lane: operation.lane.name().to_owned(),
        key: operation.key.clone(),
        criticality: CRITICALITIES
            .get(usize::from(operation.criticality))
            .map_or("default", |(_, name, _)| name)
            .to_owned(),
        content_type: operation.content_type.clone(),
        bytes: operation.bytes,
        created_ms: operation.created_ms,
        not_before_ms: time(operation.not_before_ms),
        expires_ms: time(operation.expires_ms),
        attempts: operation.attempts,
        last_error: operation.last_error.clone(),
        ended_ms: time(operation.ended_ms),
        uid: operation.uid,
        pid: operation.pid,
    }
}

/// As they are kept, their words, and the lane where none is named.
const CRITICALITIES: [(Criticality, &str, Lane); 4] = [
    (Criticality::Critical, "critical", Lane::Critical),
    (Criticality::Default, "default", Lane::Normal),
    (Criticality::Sheddable, "sheddable", Lane::Bulk),
    (Criticality::Batch, "batch", Lane::Bulk),
];

pub(super) fn lane(text: &str) -> Result<Lane, EngineError> {
    Lane::parse(text).ok_or_else(|| invalid(format!("there is no lane '{text}'"), format!("name {LANES}")))
}

pub(super) fn new_operation(caller: &Caller, request: PostOperation) -> Result<NewOperation, EngineError> {
    let at =
        CRITICALITIES.iter().position(|(criticality, ..)| *criticality == caller.criticality).unwrap_or(1);
    let usual = CRITICALITIES.get(at).map_or(Lane::Normal, |(_, _, lane)| *lane);
    let lane = request.lane.as_deref().map_or(Ok(usual), lane)?;
    for (name, text, most) in [
        ("kind", &request.kind, KIND),
        ("key", &request.key, KEY),
        ("Content-Type", &request.content_type, KEY),
    ] {
        if text.len() > most || text.chars().any(char::is_control) {
            let what = format!("{name} has more than {most} bytes or control characters");
            return Err(invalid(what, "names are short; what is long belongs into the body"));
        }
    }
    if request.kind.starts_with("spud.") || request.key.starts_with("spud.") {
        return Err(invalid(
            "kinds and keys that begin with 'spud.' are the box's own",
            "choose another name",
        ));
    }
    let key = request.idempotency_key;
    if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > KEY) {
        return Err(invalid(format!("Idempotency-Key must have 1 to {KEY} bytes"), ""));
    }
    Ok(NewOperation {
        kind: if request.kind.is_empty() { "message".to_owned() } else { request.kind },
        content_type: request.content_type,
        payload: request.payload,
        lane,
        key: request.key,
        criticality: u8::try_from(at).unwrap_or(1),
        not_before_ms: request.not_before_ms.unwrap_or(0),
        expires_ms: request.expires_ms.unwrap_or(0),
        uid: caller.uid,
        pid: caller.pid,
        idempotency: key,
    })
}

/// A change of mode as the upstream hears of it.
pub(super) fn of_change(change: &Change) -> NewOperation {
    NewOperation {
        kind: "spud.mode".to_owned(),
        content_type: "application/json".to_owned(),
        payload: serde_json::to_vec(&mode_words::change(None, change)).unwrap_or_default(),
        lane: Lane::High,
        key: "spud.mode".to_owned(),
        criticality: 1,
        // A commit that failed may have come through; it is tried again all the same.
        idempotency: Some(format!("spud.mode {} {}-{}", change.at_ms, change.from as u8, change.to as u8)),
        ..NewOperation::default()
    }
}

pub(super) fn refused(refusal: Refusal) -> EngineError {
    let what = refusal.to_string();
    match refusal {
        Refusal::Full { .. } => EngineError::QueueFull {
            what,
            advice: "wait until some are delivered, or use the bulk lane, where the oldest gives way".into(),
        },
        Refusal::KeyReused => invalid(what, "use a new key for every new operation"),
        Refusal::TooLarge { .. } => invalid(what, "post less at once, or a reference to it"),
        Refusal::Expired => invalid(what, "let it expire in the future"),
    }
}

pub(super) fn store_said(error: &StoreError) -> EngineError {
    match error {
        StoreError::Full => EngineError::DiskFull { what: "nothing was queued".into(), store: false },
        error => EngineError::StoreFailed { what: format!("the queue cannot be kept or read: {error}") },
    }
}

pub(super) fn status(inner: &Inner) -> Result<QueueStatus, EngineError> {
    let now_ms = inner.clock.now_ms();
    let queue = &inner.outbox.queue;
    let view = queue.view(&inner.modes.control, now_ms).map_err(|error| store_said(&error))?;
    let lane = |lane: &crate::resilience::queue::LaneView| QueueLane {
        lane: lane.lane.name().to_owned(),
        weight: u64::try_from(lane.lane.weight()).unwrap_or(0),
        operations: lane.operations,
        bytes: lane.bytes,
        most_operations: lane.limits.operations,
        most_bytes: lane.limits.bytes,
        overflow: if lane.limits.drop_oldest { "drop_oldest" } else { "reject" }.to_owned(),
        added_per_minute: lane.added_per_minute,
        delivered_per_minute: lane.delivered_per_minute,
        delivered: lane.delivered,
        dropped: lane.dropped,
        oldest_ms: lane.oldest_ms,
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0..=100
    Ok(QueueStatus {
        lanes: view.lanes.iter().map(lane).collect(),
        dead_letters: view.dead,
        next_retry_ms: view.next_retry_ms,
        backlog_percent: queue.backlog_percent() as u64,
        upstream: upstream(inner, &view),
        own: Vec::new(),
    })
}

/// With what the box has to do by itself.
pub(super) fn whole(inner: &Inner) -> Result<QueueStatus, EngineError> {
    Ok(QueueStatus { own: own_work(inner)?, ..status(inner)? })
}

fn own_work(inner: &Inner) -> Result<Vec<OwnWork>, EngineError> {
    let jobs = inner.jobs.list(&inner.library.database())?;
    let of = |state: JobState| jobs.iter().map(|(_, job)| job).filter(move |job| job.state() == state);
    let jobs = OwnWork {
        kind: "jobs".to_owned(),
        running: of(JobState::Running).count() as u64,
        waiting: of(JobState::Queued).count() as u64,
        oldest_ms: of(JobState::Queued).map(|job| job.created_ms).min(),
        next_ms: None,
    };
    let (next_ms, running) = super::backups::ahead(inner)?;
    let backups = OwnWork { kind: "backups".to_owned(), running, next_ms, ..OwnWork::default() };
    Ok(vec![jobs, inner.alerting.waiting(inner), backups])
}

fn upstream(inner: &Inner, view: &QueueView) -> QueueUpstream {
    let (breaker, by_hand) = {
        let active = inner.modes.active();
        let found = active.breakers.view().into_iter().find(|view| view.name == outbox::BREAKER);
        let held = |held: Held| format!("{} holds its breaker open: {}", held.actor, held.reason);
        found.map_or(("closed", None), |view| {
            (view.state.name(), view.held.filter(|held| held.open).map(held))
        })
    };
    let chosen = inner.outbox.wiring.chosen();
    let url = chosen.as_ref().map(|chosen| chosen.upstream.url().to_owned());
    let wire::Seen { link, problem } = inner.outbox.wiring.seen();
    let mode = inner.modes.view(&*inner.clock);
    let held = outbox::is_held(mode.forced.is_some(), inner.modes.effects());
    let (state, reason) = match (&url, &view.paused) {
        (None, _) => ("none", "no upstream is configured: operations wait".to_owned()),
        (_, Some((reason, _))) => ("paused", reason.clone()),
        _ if by_hand.is_some() => ("held", by_hand.unwrap_or_default()),
        _ if held => ("held", format!("the mode {} was forced", mode.mode.title())),
        _ if !problem.is_empty() => ("waiting", problem.clone()),
        _ if view.gate_ms.is_some() || breaker == "open" => ("waiting", view.last_error.clone()),
        _ if view.last_delivered_ms.is_none() => ("unknown", view.last_error.clone()),
        _ => ("up", String::new()),
    };
    QueueUpstream {
        url,
        state: state.to_owned(),
        reason,
        since_ms: view.paused.as_ref().map(|(_, since_ms)| *since_ms),
        retry_ms: view.gate_ms,
        last_delivered_ms: view.last_delivered_ms,
        breaker: breaker.to_owned(),
        kind: chosen.as_ref().map_or("", |chosen| chosen.upstream.kind()).to_owned(),
        tls: link.tls,
        server: link.server,
        stream: link.stream,
        subject: link.subject,
        sequence: link.sequence,
        last_error: if problem.is_empty() { view.last_error.clone() } else { problem },
    }
}
