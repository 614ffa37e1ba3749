//! Brings over every record of a damaged store that can still be read.
//!
//! A damaged tree may make redb stop with an error or with a panic, so it is read in a child process of the same
//! program, which sends rows over a pipe: what came before its end is kept. Each table is read from its begin
//! and, where that did not reach the end, from its end, too. The damaged file is never changed: what redb wants
//! to write to it stays in the child's memory.
//!
//! ```text
//! spud __salvage FILE tables MENDS                     names, one a line
//! spud __salvage FILE rows TABLE forward|back MENDS    rows as in a backup's piece, then 8 bytes ff
//! spud __salvage FILE look                             nothing; its end tells whether every row can be reached
//! ```
//! MENDS are flipped bits that were found beforehand: the child reads the file as if they had not flipped.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};

use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageBackend,
    TableDefinition,
};

use super::crypt::{Cell, Vault};
use super::{StoreError, codec, key_words, mend, table_names};

const PAGE: u64 = 4096;
/// What the child may hold of what redb wants to write.
const OVERLAY_PAGES: usize = 16_384;
const CACHE: usize = 4 << 20;
const END: [u8; 8] = [0xff; 8];
/// No key or value is longer.
const LONGEST: usize = 20 << 20;
/// Rows of so many bytes share a commit.
const TOGETHER: usize = 4 << 20;
/// Lost records told one by one for each table.
const TOLD: u64 = 50;
/// Tables whose values had no check value in format 1.
const BARE_ONCE: [&str; 3] = ["paths", "counters", "operation_key_order"];

/// What was brought over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Saved {
    pub tables: u64,
    pub records: u64,
    /// Flipped bits that were put right on the way.
    pub mended: u64,
    /// What is not, by name.
    pub lost: Vec<String>,
}

/// Copies what can be read of `from` into a new store; `leave_out` names tables that can be made anew.
///
/// # Errors
/// What the new store says. A store that cannot be read at all is told as lost.
pub fn salvage_store(from: &Path, to: &Path, leave_out: &[&str], vault: &Vault) -> Result<Saved, StoreError> {
    let (mended, mends) = mend::words_of(from);
    let mut saved = Saved { mended, ..Saved::default() };
    let tables = match tables_of(from, &mends) {
        Ok(tables) => tables,
        Err(why) => {
            saved.lost.push(format!("{}: cannot be opened, all of it is lost: {why}", name(from)));
            return Ok(saved);
        }
    };
    let first_format = !tables.iter().any(|table| table == "format");
    let database = Database::builder()
        .set_cache_size(CACHE)
        .create(to)
        .map_err(|error| StoreError::Open { path: to.to_owned(), what: error.to_string() })?;
    for table in tables.iter().filter(|table| !leave_out.contains(&table.as_str())) {
        let bare = first_format && BARE_ONCE.contains(&table.as_str());
        let cell = vault.state().cell(&name(from), table);
        let mut into = Filling::new(&database, table, name(from), (bare, cell))?;
        let forward = rows_of((from, &mends), table, "forward", &mut into)?;
        if !forward {
            into.turn();
            rows_of((from, &mends), table, "back", &mut into)?;
            let between = into.last.as_deref().map_or_else(|| "its begin".to_owned(), key_words);
            saved.lost.push(format!("{}: table {table}: records after {between} cannot be read", name(from)));
        }
        into.finish(&mut saved)?;
    }
    Ok(saved)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn child(arguments: &[&std::ffi::OsStr]) -> io::Result<std::process::Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("__salvage").args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

fn tables_of(from: &Path, mends: &str) -> Result<Vec<String>, String> {
    let output = child(&[from.as_os_str(), "tables".as_ref(), "".as_ref(), "".as_ref(), mends.as_ref()])
        .and_then(std::process::Child::wait_with_output);
    let output = output.map_err(|error| format!("no child process: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match output.status.success() {
        true => Ok(text.lines().map(str::to_owned).collect()),
        false => Err(text.lines().next().unwrap_or("its tree of tables is damaged").to_owned()),
    }
}

/// No test's name has it: a unit test's own program then runs no test and ends well.
const LOOK: &str = "__look";

/// Opens a store and reaches for every row of it in a child process, which may end as it likes.
///
/// # Errors
/// In words, where it did not come to the end.
pub fn look(path: &Path) -> Result<(), String> {
    let output = child(&[path.as_os_str(), LOOK.as_ref()]).and_then(std::process::Child::wait_with_output);
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(_) => Err(format!("{}: its pages are damaged", name(path))),
        // Without a child nothing is known: the store is opened as ever.
        Err(error) => {
            tracing::warn!(%error, "no child process to look at a store that was not closed");
            Ok(())
        }
    }
}

/// Gives the rows that a child can read; true when it came to the end.
fn rows_of(
    (from, mends): (&Path, &str),
    table: &str,
    way: &str,
    into: &mut Filling<'_>,
) -> Result<bool, StoreError> {
    let began = child(&[from.as_os_str(), "rows".as_ref(), table.as_ref(), way.as_ref(), mends.as_ref()]);
    let mut child = began.map_err(redb::Error::Io)?;
    let mut whole = false;
    if let Some(out) = child.stdout.take() {
        let mut out = BufReader::with_capacity(64 << 10, out);
        while let Some((key, value)) = next_row(&mut out, &mut whole) {
            if !into.take(key, value)? {
                break; // met what came from the other side
            }
        }
    }
    let _ = child.kill(); // it may have more than is wanted
    let _ = child.wait();
    Ok(whole)
}

fn next_row(out: &mut impl Read, whole: &mut bool) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut head = [0; 8];
    out.read_exact(&mut head).ok()?;
    if head == END {
        *whole = true;
        return None;
    }
    let [a, b, c, d, e, f, g, h] = head;
    let (key, value) = (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]) as usize);
    if key > LONGEST || value > LONGEST {
        return None;
    }
    let (mut key, mut value) = (vec![0; key], vec![0; value]);
    out.read_exact(&mut key).ok()?;
    out.read_exact(&mut value).ok()?;
    Some((key, value))
}

