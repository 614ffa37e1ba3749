//! Power cuts, by the ten thousand, over disks in memory that lose and tear what was not synced.
//!
//! Nothing that was acknowledged is lost, what was under way is whole or absent, nothing that was settled comes to
//! the upstream again, and the box always opens. A disk that lies about its syncs is caught by the same checks.
//! Of every four boxes one is encrypted while it lives, gets other keys, and is decrypted again.
//! `SPUD_CUTS` sets the number of cuts, `SPUD_SEED` the first seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use spud::knowledge::{Model, open_default_model};
use spud::store::StoreError;
use spud::store::crypt::{Cost, Stored, Vault, remaining, turn_table};
use support::corpus_life::CorpusLife;
use support::disk::{Board, Dice, Fate};
use support::queue_life::QueueLife;

const CUTS: u64 = 20_000;
/// Cuts of one box before a new one begins with empty disks.
const CUTS_OF_A_LIFE: u64 = 20;
/// Writes and syncs between two cuts, at most.
const APART: u64 = 45;
/// One box of so many is encrypted.
const SEALED: u64 = 4;
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// A folder for what does not lie on the disks, in memory where there is such a place.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

struct Life {
    board: Board,
    queue: QueueLife,
    corpus: CorpusLife,
    dice: Dice,
    /// Where the header with the keys lies, of a box that is encrypted.
    keys: Option<PathBuf>,
}

impl Life {
    fn new(seed: u64, folder: &Path, model: &Arc<Model>) -> Self {
        let board = Board::new(seed, 2);
        let queue = QueueLife::new(&board, 0, seed);
        let corpus = CorpusLife::new(&board, 1, folder, model, seed);
        let keys = seed.is_multiple_of(SEALED).then(|| folder.join(format!("keys-{seed}")));
        Self { board, queue, corpus, dice: Dice(seed ^ 0x11fe), keys }
    }

    /// As a start of the program; false where the power went on the way.
    fn start(&mut self) -> Result<bool, String> {
        if let Some(keys) = &self.keys {
            std::fs::create_dir_all(keys).map_err(|error| error.to_string())?;
            let vault = Vault::open(keys, |_| Ok(SECRET.to_owned().into()));
            let vault = Arc::new(vault.map_err(|error| error.to_string())?);
            (self.queue.vault, self.corpus.vault) = (Arc::clone(&vault), vault);
        }
        Ok(self.queue.start()? && self.corpus.start()?)
    }

    /// Opens, checks, and goes on until the next cut.
    fn until_cut(&mut self) -> Result<(), String> {
        self.queue.stop();
        self.corpus.stop();
        self.board.on();
        self.board.arm(Fate::Cut, 1 + self.dice.below(APART));
        let whole = self.start()? && self.queue.verify()? && self.corpus.verify()?;
        if !whole {
            return Ok(());
        }
        loop {
            let goes_on = match self.dice.below(24) {
                0 if self.keys.is_some() => self.turn()?,
                0..6 => self.corpus.step()?,
                _ => self.queue.step()?,
            };
            if !goes_on || self.board.is_off() {
                return Ok(());
            }
        }
    }

    /// Other keys are asked for, or rows are brought to what was asked for.
    fn turn(&mut self) -> Result<bool, String> {
        let vault = Arc::clone(&self.queue.vault);
        let turned = match (vault.info(), vault.turning()) {
            (None, _) => vault.begin_encrypt("file:/key", SECRET, CHEAP),
            (Some(_), None) if self.dice.one_in(3) => vault.begin_decrypt(),
            (Some(_), None) => vault.begin_rotate(),
            (Some(_), Some(_)) => {
                let catalogue = self.corpus.library()?.database();
                let rows = || turn_rows(self.queue.control()?).and_then(|()| turn_rows(&*catalogue));
                match rows() {
                    Ok(()) => vault.finish(),
                    Err(_) if self.board.is_off() => return Ok(false),
                    Err(what) => return Err(what),
                }
            }
        };
        turned.map(|()| true).map_err(|error| error.to_string())
    }
}

/// Brings every row of a store to the form that holds now.
fn turn_rows(store: &impl Stored) -> Result<(), String> {
    let said = |error: StoreError| error.to_string();
    for (table, _) in store.view().and_then(|read| remaining(&read)).map_err(said)? {
        let mut stuck = 0;
        turn_table(store, &table, |step| {
            stuck += step.stuck;
            true
        })
        .map_err(said)?;
        if stuck > 0 {
            return Err(format!("{stuck} rows of {table} do not open"));
        }
    }
    Ok(())
}

