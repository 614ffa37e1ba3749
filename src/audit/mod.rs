//! What was done on this box, by whom, and proof that nobody changed it since.
//!
//! Every governed change adds one [`Entry`] in its own transaction ([`append`]). The entries are the leaves of a
//! Merkle tree as in RFC 6962; its head is signed now and then. Whoever keeps such a checkpoint elsewhere can tell
//! whether the log still begins as it did then. Root on the box can forge what comes, not what was anchored.
//!
//! Invariant: nothing here removes or changes an entry that can be read; what is erased are texts beside the tree.

mod ahead;
mod attestation;
mod checkpoint;
mod entry;
mod error;
mod log;
mod mend;
mod note;
mod search;
mod tiles;
mod tree;
mod verify;

pub use attestation::{Envelope, PAYLOAD_TYPE, Topic, key_id, openssh, pae, pem, public_keys, statement};
pub use checkpoint::{Anchor, Anchored, CHECKPOINTS_KEPT, Checkpoint, Head, keep, keep_anchor, origin_of};
pub use entry::{Entry, Leaf, Outcome, Salted};
pub use error::AuditError;
pub use log::{Found, Log, Receipt, append, erase};
pub use mend::{Mended, mend};
pub use note::{KeyKind, Note, NoteSigner, VerifierKey, is_name};
pub use search::{Filter, FoundPage};
pub use tiles::Tile;
pub use tree::{Hash, empty_root, holds_consistency, holds_inclusion, leaf_hash, node_hash};
pub use verify::{Verdict, verify};
