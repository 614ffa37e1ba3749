//! Gap records: a drop is an operation of its own, which tells the upstream how many are missing.

use super::operation::{Id, Lane, NewOperation, Operation};
use super::shelf::{
    PAYLOADS, Totals, WAITING, get_waiting, operation_of, payload_in, put, put_payload, rewrite,
};
use crate::store::{StoreError, WriteTransaction};

pub(super) const GAP: &str = "spud.gap";

struct Gap {
    dropped: u64,
    first: String,
    last: String,
    since_ms: u64,
    until_ms: u64,
}

/// Counts a loss in the lane's gap record that was never under way, or in a new one.
pub(super) fn note_gap(
    write: &WriteTransaction,
    totals: &mut Totals,
    lane: Lane,
    (number, epoch): (u64, u32),
    now_ms: u64,
) -> Result<(u64, Operation), StoreError> {
    let lost = Id { box_id: totals.box_id, epoch, number }.to_string();
    let open = totals.lane(lane).gap;
    let waiting = match open {
        0 => None,
        open => get_waiting(&write.open_table(WAITING)?, Lane::Critical, open)?,
    };
    if let Some(mut operation) = waiting {
        let old = payload_in(&write.open_table(PAYLOADS)?, open)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&old).into_owned();
        let payload = gap_text(lane, grown(&text, &lost, now_ms));
        let critical = totals.lane(Lane::Critical);
        critical.bytes = (critical.bytes + payload.len() as u64).saturating_sub(operation.bytes);
        operation.bytes = payload.len() as u64;
        put_payload(write, open, &payload.into_bytes())?;
        rewrite(write, open, &operation)?;
        return Ok((open, operation));
    }
    let gap = Gap { dropped: 1, first: lost.clone(), last: lost, since_ms: now_ms, until_ms: now_ms };
    let new = NewOperation {
        kind: GAP.to_owned(),
        content_type: "application/json".to_owned(),
        payload: gap_text(lane, gap).into_bytes(),
        lane: Lane::Critical,
        key: format!("{GAP}.{}", lane.name()),
        ..NewOperation::default()
    };
    totals.number += 1;
    let (number, operation) = (totals.number, operation_of(&new, totals.epoch, now_ms));
    put(write, totals, number, &operation, &new.payload)?;
    totals.lane(lane).gap = number;
    Ok((number, operation))
}

fn grown(text: &str, lost: &str, now_ms: u64) -> Gap {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let number = |name: &str| value.get(name).and_then(serde_json::Value::as_u64).unwrap_or_default();
    let first = value.get("first").and_then(serde_json::Value::as_str).unwrap_or(lost);
    Gap {
        dropped: number("dropped") + 1,
        first: first.to_owned(),
        last: lost.to_owned(),
        since_ms: number("since_ms"),
        until_ms: now_ms,
    }
}

fn gap_text(lane: Lane, gap: Gap) -> String {
    serde_json::json!({
        "lane": lane.name(),
        "dropped": gap.dropped,
        "first": gap.first,
        "last": gap.last,
        "since_ms": gap.since_ms,
        "until_ms": gap.until_ms,
    })
    .to_string()
}
