//! Work that needs no engine: on data folders that none has open, and on scripts.

use std::path::Path;

use super::{HostError, Options, reach, refused, settings};
use crate::api::types::{PromqlTestReport, RestoreBackup, Restored, SalvageReport};

/// True when a spud serves this box.
#[must_use]
pub fn is_served(options: &Options) -> bool {
    reach(options).is_some()
}

/// Makes a box out of a backup.
///
/// # Errors
/// [`HostError`]; nothing is changed then.
pub fn restore(options: &Options, id: &str, request: &RestoreBackup) -> Result<Restored, HostError> {
    crate::engine::restore_offline(&options.data_dir(), id, request).map_err(refused)
}

/// Brings everything that can be read into a new folder.
///
/// # Errors
/// [`HostError`].
pub fn salvage(options: &Options, into: &Path) -> Result<SalvageReport, HostError> {
    crate::engine::salvage(&settings(options), into).map_err(refused)
}

/// Runs a PromQL test script.
#[must_use]
pub fn promql_test(script: &str) -> PromqlTestReport {
    crate::engine::promql_test(script)
}
