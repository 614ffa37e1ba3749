//! The tables of `control.redb` that hold models, what happened to them, and judged questions.

use super::judged::{QUESTIONS_MOST, TARGETS_MOST, TEXT_BYTES};
use super::{
    Judged, Metadata, Move, Pointer, Registry, RegistryError, ShadowTotals, Signed, Target, Version,
};
use crate::store::{
    Control, ReadTransaction, StoreError, Table, WriteTransaction, change_records, codec, number_key,
    number_of, there,
};

const VERSION: u8 = 1;
/// SHA-256 → [`Version`]
const MODELS: Table = Table::new("models");
/// [`ONLY`] → [`Pointer`]
const POINTER: Table = Table::new("model_pointer");
/// Sequence → [`Move`]
const MOVES: Table = Table::new("model_moves");
/// SHA-256 → [`Signed`]
const SIGNATURES: Table = Table::new("model_signatures");
/// SHA-256 → [`Metadata`]
const METADATA: Table = Table::new("model_metadata");
/// SHA-256 → [`ShadowTotals`]
const SHADOW: Table = Table::new("model_shadow");
/// Number → [`Judged`]
const JUDGED: Table = Table::new("judged_questions");
const ONLY: &[u8] = b"production";
/// What happened that is kept.
const MOVES_KEPT: u64 = 10_000;

/// The tables of models.
#[derive(Debug)]
pub struct Shelf;

impl Shelf {
    /// Models and pointer. A damaged version is left out, and told; a damaged pointer is an error: nothing may
    /// answer by a guess.
    ///
    /// # Errors
    /// What the store says.
    pub fn load(control: &Control) -> Result<Registry, RegistryError> {
        Ok(control.read(|read| {
            let mut registry = Registry { pointer: pointer(read)?, ..Registry::default() };
            let Some(table) = there(read.open_table(MODELS))? else { return Ok(registry) };
            for row in table.iter()? {
                let (key, value) = row?;
                match codec::decode::<Version>(VERSION, value.value()) {
                    Ok(version) => drop(registry.versions.insert(version.sha256.clone(), version)),
                    Err(error) => {
                        let name = String::from_utf8_lossy(key.value()).into_owned();
                        tracing::error!(model = name, %error, "the record of a model cannot be read");
                    }
                }
            }
            Ok(registry)
        })?)
    }

    /// What answers, where a model was promoted.
    ///
    /// # Errors
    /// What the store says.
    pub fn production(control: &Control) -> Result<Option<String>, RegistryError> {
        Ok(control.read(|read| Ok(pointer(read)?.production))?)
    }

    /// Keeps what differs, and what happened, in a transaction.
    ///
    /// # Errors
    /// What the store says.
    pub fn keep(
        write: &WriteTransaction,
        before: &Registry,
        after: &Registry,
        moved: &Move,
    ) -> Result<(), StoreError> {
        if before.versions != after.versions {
            let mut table = write.open_table(MODELS)?;
            let new = |(name, version): &(&String, &Version)| before.versions.get(*name) != Some(version);
            for (name, version) in after.versions.iter().filter(new) {
                table.insert(name.as_bytes(), codec::encode(VERSION, version)?.as_slice())?;
            }
        }
        if before.pointer != after.pointer {
            let record = codec::encode(VERSION, &after.pointer)?;
            write.open_table(POINTER)?.insert(ONLY, record.as_slice())?;
        }
        let mut table = write.open_table(MOVES)?;
        let next = table.last()?.map_or(0, |(id, _)| number_of(id.value())) + 1;
        table.insert(&number_key(next)[..], codec::encode(VERSION, moved)?.as_slice())?;
        if next > MOVES_KEPT {
            table.remove(&number_key(next - MOVES_KEPT)[..])?;
        }
        Ok(())
    }

    /// Keeps what was signed of a model, in a transaction.
    ///
    /// # Errors
    /// What the store says.
    pub fn keep_signature(write: &WriteTransaction, sha256: &str, signed: &Signed) -> Result<(), StoreError> {
        let record = codec::encode(VERSION, signed)?;
        write.open_table(SIGNATURES)?.insert(sha256.as_bytes(), record.as_slice())?;
        Ok(())
    }

    /// What was signed of a model, where something was.
    ///
    /// # Errors
    /// What the store says, or a damaged record: nothing passes for unsigned that was signed.
    pub fn signature(control: &Control, sha256: &str) -> Result<Option<Signed>, RegistryError> {
        Ok(control.read(|read| {
            let Some(table) = there(read.open_table(SIGNATURES))? else { return Ok(None) };
            let Some(bytes) = table.get(sha256.as_bytes())? else { return Ok(None) };
            Ok(Some(codec::decode(VERSION, bytes.value())?))
        })?)
    }

