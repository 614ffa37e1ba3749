//! Encryption at rest at work: the key at the start, and rows turned over in the background.
//!
//! One thread while a box is turned over, none else. It waits while the mode pauses background work, and goes on
//! after a restart where rows were left.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use zeroize::Zeroizing;

use super::queue_words::store_said;
use super::run::{Inner, Settings};
use super::settings::Configuration;
use super::worker::invalid;
use super::{Action, EngineError, Reply, compact};
use crate::api::types::{EncryptStore, Passphrase, RotateStore, StoreReport};
use crate::base::{spawn, trim_memory};
use crate::config::Secret;
use crate::knowledge::Library;
use crate::store::crypt::{
    Cost, CryptError, Need, PASSPHRASE, Stored, Turned, Turning, Vault, remaining, turn_table,
};
use crate::store::{ReadTransaction, StoreError, WriteTransaction};

/// After a failure, it is tried again so much later.
const AGAIN: Duration = Duration::from_secs(10);
const STACK_KB: usize = 512;

/// Said wherever the state is told.
const NOT_COVERED: [&str; 6] = [
    "keys of rows: paths of files, names of collections, Idempotency-Keys, times and numbers",
    "segments/: the passages and their index (put the data folder on LUKS or fscrypt to cover them)",
    "models/ and handbook/",
    "telemetry.redb and telemetry.tail: figures of the box, names of collections, lanes and routes, \
        and of traces the paths of requests and what went wrong",
    "logs/ and the settings",
    "old blocks of a flash card that once held plain rows: encrypt before the first document, or use a fresh card",
];

#[derive(Debug, Clone, Default)]
struct Progress {
    rows: u64,
    done: u64,
    stuck: u64,
    problem: Option<String>,
}

