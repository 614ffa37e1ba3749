//! One entry of the log: what was done, by whom, to what, with which outcome; and its leaf in the tree.
//!
//! The leaf is JSON in the canonical form of RFC 8785, of which it needs a part only: objects whose names are ASCII
//! and sorted, texts, and whole numbers below 2^53. It holds ids, numbers and hashes. What a person wrote (a reason,
//! a path) stands in it as SHA-256 over a salt of 16 bytes and the text; salt and text are kept beside the tree and
//! can be erased there, and every proof still holds.

use std::fmt::Write as _;

use bincode::{Decode, Encode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::tree::Hash;
use crate::base::{InOrder, from_hex, to_hex};

/// Form of the leaf; a reader that knows another one must not guess.
const VERSION: u64 = 1;
/// Letters of an id, and bytes of a text: longer ones are cut.
const ID_LETTERS: usize = 200;
const TEXT_BYTES: usize = 4096;
/// Numbers that every reader of JSON keeps exact.
const NUMBER_MOST: u64 = (1 << 53) - 1;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is about to be done where no transaction of ours reaches; another entry says what came of it.
    Begun,
    Done,
    Denied,
    Failed,
}

impl Outcome {
    pub const ALL: [Self; 4] = [Self::Begun, Self::Done, Self::Denied, Self::Failed];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// What is to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub at_ms: u64,
    /// With dots: `mode.forced`, `collection.removed`.
    pub kind: String,
    /// Id of who did it: `uid:1000`, a principal's id, or `box` for what the box does by itself.
    pub actor: String,
    /// What it was done to: its kind (`collection`) and its id.
    pub subject: (String, String),
    pub outcome: Outcome,
    /// Of what was there before and after, where there is such a thing.
    pub before: Option<Hash>,
    pub after: Option<Hash>,
    /// Mode of the box.
    pub mode: String,
    /// As the log names the request.
    pub request: String,
    /// Digest of the set of policies that decided.
    pub policy: Option<Hash>,
    /// The entry that this one says the outcome of.
    pub of: Option<u64>,
    /// Erasable texts by name, such as `reason` or `path`.
    pub texts: Vec<(&'static str, String)>,
    /// Random: the salts are made of it.
    pub seed: [u8; 32],
}

impl Entry {
    /// An entry that was done, with no more than who, what and to what.
    #[must_use]
    pub fn new(at_ms: u64, seed: [u8; 32], kind: &str, actor: &str, subject: (&str, &str)) -> Self {
        Self {
            at_ms,
            kind: kind.to_owned(),
            actor: actor.to_owned(),
            subject: (subject.0.to_owned(), subject.1.to_owned()),
            outcome: Outcome::Done,
            before: None,
            after: None,
            mode: String::new(),
            request: String::new(),
            policy: None,
            of: None,
            texts: Vec::new(),
            seed,
        }
    }

    /// With an erasable text; an empty one is none.
    #[must_use]
    pub fn text(mut self, name: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.texts.push((name, text));
        }
        self
    }

    /// Who asked, and why.
    #[must_use]
    pub fn asked(&self) -> (&str, &str) {
        let reason = self.texts.iter().find(|(name, _)| *name == "reason");
        (&self.actor, reason.map_or("", |(_, text)| text))
    }

    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// The texts with their salts.
    pub(super) fn salted(&self) -> Vec<Salted> {
        let salted = |(name, text): &(&str, String)| {
            let mut hasher = Sha256::new();
            hasher.update(self.seed);
            hasher.update(name.as_bytes());
            let digest: Hash = hasher.finalize().into();
            let salt = digest.first_chunk().copied().unwrap_or_default();
            Salted { name: (*name).to_owned(), salt, text: cut(text, TEXT_BYTES).to_owned() }
        };
        self.texts.iter().map(salted).collect()
    }

    /// The leaf as it stands in the tree at this place.
    pub(super) fn leaf(&self, sequence: u64, texts: &[Salted]) -> String {
        let mut fields = vec![
            ("actor", Part::Text(id(&self.actor))),
            ("at_ms", Part::Number(self.at_ms)),
            ("kind", Part::Text(id(&self.kind))),
            ("outcome", Part::Text(self.outcome.name().to_owned())),
            ("seq", Part::Number(sequence)),
            ("subject", Part::Text(id(&self.subject.1))),
            ("subject_kind", Part::Text(id(&self.subject.0))),
            ("v", Part::Number(VERSION)),
        ];
        let digest = |hash: &Option<Hash>| hash.map(|hash| Part::Text(to_hex(&hash)));
        let some = |text: &str| Some(text).filter(|text| !text.is_empty()).map(|text| Part::Text(id(text)));
        for (name, value) in [
            ("after", digest(&self.after)),
            ("before", digest(&self.before)),
            ("mode", some(&self.mode)),
            ("of", self.of.map(Part::Number)),
            ("policy", digest(&self.policy)),
            ("request", some(&self.request)),
        ] {
            fields.extend(value.map(|value| (name, value)));
        }
        if !texts.is_empty() {
            let hashes = texts.iter().map(|text| (text.name.as_str(), Part::Text(to_hex(&text.hash()))));
            fields.push(("texts", Part::Object(hashes.collect())));
        }
        let mut out = String::with_capacity(320);
        write_object(&mut out, fields);
        out
    }
}

/// A text beside the tree.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Salted {
    pub name: String,
    pub salt: [u8; 16],
    pub text: String,
}

