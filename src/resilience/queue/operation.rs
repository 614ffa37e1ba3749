//! The words of the queue: operation, id, lane, state, refusal.

use std::fmt;

use bincode::{Decode, Encode};

/// Priority classes, most urgent first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Lane {
    Critical,
    High,
    #[default]
    Normal,
    Bulk,
}

pub const LANES: [Lane; 4] = [Lane::Critical, Lane::High, Lane::Normal, Lane::Bulk];

impl Lane {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        LANES.into_iter().find(|lane| lane.name() == text)
    }

    /// Turns of this lane in a round in which every lane has work.
    #[must_use]
    pub fn weight(self) -> i64 {
        match self {
            Self::Critical => 8,
            Self::High => 4,
            Self::Normal => 2,
            Self::Bulk => 1,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum State {
    Queued,
    Leased,
    Done,
    Dead,
}

impl State {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }
}

/// box ‖ epoch ‖ sequence, in bytes and as text in the order of their making. The sequence never repeats in a
/// data folder; the epoch (one per start) keeps ids apart when a folder was restored from a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    pub box_id: u64,
    pub epoch: u32,
    pub number: u64,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:08x}-{:012x}", self.box_id, self.epoch, self.number)
    }
}

impl Id {
    /// The whole id, or its last two parts, which are enough on the box that made it.
    #[must_use]
    pub fn parse(text: &str, box_id: u64) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let hex = |part: &str| {
            let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            if plain { u64::from_str_radix(part, 16).ok() } else { None }
        };
        let (box_id, epoch, number) = match parts.as_slice() {
            [box_id, epoch, number] => (hex(box_id)?, hex(epoch)?, hex(number)?),
            [epoch, number] => (box_id, hex(epoch)?, hex(number)?),
            _ => return None,
        };
        Some(Self { box_id, epoch: u32::try_from(epoch).ok()?, number })
    }
}

/// What is to be queued.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewOperation {
    /// What it is, such as `mode.change`.
    pub kind: String,
    pub content_type: String,
    pub payload: Vec<u8>,
    pub lane: Lane,
    /// Operations of one key are delivered one after the other; empty for no order.
    pub key: String,
    pub criticality: u8,
    pub not_before_ms: u64,
    /// 0 for never.
    pub expires_ms: u64,
    pub uid: u32,
    pub pid: i32,
    /// The same key of the same user queues once.
    pub idempotency: Option<String>,
}

/// An operation as it is kept, without its payload.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Operation {
    pub epoch: u32,
    pub kind: String,
    pub content_type: String,
    pub bytes: u64,
    pub lane: Lane,
    pub key: String,
    pub criticality: u8,
    pub created_ms: u64,
    pub not_before_ms: u64,
    pub expires_ms: u64,
    pub attempts: u32,
    pub last_error: String,
    pub state: State,
    /// Epoch of the process that has it and until when it may.
    pub lease: (u32, u64),
    /// Delivered or given up at this time.
    pub ended_ms: u64,
    pub uid: u32,
    pub pid: i32,
}

/// How much a lane holds, and what happens when it is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLimits {
    pub operations: u64,
    pub bytes: u64,
    /// The oldest gives way; otherwise the newest is refused.
    pub drop_oldest: bool,
}

/// Why an operation is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the lane {} is full: {operations} operations wait in it", lane.name())]
    Full { lane: Lane, operations: u64 },
    #[error("this Idempotency-Key was used for another operation")]
    KeyReused,
    #[error("{bytes} bytes are more than an operation may carry ({most})")]
    TooLarge { bytes: usize, most: usize },
    #[error("it expires before it may begin")]
    Expired,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_come_back_and_sort_as_text(a in any::<(u32, u32)>(), b in any::<(u32, u32)>(), box_id in any::<u64>()) {
            let id = |(epoch, number): (u32, u32)| Id { box_id, epoch, number: u64::from(number) };
            let text = id(a).to_string();
            prop_assert_eq!(Id::parse(&text, 0), Some(id(a)));
            prop_assert_eq!(Id::parse(&text[17..], box_id), Some(id(a)));
            prop_assert_eq!(id(a).cmp(&id(b)), id(a).to_string().cmp(&id(b).to_string()));
        }

        #[test]
        fn other_text_is_no_id(text in ".*") {
            if let Some(id) = Id::parse(&text, 7) {
                prop_assert!(Id::parse(&id.to_string(), 7) == Some(id));
            }
        }
    }
}