/// One table on its way into the new store.
struct Filling<'a> {
    database: &'a Database,
    table: &'a str,
    store: String,
    bare: bool,
    /// Opens what is sealed, to look whether it is whole; it is carried over as it is.
    cell: Option<Cell>,
    waiting: BTreeMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
    records: u64,
    bad: Vec<String>,
    bad_count: u64,
    /// The largest key that came from the begin.
    last: Option<Vec<u8>>,
    backwards: bool,
}

impl<'a> Filling<'a> {
    fn new(
        database: &'a Database,
        table: &'a str,
        store: String,
        (bare, cell): (bool, Option<Cell>),
    ) -> Result<Self, StoreError> {
        let filling = Self {
            database,
            table,
            store,
            bare,
            cell,
            waiting: BTreeMap::new(),
            bytes: 0,
            records: 0,
            bad: Vec::new(),
            bad_count: 0,
            last: None,
            backwards: false,
        };
        filling.commit(Durability::None)?; // a table without rows is one, too
        Ok(filling)
    }

    fn turn(&mut self) {
        self.backwards = true;
    }

    /// False when the row is one that came before.
    fn take(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<bool, StoreError> {
        if self.backwards && self.last.as_ref().is_some_and(|last| key <= *last) {
            return Ok(false);
        }
        if !self.backwards {
            self.last = Some(key.clone());
        }
        if !self.is_whole(&key, &value) {
            self.bad_count += 1;
            if self.bad_count <= TOLD {
                let key = key_words(&key);
                self.bad
                    .push(format!("{}: table {}: the record {key} fails its check", self.store, self.table));
            }
            return Ok(true);
        }
        self.records += 1;
        self.bytes += key.len() + value.len();
        self.waiting.insert(key, value);
        if self.bytes >= TOGETHER {
            self.commit(Durability::None)?;
            self.waiting.clear();
            self.bytes = 0;
        }
        Ok(true)
    }

    fn is_whole(&self, key: &[u8], value: &[u8]) -> bool {
        let whole = |value: &[u8]| self.bare || codec::whole(value).is_ok();
        match &self.cell {
            None => whole(value),
            Some(cell) => cell.open(key, value).is_some_and(|value| whole(&value)),
        }
    }

    fn commit(&self, durability: Durability) -> Result<(), StoreError> {
        let definition: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(self.table);
        let mut write = self.database.begin_write()?;
        write.set_durability(durability)?;
        {
            let mut table = write.open_table(definition)?;
            for (key, value) in &self.waiting {
                table.insert(key.as_slice(), value.as_slice())?;
            }
        }
        Ok(write.commit()?)
    }

    fn finish(mut self, saved: &mut Saved) -> Result<(), StoreError> {
        self.commit(Durability::Immediate)?;
        saved.tables += 1;
        saved.records += self.records;
        saved.lost.append(&mut self.bad);
        if self.bad_count > TOLD {
            let more = self.bad_count - TOLD;
            saved
                .lost
                .push(format!("{}: table {}: {more} more records fail their check", self.store, self.table));
        }
        Ok(())
    }
}

/// A file that is read; what is written to it stays in memory.
#[derive(Debug)]
struct Overlay {
    file: File,
    state: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    length: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, state: Mutex::new(Written { length, pages: BTreeMap::new() }) })
    }

    fn page(&self, page: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(PAGE).unwrap_or(4096)];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, page * PAGE + filled as u64)? {
                0 => break, // beyond the end there are zeros
                some => filled += some,
            }
        }
        Ok(bytes)
    }

    /// Every part of a page that a range touches: page, first byte in it, bytes of the range before it, length.
    fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
        let mut done = 0;
        std::iter::from_fn(move || {
            let at = offset + done as u64;
            let inside = usize::try_from(at % PAGE).unwrap_or(0);
            let part = (length - done).min(usize::try_from(PAGE).unwrap_or(4096) - inside);
            let found = (part > 0).then_some((at / PAGE, inside, done, part));
            done += part;
            found
        })
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state.lock().unwrap_or_else(PoisonError::into_inner).length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (page, inside, at, length) in Self::parts(offset, out.len()) {
            let bytes = match state.pages.get(&page) {
                Some(bytes) => bytes.clone(),
                None => self.page(page)?,
            };
            if let (Some(to), Some(from)) = (out.get_mut(at..at + length), bytes.get(inside..inside + length))
            {
                to.copy_from_slice(from);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).length = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (page, inside, at, length) in Self::parts(offset, data.len()) {
            if !state.pages.contains_key(&page) {
                if state.pages.len() >= OVERLAY_PAGES {
                    return Err(io::Error::other("the repair of the store needs too much memory"));
                }
                let bytes = self.page(page)?;
                state.pages.insert(page, bytes);
            }
            let to = state.pages.get_mut(&page).and_then(|bytes| bytes.get_mut(inside..inside + length));
            if let (Some(to), Some(from)) = (to, data.get(at..at + length)) {
                to.copy_from_slice(from);
            }
        }
        Ok(())
    }
}

