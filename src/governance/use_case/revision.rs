//! What a use case said before: its terms after each edit and each submission, who wrote them and when.
//!
//! Invariant: a revision is kept in the transaction of the change that made it.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use super::{Deed, Terms, UseCase, UseCaseError};
use crate::store::{Control, StoreError, Table, WriteTransaction, codec, there};

const VERSION: u8 = 1;
/// Name → its [`Revision`]s, oldest first.
const REVISIONS: Table = Table::new("use_case_revisions");
/// Of one use case; the audit log keeps who changed what for ever.
pub const REVISIONS_KEPT: usize = 32;
/// Use case, a zero byte, who → how often, when last
const CALLERS: Table = Table::new("use_case_callers");

/// The terms as they were.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Revision {
    /// As the use case had it then.
    pub number: u64,
    pub at_ms: u64,
    pub deed: Deed,
    pub by: String,
    pub reason: String,
    pub terms: Terms,
}

impl Revision {
    /// Of a use case as it stands; nothing where its terms were not written or submitted just now.
    fn of(one: &UseCase) -> Option<Self> {
        let last = one.events.last()?;
        let written = matches!(last.deed, Deed::Created | Deed::Edited | Deed::Submitted);
        written.then(|| Self {
            number: one.revision,
            at_ms: last.at_ms,
            deed: last.deed,
            by: last.by.clone(),
            reason: last.reason.clone(),
            terms: one.terms.clone(),
        })
    }

    /// Keeps that of a use case, where there is one, in the transaction that keeps the use case.
    pub(super) fn keep(write: &WriteTransaction, one: &UseCase) -> Result<(), StoreError> {
        let Some(new) = Self::of(one) else { return Ok(()) };
        let mut table = write.open_table(REVISIONS)?;
        let known = table.get(one.name.as_bytes())?.map(|bytes| codec::decode(VERSION, bytes.value()));
        let mut all: Vec<Self> = known.transpose()?.unwrap_or_default();
        all.push(new);
        if all.len() > REVISIONS_KEPT {
            all.remove(0);
        }
        table.insert(one.name.as_bytes(), codec::encode(VERSION, &all)?.as_slice())?;
        Ok(())
    }

    /// Lets `change` put other words in the place of the reasons; it is told whose they are.
    pub(super) fn reword(
        write: &WriteTransaction,
        name: &str,
        change: &dyn Fn(&str, &mut String) -> bool,
    ) -> Result<(), StoreError> {
        let mut table = write.open_table(REVISIONS)?;
        let known = table.get(name.as_bytes())?.map(|bytes| codec::decode(VERSION, bytes.value()));
        let mut all: Vec<Self> = known.transpose()?.unwrap_or_default();
        let mut some = false;
        for one in &mut all {
            some |= change(&one.by, &mut one.reason);
        }
        if some {
            table.insert(name.as_bytes(), codec::encode(VERSION, &all)?.as_slice())?;
        }
        Ok(())
    }

    /// Those of a use case, oldest first. One that was written before revisions were kept has the one that holds.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn list(control: &Control, one: &UseCase) -> Result<Vec<Self>, UseCaseError> {
        let mut all: Vec<Self> = control.read(|read| {
            let Some(table) = there(read.open_table(REVISIONS))? else { return Ok(Vec::new()) };
            let Some(bytes) = table.get(one.name.as_bytes())? else { return Ok(Vec::new()) };
            Ok(codec::decode(VERSION, bytes.value())?)
        })?;
        if all.last().is_none_or(|last| last.terms != one.terms) {
            let last = one.events.last();
            all.push(Self {
                number: one.revision,
                at_ms: last.map_or(0, |event| event.at_ms),
                deed: last.map_or(Deed::Created, |event| event.deed),
                by: last.map_or_else(|| "box".to_owned(), |event| event.by.clone()),
                reason: String::new(),
                terms: one.terms.clone(),
            });
        }
        Ok(all)
    }

    /// What differs between any two is named by these words.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let terms = &self.terms;
        let list = |items: &[String]| items.join(", ");
        let number = |value: Option<u32>| value.map_or_else(String::new, |value| value.to_string());
        [
            ("purpose", terms.purpose.clone()),
            ("owner", terms.owner.clone()),
            ("legal basis", terms.legal_basis.clone()),
            ("data", list(&terms.data)),
            ("collections", list(&terms.collections)),
            ("impact", terms.impact.name().to_owned()),
            ("retention days", number(terms.retention_days)),
            ("models", list(&terms.models)),
            ("quality", number(terms.quality)),
            ("sla", terms.objective.clone().unwrap_or_default()),
        ]
        .map(|(name, value)| (name.to_owned(), if value.is_empty() { "-".to_owned() } else { value }))
        .into()
    }
}

