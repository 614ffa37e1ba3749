//! What is taken away at once: a look that changes nothing, and that somebody wants to know of all the same.
//!
//! What begins to take is entered each time. Pages that go on, and small ones that add up, are entered once for each
//! person and ten minutes: enough to tell, too little to fill the log. What ends at a time or is filtered goes on like
//! what begins at a cursor, and single entries add up, too: the log can be walked by each of them. The same page again
//! is no more of it: a screen that stays open asks for one over and over.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use crate::api::types::AuditQuery;
use crate::api::types::evidence::EvidenceQuery;
use crate::engine::{Action, ApprovalAction, AuditAction, TraceAction};

/// More rows than a person looks at.
const MANY: usize = 200;
/// In pages of fewer, so many add up to one that is not small.
const TOGETHER: usize = 1_000;
const ONCE_MS: u64 = 600_000;
/// People and kinds that are kept apart; beyond, everything counts.
const REMEMBERED: usize = 256;
/// Entries that a tile holds.
const OF_A_TILE: usize = 256;

/// A look of this kind.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) kind: &'static str,
    pub(super) subject: (&'static str, String),
    /// Goes on where another one ended.
    goes_on: bool,
    /// It takes no matter how little it is.
    whole: bool,
    rows: usize,
    /// Tells pages apart.
    page: u64,
}

struct Reader {
    who: String,
    kind: &'static str,
    since_ms: u64,
    rows: usize,
    entered: bool,
    /// The page before.
    page: u64,
}

/// Who took what in the last ten minutes.
#[derive(Default)]
pub(in crate::engine) struct Readers(Mutex<Vec<Reader>>);

pub(super) fn taken_away(action: &Action) -> Option<Taken> {
    let whole = |kind, subject| Taken { kind, subject, goes_on: false, whole: true, rows: 0, page: 0 };
    let goes_on = |cursor: &Option<String>| cursor.as_deref().is_some_and(|cursor| cursor != "0");
    let of_audit = |id: &str, goes_on| Taken { goes_on, ..whole("audit.exported", ("audit", id.to_owned())) };
    let of_evidence = |topic: &str| whole("evidence.exported", ("evidence", topic.to_owned()));
    let rows = |limit: usize| if limit == 0 { 100 } else { limit };
    Some(match action {
        Action::Audit(AuditAction::Entries(query)) => {
            let AuditQuery { cursor, limit, oldest_first: whole, kind, actor, subject, .. } = query;
            let AuditQuery { since_ms, until_ms, outcome, text, .. } = query;
            let words = [kind, actor, subject, outcome, text, cursor];
            let page = number((&words, since_ms, until_ms, limit));
            let is_filtered = words.iter().take(5).any(|word| word.is_some()) || until_ms.is_some();
            let audit = of_audit("entries", goes_on(cursor) || is_filtered);
            Taken { whole: *whole, rows: rows(*limit), page, ..audit }
        }
        Action::Audit(AuditAction::Entry(sequence) | AuditAction::Inclusion { sequence, .. }) => {
            Taken { whole: false, rows: 1, page: number(sequence), ..of_audit("entries", true) }
        }
        Action::Audit(AuditAction::Tiles { from }) => of_audit("tiles", *from > 0),
        Action::Audit(AuditAction::Tile(path)) if path.contains("entries") => {
            Taken { whole: false, rows: OF_A_TILE, page: number(path), ..of_audit("tiles", true) }
        }
        Action::Audit(AuditAction::Evidence(query)) => {
            let EvidenceQuery { cursor, topic, subject: about, from_ms, to_ms, limit, .. } = query;
            let page = number((cursor, topic, about, from_ms, to_ms, limit));
            let goes_on = goes_on(cursor) || to_ms.is_some() || topic.is_some() || about.is_some();
            let evidence = of_evidence(topic.as_deref().unwrap_or("all"));
            Taken { goes_on, rows: rows(*limit), whole: false, page, ..evidence }
        }
        Action::Audit(AuditAction::Attest { sequence, .. }) => {
            Taken { goes_on: true, rows: 1, whole: false, page: number(sequence), ..of_evidence("all") }
        }
        // What goes on is part of what began.
        Action::Audit(AuditAction::Bundle(bundle)) if bundle.begins() => of_evidence("all"),
        Action::Approval(ApprovalAction::Signed(id)) => whole("approval.exported", ("approval", id.clone())),
        Action::Trace(TraceAction::Export { id: None, .. }) => {
            whole("traces.exported", ("traces", "all".to_owned()))
        }
        _ => return None,
    })
}

