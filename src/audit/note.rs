//! Signed notes (C2SP signed-note): a text, and lines that sign it, each by a key with a name.
//!
//! Two kinds of signatures are known: Ed25519 over the text (type 0x01), as a log signs its checkpoints, and
//! cosignature/v1 (type 0x04), by which somebody else says when a checkpoint was seen.

use sha2::{Digest, Sha256};

use crate::base::{from_base64, to_base64, to_hex};
use crate::store::backup::{PublicKey, Signer, holds};

/// Larger notes and more signatures are not read.
const BYTES: usize = 64 << 10;
const SIGNATURES: usize = 100;
const DASH: &str = "\u{2014} ";

/// What a key signs, as its id says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Type 0x01: the text as it is.
    Log,
    /// Type 0x04: the text with the time when it was seen.
    Cosigner,
}

impl KeyKind {
    fn byte(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Cosigner => 4,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Log, Self::Cosigner].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// True where a name may stand in a note.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fine = |letter: char| !letter.is_whitespace() && !letter.is_control() && letter != '+';
    !name.is_empty() && name.len() <= 200 && name.chars().all(fine)
}

/// A public key with its name: `NAME+ID+KEY` (vkey).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    pub name: String,
    pub kind: KeyKind,
    pub public: PublicKey,
}

impl VerifierKey {
    /// The first bytes of SHA-256 over name, line break, type and key.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let mut hasher = Sha256::new();
        hasher.update(self.name.as_bytes());
        hasher.update([b'\n', self.kind.byte()]);
        hasher.update(self.public);
        let digest: [u8; 32] = hasher.finalize().into();
        digest.first_chunk().copied().unwrap_or_default()
    }

    /// Reads `NAME+ID+KEY`; `None` where it is none, or where the id is not that of the key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, '+');
        let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
        let bytes = from_base64(key)?;
        let (kind, public) = bytes.split_first()?;
        let key = Self { name: name.to_owned(), kind: KeyKind::of(*kind)?, public: public.try_into().ok()? };
        (is_name(name) && id == to_hex(&key.id())).then_some(key)
    }

    /// When the note was signed by this key, in seconds since 1970; 0 where the kind tells no time. `None` where no
    /// signature of it holds.
    #[must_use]
    pub fn verify(&self, note: &Note) -> Option<u64> {
        let id = self.id();
        note.lines.iter().filter(|line| line.name == self.name && line.id == id).find_map(|line| {
            let (time_s, signature) = match self.kind {
                KeyKind::Log => (0, line.signature.as_slice()),
                KeyKind::Cosigner => {
                    let (time, signature) = line.signature.split_first_chunk()?;
                    (u64::from_be_bytes(*time), signature)
                }
            };
            let signed = self.signed(&note.text, time_s);
            holds(&self.public, signed.as_bytes(), signature.try_into().ok()?).then_some(time_s)
        })
    }

    /// What a signature of this key is over.
    fn signed(&self, text: &str, time_s: u64) -> String {
        match self.kind {
            KeyKind::Log => text.to_owned(),
            KeyKind::Cosigner => format!("cosignature/v1\ntime {time_s}\n{text}"),
        }
    }
}

impl std::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = [&[self.kind.byte()][..], &self.public].concat();
        write!(f, "{}+{}+{}", self.name, to_hex(&self.id()), to_base64(&key))
    }
}

/// A key that signs, with its name.
#[derive(Debug)]
pub struct NoteSigner {
    key: VerifierKey,
    signer: Signer,
}

impl NoteSigner {
    #[must_use]
    pub fn new(name: &str, kind: KeyKind, signer: Signer) -> Self {
        Self { key: VerifierKey { name: name.to_owned(), kind, public: signer.public() }, signer }
    }

    /// Reads `PRIVATE+KEY+NAME+ID+KEY`, the form of the Go tools.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().strip_prefix("PRIVATE+KEY+")?.splitn(3, '+');
        let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
        let bytes = from_base64(key)?;
        let (kind, seed) = bytes.split_first()?;
        let signer = Self::new(name, KeyKind::of(*kind)?, Signer::from_seed(seed.try_into().ok()?));
        (is_name(name) && id == to_hex(&signer.key.id())).then_some(signer)
    }

    /// The same key as a file of it is written.
    #[must_use]
    pub fn secret(name: &str, kind: KeyKind, seed: &[u8; 32]) -> String {
        let signer = Self::new(name, kind, Signer::from_seed(seed));
        let key = [&[kind.byte()][..], seed].concat();
        format!("PRIVATE+KEY+{name}+{}+{}", to_hex(&signer.key.id()), to_base64(&key))
    }

    /// The key that signs, for what is no note.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Signs the note; a cosigner also says when. What the same key signed before is replaced.
    pub fn sign(&self, note: &mut Note, time_s: u64) {
        let made = self.signer.sign(self.key.signed(&note.text, time_s).as_bytes());
        let signature = match self.key.kind {
            KeyKind::Log => made.to_vec(),
            KeyKind::Cosigner => [&time_s.to_be_bytes()[..], &made].concat(),
        };
        let line = Line { name: self.key.name.clone(), id: self.key.id(), signature };
        note.lines.retain(|known| (&known.name, known.id) != (&line.name, line.id));
        note.lines.push(line);
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

/// A text with the lines that sign it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    lines: Vec<Line>,
}

