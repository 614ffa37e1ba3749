//! The words of the operation queue.

use serde::{Deserialize, Serialize};

/// A durable unit of work that is delivered to the upstream, without its payload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Operation {
    /// box-epoch-sequence in hexadecimal; sorts in the order of making.
    pub id: String,
    /// `Idempotency-Key` or `Nats-Msg-Id` upstream: the id, and `-1`, `-2` ... after edits of a dead letter. Lists give
    /// the id alone.
    pub delivery_id: String,
    /// queued, leased (under way), done, dead.
    pub state: String,
    pub kind: String,
    /// critical, high, normal, bulk.
    pub lane: String,
    /// Operations of one key are delivered one after the other; empty for no order.
    pub key: String,
    pub criticality: String,
    pub content_type: String,
    pub bytes: u64,
    pub created_ms: u64,
    pub not_before_ms: Option<u64>,
    pub expires_ms: Option<u64>,
    pub attempts: u32,
    /// Why it was not delivered the last time.
    pub last_error: String,
    /// Delivered or given up at this time.
    pub ended_ms: Option<u64>,
    /// Who posted it, as the kernel said.
    pub uid: u32,
    pub pid: i32,
}

/// What is to be queued; the payload is the body of the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostOperation {
    pub kind: String,
    /// By `X-Criticality` where it is absent: critical, normal, or bulk.
    pub lane: Option<String>,
    pub key: String,
    pub content_type: String,
    pub not_before_ms: Option<u64>,
    pub expires_ms: Option<u64>,
    pub idempotency_key: Option<String>,
    pub payload: Vec<u8>,
}

/// Which operations: waiting ones by lane, oldest first; dead and done ones newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationQuery {
    pub lane: Option<String>,
    /// waiting (the default), dead, done.
    pub state: Option<String>,
    /// From the previous page's `next`.
    pub cursor: Option<String>,
    /// 1..=1000; 0 means 100.
    pub limit: usize,
}

/// The queue as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueStatus {
    pub lanes: Vec<QueueLane>,
    pub dead_letters: u64,
    /// When an operation that failed, or that was to wait, is tried next.
    pub next_retry_ms: Option<u64>,
    /// How full the fullest lane is, of those that refuse when they are full.
    pub backlog_percent: u64,
    pub upstream: QueueUpstream,
    /// What the box has to do by itself and keeps beside what it changes: jobs, notices, backups.
    pub own: Vec<OwnWork>,
}

impl QueueStatus {
    /// Seconds until nothing waits at the rate of the last minute; `None` where nothing waits or more comes than goes.
    #[must_use]
    pub fn empty_in_s(&self) -> Option<u64> {
        let sum = |of: fn(&QueueLane) -> u64| self.lanes.iter().map(of).sum::<u64>();
        let gain = sum(|lane| lane.delivered_per_minute).checked_sub(sum(|lane| lane.added_per_minute))?;
        Some(sum(|lane| lane.operations)).filter(|waiting| *waiting > 0)?.saturating_mul(60).checked_div(gain)
    }
}

/// Durable work of the box that nobody upstream waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnWork {
    /// jobs, notices, backups.
    pub kind: String,
    pub running: u64,
    pub waiting: u64,
    /// When the oldest that waits was made.
    pub oldest_ms: Option<u64>,
    /// When the next is due.
    pub next_ms: Option<u64>,
}

impl OwnWork {
    /// `jobs: 1 runs, 2 wait`; empty where there is nothing to do.
    #[must_use]
    pub fn words(&self) -> String {
        let count = |n: u64, verb: &str| match n {
            0 => String::new(),
            1 => format!(" 1 {verb}s"),
            n => format!(" {n} {verb}"),
        };
        let parts = [count(self.running, "run"), count(self.waiting, "wait")];
        let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { String::new() } else { format!("{}:{}", self.kind, parts.join(",")) }
    }
}

/// One lane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueLane {
    pub lane: String,
    /// Turns in a round in which every lane has work.
    pub weight: u64,
    pub operations: u64,
    pub bytes: u64,
    pub most_operations: u64,
    pub most_bytes: u64,
    /// reject or `drop_oldest`: what happens when it is full.
    pub overflow: String,
    pub added_per_minute: u64,
    pub delivered_per_minute: u64,
    /// Since the data folder was made.
    pub delivered: u64,
    pub dropped: u64,
    /// When the oldest was made.
    pub oldest_ms: Option<u64>,
}

/// Where operations go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueUpstream {
    /// Absent where none is configured: operations wait.
    pub url: Option<String>,
    /// none, up, unknown (nothing was sent yet), waiting (left alone for a while), held (by a forced mode, or a hand on its breaker),
    /// paused.
    pub state: String,
    /// Why it is not up.
    pub reason: String,
    /// Since when it is paused.
    pub since_ms: Option<u64>,
    /// When it is tried next.
    pub retry_ms: Option<u64>,
    pub last_delivered_ms: Option<u64>,
    /// Of the circuit breaker around it.
    pub breaker: String,
    /// http or nats; empty where there is none.
    pub kind: String,
    pub tls: bool,
    /// As it calls itself; empty until it was reached, and of HTTP.
    pub server: String,
    /// Of JetStream: where the last message went.
    pub stream: String,
    pub subject: String,
    /// Of JetStream: the last message of `subject` that was acknowledged.
    pub sequence: Option<u64>,
    /// Why a delivery did not succeed the last time, until the box or the upstream is another one.
    pub last_error: String,
}

impl QueueUpstream {
    /// How it is reached and what is known of it, on one line.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = vec![match (self.kind.as_str(), self.tls) {
            (kind, true) => format!("{kind} over TLS"),
            (kind, false) => format!("{kind}, not encrypted"),
        }];
        if !self.server.is_empty() {
            words.push(self.server.clone());
        }
        if !self.stream.is_empty() {
            words.push(format!("stream {}", self.stream));
        }
        if let Some(sequence) = self.sequence {
            words.push(format!("last acknowledged {sequence}"));
        }
        words.join(", ")
    }
}

/// An operation with its payload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperationDetail {
    #[serde(flatten)]
    pub operation: Operation,
    /// As text; absent where it is none, or where the operation was delivered.
    pub payload: Option<String>,
}

/// A pause of deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PauseQueue {
    pub reason: String,
}

/// How many dead letters were thrown away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Purged {
    pub purged: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_says_when_it_is_empty_where_that_can_be_told() {
        let of = |lanes: [(u64, u64, u64); 2]| QueueStatus {
            lanes: lanes
                .map(|(operations, added_per_minute, delivered_per_minute)| QueueLane {
                    operations,
                    added_per_minute,
                    delivered_per_minute,
                    ..QueueLane::default()
                })
                .into(),
            ..QueueStatus::default()
        };
        assert_eq!(of([(300, 10, 40), (600, 0, 60)]).empty_in_s(), Some(600));
        assert_eq!(of([(300, 90, 40), (600, 10, 60)]).empty_in_s(), None, "as much comes as goes");
        assert_eq!(of([(300, 200, 40), (600, 10, 60)]).empty_in_s(), None, "more comes than goes");
        assert_eq!(of([(0, 0, 40), (0, 0, 60)]).empty_in_s(), None, "nothing waits");
    }
}
