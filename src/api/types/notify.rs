//! The words of notifications.

use serde::{Deserialize, Serialize};

/// Something that a receiver is to know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notification {
    pub id: String,
    /// The same at each attempt: who takes it twice can know.
    pub message_id: String,
    pub receiver: String,
    pub title: String,
    /// One line an alert.
    pub text: String,
    /// waiting, sent or failed
    pub state: String,
    /// A person wanted to see whether it arrives.
    pub test: bool,
    pub created_ms: u64,
    /// Sent or given up at this time.
    pub ended_ms: Option<u64>,
    /// Of one that waits: the next attempt.
    pub next_ms: Option<u64>,
    pub attempts: u32,
    /// Why it did not arrive the last time.
    pub error: String,
}

/// Somebody who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NotificationReceiver {
    pub name: String,
    /// inbox, webhook, slack, discord or standard
    pub kind: String,
    pub routes: Vec<String>,
    pub waiting: u64,
    /// Of the newest that waits.
    pub error: String,
}

/// Who is told, and from which file that is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NotificationStatus {
    /// Empty where there is none: notices are kept for whoever looks.
    pub file: String,
    pub receivers: Vec<NotificationReceiver>,
    /// Each as file:line:column: what.
    pub problems: Vec<String>,
}
