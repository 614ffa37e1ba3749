//! Disks in memory that lose power, fail, and lie, for tests. One [`Board`] feeds several of them.
//!
//! What was written since the last sync is lost, kept, or torn at the cut: each 512-byte sector of each write
//! on its own, in any mixture; a sector that was being written last may be half old and half new. A length that
//! was set but not synced may be the old one.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;
use spud::store::Disk;

const SECTOR: usize = 512;
type Sector = [u8; SECTOR];

/// Numbers from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        self.roll() % most.max(1)
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// One disk: what a reader sees, and how to get back to what is durable.
#[derive(Debug, Default)]
struct Medium {
    bytes: Vec<u8>,
    durable_len: usize,
    /// Durable content of the sectors that were written since.
    before: BTreeMap<usize, Sector>,
    since: Vec<Change>,
    /// Made as a whole: until then it has another name, and is made again.
    born: bool,
}

impl Medium {
    fn sector(&self, number: usize) -> Sector {
        let mut sector = [0; SECTOR];
        let from = (number * SECTOR).min(self.bytes.len());
        let to = (from + SECTOR).min(self.bytes.len());
        sector[..to - from].copy_from_slice(&self.bytes[from..to]);
        sector
    }

    fn remember(&mut self, from: usize, to: usize) {
        for number in from / SECTOR..to.div_ceil(SECTOR) {
            if number * SECTOR < self.durable_len && !self.before.contains_key(&number) {
                let sector = self.sector(number);
                self.before.insert(number, sector);
            }
        }
    }

    fn write(&mut self, at: usize, data: &[u8]) {
        self.remember(at, at + data.len());
        self.put(at, data);
        self.since.push(Change::Write(at, data.to_vec()));
    }

    fn put(&mut self, at: usize, data: &[u8]) {
        if self.bytes.len() < at + data.len() {
            self.bytes.resize(at + data.len(), 0);
        }
        self.bytes[at..at + data.len()].copy_from_slice(data);
    }

    fn set_len(&mut self, len: usize) {
        self.remember(len, self.bytes.len());
        self.bytes.resize(len, 0);
        self.since.push(Change::Length(len));
    }

    fn sync(&mut self) {
        self.before.clear();
        self.since.clear();
        self.durable_len = self.bytes.len();
    }

    /// What is there when the power comes back.
    fn cut(&mut self, dice: &mut Dice) {
        self.bytes.resize(self.durable_len, 0);
        for (number, sector) in std::mem::take(&mut self.before) {
            let from = number * SECTOR;
            let to = (from + SECTOR).min(self.bytes.len());
            self.bytes[from..to].copy_from_slice(&sector[..to - from]);
        }
        let since = std::mem::take(&mut self.since);
        // Everything lost, everything there, cut off in order, or any mixture.
        let (kind, upto) = (dice.below(5), dice.below(since.len() as u64 + 1) as usize);
        for (at, change) in since.iter().enumerate() {
            let mut is_kept = || match kind {
                0 => false,
                1 => true,
                2 => at < upto,
                _ => dice.one_in(2),
            };
            match change {
                Change::Length(len) if is_kept() => self.bytes.resize(*len, 0),
                Change::Length(_) => {}
                Change::Write(from, data) => {
                    for (n, part) in data.chunks(SECTOR).enumerate() {
                        if is_kept() {
                            self.put(from + n * SECTOR, part);
                        }
                    }
                }
            }
        }
        if let Some(Change::Write(from, data)) = since.last() {
            let sectors = data.len().div_ceil(SECTOR) as u64;
            let start = dice.below(sectors) as usize * SECTOR;
            let end = (start + dice.below(SECTOR as u64) as usize).min(data.len());
            self.put(from + start, &data[start..end]);
        }
        self.sync();
    }
}

/// What the board does when its count comes to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Cut,
    /// This one write or sync answers with this error number; the next ones work again.
    Fail(i32),
}

#[derive(Debug)]
struct State {
    media: Vec<Medium>,
    dice: Dice,
    /// Writes and syncs until fate strikes; 0 for never.
    left: u64,
    fate: Fate,
    off: bool,
    /// Counts the times that the power came back: handles of an earlier life are dead.
    life: u64,
    /// A sync answers well and does nothing.
    lies: bool,
    events: u64,
}

