//! The words of JetStream that a publisher needs: subjects, acknowledgements, a look at what a stream holds.
//!
//! From the NATS documentation, "JetStream wire API": an acknowledgement is JSON with `stream`, `seq` and
//! `duplicate`, or `error` with `code` and `err_code`; `$JS.API.STREAM.MSG.GET.<stream>` gives the first message of
//! a subject from a sequence on, or its last one. Pure functions: the connection is in `nats`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::delivery::Outcome;
use crate::base::from_base64;

/// Server's numbers of errors.
const WRONG_LAST_SEQUENCE: u64 = 10_071;
const WRONG_LAST_SEQUENCE_CONSTANT: u64 = 10_164;
const NO_MESSAGE: u64 = 10_037;
const TOO_LARGE: u64 = 10_054;
const SUBJECT: usize = 200;

/// What became of a message that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ack {
    Stored {
        stream: String,
        sequence: u64,
    },
    /// It was there before: the server still remembers its id.
    Duplicate {
        stream: String,
        sequence: u64,
    },
    /// The subject does not end where it was expected to.
    WrongLast {
        stream: String,
    },
    Refused(Outcome),
}

/// A message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) sequence: u64,
    /// `Nats-Msg-Id`; empty where there is none.
    pub(super) id: String,
    /// `KV-Operation`: what was done to a key but to write it.
    pub(super) operation: String,
    pub(super) body: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Problem {
    code: u64,
    err_code: u64,
    description: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PublishReply {
    stream: String,
    seq: u64,
    duplicate: bool,
    error: Option<Problem>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GetReply {
    message: Option<GetMessage>,
    error: Option<Problem>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GetMessage {
    seq: u64,
    hdrs: String,
    data: String,
}

/// Reads the answer to a publication.
///
/// # Errors
/// What it is instead.
pub(super) fn ack(answer: &[u8]) -> Result<Ack, String> {
    let reply: PublishReply = serde_json::from_slice(answer)
        .map_err(|_| "the answer is none of JetStream: does something else listen on the subject?")?;
    let PublishReply { stream, seq: sequence, duplicate, error } = reply;
    match error {
        Some(error) if matches!(error.err_code, WRONG_LAST_SEQUENCE | WRONG_LAST_SEQUENCE_CONSTANT) => {
            Ok(Ack::WrongLast { stream })
        }
        Some(error) => Ok(Ack::Refused(judge(&error))),
        None if sequence == 0 => Err("the acknowledgement has no sequence".to_owned()),
        None if duplicate => Ok(Ack::Duplicate { stream, sequence }),
        None => Ok(Ack::Stored { stream, sequence }),
    }
}

/// What an error of JetStream means for an operation.
fn judge(error: &Problem) -> Outcome {
    let reason = format!("JetStream says: {} ({})", error.description, error.err_code);
    match (error.code, error.err_code) {
        (_, TOO_LARGE) => Outcome::Dead { reason },
        // A stream that is full or has no leader, a server without resources: nothing is wrong with the operation.
        (500.., _) => Outcome::Retry { after_ms: Some(5_000), reason, counts: false, failure: true },
        _ => Outcome::Retry { after_ms: None, reason, counts: true, failure: false },
    }
}

/// Asks for the first message of a subject from a sequence on.
pub(super) fn ask_from(subject: &str, sequence: u64) -> Value {
    json!({"seq": sequence, "next_by_subj": subject})
}

/// Asks for the last message of a subject.
pub(super) fn ask_last(subject: &str) -> Value {
    json!({"last_by_subj": subject})
}

/// Reads the answer; `None` where there is no such message.
///
/// # Errors
/// What the server says instead.
pub(super) fn kept(answer: &[u8]) -> Result<Option<Kept>, String> {
    let reply: GetReply =
        serde_json::from_slice(answer).map_err(|error| format!("the stream cannot be read: {error}"))?;
    match (reply.message, reply.error) {
        (Some(message), _) => {
            let headers = from_base64(&message.hdrs).unwrap_or_default();
            let of = |name: &str| header(&headers, name).unwrap_or_default();
            let body = from_base64(&message.data).unwrap_or_default();
            Ok(Some(Kept {
                sequence: message.seq,
                id: of("nats-msg-id"),
                operation: of("kv-operation"),
                body: String::from_utf8_lossy(&body).into_owned(),
            }))
        }
        (None, Some(error)) if error.err_code == NO_MESSAGE => Ok(None),
        (None, Some(error)) => {
            Err(format!("the stream cannot be read: {} ({})", error.description, error.err_code))
        }
        (None, None) => Err("the stream cannot be read: the answer is empty".to_owned()),
    }
}

/// A header in the wire's form: `NATS/1.0\r\nName: value\r\n...`.
fn header(bytes: &[u8], wanted: &str) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut pairs = text.lines().skip(1).filter_map(|line| line.split_once(':'));
    pairs.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
}

/// Checks a subject with its place for the box.
///
/// # Errors
/// What is wrong with it, in words.
pub fn check_subject(text: &str) -> Result<(), String> {
    let plain = |token: &str| {
        !token.is_empty()
            && token.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
    };
    if text.len() > SUBJECT {
        return Err(format!("a subject has at most {SUBJECT} letters"));
    }
    if text.matches(super::upstream::BOX).count() != 1 {
        return Err("a subject contains {box} once: the end of a subject is one box's own".to_owned());
    }
    match text.replace(super::upstream::BOX, "box").split('.').all(plain) {
        true => Ok(()),
        false => Err(format!("'{text}' is not made of words with dots between, such as spud.{{box}}.ops")),
    }
}

/// How a stream that takes these subjects is made.
pub(super) fn how_to_make(subject: &str) -> String {
    let first = subject.split('.').next().unwrap_or("spud");
    format!(
        "no stream takes {subject}: make one, such as `nats stream add {} --subjects '{first}.>' --defaults`",
        first.to_ascii_uppercase()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_are_read() {
        let stored = ack(br#"{"stream":"OPS","seq":7}"#).unwrap();
        assert_eq!(stored, Ack::Stored { stream: "OPS".into(), sequence: 7 });
        let twice = ack(br#"{"stream":"OPS","seq":7,"duplicate":true}"#).unwrap();
        assert_eq!(twice, Ack::Duplicate { stream: "OPS".into(), sequence: 7 });
        let behind = ack(
            br#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 9"},"stream":"OPS","seq":0}"#,
        );
        assert_eq!(behind.unwrap(), Ack::WrongLast { stream: "OPS".into() });
        for bad in [&b"{}"[..], b"", b"hello", b"[1]"] {
            assert!(ack(bad).is_err());
        }
    }

    #[test]
    fn errors_mean_one_thing_each() {
        let said = |code: u64, number: u64| {
            let text = json!({"error": {"code": code, "err_code": number, "description": "no"}}).to_string();
            match ack(text.as_bytes()).unwrap() {
                Ack::Refused(Outcome::Dead { .. }) => "dead",
                Ack::Refused(Outcome::Retry { counts: true, .. }) => "retry",
                Ack::Refused(Outcome::Retry { .. }) => "wait",
                _ => "other",
            }
        };
        assert_eq!(said(400, 10_054), "dead");
        assert_eq!(said(503, 10_077), "wait");
        assert_eq!(said(400, 10_060), "retry");
    }

    #[test]
    fn messages_of_a_stream_are_read() {
        // "NATS/1.0\r\nNats-Msg-Id: abc\r\n\r\n"
        let text = r#"{"message":{"subject":"a","seq":3,"hdrs":"TkFUUy8xLjANCk5hdHMtTXNnLUlkOiBhYmMNCg0K","data":"eA=="}}"#;
        assert_eq!(
            kept(text.as_bytes()).unwrap(),
            Some(Kept { sequence: 3, id: "abc".into(), ..kept(text.as_bytes()).unwrap().unwrap() })
        );
        let none = br#"{"error":{"code":404,"err_code":10037,"description":"no message found"}}"#;
        assert_eq!(kept(none).unwrap(), None);
        let bare = br#"{"message":{"subject":"a","seq":4}}"#;
        assert_eq!(
            kept(bare).unwrap(),
            Some(Kept { sequence: 4, id: String::new(), ..kept(bare).unwrap().unwrap() })
        );
        assert!(kept(b"{}").is_err() && kept(b"").is_err());
    }

    #[test]
    fn subjects_are_checked() {
        for good in ["spud.{box}.ops", "{box}", "a.b-{box}_c.d"] {
            assert_eq!(check_subject(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "spud.ops",
            "{box}.{box}",
            "a..{box}",
            "a.*.{box}",
            "a.>.{box}",
            "a b.{box}",
            "$x.{box}",
            ".{box}",
        ] {
            assert!(check_subject(bad).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn base64_comes_back(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60)) {
            const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let mut text = String::new();
            for three in bytes.chunks(3) {
                let word = three.iter().chain([0, 0].iter()).take(3).fold(0u32, |all, byte| all << 8 | u32::from(*byte));
                for at in 0..=three.len() {
                    text.push(char::from(LETTERS[(word >> (18 - 6 * at) & 63) as usize]));
                }
                (three.len()..3).for_each(|_| text.push('='));
            }
            proptest::prop_assert_eq!(from_base64(&text), Some(bytes));
        }

        #[test]
        fn garbage_is_an_error_or_nothing(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = (ack(&bytes), kept(&bytes), header(&bytes, "nats-msg-id"));
        }
    }
}
