//! A repository as a whole: incremental, crash-proof, honest about damage.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::base::from_hex;
use crate::store::{BlockFileWriter, Database, Table};

const ROWS: Table = Table::new("rows");
const EMPTY: Table = Table::new("empty");

struct World {
    folder: tempfile::TempDir,
    database: Database,
    signer: Signer,
}

impl World {
    fn new(rows: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::create(folder.path().join("corpus.redb")).unwrap();
        let signer = Signer::open(folder.path(), || [1; 32]).unwrap();
        let world = Self { folder, database, signer };
        world.put(0..rows, b"first");
        world.segment("1.seg", 300_000, 1);
        world
    }

    fn put(&self, keys: std::ops::Range<u64>, text: &[u8]) {
        let write = self.database.begin_write().unwrap();
        {
            let mut table = write.open_table(ROWS).unwrap();
            for key in keys {
                let value = [text, &[b'x'; 60], &key.to_be_bytes()].concat();
                table.insert(&key.to_be_bytes()[..], value.as_slice()).unwrap();
            }
            write.open_table(EMPTY).unwrap();
        }
        write.commit().unwrap();
    }

    fn segment(&self, name: &str, bytes: usize, seed: u8) {
        let mut file = BlockFileWriter::create(&self.folder.path().join(name)).unwrap();
        file.section(*b"test").unwrap();
        let mut state = u64::from(seed);
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(bytes)
        .collect();
        std::io::Write::write_all(&mut file, &noise).unwrap();
        file.finish().unwrap();
    }

    fn to(&self) -> PathBuf {
        self.folder.path().join("backups")
    }

    fn backup_at(&self, ms: u64, watch: Watch<'_>) -> Result<Backup, BackupError> {
        let repository = Repository::create(&self.to())?;
        let mut writer = Writer::begin(&repository, watch)?;
        writer.store("corpus.redb", &self.database.begin_read().unwrap(), &[])?;
        let mut segments: Vec<PathBuf> =
            fs::read_dir(self.folder.path()).unwrap().flatten().map(|e| e.path()).collect();
        segments.sort();
        for path in segments.iter().filter(|path| path.extension().is_some_and(|end| end == "seg")) {
            let name = format!("segments/{}", path.file_name().unwrap().to_string_lossy());
            writer.file(&name, &File::open(path).unwrap(), true)?;
        }
        writer.finish(Head { made_ms: ms, ..Head::default() }, &self.signer)
    }

    fn backup(&self, ms: u64) -> Backup {
        self.backup_at(ms, Watch::none()).unwrap()
    }

    fn rows(folder: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let database = Database::create(folder.join("corpus.redb")).unwrap();
        let read = database.begin_read().unwrap();
        let mut rows = BTreeMap::new();
        crate::store::rows::each_row::<crate::store::StoreError>(&read, "rows", |key, value| {
            rows.insert(key.to_vec(), value.to_vec());
            Ok(())
        })
        .unwrap();
        assert_eq!(crate::store::rows::table_names(&read).unwrap(), ["empty", "rows"]);
        rows
    }

    fn restore(&self, id: &str) -> Result<PathBuf, BackupError> {
        let repository = Repository::open(&self.to())?;
        let backup = repository.backup(id)?;
        let into = self.folder.path().join(format!("restored-{id}"));
        restore(&repository, &backup, &into, Watch::none())?;
        Ok(into)
    }

    fn verify(&self) -> Verified {
        let repository = Repository::open(&self.to()).unwrap();
        verify(&repository, None, &Trust::of_box(self.folder.path()), false, Watch::none()).unwrap()
    }
}

fn every_file(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    found
}

#[test]
fn an_unchanged_box_costs_a_manifest_and_a_changed_one_what_changed() {
    let world = World::new(30_000);
    let first = world.backup(1_000);
    assert!(first.manifest.new_bytes > 300_000, "{:?}", first.manifest.new_bytes);
    let second = world.backup(2_000);
    assert_eq!((second.manifest.new_bytes, second.manifest.new_pieces), (0, 0));
    world.put(15_000..15_001, b"other");
    world.segment("2.seg", 1_000, 2);
    let third = world.backup(3_000);
    let packed = third.manifest.new_bytes;
    assert!(packed > 0 && packed < 20_000, "{packed} new bytes");
    assert_eq!(
        third.manifest.bytes(),
        first.manifest.bytes() + fs::metadata(world.folder.path().join("2.seg")).unwrap().len()
    );
    assert!(world.verify().problems.is_empty());
    let before = World::rows(&world.restore(&first.id).unwrap());
    let after_folder = world.restore("latest").unwrap();
    let after = World::rows(&after_folder);
    assert_eq!(before.len(), 30_000);
    let changed: Vec<_> = after.iter().filter(|(key, value)| before.get(*key) != Some(value)).collect();
    assert_eq!(changed.len(), 1);
    let name = "segments/1.seg";
    assert_eq!(
        fs::read(after_folder.join(name)).unwrap(),
        fs::read(world.folder.path().join("1.seg")).unwrap()
    );
}

