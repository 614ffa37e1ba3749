//! The words of what is written, and of making stores small.

use serde::{Deserialize, Serialize};

/// What was written, and what it does to the flash.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WriteStatus {
    /// By this process since its start, as the kernel counts.
    pub process_bytes: u64,
    /// To the stores since the start.
    pub store_bytes: u64,
    /// Durable ones, of both stores.
    pub commits: u64,
    pub bytes_per_commit: u64,
    /// At the rate since the start; absent in the first minute.
    pub bytes_per_day: Option<u64>,
    /// By everybody to the device of the data folder, at the rate since the start.
    pub device_bytes_per_day: Option<u64>,
    pub device_bytes: u64,
    /// How many times a year this box writes the whole device at that rate. A card is good for some hundred to
    /// some thousand times.
    pub device_rewrites_per_year: Option<f64>,
}

/// A store before and after it was made small.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompactedStore {
    pub name: String,
    pub before_bytes: u64,
    pub after_bytes: u64,
}

/// What `compact` did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompactReport {
    pub stores: Vec<CompactedStore>,
}

/// What `salvage` brought over and what is lost, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SalvageReport {
    pub into: String,
    pub tables: u64,
    pub records: u64,
    pub segments: u64,
    pub files: u64,
    /// Flipped bits of the stores that were put right on the way.
    pub mended: u64,
    /// Records, files and documents, each by name with what is wrong.
    pub lost: Vec<String>,
}
