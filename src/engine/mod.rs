//! Composes the rooms behind one door: [`Engine::submit`] takes an [`Action`] and gives a [`Reply`].
//!
//! Invariant: the only room that knows them all; every mutation of the box passes through here, once.

mod action;
mod error;
mod events;
mod run;

pub use action::{Action, Caller, Reply};
pub use error::EngineError;
pub use events::Events;
pub use run::{Engine, Settings};
