//! The operation queue: what must be done later, or told to somebody who cannot be reached now.
//!
//! Offers [`Queue`] (durable operations in `control.redb` with their order), [`NewOperation`] and [`Delivery`]
//! (who takes an operation away). An operation is kept in the transaction of the change that caused it.
//!
//! Invariant: an operation that was accepted is delivered, in the dead letters, or counted in a gap record.

mod batch;
mod delivery;
mod desk;
mod fleet_lock;
mod gap;
mod http;
mod jetstream;
mod keys;
mod line;
mod look;
mod marks;
mod misplaced;
mod nats;
mod operation;
mod rate;
mod revisions;
mod scheduler;
mod shelf;
mod smtp;
mod state;
#[cfg(test)]
mod tests;
mod tls;
mod upstream;
mod work;

pub use batch::Surroundings;
pub use delivery::{Delivery, Link, Outcome, Parcel, delivery_id};
pub use fleet_lock::{FleetLock, LockError, check_bucket};
pub use http::post;
pub use jetstream::check_subject;
pub use line::Mark;
pub use misplaced::misplaced;
pub use operation::{Id, LANES, Lane, LaneLimits, NewOperation, Operation, Refusal, State};
pub use shelf::{Added, Found, Listed, Terms};
pub use smtp::{MailServer, Security, mail};
pub use state::{LaneView, Queue, QueueSettings, QueueView};
pub use tls::{Papers, check_authorities};
pub use upstream::{Upstream, Wire};

/// Bytes that one operation may carry.
pub const PAYLOAD: usize = 256 << 10;
