//! The document that a voter signs: everything that the vote is about, in plain lines.
//!
//! It is made once for each vote, with a nonce, and given out until it is used or its time is over. A signature over
//! it is good for that vote of that person on that box, and for nothing else.

use std::fmt::Write;

use super::Approval;
use crate::base::{format_second, to_base64, to_hex};

/// Purpose of the signature, as `ssh-keygen -Y sign -n` has it.
pub const NAMESPACE: &str = "spud-approval";
/// A document is good for so long at most: a day to carry it to the key and back.
const TIME_MS: u64 = 86_400_000;

/// What a document says beside the request.
#[derive(Debug, Clone, Copy)]
pub struct Ballot<'a> {
    /// Number of the box, as its operations carry it.
    pub box_id: u64,
    pub approval: &'a Approval,
    pub voter: &'a str,
    pub approve: bool,
    pub nonce: [u8; 16],
    /// Entries of the audit log when it was made, and the root of its tree over them.
    pub log: (u64, [u8; 32]),
}

impl Ballot<'_> {
    /// Until when a document that is made now is good: no longer than its request waits.
    #[must_use]
    pub fn expires_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add(TIME_MS).min(self.approval.expires_ms)
    }

    /// The document; every value stays on its line.
    #[must_use]
    pub fn text(&self, now_ms: u64) -> String {
        let one = self.approval;
        let lines = [
            ("box", format!("{:016x}", self.box_id)),
            ("approval", one.id.to_string()),
            ("kind", one.subject.kind.clone()),
            ("subject", one.subject.name.clone()),
            ("impact", one.impact.name().to_owned()),
            ("digest", format!("sha256:{}", to_hex(&one.subject.digest))),
            ("submitter", one.by.clone()),
            ("reason", one.reason.clone()),
            ("voter", self.voter.to_owned()),
            ("decision", decision(self.approve).to_owned()),
            ("nonce", to_hex(&self.nonce)),
            ("expires", format_second(self.expires_ms(now_ms))),
            ("log-size", self.log.0.to_string()),
            ("log-root", to_base64(&self.log.1)),
        ];
        let mut text = "spud approval v1\n".to_owned();
        for (name, value) in lines {
            let value: String = value.chars().map(plain).collect();
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name}: {value}");
        }
        text
    }
}

/// Nothing in a document breaks its line or looks like what it is not: what is neither a letter nor ASCII is `?`.
fn plain(letter: char) -> char {
    match letter {
        letter if letter.is_control() => ' ',
        letter if letter.is_ascii() || letter.is_alphanumeric() => letter,
        _ => '?',
    }
}

/// As documents and requests have it.
#[must_use]
pub fn decision(approve: bool) -> &'static str {
    if approve { "approve" } else { "reject" }
}
