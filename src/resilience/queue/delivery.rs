//! Who takes operations away, and what comes of it.

use std::collections::BTreeSet;

use super::line::Mark;
use super::operation::{Id, Operation};

/// A server may ask us to wait so long at most.
pub(super) const AFTER_MOST_MS: u64 = 3_600_000;

/// An operation on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    pub id: Id,
    pub operation: Operation,
    pub payload: Vec<u8>,
    /// How often a person gave it another payload.
    pub revision: u32,
    /// W3C `traceparent` of its way.
    pub trace: Option<String>,
}

impl Parcel {
    /// By this an upstream knows a double: what was edited is another message.
    #[must_use]
    pub fn delivery_id(&self) -> String {
        delivery_id(self.id, self.revision)
    }
}

/// The id of an operation, with its revision where it was edited.
#[must_use]
pub fn delivery_id(id: Id, revision: u32) -> String {
    if revision == 0 { id.to_string() } else { format!("{id}-{revision}") }
}

/// How a delivery ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// Not now. `counts` where the operation may be the cause: an upstream that nobody reaches for days must
    /// not use up the attempts of what waits for it.
    Retry {
        after_ms: Option<u64>,
        reason: String,
        counts: bool,
        failure: bool,
    },
    /// Never.
    Dead {
        reason: String,
    },
    /// The upstream wants nothing of us until a person says otherwise.
    Stop {
        reason: String,
    },
}

/// Takes operations to where they belong, one at a time; each must have ended within [`Delivery::longest_ms`].
pub trait Delivery {
    fn deliver(&mut self, parcel: &Parcel) -> Outcome;
    fn longest_ms(&self) -> u64;

    /// Takes up what was kept of the upstream's end.
    fn recall(&mut self, _marks: Vec<Mark>) {}
    /// What is known of the upstream's end, to be kept with what became of the deliveries.
    fn marks(&self) -> Vec<Mark> {
        Vec::new()
    }
    /// That was kept; of what arrived, only these operations are still to be settled.
    fn settled(&mut self, _open: &BTreeSet<u64>) {}
    fn link(&self) -> Link {
        Link::default()
    }
}

/// What is known of the upstream itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// As it calls itself; empty until it was reached.
    pub server: String,
    pub tls: bool,
    /// Of JetStream, where the last message went.
    pub stream: String,
    pub subject: String,
    /// Of the last message that was acknowledged.
    pub sequence: Option<u64>,
}

/// What an HTTP status means for an operation.
pub(super) fn judge(status: u16, retry_after: Option<&str>, said: &str, now_ms: u64) -> Outcome {
    let reason =
        if said.is_empty() { format!("status {status}") } else { format!("status {status}: {said}") };
    let after_ms = retry_after.and_then(|text| after(text, now_ms));
    match status {
        200..=299 => Outcome::Delivered,
        410 => Outcome::Stop { reason },
        409 => Outcome::Retry { after_ms, reason, counts: true, failure: false },
        // A gateway before the upstream, or an upstream with too much to do: not this operation's fault.
        429 => Outcome::Retry { after_ms, reason, counts: false, failure: false },
        408 | 502 | 503 | 504 => Outcome::Retry { after_ms, reason, counts: false, failure: true },
        500..=599 => Outcome::Retry { after_ms, reason, counts: true, failure: true },
        _ => Outcome::Dead { reason },
    }
}

/// Seconds, or a date (`Wed, 21 Oct 2026 07:28:00 GMT`).
fn after(text: &str, now_ms: u64) -> Option<u64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds.saturating_mul(1000).min(AFTER_MOST_MS));
    }
    let mut words = text.split(' ').skip(1);
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| *name == month)? + 1;
    let at = crate::base::parse_time(&format!("{year}-{month:02}-{day:0>2}T{time}Z"))?;
    Some(at.saturating_sub(now_ms).min(AFTER_MOST_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_means_one_thing() {
        let what = |status| match judge(status, Some("7"), "", 0) {
            Outcome::Delivered => "delivered",
            Outcome::Retry { after_ms, counts, .. } => {
                assert_eq!(after_ms, Some(7000));
                if counts { "retry" } else { "wait" }
            }
            Outcome::Dead { .. } => "dead",
            Outcome::Stop { .. } => "stop",
        };
        for (status, means) in [
            (200, "delivered"),
            (204, "delivered"),
            (301, "dead"),
            (400, "dead"),
            (404, "dead"),
            (409, "retry"),
            (410, "stop"),
            (422, "dead"),
            (429, "wait"),
            (500, "retry"),
            (503, "wait"),
        ] {
            assert_eq!(what(status), means, "{status}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(after("3", 0), Some(3000));
        assert_eq!(after("999999999", 0), Some(AFTER_MOST_MS));
        let at = crate::base::parse_time("2026-10-21T07:28:00Z").unwrap();
        assert_eq!(after("Wed, 21 Oct 2026 07:28:00 GMT", at - 5000), Some(5000));
        assert_eq!(after("Wed, 21 Oct 2026 07:28:00 GMT", at + 5000), Some(0));
        assert_eq!(after("soon", 0), None);
    }
}
