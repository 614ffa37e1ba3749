//! What of alerts outlives a restart: those that are active or were lately, and silences. In `control.redb`.

use bincode::{Decode, Encode};

use super::silence::Silence;
use super::step::{Acknowledged, Alert, Phase};
use crate::observe::promql::Labels;
use crate::store::{Control, StoreError, Table, WriteTransaction, codec, number_key, number_of, there};

const VERSION: u8 = 1;
/// Key of an alert → [`AlertRecord`]
const ALERTS: Table = Table::new("alerts");
/// Number → [`SilenceRecord`]
const SILENCES: Table = Table::new("silences");

#[derive(Debug, Clone, Encode, Decode)]
struct AlertRecord {
    group: String,
    rule: String,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
    value: f64,
    /// 0 pending, 1 firing, 2 resolved
    phase: u8,
    active_ms: u64,
    fired_ms: Option<u64>,
    keeps_since_ms: Option<u64>,
    resolved_ms: Option<u64>,
    changes: Vec<u64>,
    /// By, reason, when.
    acknowledged: Option<(String, String, u64)>,
}

#[derive(Debug, Clone, Encode, Decode)]
struct SilenceRecord {
    matchers: Vec<String>,
    by: String,
    reason: String,
    from_ms: u64,
    until_ms: u64,
}

/// An alert with the rule it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptAlert {
    pub group: String,
    pub rule: String,
    pub labels: Labels,
    pub alert: Alert,
}

impl KeptAlert {
    fn record(&self) -> AlertRecord {
        let alert = &self.alert;
        AlertRecord {
            group: self.group.clone(),
            rule: self.rule.clone(),
            labels: self.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            annotations: alert.annotations.clone(),
            value: alert.value,
            phase: alert.phase as u8,
            active_ms: alert.active_ms,
            fired_ms: alert.fired_ms,
            keeps_since_ms: alert.keeps_since_ms,
            resolved_ms: alert.resolved_ms,
            changes: alert.changes.clone(),
            acknowledged: alert.acknowledged.as_ref().map(|a| (a.by.clone(), a.reason.clone(), a.at_ms)),
        }
    }
}

impl From<AlertRecord> for KeptAlert {
    fn from(record: AlertRecord) -> Self {
        let phase = match record.phase {
            0 => Phase::Pending,
            1 => Phase::Firing,
            _ => Phase::Resolved,
        };
        let acknowledged = record.acknowledged.map(|(by, reason, at_ms)| Acknowledged { by, reason, at_ms });
        Self {
            group: record.group,
            rule: record.rule,
            labels: Labels::new(record.labels),
            alert: Alert {
                phase,
                value: record.value,
                annotations: record.annotations,
                active_ms: record.active_ms,
                fired_ms: record.fired_ms,
                keeps_since_ms: record.keeps_since_ms,
                held_until_ms: 0,
                resolved_ms: record.resolved_ms,
                changes: record.changes,
                acknowledged,
            },
        }
    }
}

/// What an alert is kept under: short, and the same for the same group, rule and labels.
#[must_use]
pub fn key(group: &str, rule: &str, labels: &Labels) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for part in [group, rule].into_iter().chain(labels.iter().flat_map(|(name, value)| [name, value])) {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    let mut key = [0; 16];
    for (to, from) in key.iter_mut().zip(hasher.finalize().as_bytes()) {
        *to = *from;
    }
    key
}

/// The two tables.
#[derive(Debug)]
pub struct AlertShelf;

impl AlertShelf {
    /// Keeps these alerts and forgets those keys, in one commit.
    ///
    /// # Errors
    /// What the store says; nothing is changed then.
    pub fn keep(
        control: &Control,
        alerts: &[KeptAlert],
        gone: &[[u8; 16]],
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let encode = |kept: &KeptAlert| {
            Ok((key(&kept.group, &kept.rule, &kept.labels), codec::encode(VERSION, &kept.record())?))
        };
        let rows: Vec<([u8; 16], Vec<u8>)> = alerts.iter().map(encode).collect::<Result<_, StoreError>>()?;
        control.write(|write| {
            let mut table = write.open_table(ALERTS)?;
            for key in gone {
                table.remove(&key[..])?;
            }
            for (key, row) in &rows {
                table.insert(&key[..], row.as_slice())?;
            }
            drop(table);
            also(write)
        })
    }

