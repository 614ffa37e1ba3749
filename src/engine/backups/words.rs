//! Backups in the words of the API, and what goes wrong with them in the terms of the one who asked.

use super::restore::Staged;
use super::task::Outcome;
use crate::api::types::{Backup, BackupEntry, BackupRun, BackupSchedule};
use crate::audit::{self, Entry};
use crate::base::{format_bytes, to_hex};
use crate::engine::EngineError;
use crate::engine::queue_words;
use crate::engine::run::Inner;
use crate::engine::trail;
use crate::engine::worker::invalid;
use crate::store::StoreError;
use crate::store::backup::{
    Backup as Made, BackupError, Kind, Listed, RunRecord, ScheduleRecord, Swept, Trust, Verified,
};

pub(super) fn store_said(error: &StoreError) -> EngineError {
    queue_words::store_said(error)
}

/// What the audit log says of a run that is over.
pub(super) fn told(inner: &Inner, told: Entry, run: &BackupRun) -> Entry {
    let outcome = if run.problems.is_empty() { audit::Outcome::Done } else { audit::Outcome::Failed };
    let id = run.backup.clone().unwrap_or_else(|| told.subject.1.clone());
    let now = trail::bare(inner, &told.kind, &told.actor, (&told.subject.0, &id));
    let now = Entry { mode: told.mode, request: told.request, of: told.of, outcome, ..now };
    now.text("what", run.message.as_str())
}

/// What a repository says.
pub(crate) fn said(error: BackupError) -> EngineError {
    let what = error.to_string();
    match error {
        BackupError::Io { .. } => invalid(what, "check the folder, its disk and its permissions"),
        BackupError::Full { .. } => EngineError::DiskFull { what, store: false },
        BackupError::Empty { .. } => {
            let advice = "if its disk is not mounted, mount it; else name the folder with --from or --to, or make \
                a first backup there: spud backup create --to";
            invalid(what, advice)
        }
        BackupError::Foreign { .. } => invalid(what, "give an empty folder, or one that does not exist yet"),
        BackupError::Newer { .. } => invalid(what, "use the spud that made them, or a newer one"),
        BackupError::Busy { .. } => {
            EngineError::Conflict { what, advice: "wait until it has ended, then try again".into() }
        }
        BackupError::NotFound { id } => EngineError::NotFound {
            noun: "backup",
            name: id,
            advice: "`spud backup list` shows what there is".into(),
        },
        BackupError::Damaged { .. } => EngineError::Damaged {
            what,
            advice: "`spud backup verify` names all damage; another backup may be whole".into(),
        },
        BackupError::Unknown { key, .. } => EngineError::Conflict {
            what,
            advice: format!("if that is the key of the box you mean, say so: --key {key}"),
        },
        BackupError::Stopped => EngineError::Stopping,
        BackupError::Store(error) => store_said(&error),
    }
}

/// What a person can do, where the error knows.
pub(super) fn advice(error: &EngineError) -> String {
    match error {
        EngineError::Invalid { advice, .. }
        | EngineError::NotFound { advice, .. }
        | EngineError::Conflict { advice, .. }
        | EngineError::Damaged { advice, .. } => advice.clone(),
        _ => String::new(),
    }
}

pub(super) fn backup(made: &Made, trust: &Trust) -> Backup {
    let (manifest, head) = (&made.manifest, &made.manifest.head);
    Backup {
        id: made.id.clone(),
        made_ms: head.made_ms,
        spud: head.spud.clone(),
        host: head.host.clone(),
        bytes: manifest.bytes(),
        new_bytes: manifest.new_bytes,
        pieces: manifest.pieces(),
        new_pieces: manifest.new_pieces,
        documents: head.collections.iter().map(|collection| collection.documents).sum(),
        collections: head.collections.len() as u64,
        key: to_hex(&made.key),
        trusted: trust.believes(&made.key),
        problem: None,
    }
}

