//! The words of backups.

use serde::{Deserialize, Serialize};

/// One backup of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Backup {
    /// Sorts in the order of making.
    pub id: String,
    pub made_ms: u64,
    /// Version of the program that made it.
    pub spud: String,
    pub host: String,
    /// Before packing.
    pub bytes: u64,
    /// What it added to the repository.
    pub new_bytes: u64,
    pub pieces: u64,
    pub new_pieces: u64,
    pub documents: u64,
    pub collections: u64,
    /// Public key (Ed25519, hexadecimal) that signed it.
    pub key: String,
    /// This box believes the key.
    pub trusted: bool,
    /// Why it is no use, where it is none.
    pub problem: Option<String>,
}

/// One file or table of a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupEntry {
    pub name: String,
    /// file or table.
    pub kind: String,
    pub bytes: u64,
    pub rows: u64,
    pub pieces: u64,
}

/// A backup with what it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupDetail {
    #[serde(flatten)]
    pub backup: Backup,
    pub entries: Vec<BackupEntry>,
}

/// When backups are made, and which stay. The newest always does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupSchedule {
    /// Absolute folder of the repository.
    pub to: String,
    /// `daily 02:30` or `weekly sun 02:30`, UTC; empty for by hand only.
    pub when: String,
    pub keep_last: u32,
    pub keep_daily: u32,
    pub keep_weekly: u32,
    pub keep_monthly: u32,
    /// A restore is tried after so many days; 0 for never.
    pub drill_days: u32,
}

/// Work on backups: under way, or done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupRun {
    pub id: String,
    /// create, verify, prune, drill, restore.
    pub kind: String,
    /// running, done, failed.
    pub state: String,
    pub scheduled: bool,
    pub started_ms: u64,
    pub finished_ms: Option<u64>,
    /// Id of the backup, where there is one.
    pub backup: Option<String>,
    pub repository: String,
    pub bytes_done: u64,
    pub new_bytes: u64,
    /// What is worked on.
    pub current: Option<String>,
    /// What came of it.
    pub message: String,
    pub problems: Vec<String>,
}

impl BackupRun {
    /// True when it will not change any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state != "running"
    }
}

/// Backups of the box as they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupStatus {
    /// Folder that is meant when none is named.
    pub repository: String,
    pub schedule: Option<BackupSchedule>,
    pub next_ms: Option<u64>,
    pub last_good_ms: Option<u64>,
    pub last_good: Option<String>,
    pub last_drill: Option<BackupRun>,
    pub running: Option<BackupRun>,
    /// What was done, newest first.
    pub runs: Vec<BackupRun>,
}

/// Which repository; absent means the one of the schedule, else `backups` in the data folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CreateBackup {
    pub to: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyBackups {
    pub from: Option<String>,
    /// One backup, or all.
    pub id: Option<String>,
    /// Remove damaged pieces, so that the next backup writes them anew.
    pub repair: bool,
}

/// Absent numbers are those of the schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PruneBackups {
    pub from: Option<String>,
    pub keep_last: Option<u32>,
    pub keep_daily: Option<u32>,
    pub keep_weekly: Option<u32>,
    pub keep_monthly: Option<u32>,
    /// Only say what would go.
    pub dry_run: bool,
    /// Why; needed where removing waits for votes.
    pub reason: String,
}

/// A restore that is tried in a scratch folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DrillBackup {
    pub from: Option<String>,
    /// The newest where it is absent.
    pub id: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestoreBackup {
    pub from: Option<String>,
    /// Replace the box that is there; what it had is moved aside.
    pub force: bool,
    /// Public key that must have signed it; hexadecimal.
    pub key: Option<String>,
    /// Why; needed where restores wait for votes.
    pub reason: String,
}

/// A restore that was done without a running box.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Restored {
    pub backup: String,
    pub into: String,
    pub bytes: u64,
    pub documents: u64,
    /// Public key that signed it.
    pub key: String,
    /// The box knew no key before: this one is believed from now on.
    pub first_seen: bool,
    /// Where the box that was there before lies now.
    pub replaced: Option<String>,
}
