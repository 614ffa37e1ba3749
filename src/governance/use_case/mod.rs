//! What a box may be asked for: use cases with an owner, a purpose, a legal basis and collections of their own.
//!
//! A use case goes from draft over submitted and approved to deployed, then to deprecated and retired. What is
//! approved is what was written: nothing of it changes after it was submitted. [`step`] is the whole of it, a
//! function of the use case, what is done, and the time.
//!
//! Invariant: nothing is deployed without its approval; only what is deployed or deprecated is served.

mod constraint;
mod error;
mod record;
mod revision;
mod shelf;
mod step;
#[cfg(test)]
mod tests;

pub use constraint::Measured;
pub use error::UseCaseError;
pub use record::{Deed, Event, GENERAL, Leaving, State, Terms, UseCase};
pub use revision::{Callers, REVISIONS_KEPT, Revision, keep_callers, load_callers};
pub use shelf::Shelf;
pub use step::{Input, create, step};
