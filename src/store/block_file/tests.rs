use super::*;

fn sample(dir: &Path) -> PathBuf {
    let path = dir.join("sample");
    let mut writer = BlockFileWriter::create(&path).unwrap();
    writer.section(*b"one ").unwrap();
    writer.write_all(&[7; 10_000]).unwrap();
    writer.section(*b"two ").unwrap();
    writer.write_all(b"hello").unwrap();
    let length = writer.finish().unwrap();
    assert_eq!(length, std::fs::metadata(&path).unwrap().len());
    path
}

#[test]
fn runs_of_blocks_have_their_turns_and_find_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = sample(dir.path());
    let blocks = BlockFile::open(&path).unwrap().verify_all().unwrap();
    let file = BlockFile::open(&path).unwrap();
    let runs = blocks.div_ceil(2) as u64;
    let read: usize = (0..runs).map(|turn| file.verify_run(turn, 2).unwrap()).sum();
    assert_eq!(
        (read, file.verify_run(runs, 2), file.verify_run(9, 1000)),
        (blocks, file.verify_run(0, 2), Ok(blocks))
    );
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    assert!(BlockFile::open(&path).unwrap().verify_run(0, 1).is_err());
}

#[test]
fn sections_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let file = BlockFile::open(&sample(dir.path())).unwrap();
    assert_eq!(file.bytes(file.section(*b"two ").unwrap()).unwrap(), b"hello");
    assert_eq!(file.bytes(file.section(*b"one ").unwrap()).unwrap(), [7; 10_000]);
    assert!(file.section(*b"none").is_err());
    assert!(file.bytes(0..1 << 40).is_err());
    let mut buffer = Vec::new();
    let (one, two) = (file.section(*b"one ").unwrap(), file.section(*b"two ").unwrap());
    assert_eq!(file.read(two.clone(), &mut buffer).unwrap(), b"hello");
    assert_eq!(file.read(one.start + 4000..one.start + 8200, &mut buffer).unwrap(), [7; 4200]);
    assert_eq!(file.read(two.start..two.start, &mut buffer).unwrap(), b"");
    assert!(file.read(0..1 << 40, &mut buffer).is_err());
    file.release();
    assert_eq!(file.bytes(two).unwrap(), b"hello");
    assert_eq!(file.verify_all().unwrap(), 3);
}

#[test]
fn every_flipped_bit_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = sample(dir.path());
    let good = std::fs::read(&path).unwrap();
    for byte in (0..good.len()).step_by(37).chain(good.len() - 200..good.len()) {
        let mut bad = good.clone();
        bad[byte] ^= 1 << (byte % 8);
        std::fs::write(&path, &bad).unwrap();
        let found = BlockFile::open(&path).and_then(|file| {
            file.read(0..file.data_end, &mut Vec::new())?;
            Ok(())
        });
        let checked = BlockFile::open(&path).and_then(|file| file.verify_all());
        assert!(checked.is_err(), "bit flip in byte {byte} went unnoticed");
        assert!(found.is_err(), "bit flip in byte {byte} went unnoticed");
    }
    std::fs::write(&path, &good[..good.len() - 1]).unwrap();
    assert!(BlockFile::open(&path).is_err());
}
