//! Failures in groups: what failed in the same way at the same place is one, however often it did.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bincode::{Decode, Encode};

use super::context::TraceId;
use crate::api::types::LogLine;
use crate::base::InOrder;

/// Groups that are kept; the one that was seen least lately gives way.
const GROUPS: usize = 256;
/// Bytes of a message that are looked at and kept.
const MESSAGE: usize = 400;

/// Failures of one group.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Trouble {
    /// request, delivery or log
    pub kind: String,
    /// Route, lane, part of the program.
    pub place: String,
    /// Without numbers, paths and ids.
    pub pattern: String,
    /// The newest one as it was.
    pub message: String,
    pub count: u64,
    pub first_ms: u64,
    pub last_ms: u64,
    /// Of the newest one that has one; 0: none.
    pub trace: u128,
}

#[derive(Debug, Default)]
struct Book {
    groups: BTreeMap<u64, Trouble>,
    changed: Vec<u64>,
    gone: Vec<u64>,
    /// What the disk has was added.
    loaded: bool,
}

/// All groups.
#[derive(Debug, Default)]
pub struct Troubles(Mutex<Book>);

impl Troubles {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something failed.
    pub fn note(&self, kind: &str, place: &str, message: &str, trace: Option<TraceId>, now_ms: u64) {
        let message = super::begin_of(message, MESSAGE);
        let pattern = pattern(message);
        let fingerprint = fingerprint(kind, place, &pattern);
        let mut book = self.book();
        let one = book.groups.entry(fingerprint).or_insert_with(|| Trouble {
            kind: kind.to_owned(),
            place: place.to_owned(),
            pattern,
            message: String::new(),
            count: 0,
            first_ms: now_ms,
            last_ms: 0,
            trace: 0,
        });
        one.count += 1;
        one.last_ms = one.last_ms.max(now_ms);
        message.clone_into(&mut one.message);
        one.trace = trace.map_or(one.trace, |id| id.0);
        if !book.changed.contains(&fingerprint) {
            book.changed.push(fingerprint);
        }
        book.bound();
    }

    /// A line of the log: errors are failures, too.
    pub fn hear(&self, line: &LogLine, now_ms: u64) {
        if line.level != "ERROR" {
            return;
        }
        let text = |name: &str| line.fields.get(name).and_then(|value| value.as_str());
        let more = ["error", "reason", "what"].into_iter().find_map(text);
        let message = more.map_or_else(|| line.message.clone(), |more| format!("{}: {more}", line.message));
        let trace = text("trace_id").and_then(TraceId::parse);
        self.note("log", &line.target, &message, trace, now_ms);
    }

    /// Adds what the disk has, once.
    pub fn load(&self, stored: impl FnOnce() -> Vec<(u64, Trouble)>) {
        let mut book = self.book();
        if std::mem::replace(&mut book.loaded, true) {
            return;
        }
        for (fingerprint, before) in stored() {
            match book.groups.get_mut(&fingerprint) {
                Some(one) => {
                    one.count += before.count;
                    one.first_ms = one.first_ms.min(before.first_ms);
                }
                None => drop(book.groups.insert(fingerprint, before)),
            }
        }
        book.bound();
    }

    /// True once [`Troubles::load`] was called.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.book().loaded
    }

    #[must_use]
    pub fn is_changed(&self) -> bool {
        !self.book().changed.is_empty()
    }

    /// What changed since the last time, and what is forgotten.
    #[must_use]
    pub fn take_changed(&self) -> (Vec<(u64, Trouble)>, Vec<u64>) {
        let mut book = self.book();
        let changed = std::mem::take(&mut book.changed);
        let found = changed.into_iter().filter_map(|at| Some((at, book.groups.get(&at)?.clone()))).collect();
        (found, std::mem::take(&mut book.gone))
    }

    /// They could not be written: they are given again.
    pub fn put_back(&self, changed: &[(u64, Trouble)], gone: Vec<u64>) {
        let mut book = self.book();
        for (fingerprint, _) in changed {
            if !book.changed.contains(fingerprint) {
                book.changed.push(*fingerprint);
            }
        }
        book.gone.extend(gone);
        book.gone.truncate(GROUPS);
    }

    /// Every group with its fingerprint, newest first.
    #[must_use]
    pub fn all(&self) -> Vec<(u64, Trouble)> {
        let mut all: Vec<(u64, Trouble)> =
            self.book().groups.iter().map(|(at, one)| (*at, one.clone())).collect();
        all.order_by_key(|(_, one)| std::cmp::Reverse(one.last_ms));
        all
    }
}