impl Salted {
    /// What the leaf holds of it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut hasher = Sha256::new();
        hasher.update(self.salt);
        hasher.update(self.text.as_bytes());
        hasher.finalize().into()
    }
}

/// A value of the canonical form.
enum Part<'a> {
    Text(String),
    Number(u64),
    Object(Vec<(&'a str, Part<'a>)>),
}

fn write_object(out: &mut String, mut fields: Vec<(&str, Part<'_>)>) {
    // Names are ASCII: the order of bytes is that of UTF-16 units, which RFC 8785 asks for.
    fields.order_by_key(|(name, _)| *name);
    out.push('{');
    for (at, (name, value)) in fields.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_text(out, name);
        out.push(':');
        match value {
            Part::Text(text) => write_text(out, &text),
            Part::Number(number) => out.push_str(&number.min(NUMBER_MOST).to_string()),
            Part::Object(fields) => write_object(out, fields),
        }
    }
    out.push('}');
}

/// A text as RFC 8785 writes it: as short as JSON allows, everything but quotes and controls as it is.
fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            // Writing to a String cannot fail.
            letter if letter < ' ' => drop(write!(out, "\\u{:04x}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out.push('"');
}

fn id(text: &str) -> String {
    text.chars().take(ID_LETTERS).collect()
}

fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// A leaf as it is read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    pub sequence: u64,
    pub at_ms: u64,
    pub kind: String,
    pub actor: String,
    pub subject: (String, String),
    pub outcome: Outcome,
    pub before: Option<Hash>,
    pub after: Option<Hash>,
    pub mode: String,
    pub request: String,
    pub policy: Option<Hash>,
    pub of: Option<u64>,
    /// Names and hashes.
    pub texts: Vec<(String, Hash)>,
}

impl Leaf {
    /// Reads a leaf; `None` where it is none of this version.
    #[must_use]
    pub fn read(json: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(json).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| value.get(name).and_then(Value::as_u64);
        let hash = |name: &str| value.get(name).and_then(Value::as_str).and_then(from_hex);
        if number("v") != Some(VERSION) {
            return None;
        }
        let texts = value.get("texts").and_then(Value::as_object).into_iter().flatten();
        Some(Self {
            sequence: number("seq")?,
            at_ms: number("at_ms")?,
            kind: text("kind"),
            actor: text("actor"),
            subject: (text("subject_kind"), text("subject")),
            outcome: Outcome::parse(&text("outcome"))?,
            before: hash("before"),
            after: hash("after"),
            mode: text("mode"),
            request: text("request"),
            policy: hash("policy"),
            of: number("of"),
            texts: texts
                .map(|(name, hash)| Some((name.clone(), from_hex(hash.as_str()?)?)))
                .collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden() {
        // The tree holds these bytes for ever.
        let entry = Entry {
            mode: "normal".into(),
            request: "r1".into(),
            after: Some([7; 32]),
            of: Some(3),
            ..Entry::new(
                1_700_000_000_000,
                [1; 32],
                "config.changed",
                "uid:1000",
                ("settings", "a\"\\\u{1}é"),
            )
        }
        .text("reason", "because");
        let texts = entry.salted();
        let leaf = entry.leaf(4, &texts);
        let hash = to_hex(&texts[0].hash());
        let seven = "07".repeat(32);
        assert_eq!(
            leaf,
            format!(
                "{{\"actor\":\"uid:1000\",\"after\":\"{seven}\",\"at_ms\":1700000000000,\"kind\":\"config.changed\",\
                 \"mode\":\"normal\",\"of\":3,\"outcome\":\"done\",\"request\":\"r1\",\"seq\":4,\
                 \"subject\":\"a\\\"\\\\\\u0001é\",\"subject_kind\":\"settings\",\
                 \"texts\":{{\"reason\":\"{hash}\"}},\"v\":1}}"
            )
        );
        // The salt is as secret as the seed: nothing of the text is in it.
        assert_eq!(texts, Entry { actor: "other".into(), ..entry.clone() }.salted());
        assert_ne!(texts[0].salt, Entry { seed: [2; 32], ..entry }.salted()[0].salt);
    }

    proptest! {
        #[test]
        fn leaves_come_back_and_are_canonical(at in 0..NUMBER_MOST, kind in "[a-z.]{1,20}", actor in ".{0,40}", id in ".{0,40}", reason in ".{0,40}", of in prop::option::of(0u64..1000)) {
            let entry = Entry { of, ..Entry::new(at, [9; 32], &kind, &actor, ("thing", &id)) }.text("reason", reason.clone());
            let texts = entry.salted();
            let json = entry.leaf(12, &texts);
            let leaf = Leaf::read(json.as_bytes()).unwrap();
            prop_assert_eq!((leaf.sequence, leaf.at_ms, leaf.of), (12, at, of));
            prop_assert_eq!((&leaf.kind, &leaf.actor, &leaf.subject.1), (&kind, &actor, &id));
            prop_assert_eq!(leaf.texts.len(), usize::from(!reason.is_empty()));
            // serde_json sorts names and escapes as RFC 8785 does.
            let again: std::collections::BTreeMap<String, Value> = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(serde_json::to_string(&again).unwrap(), json);
        }

        #[test]
        fn garbage_is_no_leaf(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Leaf::read(&bytes), None);
        }
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        assert_eq!(cut("aéé", 2), "a");
        assert_eq!(cut("aéé", 3), "aé");
        assert_eq!(cut("a", 9), "a");
    }
}
