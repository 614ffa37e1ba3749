//! One box of a fleet at a time promotes: the lock in the fleet's own bucket, taken before a promotion begins and again
//! before it switches, given back when it ended. Without a setting, each box promotes by itself.

use crate::engine::run::Inner;
use crate::engine::{EngineError, wire};
use crate::resilience::queue::{FleetLock, LockError};

fn lock(inner: &Inner) -> Result<Option<FleetLock>, EngineError> {
    wire::fleet_lock(&inner.config.running())
        .map_err(|what| refused(what, "mend it, or unset promotion.fleet_lock"))
}

/// The box, then what people read.
fn who(inner: &Inner, sha256: &str) -> String {
    let model: String = sha256.chars().take(12).collect();
    format!("{:016x} promotes the model {model}", inner.outbox.queue.box_id())
}

fn refused(what: String, advice: &str) -> EngineError {
    EngineError::Conflict { what, advice: advice.to_owned() }
}

/// Takes the lock, or keeps it.
///
/// # Errors
/// [`EngineError::Conflict`] with the box that has it, or with why it cannot be asked for: a box that does not reach its
/// fleet does not switch.
pub(super) fn take(inner: &Inner, sha256: &str) -> Result<(), EngineError> {
    let Some(lock) = lock(inner)? else { return Ok(()) };
    lock.take(&who(inner, sha256)).map_err(|error| match error {
        LockError::Taken(other) => refused(
            format!("another box of the fleet is at it: {other}"),
            "promote when it is done; the lock of a box that died ends with its bucket's time to live",
        ),
        LockError::Unreachable(_) => {
            refused(error.to_string(), "promote when the fleet can be reached, or unset promotion.fleet_lock")
        }
    })
}

/// Gives it back; where that fails, it ends by itself.
pub(super) fn release(inner: &Inner, sha256: &str) {
    let released = lock(inner).map_err(|error| error.to_string()).and_then(|lock| match lock {
        Some(lock) => lock.release(&who(inner, sha256)).map_err(|error| error.to_string()),
        None => Ok(()),
    });
    if let Err(error) = released {
        tracing::warn!(
            error,
            "the fleet's lock could not be given back; it ends with its bucket's time to live"
        );
    }
}
