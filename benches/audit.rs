//! How fast entries are added in groups, and how fast a whole log is verified.
//!
//! `cargo bench --bench audit -- [ENTRIES]`, a million where no number is given.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::time::Instant;

use spud::audit::{Entry, Log, append, keep, verify};
use spud::store::Control;
use spud::store::backup::Signer;

/// Entries of one commit, as one who commits in groups has them.
const GROUP: u64 = 64;

#[allow(clippy::cast_precision_loss)] // a rate for people
fn main() {
    let wanted = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000u64);
    let folder = tempfile::tempdir().unwrap();
    let control = Control::open(&folder.path().join("control.redb"), 4 << 20).unwrap();
    let began = Instant::now();
    for group in 0..wanted.div_ceil(GROUP) {
        let entries = group * GROUP..((group + 1) * GROUP).min(wanted);
        let add = |write: &spud::store::WriteTransaction| {
            for n in entries {
                let mut seed = [0; 32];
                seed[..8].copy_from_slice(&n.to_le_bytes());
                let entry = Entry::new(n, seed, "collection.created", "uid:1000", ("collection", "manuals"));
                append(write, &entry.text("reason", "measured"))?;
            }
            Ok(())
        };
        control.write(add).unwrap();
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("append: {wanted} entries in {seconds:.2} s, {:.0} a second", wanted as f64 / seconds);
    let signer = || Signer::from_seed(&[1; 32]);
    let log = Log::open(&control.snapshot().unwrap()).unwrap();
    let made = log.sign(signer(), 0, None).unwrap().unwrap();
    control.write(|write| keep(write, &made)).unwrap();
    let began = Instant::now();
    let log = Log::open(&control.snapshot().unwrap()).unwrap();
    let verdict = verify(&log, &[signer().public()], &|_| true).unwrap();
    assert!(verdict.problems.is_empty(), "{:?}", verdict.problems);
    println!("verify: {} entries in {:.2} s", verdict.size, began.elapsed().as_secs_f64());
    let bytes = std::fs::metadata(folder.path().join("control.redb")).unwrap().len();
    println!("store: {} bytes an entry", bytes / wanted.max(1));
}