    /// Keeps how staged models did on real questions.
    ///
    /// # Errors
    /// What the store says; nothing is kept then.
    pub fn keep_shadow(control: &Control, all: &[(String, ShadowTotals)]) -> Result<(), RegistryError> {
        Ok(control.write(|write| {
            let mut table = write.open_table(SHADOW)?;
            for (sha256, totals) in all {
                table.insert(sha256.as_bytes(), codec::encode(VERSION, totals)?.as_slice())?;
            }
            Ok(())
        })?)
    }

    /// How a model did on real questions, where it was asked any.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn shadow(control: &Control, sha256: &str) -> Result<ShadowTotals, RegistryError> {
        Ok(control.read(|read| {
            let Some(table) = there(read.open_table(SHADOW))? else { return Ok(ShadowTotals::default()) };
            let Some(bytes) = table.get(sha256.as_bytes())? else { return Ok(ShadowTotals::default()) };
            Ok(codec::decode(VERSION, bytes.value())?)
        })?)
    }

    /// Keeps what was said of a model, in a transaction.
    ///
    /// # Errors
    /// What the store says.
    pub fn keep_metadata(write: &WriteTransaction, sha256: &str, said: &Metadata) -> Result<(), StoreError> {
        let record = codec::encode(VERSION, said)?;
        write.open_table(METADATA)?.insert(sha256.as_bytes(), record.as_slice())?;
        Ok(())
    }

    /// What was said of a model; nothing where nobody said anything.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn metadata(control: &Control, sha256: &str) -> Result<Metadata, RegistryError> {
        Ok(control.read(|read| {
            let Some(table) = there(read.open_table(METADATA))? else { return Ok(Metadata::default()) };
            let Some(bytes) = table.get(sha256.as_bytes())? else { return Ok(Metadata::default()) };
            Ok(codec::decode(VERSION, bytes.value())?)
        })?)
    }

    /// What happened before `before`, newest first, at most `limit`, of one model or of all.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn moves(
        control: &Control,
        of: Option<&str>,
        before: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Move)>, RegistryError> {
        Self::walk(control, before, limit, |one| of.is_none_or(|of| one.sha256 == of))
    }

    /// What made the model answer that answered at a time; `None` before the first promotion.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn at(control: &Control, at_ms: u64) -> Result<Option<Move>, RegistryError> {
        let switch = |one: &Move| one.deed.switches() && one.at_ms <= at_ms;
        Ok(Self::walk(control, u64::MAX, 1, switch)?.pop().map(|(_, one)| one))
    }

    /// The first switch after a time.
    ///
    /// # Errors
    /// What the store says, or a damaged record.
    pub fn first_after(control: &Control, at_ms: u64) -> Result<Option<Move>, RegistryError> {
        let switch = |one: &Move| one.deed.switches() && one.at_ms > at_ms;
        Ok(Self::walk(control, u64::MAX, usize::MAX, switch)?.pop().map(|(_, one)| one))
    }

    /// Lets `change` put other words in the place of what somebody said of models, of a hold that stands and of a
    /// promotion on its way; it is told who said it. What cannot be read stays as it is.
    ///
    /// # Errors
    /// What the store says.
    pub fn reword(
        write: &WriteTransaction,
        change: &dyn Fn(&str, &mut String) -> bool,
    ) -> Result<(), StoreError> {
        change_records(write, MOVES, VERSION, |one: &mut Move| change(&one.by, &mut one.reason))?;
        change_records(write, MODELS, VERSION, |one: &mut Version| change(&one.by, &mut one.about))?;
        let mut ways = write.open_table(POINTER)?;
        let known = ways.get(ONLY)?.and_then(|bytes| codec::decode::<Pointer>(VERSION, bytes.value()).ok());
        if let Some(mut one) = known {
            let on_way = one.promoting.as_mut().is_some_and(|said| change(&said.by, &mut said.reason));
            let held = one.held.as_mut().is_some_and(|said| change(&said.by, &mut said.reason));
            if on_way || held {
                ways.insert(ONLY, codec::encode(VERSION, &one)?.as_slice())?;
            }
        }
        Ok(())
    }

    fn walk(
        control: &Control,
        before: u64,
        limit: usize,
        wanted: impl Fn(&Move) -> bool,
    ) -> Result<Vec<(u64, Move)>, RegistryError> {
        Ok(control.read(|read| {
            let mut found = Vec::new();
            let Some(table) = there(read.open_table(MOVES))? else { return Ok(found) };
            let last = table.last()?.map_or(0, |(id, _)| number_of(id.value()));
            for id in (1..before.min(last.saturating_add(1))).rev() {
                if found.len() >= limit {
                    break;
                }
                let Some(bytes) = table.get(&number_key(id)[..])? else { break };
                let one: Move = codec::decode(VERSION, bytes.value())?;
                if wanted(&one) {
                    found.push((id, one));
                }
            }
            Ok(found)
        })?)
    }
}

