//! Work that needs no engine: on data folders that none has open, on scripts, on checkpoints of other boxes.

use std::path::{Path, PathBuf};

use super::{HostError, Options, reach, refused, settings};
use crate::api::types::evidence::EvidenceVerdict;
use crate::api::types::redaction::RedactionReport;
use crate::api::types::{PromqlTestReport, RestoreBackup, Restored, SalvageReport};
pub use crate::engine::TryFault;

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

/// Cosigns a checkpoint of an audit log.
///
/// # Errors
/// [`HostError`] where one of the texts is not what it should be, or the log did not sign.
pub fn cosign(note: &str, secret: &str, log: Option<&str>, now_s: u64) -> Result<String, HostError> {
    crate::engine::cosign(note, secret, log, now_s).map_err(refused)
}

/// A new key that cosigns: the secret one and the public one.
///
/// # Errors
/// [`HostError`] where this cannot be a name.
pub fn new_cosigner(name: &str) -> Result<(String, String), HostError> {
    crate::engine::new_cosigner(name).map_err(refused)
}

/// The public key of a secret one.
///
/// # Errors
/// [`HostError`] where it is none.
pub fn cosigner_key(secret: &str) -> Result<String, HostError> {
    crate::engine::cosigner_key(secret).map_err(refused)
}

/// Whether so many of these keys signed an envelope of evidence.
///
/// # Errors
/// [`HostError`] where one of the texts is not what it should be.
pub fn verify_evidence(envelope: &str, keys: &str, threshold: usize) -> Result<EvidenceVerdict, HostError> {
    crate::engine::verify_evidence(envelope, keys, threshold).map_err(refused)
}

/// What is taken out of a text before it is kept, in words.
#[must_use]
pub fn redaction_of(text: &str) -> Option<String> {
    crate::engine::redaction_of(text)
}

/// Copies a text of any length without its secrets and personal data.
///
/// # Errors
/// What reading or writing says.
pub fn redact_stream(
    input: impl std::io::Read,
    output: impl std::io::Write,
) -> std::io::Result<RedactionReport> {
    crate::engine::redact_stream(input, output)
}

/// Adds a signature to an envelope of evidence.
///
/// # Errors
/// [`HostError`] where one of the texts is not what it should be.
pub fn sign_evidence(envelope: &str, secret: &str) -> Result<String, HostError> {
    crate::engine::sign_evidence(envelope, secret).map_err(refused)
}

/// Reads a file of rules as a box of this tier would; gives how many there are.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check_rules(name: &str, text: &str, tier: &str) -> Result<usize, Vec<String>> {
    crate::engine::check_rules(name, text, tier)
}

/// Reads a file of service level objectives; gives how many there are.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check_objectives(text: &str) -> Result<usize, Vec<String>> {
    crate::engine::check_objectives(text)
}

/// Reads a file of rules over the audit log; gives how many it has or switches on.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check_violations(text: &str) -> Result<usize, Vec<String>> {
    crate::engine::check_violations(text)
}

/// The files of such rules that the configuration has.
#[must_use]
pub fn violation_files(options: &Options) -> Vec<PathBuf> {
    let all = settings(options).config_folders.into_iter().map(|folder| folder.join("violations.toml"));
    all.filter(|path| path.exists()).collect()
}

/// Reads a file of receivers and routes; gives how many receivers there are.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check_notify(text: &str) -> Result<usize, Vec<String>> {
    crate::engine::check_notify(text)
}

/// Runs a file of tests of rules, as a box of this tier would.
///
/// # Errors
/// All that is wrong in it or in the files of rules that it names.
pub fn try_rules(path: &Path, tier: &str) -> Result<PromqlTestReport, TryFault> {
    crate::engine::try_rules(path, tier)
}

/// Runs a PromQL test script.
#[must_use]
pub fn promql_test(script: &str) -> PromqlTestReport {
    crate::engine::promql_test(script)
}

/// Takes a document in OTLP/JSON to a collector.
///
/// # Errors
/// Why it did not arrive, in words.
pub fn send_otlp(url: &str, document: &[u8]) -> Result<(), String> {
    crate::engine::send_otlp(url, document)
}

/// Reads a file of probes and targets; gives how many there are.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check_probes(name: &str, text: &str) -> Result<usize, Vec<String>> {
    crate::engine::check_probes(name, text)
}

/// Reads a file of a dashboard; gives how many panels it has.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check_dashboard(name: &str, text: &str) -> Result<usize, Vec<String>> {
    crate::engine::check_dashboard(name, text)
}
