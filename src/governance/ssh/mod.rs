//! OpenSSH public keys, and the signatures that `ssh-keygen -Y sign` makes with them.
//!
//! Only Ed25519 is taken: a key in a file (`ssh-ed25519`) or in a security key (`sk-ssh-ed25519@openssh.com`), whose
//! signature also says whether somebody touched it. Formats: PROTOCOL.sshsig, PROTOCOL.u2f and RFC 8709.
//!
//! Invariant: pure; reads nothing from `~/.ssh` or anywhere else, and believes no key by itself.

mod error;
mod key;
mod signature;
#[cfg(test)]
pub(crate) mod tests;
mod wire;

pub use error::SshError;
pub use key::PublicKey;
pub use signature::{Presence, Signature};