impl State {
    fn cut(&mut self) {
        self.off = true;
        for medium in &mut self.media {
            medium.cut(&mut self.dice);
        }
    }
}

/// What feeds the disks.
#[derive(Debug, Clone)]
pub struct Board(Arc<Mutex<State>>);

impl Board {
    pub fn new(seed: u64, disks: usize) -> Self {
        let media = (0..disks).map(|_| Medium::default()).collect();
        let dice = Dice(seed ^ 0x0b0a_4d00);
        let (left, fate, off, life, lies, events) = (0, Fate::Cut, false, 0, false, 0);
        Self(Arc::new(Mutex::new(State { media, dice, left, fate, off, life, lies, events })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn lie(&self) {
        self.state().lies = true;
    }

    /// Lets fate strike at the `left`th write or sync from now.
    pub fn arm(&self, fate: Fate, left: u64) {
        let mut state = self.state();
        (state.fate, state.left) = (fate, left);
    }

    /// True where fate has not struck yet.
    pub fn is_armed(&self) -> bool {
        self.state().left > 0
    }

    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// The power comes back.
    pub fn on(&self) {
        let mut state = self.state();
        state.off = false;
        state.left = 0;
        state.life += 1;
    }

    /// Cuts the power between two writes.
    pub fn cut(&self) {
        self.state().cut();
    }

    /// Writes and syncs so far.
    pub fn events(&self) -> u64 {
        self.state().events
    }

    /// What is on a disk that nobody uses.
    pub fn image(&self, disk: usize) -> Vec<u8> {
        self.state().media[disk].bytes.clone()
    }

    /// Puts this on a disk that nobody uses.
    pub fn put(&self, disk: usize, image: &[u8]) {
        let medium = &mut self.state().media[disk];
        medium.bytes = image.to_vec();
        medium.sync();
    }

    /// A disk as a store takes it.
    pub fn disk(&self, number: usize) -> Disk {
        let board = self.clone();
        Disk::over(Path::new(&format!("disk-{number}")), move |builder| {
            let (life, born) = {
                let mut state = board.state();
                let medium = &mut state.media[number];
                let born = medium.born;
                if !born {
                    *medium = Medium::default();
                }
                (state.life, born)
            };
            let plugged = || Plugged { board: board.clone(), number, life };
            if !born {
                // As `Disk::file` does it: made, closed, synced, named.
                drop(builder.create_with_backend(plugged())?);
                plugged().sync_data()?;
                board.state().media[number].born = true;
            }
            builder.create_with_backend(plugged())
        })
    }
}

#[derive(Debug)]
struct Plugged {
    board: Board,
    number: usize,
    life: u64,
}

impl Plugged {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.board.state();
        if state.off || state.life != self.life {
            return Err(io::Error::from_raw_os_error(libc_eio()));
        }
        Ok(state)
    }

    /// Does a change, unless fate strikes at it.
    fn change(&self, change: impl FnOnce(&mut Medium), is_sync: bool) -> io::Result<()> {
        let mut state = self.state()?;
        state.events += 1;
        let strikes = state.left == 1;
        state.left = state.left.saturating_sub(1);
        let fate = state.fate;
        let coin = state.dice.one_in(2);
        // A sync that is struck may have come through or not; a write is among what may be torn.
        if !strikes || (fate == Fate::Cut && (!is_sync || coin)) {
            change(&mut state.media[self.number]);
        }
        match fate {
            _ if !strikes => Ok(()),
            Fate::Cut => {
                state.cut();
                Err(io::Error::from_raw_os_error(libc_eio()))
            }
            Fate::Fail(errno) => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

fn libc_eio() -> i32 {
    rustix::io::Errno::IO.raw_os_error()
}

impl StorageBackend for Plugged {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.media[self.number].bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state()?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = from.checked_add(out.len()).and_then(|to| state.media[self.number].bytes.get(from..to));
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(|medium| medium.set_len(usize::try_from(len).unwrap_or(0)), false)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.board.state().lies {
            return self.change(|_| {}, true);
        }
        self.change(Medium::sync, true)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(|medium| medium.write(usize::try_from(offset).unwrap_or(0), data), false)
    }
}
