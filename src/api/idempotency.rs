//! `Idempotency-Key`: the same request sent twice is done once.
//!
//! Kept in memory, bounded, and forgotten at a restart.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use serde_json::Value;

use super::fault::Fault;

const KEPT: usize = 256;
const LONGEST_KEY: usize = 200;

/// What was answered to a key.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    pub(super) location: Option<String>,
}

struct Entry {
    uid: u32,
    key: String,
    fingerprint: u64,
    answer: Option<Answer>,
}

/// Keys that were seen lately.
#[derive(Default)]
pub(super) struct Remembered {
    entries: Mutex<VecDeque<Entry>>,
}

impl Remembered {
    /// The answer given before, or `None` after noting that this key is now being worked on.
    ///
    /// # Errors
    /// The key is in use for another request, or that request still runs.
    pub(super) fn begin(
        &self,
        uid: u32,
        key: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Option<Answer>, Fault> {
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(Fault::bad_request(format!(
                "Idempotency-Key must have 1 to {LONGEST_KEY} characters"
            )));
        }
        let mut hasher = DefaultHasher::new();
        (path, body).hash(&mut hasher);
        let fingerprint = hasher.finish();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = entries.iter().find(|entry| entry.uid == uid && entry.key == key) {
            if known.fingerprint != fingerprint {
                return Err(Fault::invalid("this Idempotency-Key was used for another request")
                    .advice("use a new key for every new request"));
            }
            return match &known.answer {
                Some(answer) => Ok(Some(answer.clone())),
                None => Err(Fault::new(
                    StatusCode::CONFLICT,
                    "in-progress",
                    "the first request with this key still runs",
                )
                .retry_after(1)),
            };
        }
        if entries.len() >= KEPT {
            entries.pop_front();
        }
        entries.push_back(Entry { uid, key: key.to_owned(), fingerprint, answer: None });
        Ok(None)
    }

    /// Keeps a success; forgets a failure, so that it can be tried again.
    pub(super) fn end(&self, uid: u32, key: &str, answer: Option<Answer>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Some(answer) => {
                if let Some(entry) = entries.iter_mut().find(|entry| entry.uid == uid && entry.key == key) {
                    entry.answer = Some(answer);
                }
            }
            None => entries.retain(|entry| entry.uid != uid || entry.key != key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_the_second_time_and_refuses_another_body() {
        let remembered = Remembered::default();
        assert!(remembered.begin(1, "k", "/v1/documents", b"a").unwrap().is_none());
        assert_eq!(remembered.begin(1, "k", "/v1/documents", b"a").unwrap_err().0.status, 409);
        let answer = Answer { status: StatusCode::ACCEPTED, body: Value::Null, location: None };
        remembered.end(1, "k", Some(answer));
        assert!(remembered.begin(1, "k", "/v1/documents", b"a").unwrap().is_some());
        assert_eq!(remembered.begin(1, "k", "/v1/documents", b"b").unwrap_err().0.status, 422);
        assert!(remembered.begin(2, "k", "/v1/documents", b"b").unwrap().is_none(), "keys belong to a user");
    }
}