impl Note {
    /// A text that nobody signed yet; it ends with a line break.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self { text, lines: Vec::new() }
    }

    /// Reads a note; `None` where it is none. Nothing is verified by that.
    #[must_use]
    pub fn parse(note: &str) -> Option<Self> {
        if note.len() > BYTES || note.chars().any(|letter| letter < ' ' && letter != '\n') {
            return None;
        }
        let at = note.rfind("\n\n")?;
        let (text, signed) = (note.get(..=at)?, note.get(at + 2..)?);
        let lines = signed.strip_suffix('\n')?.split('\n').map(line).collect::<Option<Vec<_>>>()?;
        (lines.len() <= SIGNATURES).then(|| Self { text: text.to_owned(), lines })
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes over the signature of this key from another note of the same text.
    pub fn adopt(&mut self, key: &VerifierKey, other: &Self) {
        let id = key.id();
        for line in other.lines.iter().filter(|line| line.name == key.name && line.id == id) {
            self.lines.retain(|known| (&known.name, known.id) != (&line.name, line.id));
            self.lines.push(line.clone());
        }
    }

    /// Names of those who signed, verified or not.
    pub fn signers(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|line| line.name.as_str())
    }
}

fn line(text: &str) -> Option<Line> {
    let (name, signature) = text.strip_prefix(DASH)?.split_once(' ')?;
    let bytes = from_base64(signature)?;
    let (id, signature) = bytes.split_first_chunk()?;
    let fine = is_name(name) && !signature.is_empty();
    fine.then(|| Line { name: name.to_owned(), id: *id, signature: signature.to_vec() })
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.lines {
            writeln!(f, "{DASH}{} {}", line.name, to_base64(&[&line.id[..], &line.signature].concat()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "box.example/log\n3\nAAAA\n";

    #[test]
    fn signatures_hold_for_their_text_and_key_only() {
        let log = NoteSigner::new("box.example/log", KeyKind::Log, Signer::from_seed(&[1; 32]));
        let secret = NoteSigner::secret("laptop", KeyKind::Cosigner, &[2; 32]);
        let laptop = NoteSigner::parse(&secret).unwrap();
        let mut note = Note::new(TEXT.to_owned());
        log.sign(&mut note, 0);
        laptop.sign(&mut note, 1_700_000_000);
        laptop.sign(&mut note, 1_700_000_001);
        let read = Note::parse(&note.to_string()).unwrap();
        assert_eq!(read, note);
        assert_eq!(read.signers().collect::<Vec<_>>(), ["box.example/log", "laptop"], "a newer one replaces");
        assert_eq!(log.key().verify(&read), Some(0));
        assert_eq!(laptop.key().verify(&read), Some(1_700_000_001));
        let vkey = VerifierKey::parse(&laptop.key().to_string()).unwrap();
        assert_eq!(&vkey, laptop.key());
        let other = Note { text: TEXT.replace('3', "4"), ..read.clone() };
        assert_eq!((log.key().verify(&other), vkey.verify(&other)), (None, None));
        let stranger = NoteSigner::new("laptop", KeyKind::Cosigner, Signer::from_seed(&[3; 32]));
        assert_eq!(stranger.key().verify(&read), None);
        // The same key of the other kind is another key.
        let as_log = NoteSigner::new("laptop", KeyKind::Log, Signer::from_seed(&[2; 32]));
        assert_eq!(as_log.key().verify(&read), None);
        let mut bare = Note::new(TEXT.to_owned());
        bare.adopt(&vkey, &read);
        assert!(vkey.verify(&bare).is_some() && log.key().verify(&bare).is_none());
    }

    #[test]
    fn what_is_no_note_or_key_is_refused() {
        for wrong in [
            "",
            "a\n",
            "a\n\n",
            "a\n\n- b AAAA\n",
            "a\n\n\u{2014} b AAAA",
            "a\n\n\u{2014} b !\n",
            "a\r\n\n\u{2014} b AAAAAAA=\n",
        ] {
            assert_eq!(Note::parse(wrong), None, "{wrong:?}");
        }
        let fine = NoteSigner::new("n", KeyKind::Log, Signer::from_seed(&[1; 32])).key().to_string();
        assert!(VerifierKey::parse(&fine).is_some());
        for wrong in ["", "n", "n+00000000+AAAA", &fine[..fine.len() - 4], &fine.replacen("n+", "m+", 1)] {
            assert_eq!(VerifierKey::parse(wrong), None, "{wrong}");
        }
        assert!(NoteSigner::parse("PRIVATE+KEY+n+00000000+AAAA").is_none());
    }

    proptest! {
        #[test]
        fn garbage_is_no_panic(text in ".{0,200}") {
            let _ = Note::parse(&text);
            let _ = VerifierKey::parse(&text);
            prop_assert!(NoteSigner::parse(&text).is_none());
        }
    }
}