pub(super) fn listed((id, made): &Listed, trust: &Trust) -> Backup {
    match made {
        Ok(made) => backup(made, trust),
        Err(error) => Backup { id: id.clone(), problem: Some(error.to_string()), ..Backup::default() },
    }
}

pub(super) fn entries(made: &Made) -> Vec<BackupEntry> {
    let words = |entry: &crate::store::backup::Entry| BackupEntry {
        name: entry.name.clone(),
        kind: if entry.kind == Kind::File { "file" } else { "table" }.to_owned(),
        bytes: entry.bytes,
        rows: entry.rows,
        pieces: entry.pieces,
    };
    made.manifest.entries.iter().map(words).collect()
}

pub(super) fn schedule(kept: &ScheduleRecord) -> BackupSchedule {
    BackupSchedule {
        to: kept.to.clone(),
        when: kept.when.clone(),
        keep_last: kept.last,
        keep_daily: kept.daily,
        keep_weekly: kept.weekly,
        keep_monthly: kept.monthly,
        drill_days: kept.drill_days,
    }
}

pub(super) fn run(record: &RunRecord) -> BackupRun {
    BackupRun {
        id: record.started_ms.to_string(),
        kind: record.kind.clone(),
        state: if record.good { "done" } else { "failed" }.to_owned(),
        scheduled: record.scheduled,
        started_ms: record.started_ms,
        finished_ms: Some(record.finished_ms),
        backup: Some(record.backup.clone()).filter(|id| !id.is_empty()),
        repository: record.repository.clone(),
        bytes_done: record.bytes,
        new_bytes: record.new_bytes,
        current: None,
        message: record.message.clone(),
        problems: record.problems.clone(),
    }
}

pub(super) fn record(run: &BackupRun) -> RunRecord {
    RunRecord {
        kind: run.kind.clone(),
        scheduled: run.scheduled,
        good: run.problems.is_empty(),
        started_ms: run.started_ms,
        finished_ms: run.finished_ms.unwrap_or(run.started_ms),
        backup: run.backup.clone().unwrap_or_default(),
        repository: run.repository.clone(),
        bytes: run.bytes_done,
        new_bytes: run.new_bytes,
        message: run.message.clone(),
        problems: run.problems.clone(),
    }
}

pub(super) fn created(made: &Made) -> Outcome {
    let manifest = &made.manifest;
    let (all, new) = (format_bytes(manifest.bytes()), format_bytes(manifest.new_bytes));
    Outcome {
        message: format!("backup {}: {all}, of which {new} are new", made.id),
        backup: made.id.clone(),
        bytes: manifest.bytes(),
        new_bytes: manifest.new_bytes,
        problems: Vec::new(),
    }
}

pub(super) fn verified(found: Verified) -> Outcome {
    let counts = format!("{} backups, {} pieces, {}", found.backups, found.pieces, format_bytes(found.bytes));
    let mut message = match found.problems.len() {
        0 => format!("{counts}: all is whole"),
        1 => format!("{counts}: 1 problem"),
        many => format!("{counts}: {many} problems"),
    };
    if found.dropped > 0 {
        message.push_str(&format!(
            "; {} damaged pieces removed, the next backup writes them anew",
            found.dropped
        ));
    }
    Outcome { message, bytes: found.bytes, problems: found.problems, ..Outcome::default() }
}

pub(super) fn pruned(swept: &Swept, left: usize) -> Outcome {
    let freed = format_bytes(swept.bytes);
    let message = format!(
        "{} backups and {} pieces removed, {freed} freed; {left} backups stay",
        swept.backups, swept.pieces
    );
    Outcome { message, ..Outcome::default() }
}

pub(super) fn staged(staged: &Staged) -> Outcome {
    let id = &staged.backup.id;
    Outcome {
        message: format!("backup {id} is ready; it takes the place of this box at the next start"),
        backup: id.clone(),
        bytes: staged.backup.manifest.bytes(),
        ..Outcome::default()
    }
}
