//! Notifications: who is told of which alerts, when, and in which form.
//!
//! Offers [`read_settings`] (receivers and routes), [`plan`] (what is to be told now), [`Message`] (a notice as a
//! receiver takes it) and [`NoticeShelf`] (notices and what was told, in `control.redb`).
//!
//! Invariant: nothing is sent in here; what to tell follows from what fires and what was told, so that a restart
//! neither forgets nor doubles it.

mod letter;
mod message;
mod plan;
mod settings;
mod shelf;
mod signature;

pub use letter::letter;
pub use message::{Message, message};
pub use plan::{Due, GroupId, Seen, Stage, Told, Waits, group_id, plan};
pub use settings::{Kind, Mail, Quiet, Receiver, Route, Settings, TlsFiles, read_settings};
pub use shelf::{Notice, NoticeAlert, NoticeShelf, NoticeState};
