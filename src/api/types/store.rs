//! The words of encryption at rest.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A passphrase on its way over the socket; never printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Passphrase(pub String);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// How the stores are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoreReport {
    /// plain, encrypting, encrypted, rotating or decrypting.
    pub state: String,
    /// Of the data key in use.
    pub key_id: Option<String>,
    /// Where the key that wraps it comes from.
    pub key: Option<String>,
    /// How that key is made, with its parameters.
    pub derivation: Option<String>,
    pub rows: u64,
    /// Of these, how many have the form they are to have.
    pub rows_done: u64,
    /// Rows that do not open and stay as they are: damaged, or not of this box.
    pub rows_stuck: u64,
    /// Why it does not go on just now.
    pub problem: Option<String>,
    /// What no key protects.
    pub not_covered: Vec<String>,
}

impl StoreReport {
    /// True while rows are turned over.
    #[must_use]
    pub fn is_turning(&self) -> bool {
        !self.state.is_empty() && self.state != "plain" && self.state != "encrypted"
    }
}

/// Encrypts a box.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncryptStore {
    /// `file:/PATH`, `credential:NAME`, `env:NAME` or `passphrase`.
    pub key: String,
    /// With `passphrase` only.
    pub passphrase: Option<Passphrase>,
}

/// Changes keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RotateStore {
    /// Absent: a new data key, every row is sealed anew. Present: only the wrapping key is another one.
    pub key: Option<String>,
    /// With `passphrase` only.
    pub passphrase: Option<Passphrase>,
}
