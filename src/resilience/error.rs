//! What can go wrong with keeping the box's modes.

use crate::store::StoreError;
use crate::store::codec::CodecError;

#[derive(Debug, thiserror::Error)]
pub enum ResilienceError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a record of the modes is damaged: {0}")]
    Record(#[from] CodecError),
    #[error("there is no mode '{0}': one of normal, reduced, queue, selective, memory, emergency")]
    NoMode(String),
}