    /// Every alert that is kept. A record that cannot be read is left out.
    ///
    /// # Errors
    /// What the store says.
    pub fn alerts(control: &Control) -> Result<Vec<KeptAlert>, StoreError> {
        control.read(|read| {
            let mut found = Vec::new();
            let Some(table) = there(read.open_table(ALERTS))? else { return Ok(found) };
            for row in table.iter()? {
                match codec::decode::<AlertRecord>(VERSION, row?.1.value()) {
                    Ok(record) => found.push(record.into()),
                    Err(error) => tracing::error!(%error, "an alert that was kept cannot be read"),
                }
            }
            Ok(found)
        })
    }

    /// Keeps a silence, or ends those of these ids, or both, in one commit.
    ///
    /// # Errors
    /// What the store says; nothing is changed then.
    pub fn silence(
        control: &Control,
        new: Option<&Silence>,
        over: &[u64],
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let encode = |silence: &Silence| {
            let Silence { id, matchers, by, reason, from_ms, until_ms } = silence.clone();
            let record = SilenceRecord { matchers, by, reason, from_ms, until_ms };
            codec::encode(VERSION, &record).map(|row| (id, row))
        };
        let row = new.map(encode).transpose()?;
        control.write(|write| {
            let mut table = write.open_table(SILENCES)?;
            for id in over {
                table.remove(&number_key(*id)[..])?;
            }
            if let Some((id, row)) = &row {
                table.insert(&number_key(*id)[..], row.as_slice())?;
            }
            drop(table);
            also(write)
        })
    }

    /// Every silence that is kept, those that are over too.
    ///
    /// # Errors
    /// What the store says.
    pub fn silences(control: &Control) -> Result<Vec<Silence>, StoreError> {
        control.read(|read| {
            let mut found = Vec::new();
            let Some(table) = there(read.open_table(SILENCES))? else { return Ok(found) };
            for row in table.iter()? {
                let (id, bytes) = row?;
                let id = number_of(id.value());
                match codec::decode::<SilenceRecord>(VERSION, bytes.value()) {
                    Ok(SilenceRecord { matchers, by, reason, from_ms, until_ms }) => {
                        found.push(Silence { id, matchers, by, reason, from_ms, until_ms });
                    }
                    Err(error) => tracing::error!(id, %error, "a silence cannot be read"),
                }
            }
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_and_silences_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.redb");
        let control = Control::open(&path, 256 << 10).unwrap();
        assert!(
            AlertShelf::alerts(&control).unwrap().is_empty()
                && AlertShelf::silences(&control).unwrap().is_empty()
        );
        let kept = |name: &str, phase| KeptAlert {
            group: "g".into(),
            rule: "r".into(),
            labels: Labels::new([("alertname", name)]),
            alert: Alert {
                phase,
                value: 0.5,
                annotations: vec![("summary".into(), "s".into())],
                active_ms: 1,
                fired_ms: Some(2),
                keeps_since_ms: Some(3),
                held_until_ms: 0,
                resolved_ms: None,
                changes: vec![2],
                acknowledged: Some(Acknowledged { by: "uid 0".into(), reason: "seen".into(), at_ms: 4 }),
            },
        };
        let mut all = [kept("a", Phase::Firing), kept("b", Phase::Pending), kept("c", Phase::Resolved)];
        AlertShelf::keep(&control, &all, &[], |_| Ok(())).unwrap();
        all[0].alert.phase = Phase::Resolved;
        AlertShelf::keep(&control, &all[..1], &[key("g", "r", &all[1].labels)], |_| Ok(())).unwrap();
        let silence = Silence {
            id: 3,
            matchers: vec!["a=b".into()],
            by: "x".into(),
            reason: "y".into(),
            from_ms: 1,
            until_ms: 2,
        };
        AlertShelf::silence(&control, Some(&silence), &[], |_| Ok(())).unwrap();
        drop(control);
        let control = Control::open(&path, 256 << 10).unwrap();
        let mut found = AlertShelf::alerts(&control).unwrap();
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        assert_eq!(found, [all[0].clone(), all[2].clone()]);
        assert_eq!(AlertShelf::silences(&control).unwrap(), [silence]);
        AlertShelf::silence(&control, None, &[3], |_| Ok(())).unwrap();
        assert!(AlertShelf::silences(&control).unwrap().is_empty());
    }
}
