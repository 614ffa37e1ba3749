//! A lock that boxes of a fleet share: one key of a JetStream key-value bucket.
//!
//! A bucket is the stream `KV_<bucket>`, a key of it the subject `$KV.<bucket>.<key>` (NATS ADR-8). Whoever writes says at
//! which sequence the key must stand (`Nats-Expected-Last-Subject-Sequence`), so that of two who write at once one is
//! turned away. The bucket's own time to live ends the lock of a box that died.

use std::time::Duration;

use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::{Client, HeaderMap, Request, RequestErrorKind};
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::jetstream::{self, Ack, Kept};
use super::nats::{innermost, options};
use super::upstream::Wire;

/// Everything that is asked, with its connection.
const TIME: Duration = Duration::from_secs(8);
/// Others may come and go between two looks.
const ROUNDS: usize = 3;
const OPERATION: &str = "KV-Operation";
const GONE: &str = "DEL";

/// The lock, and how to get there.
pub struct FleetLock {
    wire: Wire,
    bucket: String,
    key: &'static str,
}

/// Why the lock was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    #[error("{0}")]
    Taken(String),
    #[error("the fleet's lock cannot be asked for: {0}")]
    Unreachable(String),
}

/// Checks a bucket's name (ADR-8).
///
/// # Errors
/// What is wrong with it, in words.
pub fn check_bucket(name: &str) -> Result<(), String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    match !name.is_empty() && name.len() <= 100 && name.chars().all(plain) {
        true => Ok(()),
        false => Err(format!("'{name}' is no name of a bucket: letters, digits, - and _")),
    }
}

impl FleetLock {
    /// The lock of this key; nothing is asked yet.
    #[must_use]
    pub fn new(wire: Wire, bucket: &str, key: &'static str) -> Self {
        Self { wire, bucket: bucket.to_owned(), key }
    }

    fn subject(&self) -> String {
        format!("$KV.{}.{}", self.bucket, self.key)
    }

    /// Takes the lock for `who`, or keeps it where `who` has it already. What comes behind a space in `who` is for people.
    ///
    /// # Errors
    /// [`LockError::Taken`] with what the other one said of itself; [`LockError::Unreachable`].
    pub fn take(&self, who: &str) -> Result<(), LockError> {
        self.over(async |client| {
            let mut expected = 0;
            for _ in 0..ROUNDS {
                match self.put(client, who, expected, None).await? {
                    Ack::Stored { .. } | Ack::Duplicate { .. } => return Ok(()),
                    Ack::WrongLast { .. } => {}
                    Ack::Refused(outcome) => return Err(LockError::Unreachable(format!("{outcome:?}"))),
                }
                expected = match self.last(client).await? {
                    None => 0,
                    Some(last) if last.operation.is_empty() && owner(&last.body) != owner(who) => {
                        return Err(LockError::Taken(last.body));
                    }
                    Some(last) => last.sequence,
                };
            }
            Err(LockError::Taken("others ask for it at the same time".to_owned()))
        })
    }

    /// Gives it back, where `who` has it.
    ///
    /// # Errors
    /// [`LockError::Unreachable`]; it then ends with the bucket's time to live.
    pub fn release(&self, who: &str) -> Result<(), LockError> {
        self.over(async |client| {
            let last = self.last(client).await?;
            if let Some(last) =
                last.filter(|last| last.operation.is_empty() && owner(&last.body) == owner(who))
            {
                self.put(client, "", last.sequence, Some(GONE)).await?;
            }
            Ok(())
        })
    }

    fn over(&self, ask: impl AsyncFnOnce(&Client) -> Result<(), LockError>) -> Result<(), LockError> {
        let unreachable = |what: &dyn std::fmt::Display| {
            LockError::Unreachable(format!("{}: {what}", self.wire.upstream.authority()))
        };
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| unreachable(&error))?;
        let done = runtime.block_on(async {
            timeout(TIME, async {
                let client =
                    options(&self.wire, std::sync::Arc::default()).connect(self.wire.upstream.url()).await;
                ask(&client.map_err(|error| unreachable(&innermost(&error)))?).await
            })
            .await
        });
        runtime.shutdown_background();
        done.unwrap_or_else(|_| Err(unreachable(&format!("no answer in {} s", TIME.as_secs()))))
    }

    async fn put(
        &self,
        client: &Client,
        body: &str,
        expected: u64,
        operation: Option<&str>,
    ) -> Result<Ack, LockError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        if let Some(operation) = operation {
            headers.insert(OPERATION, operation);
        }
        let request = Request::new().headers(headers).payload(body.to_owned().into());
        let answer = client.send_request(self.subject(), request).await;
        let answer = answer.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => LockError::Unreachable(format!(
                "there is no bucket {}: `nats kv add {} --ttl 15m` makes it",
                self.bucket, self.bucket
            )),
            _ => LockError::Unreachable(innermost(&error)),
        })?;
        jetstream::ack(&answer.payload).map_err(LockError::Unreachable)
    }

    async fn last(&self, client: &Client) -> Result<Option<Kept>, LockError> {
        let subject = format!("$JS.API.STREAM.MSG.GET.KV_{}", self.bucket);
        let request = Request::new().payload(jetstream::ask_last(&self.subject()).to_string().into());
        let answer = client.send_request(subject, request).await;
        let answer = answer.map_err(|error| LockError::Unreachable(innermost(&error)))?;
        jetstream::kept(&answer.payload).map_err(LockError::Unreachable)
    }
}

/// The first word: which box it is.
fn owner(who: &str) -> &str {
    who.split(' ').next().unwrap_or_default()
}