impl Book {
    fn bound(&mut self) {
        while self.groups.len() > GROUPS {
            let Some(oldest) = self.groups.iter().min_by_key(|(_, one)| one.last_ms).map(|(at, _)| *at)
            else {
                return;
            };
            self.groups.remove(&oldest);
            self.changed.retain(|at| *at != oldest);
            if self.gone.len() < GROUPS {
                self.gone.push(oldest);
            }
        }
    }
}

fn fingerprint(kind: &str, place: &str, pattern: &str) -> u64 {
    let text = [kind, place, pattern].join("\0");
    let hash = blake3::hash(text.as_bytes());
    hash.as_bytes().first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// A message without what differs from one failure to the next: paths, numbers, ids.
fn pattern(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for word in message.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        let core = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
        let is_path = core.contains('/') && core.len() > 1;
        let is_id = core.len() >= 8
            && core.bytes().any(|byte| byte.is_ascii_digit())
            && core.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        match word.split_once(core).filter(|_| is_path || is_id) {
            Some((before, after)) => {
                out.push_str(before);
                out.push_str(if is_path { "PATH" } else { "ID" });
                out.push_str(after);
            }
            None => without_numbers(word, &mut out),
        }
    }
    out
}

fn without_numbers(word: &str, out: &mut String) {
    let mut in_number = false;
    for letter in word.chars() {
        let digit = letter.is_ascii_digit();
        if !digit {
            out.push(letter);
        } else if !in_number {
            out.push('N');
        }
        in_number = digit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_differs_each_time_is_taken_out() {
        let same = [
            ("the file /a/b.txt has 12 bytes", "the file /var/lib/x has 9000 bytes"),
            ("job 19b3c0-7f of 3", "job 29b3c0-8a of 4"),
            ("(/a/b): line 3, column 4", "(/c): line 33, column 1"),
            ("no answer in 15s", "no answer in 3s"),
        ];
        for (one, other) in same {
            assert_eq!(pattern(one), pattern(other), "{one}");
        }
        assert_eq!(pattern("the file '/a/b.txt' has 12  bytes"), "the file 'PATH' has N bytes");
        assert_ne!(pattern("the disk is full"), pattern("the store is full"));
        assert_eq!(pattern("added facade / deadbeef"), "added facade / deadbeef", "words are no ids");
    }

    #[test]
    fn failures_are_counted_in_groups_and_kept() {
        let troubles = Troubles::default();
        troubles.note("request", "/v1/ask", "it took 5 s", Some(TraceId(7)), 10);
        troubles.note("request", "/v1/ask", "it took 6 s", None, 20);
        troubles.note("job", "add", "it took 6 s", None, 15);
        let all = troubles.all();
        assert_eq!(all.len(), 2);
        let (fingerprint, first) = all[0].clone();
        assert_eq!((first.count, first.first_ms, first.last_ms, first.trace), (2, 10, 20, 7));
        assert_eq!(first.message, "it took 6 s");
        let (changed, gone) = troubles.take_changed();
        assert_eq!((changed.len(), gone.len(), troubles.is_changed()), (2, 0, false));
        troubles.put_back(&changed, gone);
        assert!(troubles.is_changed());
        // After a restart the counts go on.
        let again = Troubles::default();
        again.note("request", "/v1/ask", "it took 7 s", None, 30);
        again.load(|| changed.clone());
        again.load(|| changed.clone());
        let all = again.all();
        assert_eq!((all.len(), all[0].0, all[0].1.count, all[0].1.first_ms), (2, fingerprint, 3, 10));
    }

    #[test]
    fn errors_of_the_log_are_failures() {
        let troubles = Troubles::default();
        let mut line = LogLine { level: "ERROR".into(), message: "job failed".into(), ..LogLine::default() };
        line.fields.insert("error".into(), "no such file".into());
        line.fields.insert("trace_id".into(), "4bf92f3577b34da6a3ce929d0e0e4736".into());
        troubles.hear(&line, 5);
        troubles.hear(&LogLine { level: "WARN".into(), ..line }, 6);
        let (_, one) = troubles.all().remove(0);
        assert_eq!((one.message.as_str(), one.count, one.trace != 0), ("job failed: no such file", 1, true));
    }

    proptest! {
        #[test]
        fn groups_are_bounded_and_patterns_settle(messages in prop::collection::vec("[a-z0-9/ ]{0,40}", 0..600)) {
            let troubles = Troubles::default();
            for (message, now) in messages.iter().zip(0u64..) {
                troubles.note("log", "x", message, None, now);
                prop_assert_eq!(pattern(&pattern(message)), pattern(message));
            }
            let (changed, gone) = troubles.take_changed();
            prop_assert!(troubles.all().len() <= GROUPS && changed.len() <= GROUPS && gone.len() <= GROUPS);
        }
    }
}
