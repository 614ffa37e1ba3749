//! `Idempotency-Key`: the same request sent twice is done once.
//!
//! Kept in memory, bounded, and forgotten at a restart.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use super::call::Call;
use super::fault::Fault;

const KEPT: usize = 256;
/// Answers that are kept have so many bytes together.
const KEPT_BYTES: usize = 1 << 20;
const LONGEST_KEY: usize = 200;

/// What was answered to a key.
#[derive(Debug, Clone, Default)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// Where the change waits for votes: no second request for them.
    waits: Option<Fault>,
}

impl Answer {
    fn respond(self) -> Response {
        match self.waits {
            Some(waits) => waits.into_response(),
            None => (self.status, self.headers, self.body).into_response(),
        }
    }
}

struct Entry {
    principal: String,
    key: String,
    fingerprint: u64,
    answer: Option<Answer>,
}

/// Keys that were seen lately.
#[derive(Default)]
pub(super) struct Remembered {
    entries: Mutex<VecDeque<Entry>>,
}

/// Does what the call asks once per key and principal: a second time it is told what was answered the first time.
pub(super) async fn once(call: Call, act: impl AsyncFnOnce(Call) -> Response) -> Result<Response, Fault> {
    let key = call.header("idempotency-key")?.to_owned();
    if !call.headers.contains_key("idempotency-key") {
        return Ok(act(call).await);
    }
    let Some(principal) = call.principal().await? else { return Ok(act(call).await) };
    let app = call.app.clone();
    if let Some(known) = app.remembered.begin(&principal, &key, call.same())? {
        return Ok(known.respond());
    }
    let mut forget = Forget { remembered: &app.remembered, principal: &principal, key: &key, done: false };
    let response = act(call).await;
    let waits = response.extensions().get::<Fault>().filter(|fault| fault.0.approval.is_some()).cloned();
    let refused = response.extensions().get::<Fault>().is_some() && waits.is_none();
    if refused || !response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| Fault::internal(error.to_string()))?.to_bytes();
    let answer = Answer { status: parts.status, headers: parts.headers, body, waits };
    app.remembered.end(&principal, &key, Some(answer.clone()));
    forget.done = true;
    Ok(answer.respond())
}

/// Forgets a key whose request failed, timed out or was given up.
struct Forget<'a> {
    remembered: &'a Remembered,
    principal: &'a str,
    key: &'a str,
    done: bool,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.remembered.end(self.principal, self.key, None);
        }
    }
}

impl Remembered {
    /// The answer given before, or `None` after noting that this key is now being worked on.
    ///
    /// # Errors
    /// The key is in use for another request, or that request still runs.
    fn begin(&self, principal: &str, key: &str, same: (&str, &[u8])) -> Result<Option<Answer>, Fault> {
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(Fault::bad_request(format!(
                "Idempotency-Key must have 1 to {LONGEST_KEY} characters"
            )));
        }
        let mut hasher = DefaultHasher::new();
        same.hash(&mut hasher);
        let fingerprint = hasher.finish();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = entries.iter().find(|entry| entry.principal == principal && entry.key == key) {
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
        let (principal, key) = (principal.to_owned(), key.to_owned());
        entries.push_back(Entry { principal, key, fingerprint, answer: None });
        Ok(None)
    }

    /// Keeps a success; forgets a failure, so that it can be tried again.
    fn end(&self, principal: &str, key: &str, answer: Option<Answer>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = |entry: &Entry| entry.principal == principal && entry.key == key;
        match answer {
            Some(answer) => {
                if let Some(entry) = entries.iter_mut().find(|entry| mine(entry)) {
                    entry.answer = Some(answer);
                }
            }
            None => entries.retain(|entry| !mine(entry)),
        }
        let size = |entry: &Entry| entry.answer.as_ref().map_or(0, |answer| answer.body.len());
        while entries.len() > 1 && entries.iter().map(size).sum::<usize>() > KEPT_BYTES {
            entries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: usize) -> Option<Answer> {
        Some(Answer { status: StatusCode::ACCEPTED, body: vec![b' '; bytes].into(), ..Answer::default() })
    }

    #[test]
    fn answers_the_second_time_and_refuses_another_body() {
        let remembered = Remembered::default();
        let begin = |who: &str, body: &[u8]| remembered.begin(who, "k", ("/v1/documents", body));
        assert!(begin("uid:1", b"a").unwrap().is_none());
        assert_eq!(begin("uid:1", b"a").unwrap_err().0.status, 409);
        remembered.end("uid:1", "k", answer(0));
        assert!(begin("uid:1", b"a").unwrap().is_some());
        assert_eq!(begin("uid:1", b"b").unwrap_err().0.status, 422);
        assert!(begin("robot", b"a").unwrap().is_none(), "keys belong to a principal");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let remembered = Remembered::default();
        for key in 0..600 {
            let key = key.to_string();
            assert!(remembered.begin("uid:1", &key, ("/", b"")).unwrap().is_none());
            remembered.end("uid:1", &key, answer(100 << 10));
        }
        let entries = remembered.entries.lock().unwrap();
        assert_eq!(entries.len(), KEPT_BYTES / (100 << 10));
        assert_eq!(entries.back().unwrap().key, "599");
    }
}