/// The keys of a box at work.
pub(super) struct Encryption {
    pub(super) vault: Arc<Vault>,
    progress: Mutex<Progress>,
    stopping: AtomicBool,
    nap: (Mutex<()>, Condvar),
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What a start does with the secret that the header asks for.
pub(super) fn unlock(settings: &Settings, config: &Configuration) -> Result<Vault, EngineError> {
    let reference = config.running().text("store.key").map(str::to_owned);
    let vault = Vault::open(&settings.data_dir, |need| match (&reference, settings.passphrase) {
        (Some(reference), _) => read_secret(reference),
        (None, Some(ask)) if need.passphrase && need.reference == PASSPHRASE => {
            ask("Passphrase of this box: ").map(Zeroizing::new).map_err(|why| CryptError::NoKey { why })
        }
        (None, _) => read_needed(need),
    });
    vault.map_err(crypt_said)
}

fn read_needed(need: &Need) -> Result<Zeroizing<String>, CryptError> {
    if need.reference == PASSPHRASE {
        let why = "it is a passphrase, and there is no terminal to ask at".to_owned();
        return Err(CryptError::NoKey { why });
    }
    read_secret(&need.reference)
}

fn read_secret(reference: &str) -> Result<Zeroizing<String>, CryptError> {
    let secret = Secret::parse(reference).map_err(str::to_owned).and_then(|secret| secret.read());
    secret.map(Zeroizing::new).map_err(|why| CryptError::NoKey { why })
}

pub(super) fn crypt_said(error: CryptError) -> EngineError {
    let (what, advice) = (error.to_string(), error.advice().to_owned());
    match error {
        CryptError::State { .. } => EngineError::Conflict { what, advice },
        CryptError::Io { error, .. } if error.kind() == std::io::ErrorKind::StorageFull => {
            EngineError::DiskFull { what: "the header of the keys was not written".into(), store: false }
        }
        CryptError::Io { .. } => EngineError::Damaged { what, advice },
        _ => EngineError::Invalid { what, advice },
    }
}

impl Encryption {
    pub(super) fn new(vault: Arc<Vault>) -> Self {
        Self {
            vault,
            progress: Mutex::default(),
            stopping: AtomicBool::new(false),
            nap: Default::default(),
            thread: Mutex::default(),
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn note(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Lets it end at the next rows.
    pub(super) fn end(&self) {
        let _held = self.nap.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.stopping.store(true, Ordering::Relaxed);
        self.nap.1.notify_all();
    }

    /// Waits for its end.
    pub(super) fn stop(&self) {
        self.end();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    /// Goes on with what was begun, if anything.
    pub(super) fn begin(inner: &Arc<Inner>) -> Result<(), EngineError> {
        let this = &inner.encryption;
        if this.vault.turning().is_none() || this.is_stopping() {
            return Ok(());
        }
        let mut held = this.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return Ok(());
        }
        this.note(|progress| *progress = Progress::default());
        let shared = Arc::clone(inner);
        let thread = spawn("turner", STACK_KB, move || work(&shared));
        *held = Some(thread.map_err(|e| EngineError::Internal(format!("a thread cannot be started: {e}")))?);
        Ok(())
    }
}

/// The catalogue's store, taken anew for every step: it may be opened again in between.
struct Corpus<'a>(&'a Library);

impl Stored for Corpus<'_> {
    fn view(&self) -> Result<ReadTransaction, StoreError> {
        self.0.database().view()
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.0.database().change(change)
    }
}

fn work(inner: &Arc<Inner>) {
    let this = &inner.encryption;
    while !this.is_stopping() {
        match pass(inner) {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) => {
                inner.modes.learn(&error);
                tracing::warn!(%error, "rows cannot be turned over just now");
                this.note(|progress| progress.problem = Some(error.to_string()));
            }
        }
        let held = this.nap.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !this.is_stopping() {
            drop(this.nap.1.wait_timeout(held, AGAIN));
        }
    }
    trim_memory();
}

/// All rows of both stores once; true when the box is what it is to be.
fn pass(inner: &Arc<Inner>) -> Result<bool, EngineError> {
    let this = &inner.encryption;
    let Some(turning) = this.vault.turning() else { return Ok(true) };
    tracing::info!(to = turning_name(turning), "rows are turned over");
    let said = |error: StoreError| store_said(&error);
    let corpus = Corpus(&inner.library);
    let control_tables = remaining(&inner.modes.control.snapshot().map_err(said)?).map_err(said)?;
    let corpus_tables = remaining(&corpus.view().map_err(said)?).map_err(said)?;
    let rows = control_tables.iter().chain(&corpus_tables).map(|(_, rows)| rows).sum();
    this.note(|progress| *progress = Progress { rows, ..Progress::default() });
    let step = |step: Turned| {
        this.note(|progress| {
            progress.done += step.seen - step.stuck;
            progress.stuck += step.stuck;
        });
        inner.modes.wait(|| this.is_stopping());
        !this.is_stopping()
    };
    // The format first: a store whose header is lost is then known by it.
    for (tables, is_control) in [(control_tables, true), (corpus_tables, false)] {
        let (first, rest): (Vec<_>, Vec<_>) = tables.iter().partition(|(name, _)| name == "format");
        for (table, _) in first.into_iter().chain(rest) {
            let whole = match is_control {
                true => turn_table(&inner.modes.control, table, step),
                false => turn_table(&corpus, table, step),
            };
            if !whole.map_err(said)? {
                return Ok(false);
            }
        }
    }
    compact::rewrite(inner)?;
    this.vault.finish().map_err(crypt_said)?;
    tracing::info!("every row is turned over");
    Ok(true)
}

fn turning_name(turning: Turning) -> &'static str {
    match turning {
        Turning::Encrypting => "encrypting",
        Turning::Rotating => "rotating",
        Turning::Decrypting => "decrypting",
    }
}

