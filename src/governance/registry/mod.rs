//! Models as they are governed: versions with a stage, a pointer to the one that answers, and what happened to them.
//!
//! A version is its artifact: named by the SHA-256 of the file. Stages are pointers with history, so that "what
//! answered then" has an answer. [`step`] is the whole of it, a function of the registry, what is done, and the
//! time. What was served before stays pinned: going back to it is one commit.
//!
//! Invariant: nothing is promoted without its approval and with a failed gate; pure but for [`Shelf`].

mod error;
mod gate;
mod judged;
mod machine;
mod metadata;
mod shadow;
mod shelf;
mod signature;
#[cfg(test)]
mod tests;
mod version;

pub use error::RegistryError;
pub use gate::{
    Gate, GateState, Quality, Window, evidence, incidents, latency, memory, quality, soak, staged_since,
    use_cases,
};
pub use judged::{Judged, QUESTIONS_MOST, Target, passage_hash};
pub use machine::{Input, step};
pub use metadata::{METADATA_BYTES, Metadata};
pub use shadow::{SHADOW_DEPTH, ShadowPlace, ShadowTotals};
pub use shelf::{JudgedShelf, Shelf};
pub use signature::{BUNDLE_BYTES, Bundle, File, ONE_FILE, Signed, SigningKey, signature};
pub use version::{Deed, Hold, Move, Pointer, Promotion, Registry, Stage, VERSIONS_MOST, Version};