#[test]
fn writers_go_on_while_a_backup_sees_one_moment() {
    let world = World::new(20_000);
    let moved = std::cell::Cell::new(false);
    let change = |_: &str, _: u64| {
        if !moved.replace(true) {
            world.put(0..20_000, b"later");
        }
    };
    let backup = world.backup_at(1, Watch { stop: &|| false, moved: &change }).unwrap();
    assert!(moved.get());
    let rows = World::rows(&world.restore(&backup.id).unwrap());
    assert!(rows.values().all(|value| value.starts_with(b"first")));
}

/// Stops after every piece: what kill -9 leaves, and what the next backup and prune make of it.
#[test]
fn stopped_at_any_piece_the_repository_is_whole_and_the_next_backup_complete() {
    let world = World::new(8_000);
    world.backup(1_000);
    world.put(0..8_000, b"second");
    for after in 0.. {
        let done = std::cell::Cell::new(0);
        let watch = Watch { stop: &|| done.get() >= after, moved: &|_, _| done.set(done.get() + 1) };
        match world.backup_at(2_000 + after, watch) {
            Err(BackupError::Stopped) => {
                let found = world.verify();
                assert_eq!((found.backups, &found.problems[..]), (1, &[][..]));
                // Left-overs of a power cut may be empty or torn: none is believed.
                for piece in every_file(&world.to().join("pieces")) {
                    let known = Repository::open(&world.to()).unwrap().named(None).unwrap();
                    let id = from_hex(&piece.file_name().unwrap().to_string_lossy()).unwrap();
                    if !known.contains(&repository::short(&id)) {
                        fs::write(&piece, b"").unwrap();
                    }
                }
            }
            Ok(backup) => {
                assert!(after > 5, "it was stopped {after} times");
                assert!(world.verify().problems.is_empty());
                let rows = World::rows(&world.restore(&backup.id).unwrap());
                assert!(rows.values().all(|value| value.starts_with(b"second")));
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn prune_keeps_what_others_name_and_sweeps_left_overs() {
    let world = World::new(8_000);
    let first = world.backup(1_000);
    world.put(4_000..4_100, b"second");
    let second = world.backup(2_000);
    let stray = world.to().join("pieces/ab");
    fs::create_dir_all(&stray).unwrap();
    fs::write(stray.join("ab".repeat(32)), b"torn").unwrap();
    fs::write(stray.join("x.part"), b"torn").unwrap();
    let repository = Repository::open_to_write(&world.to()).unwrap();
    let swept = repository.remove(std::slice::from_ref(&first.id)).unwrap();
    assert!(swept.backups == 1 && swept.pieces >= 3, "{swept:?}");
    assert!(repository.bytes() > 0);
    drop(repository);
    assert!(world.verify().problems.is_empty());
    assert_eq!(World::rows(&world.restore(&second.id).unwrap()).len(), 8_000);
    assert!(matches!(world.restore(&first.id), Err(BackupError::NotFound { .. })));
}

#[test]
fn a_foreign_folder_is_not_touched_and_two_writers_do_not_meet() {
    let world = World::new(10);
    fs::create_dir(world.to()).unwrap();
    assert!(matches!(Repository::open(&world.to()), Err(BackupError::Empty { .. })));
    fs::write(world.to().join("letter"), b"dear").unwrap();
    assert!(matches!(Repository::create(&world.to()), Err(BackupError::Foreign { .. })));
    fs::remove_file(world.to().join("letter")).unwrap();
    let one = Repository::create(&world.to()).unwrap();
    assert!(matches!(Repository::open_to_write(&world.to()), Err(BackupError::Busy { .. })));
    assert!(matches!(Repository::open(&world.to()), Err(BackupError::Busy { .. })));
    drop(one);
    let _reader = Repository::open(&world.to()).unwrap();
    assert!(Repository::open(&world.to()).is_ok(), "readers meet");
    assert!(matches!(Repository::open_to_write(&world.to()), Err(BackupError::Busy { .. })));
    fs::write(world.to().join("spud-backups"), b"form 9\n").unwrap();
    assert!(matches!(Repository::open(&world.to()), Err(BackupError::Newer { found: 9, .. })));
}

#[test]
fn a_missing_piece_is_written_again_by_the_next_backup() {
    let world = World::new(100);
    world.backup(1_000);
    let piece =
        every_file(&world.to().join("pieces")).into_iter().max_by_key(|p| fs::metadata(p).unwrap().len());
    fs::remove_file(piece.unwrap()).unwrap();
    assert_eq!(world.verify().problems.len(), 1);
    let second = world.backup(2_000);
    assert_eq!(second.manifest.new_pieces, 1);
    assert!(world.verify().problems.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_flipped_bit_anywhere_is_named_and_nothing_is_restored(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let world = World::new(200);
        let backup = world.backup(1_000);
        let files = every_file(&world.to());
        let files: Vec<_> = files.iter().filter(|path| !path.ends_with("spud-backups")).collect();
        let path = files[file.index(files.len())];
        let mut bytes = fs::read(path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(path, bytes).unwrap();
        let found = world.verify();
        prop_assert_eq!(found.problems.len(), 1);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        prop_assert!(found.problems[0].contains(&name), "{:?} does not name {}", found.problems, name);
        let refused = world.restore(&backup.id);
        prop_assert!(matches!(refused, Err(BackupError::Damaged { .. })), "{refused:?}");
        let half = world.folder.path().join(format!("restored-{}", backup.id)).exists();
        prop_assert!(!half);
    }
}