/// Answers every action about keys.
pub(super) fn act(inner: &Arc<Inner>, action: Action) -> Result<Reply, EngineError> {
    let vault = &inner.encryption.vault;
    if inner.settings.scratch && !matches!(action, Action::Store) {
        return Err(invalid("a throw-away box is not encrypted", ""));
    }
    match action {
        Action::Store => {}
        Action::EncryptStore(EncryptStore { key, passphrase }) => {
            let secret = new_secret(inner, &key, passphrase)?;
            vault.begin_encrypt(&key, &secret, cost(inner)).map_err(crypt_said)?;
        }
        Action::RotateStore(RotateStore { key: None, .. }) => vault.begin_rotate().map_err(crypt_said)?,
        Action::RotateStore(RotateStore { key: Some(key), passphrase }) => {
            let secret = new_secret(inner, &key, passphrase)?;
            vault.rewrap(&key, &secret, cost(inner)).map_err(crypt_said)?;
        }
        Action::DecryptStore => vault.begin_decrypt().map_err(crypt_said)?,
        _ => return Err(EngineError::Internal("this is no action on keys".into())),
    }
    Encryption::begin(inner)?;
    report(inner).map(Box::new).map(Reply::Store)
}

fn cost(inner: &Inner) -> Cost {
    Cost::fitting(inner.budgets.memory_total)
}

/// Reads a secret that is to wrap from now on, where the next start will read it, too.
fn new_secret(
    inner: &Inner,
    reference: &str,
    passphrase: Option<Passphrase>,
) -> Result<Zeroizing<String>, EngineError> {
    let passphrase = passphrase.map(|typed| Zeroizing::new(typed.0));
    match (reference, passphrase) {
        (PASSPHRASE, Some(passphrase)) => return Ok(passphrase),
        (PASSPHRASE, None) => {
            let advice = "`spud store encrypt --key passphrase` asks for it on a terminal";
            return Err(invalid("the passphrase is missing", advice));
        }
        (_, Some(_)) => return Err(invalid("a passphrase goes with the key 'passphrase' only", "")),
        (_, None) => {}
    }
    if let Some(other) = inner.config.running().text("store.key").filter(|set| *set != reference) {
        return Err(EngineError::Conflict {
            what: format!("the setting store.key says {other}: the next start would look there"),
            advice: "take the setting out (`spud config unset store.key`) or give the same key".into(),
        });
    }
    if let Ok(Secret::File(path)) = Secret::parse(reference) {
        let path = path.canonicalize().unwrap_or(path);
        let data = inner.settings.data_dir.canonicalize().unwrap_or(inner.settings.data_dir.clone());
        if path.starts_with(data) {
            let what = "a key inside the data folder is stolen together with it";
            return Err(invalid(what, "keep it elsewhere, best on another disk or in the service manager"));
        }
        use std::os::unix::fs::PermissionsExt;
        if std::fs::metadata(&path).is_ok_and(|meta| meta.permissions().mode() & 0o007 != 0) {
            return Err(invalid(
                format!("everybody on this box can read {}", path.display()),
                format!("chmod 600 {}", path.display()),
            ));
        }
    }
    read_secret(reference).map_err(|error| match error {
        CryptError::NoKey { why } => {
            invalid(format!("the key cannot be read: {why}"), CryptError::Weak(String::new()).advice())
        }
        other => crypt_said(other),
    })
}

/// How the stores are kept now.
pub(super) fn report(inner: &Inner) -> Result<StoreReport, EngineError> {
    let info = inner.encryption.vault.info();
    let not_covered = NOT_COVERED.map(str::to_owned).to_vec();
    let Some(info) = info else {
        return Ok(StoreReport { state: "plain".into(), not_covered, ..StoreReport::default() });
    };
    let mut report = StoreReport {
        state: info.turning.map_or("encrypted", turning_name).into(),
        key_id: Some(info.key_id),
        key: Some(info.reference),
        derivation: Some(info.derivation),
        not_covered,
        ..StoreReport::default()
    };
    let progress = inner.encryption.progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if info.turning.is_some() {
        (report.rows, report.rows_done) = (progress.rows, progress.done.min(progress.rows));
        report.problem = progress.problem;
    } else {
        let said = |error: StoreError| store_said(&error);
        let mut tables = remaining(&inner.modes.control.snapshot().map_err(said)?).map_err(said)?;
        tables.extend(remaining(&Corpus(&inner.library).view().map_err(said)?).map_err(said)?);
        report.rows = tables.iter().map(|(_, rows)| rows).sum();
        report.rows_done = report.rows;
    }
    report.rows_stuck = progress.stuck;
    Ok(report)
}
