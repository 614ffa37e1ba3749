//! What went wrong on this box, and what was done about it: incidents with an owner, a timeline and an end.
//!
//! [`step`] is the whole of it: a function of an incident, what somebody does, and the time. A sign that comes back
//! under the same key adds to the timeline of the incident it opened ([`Shelf::of_key`]).
//!
//! Invariant: a timeline only grows; closed is only what was resolved; pure but for [`Shelf`].

mod error;
mod record;
mod shelf;
mod step;
#[cfg(test)]
mod tests;

pub use error::IncidentError;
pub use record::{
    Act, BREACH_MS, Draft, Event, Incident, KEY_BYTES, Kind, Link, NOTE_BYTES, Severity, State, TITLE_BYTES,
};
pub use shelf::{Filter, Shelf};
pub use step::{Input, Move, step};
