//! The keys of a box while it runs, and the state it is in.
//!
//! ```text
//! plain → encrypting → encrypted ⇄ rotating
//!   ↑________ decrypting ←┘
//! ```
//! The header is on disk before a row follows it, so that after a power cut the next start goes on where rows were
//! left: each tells how it is kept.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use zeroize::Zeroizing;

use super::header::{DataKey, HEADER, Header};
use super::wrap::{Cost, Key, Need, Wrap};
use super::{Cell, CryptError};

const TABLE: &str = "spud 2026-11-21 key of a table";

/// What a box is on its way to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turning {
    Encrypting,
    Rotating,
    Decrypting,
}

/// What holds for the transactions that begin now.
#[derive(Default)]
pub struct State {
    keys: Vec<DataKey>,
    write_with: u32,
    plain_allowed: bool,
}

impl State {
    /// The seal of a table; `None` where the box is not encrypted.
    #[must_use]
    pub fn cell(&self, store: &str, table: &str) -> Option<Cell> {
        if self.keys.is_empty() {
            return None;
        }
        let of_table = |key: &DataKey| {
            let mut hasher = blake3::Hasher::new_derive_key(TABLE);
            hasher.update(&key.key[..]);
            for name in [store, table] {
                hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
            }
            (key.id, *hasher.finalize().as_bytes())
        };
        Some(Cell::new(table, self.keys.iter().map(of_table), self.write_with, self.plain_allowed))
    }
}

struct Held {
    header: Header,
    with: Key,
}

/// What can be told of an encrypted box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    pub turning: Option<Turning>,
    /// Of the data key that seals; the older one while a box is decrypted.
    pub key_id: String,
    /// Where the wrapping key comes from.
    pub reference: String,
    /// How it is made.
    pub derivation: String,
}

/// The keys of one box.
#[derive(Default)]
pub struct Vault {
    folder: PathBuf,
    state: RwLock<Arc<State>>,
    held: Mutex<Option<Held>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("folder", &self.folder).finish_non_exhaustive()
    }
}

const NOT_ENCRYPTED: CryptError = CryptError::State {
    what: "this box is not encrypted",
    advice: "`spud store encrypt --key file:/PATH` encrypts it",
};

impl Vault {
    /// Reads the header of a box; asks for the secret only where there is one.
    ///
    /// # Errors
    /// What the header or the secret lacks.
    pub fn open(
        folder: &Path,
        secret: impl FnOnce(&Need) -> Result<Zeroizing<String>, CryptError>,
    ) -> Result<Self, CryptError> {
        let vault = Self { folder: folder.to_owned(), ..Self::default() };
        if let Some(header) = Header::load(folder)? {
            let secret = secret(&header.wrap.need())?;
            let with = header.wrap.key(&secret)?;
            vault.take(header, with)?;
        }
        Ok(vault)
    }

    /// The vault of a copy of this box, opened with the secret of this one.
    ///
    /// # Errors
    /// [`CryptError::WrongKey`] where the copy is of a time with another secret.
    pub fn of_copy(&self, folder: &Path) -> Result<Self, CryptError> {
        let vault = Self { folder: folder.to_owned(), ..Self::default() };
        if let Some(header) = Header::load(folder)? {
            let wrong = || CryptError::WrongKey { path: folder.join(HEADER) };
            let with = self.held().as_ref().map(|held| held.with.clone()).ok_or_else(wrong)?;
            vault.take(header, with)?;
        }
        Ok(vault)
    }

    fn take(&self, header: Header, with: Key) -> Result<(), CryptError> {
        let keys = header.unwrap(&with);
        let keys = keys.ok_or_else(|| CryptError::WrongKey { path: self.folder.join(HEADER) })?;
        let (write_with, plain_allowed) = (header.write_with, header.plain_allowed);
        *self.held() = Some(Held { header, with });
        self.switch(State { keys, write_with, plain_allowed });
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn switch(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
    }

    /// What holds now.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does something quick while the state cannot change, and gives the state with it.
    pub fn at_this_moment<T>(&self, work: impl FnOnce() -> T) -> (T, Arc<State>) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        (work(), Arc::clone(&state))
    }

    /// `None` where the box is not encrypted.
    #[must_use]
    pub fn info(&self) -> Option<Info> {
        let held = self.held();
        let header = &held.as_ref()?.header;
        let id = match header.write_with {
            0 => header.keys.first().map_or(0, |key| key.id),
            id => id,
        };
        Some(Info {
            turning: turning(header),
            key_id: format!("{id:08x}"),
            reference: header.wrap.reference.clone(),
            derivation: header.wrap.words(),
        })
    }

    /// What the box is on its way to, if anything.
    #[must_use]
    pub fn turning(&self) -> Option<Turning> {
        self.held().as_ref().and_then(|held| turning(&held.header))
    }

    /// New values are sealed from now on; rows may lie there as they were.
    ///
    /// # Errors
    /// [`CryptError::State`] where it is encrypted already, [`CryptError::Weak`], or what the disk says.
    pub fn begin_encrypt(&self, reference: &str, secret: &str, cost: Cost) -> Result<(), CryptError> {
        let mut held = self.held();
        if held.is_some() {
            return Err(CryptError::State {
                what: "this box is encrypted already, or on its way",
                advice: "`spud store status` shows how; `spud store rotate` changes its keys",
            });
        }
        let (wrap, with) = Wrap::new(reference, secret, cost)?;
        let key = DataKey::new();
        let id = key.id;
        self.change(&mut held, wrap, with, State { keys: vec![key], write_with: id, plain_allowed: true })
    }

