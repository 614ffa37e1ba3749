//! Takes traces to a collector of OpenTelemetry.

use crate::resilience::queue::{Outcome, Papers, Upstream, Wire, post};

/// Sends a document in OTLP/JSON to `http://host:4318/v1/traces` or such.
///
/// # Errors
/// Why it did not arrive, in words.
pub fn send_otlp(url: &str, document: &[u8]) -> Result<(), String> {
    let upstream = Upstream::parse(url)?;
    let wire = Wire { upstream, secret: None, papers: Papers::default(), subject: String::new() };
    match post(wire, &[("content-type", "application/json".to_owned())], document) {
        Outcome::Delivered => Ok(()),
        Outcome::Retry { reason, .. } | Outcome::Dead { reason } | Outcome::Stop { reason } => Err(reason),
    }
}
