//! Composes the rooms behind one door: [`Engine::submit`] takes an [`Action`] and gives a [`Reply`].
//!
//! Invariant: the only room that knows them all; every mutation of the box passes through here, once.

mod action;
mod admission;
mod ask;
mod builtin;
mod error;
mod evaluate;
mod events;
mod ingest;
mod jobs;
mod logs;
mod mode_actions;
mod mode_words;
mod models;
mod modes;
mod outbox;
mod queue_actions;
mod queue_words;
mod repair;
mod run;
mod settings;
mod settings_action;
mod settings_edit;
mod settings_trial;
mod settings_words;
mod status;
mod watch;
mod worker;

pub use action::{Action, Caller, Reply};
pub use error::EngineError;
pub use events::Events;
pub use run::{Engine, Settings};
pub use settings::RequestLimits;
pub use settings_action::{ConfigAction, ConfigReply};

pub use crate::resilience::Criticality;
