//! Secrets and personal data in texts: where they stand, of which kind they are, and the text without them.
//!
//! Scanners written by hand over bytes, one pass, no tables of Unicode: a byte that can begin nothing costs one look.
//! Where a kind has a check (Luhn, mod 97, a check letter), the check decides; numbers that could be anything need their
//! form or a word near them. What is found is taken out of the text before it is kept or sent.
//!
//! Invariant: pure; what was redacted once is not changed by redacting it again.

mod national;
mod network;
mod number;
mod scan;
mod secret;
mod stream;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use scan::find;
pub use stream::{Place, Report, stream};

/// Something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Find {
    /// First byte, and the one after the last.
    pub from: usize,
    pub to: usize,
    /// `card`, `email`, `github-token`, ...
    pub kind: &'static str,
}

/// What is to be taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything that is found.
    All,
    /// What a box keeps and sends by itself: addresses of private networks say nothing of anybody, and help.
    Kept,
}

/// How often each kind was found, by kind.
pub type Counts = Vec<(&'static str, u64)>;

fn tally(counts: &mut Counts, kind: &'static str) {
    let at = counts.iter().position(|(known, _)| *known >= kind).unwrap_or(counts.len());
    match counts.get_mut(at) {
        Some((known, count)) if *known == kind => *count += 1,
        _ => counts.insert(at, (kind, 1)),
    }
}

/// A text without what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted<'a> {
    pub text: Cow<'a, str>,
    pub counts: Counts,
}

impl Redacted<'_> {
    /// `redacted: 1 card, 2 email`; `None` where nothing was found.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let each: Vec<String> = self.counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        (!each.is_empty()).then(|| format!("redacted: {}", each.join(", ")))
    }
}

/// What stands in the place of a find.
pub(crate) fn mark(kind: &str) -> String {
    format!("[redacted: {kind}]")
}

/// Takes out of a text what is found in it.
#[must_use]
pub fn redact(text: &str, scope: Scope) -> Redacted<'_> {
    let found = find(text.as_bytes());
    let found = found.into_iter().filter(|one| scope == Scope::All || !is_private(text, one));
    let mut counts = Counts::new();
    let (mut out, mut done) = (String::new(), 0);
    for one in found {
        // What is cut for its length may end within a letter.
        let between =
            |at: usize| (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        out.push_str(text.get(done..between(one.from)).unwrap_or_default());
        out.push_str(&mark(one.kind));
        done = between(one.to);
        tally(&mut counts, one.kind);
    }
    if done == 0 {
        return Redacted { text: Cow::Borrowed(text), counts };
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Redacted { text: Cow::Owned(out), counts }
}

/// The text that is kept.
#[must_use]
pub fn kept(text: &str) -> Cow<'_, str> {
    redact(text, Scope::Kept).text
}

fn is_private(text: &str, find: &Find) -> bool {
    find.kind == "ip" && text.get(find.from..find.to).is_some_and(network::is_private)
}