fn pointer(read: &ReadTransaction) -> Result<Pointer, StoreError> {
    let Some(table) = there(read.open_table(POINTER))? else { return Ok(Pointer::default()) };
    let Some(bytes) = table.get(ONLY)? else { return Ok(Pointer::default()) };
    Ok(codec::decode(VERSION, bytes.value())?)
}

/// The table of judged questions.
#[derive(Debug)]
pub struct JudgedShelf;

impl JudgedShelf {
    /// Questions of a collection, or of all; a damaged one is left out, and told.
    ///
    /// # Errors
    /// What the store says.
    pub fn list(control: &Control, collection: Option<&str>) -> Result<Vec<(u64, Judged)>, RegistryError> {
        Ok(control.read(|read| {
            let mut found = Vec::new();
            let Some(table) = there(read.open_table(JUDGED))? else { return Ok(found) };
            for row in table.iter()? {
                let (key, value) = row?;
                match codec::decode::<Judged>(VERSION, value.value()) {
                    Ok(one) if collection.is_none_or(|name| one.collection == name) => {
                        found.push((number_of(key.value()), one));
                    }
                    Ok(_) => {}
                    Err(error) => tracing::error!(%error, "a judged question cannot be read"),
                }
            }
            Ok(found)
        })?)
    }

    /// Adds what was judged to what is known, in one commit with `also`; gives the numbers.
    ///
    /// # Errors
    /// [`RegistryError`] where a question is none, or too many are kept.
    pub fn learn(
        control: &Control,
        items: &[(String, String, Vec<Target>)],
        (by, now_ms): (&str, u64),
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<Vec<u64>, RegistryError> {
        let mut all = Self::list(control, None)?;
        let mut next = all.last().map_or(0, |(id, _)| *id) + 1;
        let mut touched = Vec::new();
        for (collection, question, targets) in items {
            let question = question.trim();
            let fits = |text: &str| text.len() <= TEXT_BYTES;
            let fine = (1..=TEXT_BYTES).contains(&question.len())
                && targets.iter().all(|one| fits(&one.file) && fits(&one.heading) && fits(&one.passage));
            if !fine {
                let what = format!("a question has 1 to {TEXT_BYTES} bytes, and so have its targets at most");
                return Err(RegistryError::Invalid { what, advice: "say it shorter" });
            }
            let same = |(_, one): &(u64, Judged)| one.collection == *collection && one.question == question;
            let at = all.iter().position(same).unwrap_or_else(|| {
                let one = Judged {
                    collection: collection.clone(),
                    question: question.to_owned(),
                    ..Judged::default()
                };
                all.push((next, one));
                next += 1;
                all.len() - 1
            });
            let Some((id, one)) = all.get_mut(at) else { continue };
            one.learn(targets.clone(), by, now_ms);
            if one.targets.len() > TARGETS_MOST {
                let what = format!("a question has at most {TARGETS_MOST} judgements");
                return Err(RegistryError::Invalid { what, advice: "judge another question" });
            }
            touched.push(*id);
        }
        if all.len() > QUESTIONS_MOST {
            return Err(RegistryError::TooMany { noun: "judged questions", most: QUESTIONS_MOST });
        }
        control.write(|write| {
            let mut table = write.open_table(JUDGED)?;
            for (id, one) in all.iter().filter(|(id, _)| touched.contains(id)) {
                table.insert(&number_key(*id)[..], codec::encode(VERSION, one)?.as_slice())?;
            }
            drop(table);
            also(write)
        })?;
        Ok(touched)
    }

    /// Forgets a question.
    ///
    /// # Errors
    /// [`RegistryError::Missing`], or what the store says.
    pub fn forget(
        control: &Control,
        id: u64,
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<(), RegistryError> {
        let missing = || RegistryError::Missing { noun: "judged question", name: id.to_string() };
        if !Self::list(control, None)?.iter().any(|(known, _)| *known == id) {
            return Err(missing());
        }
        Ok(control.write(|write| {
            write.open_table(JUDGED)?.remove(&number_key(id)[..])?;
            also(write)
        })?)
    }
}