    /// New values are sealed with a new data key from now on.
    ///
    /// # Errors
    /// [`CryptError::State`], or what the disk says.
    pub fn begin_rotate(&self) -> Result<(), CryptError> {
        let mut held = self.held();
        let (wrap, with) = settled(&held)?;
        let key = DataKey::new();
        let id = key.id;
        let mut keys = self.state().keys.clone();
        keys.push(key);
        self.change(&mut held, wrap, with, State { keys, write_with: id, plain_allowed: false })
    }

    /// Only the key that wraps the data keys is another one: done at once.
    ///
    /// # Errors
    /// [`CryptError::State`], [`CryptError::Weak`], or what the disk says.
    pub fn rewrap(&self, reference: &str, secret: &str, cost: Cost) -> Result<(), CryptError> {
        let mut held = self.held();
        if held.is_none() {
            return Err(NOT_ENCRYPTED);
        }
        let (wrap, with) = Wrap::new(reference, secret, cost)?;
        let now = self.state();
        let state =
            State { keys: now.keys.clone(), write_with: now.write_with, plain_allowed: now.plain_allowed };
        self.change(&mut held, wrap, with, state)
    }

    /// New values are written as they are from now on.
    ///
    /// # Errors
    /// [`CryptError::State`], or what the disk says.
    pub fn begin_decrypt(&self) -> Result<(), CryptError> {
        let mut held = self.held();
        let (wrap, with) = settled(&held)?;
        let keys = self.state().keys.clone();
        self.change(&mut held, wrap, with, State { keys, write_with: 0, plain_allowed: true })
    }

    /// Every row has the form that holds now: what was before is forgotten.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish(&self) -> Result<(), CryptError> {
        let mut held = self.held();
        let Some(Held { header, with }) = held.as_ref() else { return Ok(()) };
        if header.write_with == 0 {
            Header::remove(&self.folder)?;
            *held = None;
            self.switch(State::default());
            return Ok(());
        }
        let (wrap, with, write_with) = (header.wrap.clone(), with.clone(), header.write_with);
        let mut keys = self.state().keys.clone();
        keys.retain(|key| key.id == write_with);
        self.change(&mut held, wrap, with, State { keys, write_with, plain_allowed: false })
    }

    /// Header first, then rows.
    fn change(&self, held: &mut Option<Held>, wrap: Wrap, with: Key, state: State) -> Result<(), CryptError> {
        let header = Header::new(wrap, &with, &state.keys, state.write_with, state.plain_allowed);
        header.save(&self.folder)?;
        *held = Some(Held { header, with });
        self.switch(state);
        Ok(())
    }
}

/// How the keys of a box that is encrypted and stays so are wrapped.
fn settled(held: &Option<Held>) -> Result<(Wrap, Key), CryptError> {
    match held {
        None => Err(NOT_ENCRYPTED),
        Some(held) if turning(&held.header).is_some() => Err(CryptError::State {
            what: "this box is being turned over",
            advice: "wait for its end: `spud store status`",
        }),
        Some(held) => Ok((held.header.wrap.clone(), held.with.clone())),
    }
}

fn turning(header: &Header) -> Option<Turning> {
    match (header.write_with, header.plain_allowed) {
        (0, _) => Some(Turning::Decrypting),
        (_, true) => Some(Turning::Encrypting),
        (_, false) => (header.keys.len() > 1).then_some(Turning::Rotating),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{COPY, PASSPHRASE};
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

    fn open(folder: &Path, secret: &str) -> Result<Vault, CryptError> {
        Vault::open(folder, |_| Ok(Zeroizing::new(secret.to_owned())))
    }

    #[test]
    fn every_state_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let vault = Vault::open(folder, |_| panic!("nothing is asked of a plain box")).unwrap();
        assert!(vault.info().is_none() && vault.state().cell("s", "t").is_none());
        assert!(vault.begin_rotate().is_err() && vault.begin_decrypt().is_err());
        vault.begin_encrypt("file:/k", SECRET, CHEAP).unwrap();
        assert!(vault.begin_encrypt("file:/k", SECRET, CHEAP).is_err());
        assert_eq!(open(folder, SECRET).unwrap().turning(), Some(Turning::Encrypting));
        vault.finish().unwrap();
        let kept = vault.state().cell("s", "t").unwrap().seal(b"k", b"v");
        let again = open(folder, SECRET).unwrap();
        assert_eq!(again.info(), vault.info());
        assert_eq!(again.state().cell("s", "t").unwrap().open(b"k", &kept).unwrap(), b"v");
        assert_eq!(again.state().cell("other", "t").unwrap().open(b"k", &kept), None);
        vault.begin_rotate().unwrap();
        let rotating = open(folder, SECRET).unwrap();
        assert_eq!(rotating.turning(), Some(Turning::Rotating));
        assert!(!rotating.state().cell("s", "t").unwrap().is_turned(&kept));
        assert_eq!(rotating.state().cell("s", "t").unwrap().open(b"k", &kept).unwrap(), b"v");
        vault.finish().unwrap();
        let rotated = open(folder, SECRET).unwrap();
        assert_eq!(rotated.state().cell("s", "t").unwrap().open(b"k", &kept), None, "the old key is gone");
        vault.rewrap(PASSPHRASE, "long enough", CHEAP).unwrap();
        assert!(matches!(open(folder, SECRET), Err(CryptError::WrongKey { .. })));
        assert!(open(folder, "long enough").is_ok());
        vault.begin_decrypt().unwrap();
        assert_eq!(open(folder, "long enough").unwrap().turning(), Some(Turning::Decrypting));
        vault.finish().unwrap();
        assert!(!folder.join(HEADER).exists() && !folder.join(COPY).exists());
        assert!(vault.state().cell("s", "t").is_none());
    }
}