fn number(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

impl Readers {
    /// True where it is to be entered now.
    pub(super) fn count(&self, who: &str, taken: &Taken, now_ms: u64) -> bool {
        let much = taken.whole || taken.rows > MANY;
        if !much && !taken.goes_on {
            return false;
        }
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|reader| now_ms.abs_diff(reader.since_ms) < ONCE_MS);
        let is_same = |reader: &Reader| reader.who == who && reader.kind == taken.kind;
        if readers.len() < REMEMBERED && !readers.iter().any(is_same) {
            let (who, kind) = (who.to_owned(), taken.kind);
            readers.push(Reader { who, kind, since_ms: now_ms, rows: 0, entered: false, page: 0 });
        }
        let Some(reader) = readers.iter_mut().find(|reader| is_same(reader)) else { return much };
        let is_again = taken.goes_on && !much && reader.page == taken.page;
        reader.rows = reader.rows.saturating_add(if is_again { 0 } else { taken.rows });
        reader.page = taken.page;
        let counts = !taken.goes_on || (!reader.entered && (much || reader.rows > TOGETHER));
        if counts {
            (reader.entered, reader.since_ms, reader.rows) = (true, now_ms, 0);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EvidenceBundle;

    fn entries(limit: usize, cursor: Option<&str>, oldest_first: bool) -> Taken {
        let cursor = cursor.map(str::to_owned);
        let query = AuditQuery { limit, cursor, oldest_first, ..AuditQuery::default() };
        taken_away(&Action::Audit(AuditAction::Entries(query))).unwrap()
    }

    #[test]
    fn whoever_takes_the_log_page_by_page_is_entered_once_in_ten_minutes() {
        let tiles = |from| taken_away(&Action::Audit(AuditAction::Tiles { from })).unwrap();
        let tile = || taken_away(&Action::Audit(AuditAction::Tile("tile/entries/000".into()))).unwrap();
        let query = EvidenceQuery { limit: 1000, cursor: Some("9".into()), ..EvidenceQuery::default() };
        let evidence = || taken_away(&Action::Audit(AuditAction::Evidence(query.clone()))).unwrap();
        let pages: [&dyn Fn() -> Taken; 5] = [
            &|| entries(1000, Some("800"), false),
            &|| entries(0, Some("1"), true),
            &|| tiles(1),
            &tile,
            &evidence,
        ];
        for page in pages {
            let readers = Readers::default();
            assert!(readers.count("uid:1", &page(), 5), "{:?}", page());
            assert!(!readers.count("uid:1", &page(), 6), "goes on: {:?}", page());
            assert!(readers.count("uid:2", &page(), 6), "another person: {:?}", page());
            assert!(readers.count("uid:1", &page(), 5 + ONCE_MS), "later: {:?}", page());
        }
        let readers = Readers::default();
        for _ in 0..3 {
            assert!(readers.count("uid:1", &entries(1000, None, false), 5), "each one that begins");
            assert!(readers.count("uid:1", &entries(10, Some("0"), true), 5), "each one that begins");
            assert!(
                !readers.count("uid:1", &entries(10, Some("7"), true), 5),
                "and not what goes on from it"
            );
        }
        assert!(readers.count("uid:1", &evidence(), 6), "evidence is something else");
    }

    #[test]
    fn what_a_person_looks_at_is_not_entered_until_it_adds_up() {
        let readers = Readers::default();
        for at_ms in 0..100 {
            assert!(!readers.count("uid:1", &entries(200, None, false), at_ms), "the newest, over and over");
            assert!(!readers.count("uid:1", &entries(0, None, false), at_ms));
        }
        let pages = (0..100u64).filter(|n| {
            let cursor = (900 - n).to_string();
            readers.count("uid:1", &entries(200, Some(&cursor), false), *n)
        });
        assert_eq!(pages.collect::<Vec<_>>(), [5], "the sixth page of 200 makes more than a thousand rows");
    }

    #[test]
    fn the_log_is_not_walked_by_times_or_one_by_one_unseen() {
        let until = |until_ms: u64| {
            let query = AuditQuery { limit: 200, until_ms: Some(until_ms), ..AuditQuery::default() };
            taken_away(&Action::Audit(AuditAction::Entries(query))).unwrap()
        };
        let readers = Readers::default();
        let entered: Vec<u64> = (0..20).filter(|n| readers.count("uid:1", &until(900 - n), *n)).collect();
        assert_eq!(entered, [5]);
        let single = |n: u64| taken_away(&Action::Audit(AuditAction::Entry(n))).unwrap();
        let readers = Readers::default();
        let entered: Vec<u64> = (0..3000).filter(|n| readers.count("uid:1", &single(*n), *n)).collect();
        assert_eq!(entered, [1000], "nobody looks at a thousand in ten minutes");
        let piece = |n: u64| {
            let query = EvidenceQuery { limit: 200, to_ms: Some(n), ..EvidenceQuery::default() };
            taken_away(&Action::Audit(AuditAction::Evidence(query))).unwrap()
        };
        let entered: Vec<u64> = (0..9).filter(|n| readers.count("uid:1", &piece(*n), *n)).collect();
        assert_eq!(entered, [5]);
        let one =
            |sequence| taken_away(&Action::Audit(AuditAction::Attest { sequence, size: None })).unwrap();
        let readers = Readers::default();
        let entered: Vec<u64> = (0..3000).filter(|n| readers.count("uid:1", &one(*n), *n)).collect();
        assert_eq!(entered, [1000]);
        let of_kind = |n: u64| {
            let query =
                AuditQuery { limit: 200, kind: Some(format!("k{}", n % 10)), ..AuditQuery::default() };
            taken_away(&Action::Audit(AuditAction::Entries(query))).unwrap()
        };
        let readers = Readers::default();
        let entered: Vec<u64> = (0..60).filter(|n| readers.count("uid:1", &of_kind(*n), *n)).collect();
        assert_eq!(entered, [5]);
        assert!((0..60).all(|n| !readers.count("uid:3", &of_kind(1), n)), "a screen that stays open");
        // A clock that went back begins anew.
        assert!(readers.count("uid:2", &entries(1000, Some("9"), false), 10 * ONCE_MS));
        assert!(readers.count("uid:2", &entries(1000, Some("9"), false), 1));
    }

    #[test]
    fn a_bundle_is_entered_when_it_begins() {
        let bundle = EvidenceBundle::new(None, None, Some(7));
        let begun = taken_away(&Action::Audit(AuditAction::Bundle(Box::new(bundle)))).unwrap();
        assert_eq!((begun.kind, begun.subject.0), ("evidence.exported", "evidence"));
        let readers = Readers::default();
        assert!(readers.count("uid:1", &begun, 5) && readers.count("uid:1", &begun, 6), "each one");
    }

    #[test]
    fn where_too_many_are_remembered_what_is_much_counts() {
        let readers = Readers::default();
        for n in 0..REMEMBERED {
            assert!(readers.count(&format!("uid:{n}"), &entries(1000, Some("9"), false), 1));
        }
        assert!(readers.count("uid:x", &entries(1000, Some("9"), false), 2));
        assert!(readers.count("uid:x", &entries(1000, Some("9"), false), 2));
        assert!(!readers.count("uid:x", &entries(200, Some("9"), false), 2));
    }
}