/// The child: reads one store, writes to standard output, ends.
#[must_use]
pub fn child_main() -> ExitCode {
    let words: Vec<std::ffi::OsString> = std::env::args_os().skip(2).collect();
    let text = |at: usize| words.get(at).map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    let Some(path) = words.first() else { return ExitCode::FAILURE };
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let done = send((Path::new(path), &text(4)), &text(1), &text(2), text(3) == "back", &mut out);
    // What was read is worth having, whatever came after it.
    let flushed = out.flush();
    match done {
        Ok(()) if flushed.is_ok() => ExitCode::SUCCESS,
        Err(error) if text(1) == "tables" => {
            let _ = writeln!(out, "{error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::FAILURE,
    }
}

fn send(
    (path, mends): (&Path, &str),
    what: &str,
    table: &str,
    back: bool,
    out: &mut impl Write,
) -> Result<(), StoreError> {
    let said = |what: String| StoreError::Open { path: path.to_owned(), what };
    let backend = Overlay::open(path).map_err(|error| said(error.to_string()))?;
    for mend in mend::from_words(mends) {
        backend.write(mend.at, &[mend.byte]).map_err(|error| said(error.to_string()))?;
    }
    if backend.len().unwrap_or(0) == 0 {
        return Err(said("it is empty".into()));
    }
    let opened = Database::builder().set_cache_size(CACHE).create_with_backend(backend);
    let database = opened.map_err(|error| said(error.to_string()))?;
    let read = database.begin_read()?;
    let wrote = |done: io::Result<()>| done.map_err(|error| StoreError::from(redb::Error::Io(error)));
    if what == "tables" {
        return table_names(&read)?.iter().try_for_each(|name| wrote(writeln!(out, "{name}")));
    }
    if what == LOOK {
        for name in table_names(&read)? {
            let definition: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(&name);
            let table = read.open_table(definition)?;
            let counted = table.iter()?.try_fold(0, |count, row| row.map(|_| count + 1))?;
            if counted != table.len()? {
                return Err(said(format!("table {name} has {counted} rows and says {}", table.len()?)));
            }
        }
        return Ok(());
    }
    let definition: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(table);
    let table = read.open_table(definition)?;
    let mut rows = table.iter()?;
    while let Some(row) = if back { rows.next_back() } else { rows.next() } {
        let (key, value) = row?;
        for bytes in [key.value(), value.value()] {
            wrote(out.write_all(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes()))?;
        }
        wrote(out.write_all(key.value()).and_then(|()| out.write_all(value.value())))?;
    }
    wrote(out.write_all(&END))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_store_is_read_without_being_changed_even_after_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.redb");
        let database = Database::create(&path).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(super::super::Table::new("t")).unwrap().insert(&b"k"[..], &b"v"[..]).unwrap();
        write.commit().unwrap();
        // As a kill leaves it: open, and never closed.
        let torn = folder.path().join("torn.redb");
        std::fs::copy(&path, &torn).unwrap();
        let before = std::fs::read(&torn).unwrap();
        let mut out = Vec::new();
        send((&torn, ""), "tables", "", false, &mut out).unwrap();
        assert_eq!(out, b"t\n");
        for back in [false, true] {
            let mut out = Vec::new();
            send((&torn, ""), "rows", "t", back, &mut out).unwrap();
            let (mut whole, mut left) = (false, &out[..]);
            assert_eq!(next_row(&mut left, &mut whole), Some((b"k".to_vec(), b"v".to_vec())));
            assert_eq!((next_row(&mut left, &mut whole), whole), (None, true));
        }
        assert_eq!(std::fs::read(&torn).unwrap(), before);
    }

    proptest! {
        #[test]
        fn what_is_written_over_a_file_is_read_back(base in prop::collection::vec(any::<u8>(), 0..9000), writes in prop::collection::vec((0usize..12_000, prop::collection::vec(any::<u8>(), 1..5000)), 0..8)) {
            let file = tempfile::NamedTempFile::new().unwrap();
            file.as_file().write_all_at(&base, 0).unwrap();
            let overlay = Overlay::open(file.path()).unwrap();
            let mut model = base.clone();
            for (at, data) in &writes {
                overlay.write(*at as u64, data).unwrap();
                model.resize(model.len().max(at + data.len()), 0);
                model[*at..at + data.len()].copy_from_slice(data);
            }
            let mut out = vec![0; model.len()];
            overlay.read(0, &mut out).unwrap();
            prop_assert_eq!(out, model);
            prop_assert_eq!(std::fs::read(file.path()).unwrap(), base);
        }

        #[test]
        fn garbage_on_the_pipe_ends(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let (mut whole, mut left) = (false, &bytes[..]);
            while next_row(&mut left, &mut whole).is_some() {}
        }
    }
}