/// Lives of `CUTS_OF_A_LIFE` cuts each; the seed and the cut are named where something is wrong.
fn live(seed: u64, cuts: u64, folder: &Path, model: &Arc<Model>, lies: bool) -> Result<(), String> {
    let mut life = Life::new(seed, folder, model);
    for cut in 0..cuts {
        if lies && cut == 3 {
            life.board.lie();
        }
        life.until_cut().map_err(|what| format!("seed {seed}, cut {cut}: {what}"))?;
    }
    // The last one is looked at, too.
    life.queue.stop();
    life.corpus.stop();
    life.board.on();
    life.board.arm(Fate::Cut, u64::MAX);
    let whole =
        || -> Result<bool, String> { Ok(life.start()? && life.queue.verify()? && life.corpus.verify()?) }();
    if let Some(keys) = &life.keys {
        std::fs::remove_dir_all(keys).map_err(|error| error.to_string())?;
    }
    match whole {
        Ok(true) => life.queue.drain().map_err(|what| format!("seed {seed}, draining: {what}")),
        Ok(false) => Err(format!("seed {seed}: the disk failed without a cut")),
        Err(what) => Err(format!("seed {seed}, at last: {what}")),
    }
}

fn cut_power(cuts: u64) {
    let first = from_environment("SPUD_SEED", 1);
    let lives = cuts.div_ceil(CUTS_OF_A_LIFE);
    let next = AtomicU64::new(0);
    let folder = folder();
    let model = Arc::new(open_default_model(folder.path()).unwrap());
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (next, model, folder) = (&next, &model, folder.path().join(format!("worker-{worker}")));
            scope.spawn(move || {
                loop {
                    let life = next.fetch_add(1, Ordering::Relaxed);
                    if life >= lives {
                        return;
                    }
                    live(first + life, CUTS_OF_A_LIFE, &folder, model, false).unwrap();
                }
            });
        }
    });
    println!(
        "{} cuts over {lives} boxes, seeds {first} to {}, in {} s",
        lives * CUTS_OF_A_LIFE,
        first + lives - 1,
        began.elapsed().as_secs()
    );
}

#[test]
fn no_power_cut_loses_what_was_acknowledged() {
    cut_power(from_environment("SPUD_CUTS", CUTS));
}

#[test]
#[ignore = "an hour or so: run it by name, with --release"]
fn a_million_power_cuts() {
    cut_power(from_environment("SPUD_CUTS", 1_000_000));
}

#[test]
fn a_disk_that_lies_is_caught() {
    let folder = folder();
    let model = Arc::new(open_default_model(folder.path()).unwrap());
    let caught = (0..20).filter(|seed| {
        // redb may stop over pages that never arrived: that, too, is caught.
        let lived = std::panic::catch_unwind(|| live(*seed, 10, folder.path(), &model, true));
        !matches!(lived, Ok(Ok(())))
    });
    assert_eq!(caught.count(), 20);
}

/// Fails the nth write or sync of a fixed piece of work, for each n, and goes on with the same open stores.
#[test]
fn every_failed_write_is_told_and_nothing_needs_a_restart() {
    let folder = folder();
    let model = Arc::new(open_default_model(folder.path()).unwrap());
    let errors = [rustix::io::Errno::IO.raw_os_error(), rustix::io::Errno::NOSPC.raw_os_error()];
    let mut failed = 0;
    for nth in 1..=from_environment("SPUD_FAULTS", 120) {
        for errno in errors {
            let seed = 77;
            let mut life = Life::new(seed, folder.path(), &model);
            life.board.arm(Fate::Fail(errno), u64::MAX);
            let work = || -> Result<(), String> {
                assert!(life.start()?);
                life.board.arm(Fate::Fail(errno), nth);
                for _ in 0..14 {
                    let goes_on =
                        if life.dice.one_in(4) { life.corpus.step()? } else { life.queue.step()? };
                    if !goes_on {
                        break;
                    }
                }
                failed += u64::from(!life.board.is_armed());
                // The disk is well again.
                life.board.arm(Fate::Cut, u64::MAX);
                life.corpus.reopen()?;
                assert!(life.queue.verify()? && life.corpus.verify()?);
                for _ in 0..6 {
                    assert!(life.queue.step()? && life.corpus.step()?);
                }
                life.queue.drain()?;
                assert!(life.queue.verify()? && life.corpus.verify()?);
                Ok(())
            }();
            work.unwrap_or_else(|what| panic!("error {errno} at {nth}: {what}"));
        }
    }
    assert!(failed > 200, "only {failed} faults struck");
}
