//! Makes the stores as small as they can be, between two requests.

use std::time::Duration;

use super::EngineError;
use super::queue_words::store_said;
use super::run::Inner;
use crate::api::types::{CompactReport, CompactedStore};

/// Somebody uses the store for moments only, unless a job or a backup does.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(25);

pub(super) fn compact(inner: &Inner) -> Result<CompactReport, EngineError> {
    let control =
        alone("control.redb", || inner.modes.control.compact().map_err(|error| store_said(&error)))?;
    let corpus = alone("corpus.redb", || Ok(inner.library.compact(false)?))?;
    Ok(CompactReport { stores: vec![control, corpus] })
}

/// Writes every row of both stores into a new file: what was overwritten is in none.
pub(super) fn rewrite(inner: &Inner) -> Result<(), EngineError> {
    alone("control.redb", || inner.modes.control.rewrite().map_err(|error| store_said(&error)))?;
    alone("corpus.redb", || Ok(inner.library.compact(true)?))?;
    Ok(())
}

/// Tries until nobody else has the store open.
fn alone(
    name: &str,
    compact: impl Fn() -> Result<Option<(u64, u64)>, EngineError>,
) -> Result<CompactedStore, EngineError> {
    for _ in 0..TRIES {
        if let Some((before_bytes, after_bytes)) = compact()? {
            tracing::info!(store = name, before_bytes, after_bytes, "compacted");
            return Ok(CompactedStore { name: name.to_owned(), before_bytes, after_bytes });
        }
        std::thread::sleep(PAUSE);
    }
    Err(EngineError::Conflict {
        what: format!("{name} is in use by a job or a backup"),
        advice: "try again when it has ended (`spud job list`, `spud backup status`)".into(),
    })
}
