//! What the stream of events says.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{
    Alert, Collection, ConfigEvent, Job, LogLine, ModeChange, Operation, QueueStatus, Status, from_json,
};

/// What happened, in order; `id` rises by one (Last-Event-ID resumes).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    pub id: u64,
    pub at_ms: u64,
    #[serde(flatten)]
    pub kind: EventKind,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
pub enum EventKind {
    /// A job began, moved on (at most 4 a second) or ended.
    Job(Job),
    /// A collection has a new generation.
    Index(Collection),
    /// A log line.
    Log(LogLine),
    /// The 1 Hz sample.
    Status(Box<Status>),
    /// The box changed its mode.
    Mode(Box<ModeChange>),
    /// The queue changed; at most one a second.
    Queue(Box<QueueStatus>),
    /// An operation became a dead letter.
    Operation(Box<Operation>),
    /// Settings changed, or files no longer say what runs.
    Config(Box<ConfigEvent>),
    /// An alert changed its state.
    Alert(Box<Alert>),
    /// There were events after the id that was asked from which are not kept any more: look at what is.
    Missed(MissedEvents),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissedEvents {
    /// The id that was asked from.
    pub after: u64,
}

/// By hand: derived, every type that an event may carry would have a second reader in the program, for values that
/// were held until the tag was known.
impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Untold {
            id: u64,
            at_ms: u64,
            r#type: String,
            data: Box<RawValue>,
        }
        let Untold { id, at_ms, r#type, data } = Untold::deserialize(from)?;
        let kind = EventKind::read(&r#type, data.get().as_bytes()).map_err(D::Error::custom)?;
        Ok(Self { id, at_ms, kind })
    }
}

impl EventKind {
    /// Types that somebody may ask for; what tells of a gap, [`Self::Missed`], comes unasked.
    pub const NAMES: [&str; 9] =
        ["job", "index", "log", "mode", "queue", "operation", "config", "alert", "status"];

    fn read(kind: &str, data: &[u8]) -> serde_json::Result<Self> {
        Ok(match kind {
            "job" => Self::Job(from_json(data)?),
            "index" => Self::Index(from_json(data)?),
            "log" => Self::Log(from_json(data)?),
            "status" => Self::Status(from_json(data)?),
            "mode" => Self::Mode(from_json(data)?),
            "queue" => Self::Queue(from_json(data)?),
            "operation" => Self::Operation(from_json(data)?),
            "config" => Self::Config(from_json(data)?),
            "alert" => Self::Alert(from_json(data)?),
            "missed" => Self::Missed(from_json(data)?),
            other => return Err(serde_json::Error::custom(format!("no event is of the type '{other}'"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_back() {
        let kinds = [
            EventKind::Job(Job { id: "j1".into(), ..Job::default() }),
            EventKind::Index(Collection { name: "manuals".into(), ..Collection::default() }),
            EventKind::Log(LogLine::default()),
            EventKind::Status(Box::default()),
            EventKind::Mode(Box::default()),
            EventKind::Queue(Box::default()),
            EventKind::Operation(Box::default()),
            EventKind::Config(Box::default()),
            EventKind::Alert(Box::default()),
            EventKind::Missed(MissedEvents::default()),
        ];
        for (id, kind) in (7..).zip(kinds) {
            let event = Event { id, at_ms: 5, kind };
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(from_json::<Event>(json.as_bytes()).unwrap(), event, "{json}");
        }
        let other = from_json::<Event>(br#"{"id":1,"at_ms":2,"type":"tea","data":{}}"#);
        assert!(other.unwrap_err().to_string().contains("'tea'"));
    }
}
