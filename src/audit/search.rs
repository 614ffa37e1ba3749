//! Entries by kind, actor, subject, time, outcome and text: page by page, each within a bounded look.

use super::AuditError;
use super::entry::{Leaf, Outcome};
use super::log::{Found, Log};

/// Entries that are looked at for one page; a page may then be short and still have a next one.
const LOOKED_AT: u64 = 20_000;

/// What is wanted. Absent means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// A kind, or the first of its words: `mode` finds `mode.forced`.
    pub kind: Option<String>,
    pub actor: Option<String>,
    /// Kind or id of the subject, or both with a colon between.
    pub subject: Option<String>,
    pub since_ms: Option<u64>,
    /// Not itself.
    pub until_ms: Option<u64>,
    pub outcome: Option<Outcome>,
    /// In any case of letters, in the leaf or in a text that was not erased.
    pub text: Option<String>,
}

impl Filter {
    /// True where the leaf alone lets the entry through.
    fn fits(&self, leaf: &Leaf) -> bool {
        let is = |wanted: &Option<String>, fits: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(fits);
        is(&self.kind, &|kind| {
            leaf.kind.strip_prefix(kind).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        }) && is(&self.actor, &|actor| leaf.actor == actor)
            && is(&self.subject, &|subject| {
                let (kind, id) = (&leaf.subject.0, &leaf.subject.1);
                subject == kind || subject == id || subject.split_once(':') == Some((kind, id))
            })
            && self.since_ms.is_none_or(|since| leaf.at_ms >= since)
            && self.until_ms.is_none_or(|until| leaf.at_ms < until)
            && self.outcome.is_none_or(|outcome| leaf.outcome == outcome)
    }

    fn fits_text(&self, found: &Found) -> bool {
        let Some(wanted) = self.text.as_deref().map(str::to_lowercase) else { return true };
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        has(&found.json) || found.texts.iter().any(|text| has(&text.text))
    }
}

/// Some entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundPage {
    pub items: Vec<Found>,
    /// Where the next page begins; absent at the end.
    pub next: Option<u64>,
}

impl Log {
    /// Entries before `before`, newest first.
    ///
    /// # Errors
    /// What the store says. Damaged entries are left out.
    pub fn search(&self, filter: &Filter, before: u64, most: usize) -> Result<FoundPage, AuditError> {
        self.search_where(filter, &|_| true, before, most)
    }

    /// The same, of leaves that are wanted besides.
    ///
    /// # Errors
    /// What the store says. Damaged entries are left out.
    pub fn search_where(
        &self,
        filter: &Filter,
        wanted: &dyn Fn(&Leaf) -> bool,
        before: u64,
        most: usize,
    ) -> Result<FoundPage, AuditError> {
        let mut page = FoundPage::default();
        let mut looked_at = 0;
        self.newest(before, |sequence, leaf, json| {
            looked_at += 1;
            let found = match filter.fits(leaf) && wanted(leaf) {
                true => Some(self.with_texts(leaf, json)?).filter(|found| filter.fits_text(found)),
                false => None,
            };
            // A page is followed by another only where that has something, or where nobody looked yet.
            let (is_more, is_late) = (found.is_some() && page.items.len() >= most, looked_at >= LOOKED_AT);
            match (is_more, found) {
                (true, _) => page.next = Some(sequence.saturating_add(1)),
                (false, found) => {
                    page.items.extend(found);
                    page.next = Some(sequence).filter(|sequence| is_late && *sequence > 0);
                }
            }
            Ok(!is_more && !is_late)
        })?;
        Ok(page)
    }

    /// Entries from `from` on, oldest first, none left out.
    ///
    /// # Errors
    /// What the store says, or damage.
    pub fn oldest(&self, from: u64, most: usize) -> Result<FoundPage, AuditError> {
        let to = from.saturating_add(most as u64).min(self.size());
        let items = (from..to).map(|sequence| self.find(sequence)).collect::<Result<_, _>>()?;
        Ok(FoundPage { items, next: (to < self.size()).then_some(to) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Entry, append};
    use crate::store::Control;

    #[test]
    fn filters_and_pages() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        for n in 0..30u64 {
            let kind = if n % 2 == 0 { "mode.forced" } else { "model.imported" };
            let outcome = if n == 7 { Outcome::Denied } else { Outcome::Done };
            let entry =
                Entry::new(n * 10, [1; 32], kind, &format!("uid:{}", n % 3), ("thing", &n.to_string()));
            let entry = entry.outcome(outcome).text("reason", format!("Because of {n}."));
            control.write(|write| append(write, &entry)).unwrap();
        }
        let log = Log::open(&control.snapshot().unwrap()).unwrap();
        let numbers = |filter: &Filter, before: u64, most: usize| {
            let page = log.search(filter, before, most).unwrap();
            (page.items.iter().map(|found| found.leaf.sequence).collect::<Vec<_>>(), page.next)
        };
        let any = Filter::default();
        assert_eq!(numbers(&any, u64::MAX, 3), (vec![29, 28, 27], Some(27)));
        assert_eq!(numbers(&any, 2, 3), (vec![1, 0], None));
        let kind = |kind: &str| Filter { kind: Some(kind.into()), ..Filter::default() };
        assert_eq!(numbers(&kind("mode"), u64::MAX, 2), (vec![28, 26], Some(25)));
        assert_eq!(numbers(&kind("mode"), 25, 13).1, None, "the fifteenth is the last");
        assert_eq!(numbers(&kind("mode.forced"), 3, 9).0, [2, 0]);
        assert_eq!(numbers(&kind("mod"), u64::MAX, 2).0, [0u64; 0], "words, not letters");
        let subject = |subject: &str| Filter { subject: Some(subject.into()), ..Filter::default() };
        assert_eq!(numbers(&subject("thing:12"), u64::MAX, 9).0, [12]);
        assert_eq!(numbers(&subject("12"), u64::MAX, 9).0, [12]);
        assert_eq!(numbers(&Filter { actor: Some("uid:2".into()), ..Filter::default() }, 9, 9).0, [8, 5, 2]);
        let time = Filter { since_ms: Some(30), until_ms: Some(50), ..Filter::default() };
        assert_eq!(numbers(&time, u64::MAX, 9).0, [4, 3]);
        assert_eq!(numbers(&Filter { outcome: Some(Outcome::Denied), ..any.clone() }, u64::MAX, 9).0, [7]);
        assert_eq!(numbers(&Filter { text: Some("BECAUSE OF 11".into()), ..any }, u64::MAX, 9).0, [11]);
        let page = log.oldest(28, 1).unwrap();
        assert_eq!((page.items[0].leaf.sequence, page.next), (28, Some(29)));
        assert_eq!(log.oldest(29, 5).unwrap().next, None);
    }
}
