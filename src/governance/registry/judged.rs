//! Questions with the passages that answer them, as people of this box judged.

use bincode::{Decode, Encode};
use sha2::{Digest, Sha256};

use crate::base::to_hex;

/// Questions that are kept, of all collections together.
pub const QUESTIONS_MOST: usize = 2_000;
/// Targets of one question.
pub(super) const TARGETS_MOST: usize = 50;
pub(super) const TEXT_BYTES: usize = 1_000;

/// What answers a question, or does not: a passage by its text, or a section of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Target {
    /// End of the file's path; empty matches every file.
    pub file: String,
    /// Innermost heading; empty matches every section.
    pub heading: String,
    /// See [`passage_hash`]; empty matches every passage of the section.
    pub passage: String,
    /// 0 does not answer, 1 does, more answers better.
    pub relevance: u32,
}

/// A passage by what it says: documents that are indexed again keep their judgements.
#[must_use]
pub fn passage_hash(text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    to_hex(digest.first_chunk::<8>().unwrap_or(&[0; 8]))
}

impl Target {
    /// Whether a passage is what is meant.
    #[must_use]
    pub fn is(&self, path: &str, heading: &str, passage: &str) -> bool {
        if !self.passage.is_empty() {
            return self.passage == passage;
        }
        let file = self.file.is_empty()
            || path
                .strip_suffix(&self.file)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('/') || self.file.starts_with('/'));
        file && (self.heading.is_empty() || self.heading == heading)
    }

    /// The same thing, whatever was said of it.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        (&self.file, &self.heading, &self.passage) == (&other.file, &other.heading, &other.passage)
            || (!self.passage.is_empty() && self.passage == other.passage)
    }
}

/// A question of a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Judged {
    pub collection: String,
    pub question: String,
    pub targets: Vec<Target>,
    pub by: String,
    pub at_ms: u64,
}

impl Judged {
    /// Adds what somebody judged now; of the same thing the newer word holds.
    pub fn learn(&mut self, targets: Vec<Target>, by: &str, now_ms: u64) {
        for target in targets {
            self.targets.retain(|known| !known.same(&target));
            self.targets.push(target);
        }
        (self.by, self.at_ms) = (by.to_owned(), now_ms);
    }

    /// True where something answers it: only then it can be measured.
    #[must_use]
    pub fn has_answer(&self) -> bool {
        self.targets.iter().any(|target| target.relevance > 0)
    }
}
