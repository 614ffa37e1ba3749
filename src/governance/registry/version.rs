//! What the registry holds.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use super::{Gate, RegistryError};

/// Models that are known, at most.
pub const VERSIONS_MOST: usize = 64;

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Stage {
    None,
    /// Its vectors lie beside those that answer.
    Staging,
    Production,
    Archived,
}

impl Stage {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Staging => "staging",
            Self::Production => "production",
            Self::Archived => "archived",
        }
    }
}

/// A model.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Version {
    pub sha256: String,
    pub name: String,
    pub licence: String,
    pub source: String,
    /// What somebody said of it.
    pub about: String,
    pub rows: u32,
    pub columns: u32,
    pub bytes: u64,
    pub by: String,
    pub at_ms: u64,
    pub stage: Stage,
    /// The newest request that asks for it.
    pub approval: Option<u64>,
    pub approved_ms: Option<u64>,
    /// As they were measured last.
    pub gates: Vec<Gate>,
    pub measured_ms: Option<u64>,
}

/// A promotion on its way.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Promotion {
    pub sha256: String,
    pub by: String,
    pub reason: String,
    pub at_ms: u64,
}

/// No promotion for now.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Hold {
    pub by: String,
    pub reason: String,
    pub at_ms: u64,
}

/// What answers, and what is on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Pointer {
    /// Absent until a model was promoted: then the box answers with what it was given.
    pub production: Option<String>,
    /// What answered before; its vectors are kept.
    pub previous: Option<String>,
    pub since_ms: u64,
    pub promoting: Option<Promotion>,
    pub held: Option<Hold>,
}

impl Pointer {
    /// True where what answers does so for so short a time that what burns now is taken for its fault.
    #[must_use]
    pub fn is_fresh(&self, watch_ms: u64, now_ms: u64) -> bool {
        // Where the clock went back since, nothing is known of the time between.
        let age_ms = now_ms.checked_sub(self.since_ms);
        self.production.is_some() && age_ms.is_some_and(|age_ms| age_ms < watch_ms)
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Deed {
    Registered,
    Submitted,
    Approved,
    Staged,
    Begun,
    Promoted,
    /// A promotion that its gates stopped, or that was given up.
    Refused,
    RolledBack,
    Archived,
    Held,
    Released,
}

impl Deed {
    /// As it stands in the history.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Staged => "staged",
            Self::Begun => "promotion begun",
            Self::Promoted => "promoted",
            Self::Refused => "promotion refused",
            Self::RolledBack => "rolled back to",
            Self::Archived => "archived",
            Self::Held => "held",
            Self::Released => "released",
        }
    }

    /// True where another model answers after it.
    #[must_use]
    pub fn switches(self) -> bool {
        matches!(self, Self::Promoted | Self::RolledBack)
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Move {
    pub at_ms: u64,
    pub deed: Deed,
    /// Empty where it is about all.
    pub sha256: String,
    pub by: String,
    pub reason: String,
    /// What answered before and after, where that changed.
    pub switched: Option<(String, String)>,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    pub versions: BTreeMap<String, Version>,
    pub pointer: Pointer,
}

impl Registry {
    /// The version that somebody means: a SHA-256, the beginning of one, or a name that only one has.
    ///
    /// # Errors
    /// [`RegistryError::Missing`], or that it is not clear which.
    pub fn meant(&self, typed: &str) -> Result<&Version, RegistryError> {
        if let Some(version) = self.versions.get(typed) {
            return Ok(version);
        }
        const LETTERS_LEAST: usize = 6;
        let by_name = self.versions.values().filter(|version| version.name == typed);
        let begins = |version: &&Version| typed.len() >= LETTERS_LEAST && version.sha256.starts_with(typed);
        let found: Vec<&Version> = match by_name.clone().count() {
            0 => self.versions.values().filter(begins).collect(),
            _ => by_name.collect(),
        };
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(RegistryError::Missing { noun: "model", name: typed.chars().take(70).collect() }),
            many => {
                let what = format!("'{typed}' may be any of {} models", many.len());
                Err(RegistryError::Invalid { what, advice: "name it by its SHA-256" })
            }
        }
    }
}
