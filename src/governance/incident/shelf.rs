//! The tables of `control.redb` that hold the incidents.

use super::{Incident, IncidentError, Kind, Severity, State};
use crate::store::{
    Control, ReadTransaction, StoreError, Table, WriteTransaction, codec, number_in, number_key, number_of,
    number_value, there,
};

const VERSION: u8 = 1;
/// Number → [`Incident`]
const INCIDENTS: Table = Table::new("incidents");
/// Hash of what opens an incident (keys are not encrypted) → number of the newest one that it opened
const KEYS: Table = Table::new("incident_keys");
/// Incidents that are not closed, at most.
const OPEN_MOST: usize = 300;
/// Closed ones that are kept; the audit log keeps what was done for ever.
const KEPT: usize = 2_000;

/// Which incidents are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    pub state: Option<State>,
    /// Those that are not closed.
    pub unclosed: bool,
    pub kind: Option<Kind>,
    /// So bad, or worse.
    pub severity: Option<Severity>,
    /// Those that rules over the audit log opened.
    pub violations: bool,
}

/// What the key of a violation begins with.
const VIOLATION: &str = "violation:";

impl Filter {
    fn wants(&self, one: &Incident) -> bool {
        self.state.is_none_or(|state| one.state == state)
            && !(self.unclosed && one.state == State::Closed)
            && self.kind.is_none_or(|kind| one.kind == kind)
            && self.severity.is_none_or(|severity| one.severity >= severity)
            && (!self.violations || one.key.starts_with(VIOLATION))
    }
}

fn hashed(key: &str) -> [u8; 16] {
    blake3::hash(key.as_bytes()).as_bytes().first_chunk().copied().unwrap_or_default()
}

fn record(read: &ReadTransaction, id: u64) -> Result<Option<Incident>, StoreError> {
    let Some(table) = there(read.open_table(INCIDENTS))? else { return Ok(None) };
    let Some(bytes) = table.get(&number_key(id)[..])? else { return Ok(None) };
    Ok(Some(codec::decode::<Incident>(VERSION, bytes.value())?))
}

/// The tables.
#[derive(Debug)]
pub struct Shelf;

impl Shelf {
    /// One incident.
    ///
    /// # Errors
    /// [`IncidentError::Missing`], or what the store says, a damaged record among it.
    pub fn get(control: &Control, id: u64) -> Result<Incident, IncidentError> {
        control.read(|read| record(read, id))?.ok_or(IncidentError::Missing { id })
    }

    /// The newest incident that this key opened.
    ///
    /// # Errors
    /// What the store says, a damaged record among it.
    pub fn of_key(control: &Control, key: &str) -> Result<Option<Incident>, IncidentError> {
        Ok(control.read(|read| {
            let Some(table) = there(read.open_table(KEYS))? else { return Ok(None) };
            let Some(bytes) = table.get(&hashed(key)[..])? else { return Ok(None) };
            record(read, number_in(bytes.value())?)
        })?)
    }

    /// Incidents before `before`, newest first, at most `limit`; a damaged one is left out, and told.
    ///
    /// # Errors
    /// What the store says.
    pub fn list(
        control: &Control,
        filter: &Filter,
        before: u64,
        limit: usize,
    ) -> Result<Vec<Incident>, IncidentError> {
        Ok(control.read(|read| {
            let mut found = Vec::new();
            let Some(table) = there(read.open_table(INCIDENTS))? else { return Ok(found) };
            let last = table.last()?.map_or(0, |(id, _)| number_of(id.value()));
            for id in (1..before.min(last.saturating_add(1))).rev() {
                let Some(bytes) = table.get(&number_key(id)[..])? else { continue };
                match codec::decode::<Incident>(VERSION, bytes.value()) {
                    Ok(one) if filter.wants(&one) => found.push(one),
                    Ok(_) => {}
                    Err(error) => tracing::error!(id, %error, "an incident cannot be read"),
                }
                if found.len() >= limit {
                    break;
                }
            }
            Ok(found)
        })?)
    }

    /// Every incident that is not closed, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn unclosed(control: &Control) -> Result<Vec<Incident>, IncidentError> {
        Self::list(control, &Filter { unclosed: true, ..Filter::default() }, u64::MAX, OPEN_MOST)
    }

    /// The number of the next incident, where there is room for one.
    ///
    /// # Errors
    /// [`IncidentError::TooMany`], or what the store says.
    pub fn next(control: &Control) -> Result<u64, IncidentError> {
        if Self::unclosed(control)?.len() >= OPEN_MOST {
            return Err(IncidentError::TooMany { most: OPEN_MOST });
        }
        Ok(control.read(|read| {
            let Some(table) = there(read.open_table(INCIDENTS))? else { return Ok(1) };
            Ok(table.last()?.map_or(0, |(id, _)| number_of(id.value())) + 1)
        })?)
    }

    /// Keeps an incident in a transaction, and forgets the oldest closed ones beyond what is kept.
    ///
    /// # Errors
    /// What the store says.
    pub fn put(write: &WriteTransaction, incident: &Incident) -> Result<(), StoreError> {
        let row = codec::encode(VERSION, incident)?;
        let mut table = write.open_table(INCIDENTS)?;
        table.insert(&number_key(incident.id)[..], row.as_slice())?;
        let surplus = usize::try_from(table.len()?).unwrap_or(0).saturating_sub(KEPT + OPEN_MOST);
        let mut gone = Vec::new();
        // Nothing is looked at where there is no surplus.
        for row in table.iter()?.take(if surplus == 0 { 0 } else { usize::MAX }) {
            let (key, value) = row?;
            if let Ok(one) = codec::decode::<Incident>(VERSION, value.value())
                && one.state == State::Closed
            {
                gone.push((number_of(key.value()), one.key));
            }
            if gone.len() >= surplus {
                break;
            }
        }
        for (id, _) in &gone {
            table.remove(&number_key(*id)[..])?;
        }
        drop(table);
        if gone.is_empty() && incident.key.is_empty() {
            return Ok(());
        }
        let mut keys = write.open_table(KEYS)?;
        for (id, key) in &gone {
            let is_its = keys.get(&hashed(key)[..])?.is_some_and(|of| number_of(of.value()) == *id);
            if is_its {
                keys.remove(&hashed(key)[..])?;
            }
        }
        if !incident.key.is_empty() {
            let key = hashed(&incident.key);
            let newest = keys.get(&key[..])?.map_or(0, |of| number_of(of.value()));
            if newest <= incident.id {
                keys.insert(&key[..], number_value(incident.id).as_slice())?;
            }
        }
        Ok(())
    }
}