/// Who asked under which use case: how often, and when last.
pub type Callers = BTreeMap<(String, String), (u64, u64)>;

fn caller_key((name, who): &(String, String)) -> Vec<u8> {
    [name.as_bytes(), &[0], who.as_bytes()].concat()
}

/// Everybody who was kept; a damaged record is left out, and told.
///
/// # Errors
/// What the store says.
pub fn load_callers(control: &Control) -> Result<Callers, UseCaseError> {
    Ok(control.read(|read| {
        let mut all = Vec::new();
        let Some(table) = there(read.open_table(CALLERS))? else { return Ok(Callers::new()) };
        for row in table.iter()? {
            let (key, value) = row?;
            let key = String::from_utf8_lossy(key.value()).into_owned();
            match (key.split_once('\0'), codec::decode::<(u64, u64)>(VERSION, value.value())) {
                (Some((name, who)), Ok(asked)) => all.push(((name.to_owned(), who.to_owned()), asked)),
                _ => tracing::error!("a record of who asked cannot be read"),
            }
        }
        Ok(crate::base::ordered_map(all))
    })?)
}

/// Keeps what differs.
///
/// # Errors
/// What the store says; nothing is kept then.
pub fn keep_callers(control: &Control, before: &Callers, after: &Callers) -> Result<(), UseCaseError> {
    Ok(control.write(|write| {
        let mut table = write.open_table(CALLERS)?;
        for gone in before.keys().filter(|key| !after.contains_key(*key)) {
            table.remove(&caller_key(gone)[..])?;
        }
        for (key, asked) in after.iter().filter(|(key, asked)| before.get(*key) != Some(*asked)) {
            table.insert(&caller_key(key)[..], codec::encode(VERSION, asked)?.as_slice())?;
        }
        Ok(())
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governance::use_case::{Input, Shelf, create, step};

    #[test]
    fn each_edit_and_submission_is_a_revision_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        let terms = |purpose: String| Terms {
            purpose,
            owner: "workshop".into(),
            legal_basis: "none".into(),
            ..Terms::default()
        };
        let mut one = create("pumps", terms("bolts".into()), "uid:1", 1).unwrap();
        control.write(|write| Shelf::keep(write, &one)).unwrap();
        let does = |one: &mut UseCase, input: Input<'_>, now_ms| {
            *one = step(one, input, ("uid:2", false), now_ms).unwrap();
            control.write(|write| Shelf::keep(write, one)).unwrap();
        };
        does(&mut one, Input::Edit(terms("seals".into())), 2);
        does(&mut one, Input::Submit { approval: 7, reason: "needed" }, 3);
        does(&mut one, Input::Approve { approval: 7 }, 4);
        let all = Revision::list(&control, &one).unwrap();
        let told: Vec<(u64, &str, &str)> =
            all.iter().map(|one| (one.number, one.deed.name(), one.by.as_str())).collect();
        assert_eq!(told, [(1, "created", "uid:1"), (2, "edited", "uid:2"), (3, "submitted", "uid:2")]);
        assert_eq!((all[0].fields()[0].1.as_str(), all[1].fields()[0].1.as_str()), ("bolts", "seals"));
        let mut many = create("seals", terms("0".into()), "uid:1", 1).unwrap();
        for number in 0..100 {
            does(&mut many, Input::Edit(terms(number.to_string())), number + 2);
        }
        let all = Revision::list(&control, &many).unwrap();
        assert_eq!((all.len(), all[0].number, all[31].number), (32, 70, 101));
        // Those of before have what holds.
        let general = UseCase::general();
        assert_eq!(Revision::list(&control, &general).unwrap()[0].terms, general.terms);
    }

    #[test]
    fn who_asked_is_kept_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        let key = |who: &str| ("pumps".to_owned(), who.to_owned());
        let first = Callers::from([(key("uid:1"), (3, 50)), (key("uid:2"), (1, 40))]);
        assert_eq!(load_callers(&control).unwrap(), Callers::new());
        keep_callers(&control, &Callers::new(), &first).unwrap();
        assert_eq!(load_callers(&control).unwrap(), first);
        let then = Callers::from([(key("uid:1"), (4, 60))]);
        keep_callers(&control, &first, &then).unwrap();
        assert_eq!(load_callers(&control).unwrap(), then);
    }
}
