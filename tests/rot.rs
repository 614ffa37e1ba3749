//! Flipped bits in the stores: whatever is read is right, or missing and named; never something else.
//!
//! `SPUD_FLIPS` sets how many bits are flipped, each alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::collections::BTreeMap;

use spud::resilience::queue::{LaneLimits, NewOperation, Queue, QueueSettings};
use spud::store::Control;
use support::disk::{Board, Dice};
use support::queue_life::CACHE;

fn queue() -> Queue {
    let limits = LaneLimits { operations: 1 << 30, bytes: 1 << 30, drop_oldest: false };
    Queue::new(QueueSettings { limits: [limits; 4], attempts_most: 3, upstream: true }, 7, 1_000)
}

#[derive(Debug, Default)]
struct Seen {
    whole: u64,
    missing: u64,
    refused: u64,
    stopped: u64,
}

/// Every payload by its number, as a person asks for them.
fn look(board: &Board, kept: &BTreeMap<u64, Vec<u8>>) -> Result<u64, String> {
    board.on();
    let control = Control::over(board.disk(0), CACHE).map_err(|error| error.to_string())?;
    let queue = queue();
    queue.load(&control, 2_000).map_err(|error| error.to_string())?;
    let mut missing = 0;
    for (number, payload) in kept {
        match queue.find(&control, *number) {
            Ok(Some((_, Some(found)))) => assert_eq!(&found, payload, "operation {number} is another one"),
            Ok(_) | Err(_) => missing += 1,
        }
    }
    Ok(missing)
}

#[test]
fn a_flipped_bit_never_gives_a_wrong_operation() {
    let (board, mut dice) = (Board::new(5, 1), Dice(5));
    let kept: BTreeMap<u64, Vec<u8>> = {
        let control = Control::over(board.disk(0), CACHE).unwrap();
        let queue = queue();
        let new: Vec<NewOperation> = (0..400)
            .map(|n| NewOperation {
                kind: "rot".into(),
                payload: format!("payload {n} {}", "y".repeat(n % 300)).into_bytes(),
                ..NewOperation::default()
            })
            .collect();
        let answers = queue.post(&control, &new, 1_000).unwrap();
        answers.into_iter().zip(new).map(|(added, new)| (added.unwrap().id.number, new.payload)).collect()
    };
    let mut seen = Seen::default();
    let flips = std::env::var("SPUD_FLIPS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_500);
    let good = board.image(0);
    let bits = good.len() * 8;
    // Most of a young file is empty; a flip there changes nothing.
    let filled: Vec<usize> = (0..good.len()).filter(|at| good[*at] != 0).collect();
    for flip in 0..flips {
        let byte = match flip % 4 {
            0 => dice.below(512),
            1 => dice.below(good.len() as u64),
            _ => filled[dice.below(filled.len() as u64) as usize] as u64,
        };
        let bit = byte as usize * 8 + dice.below(8) as usize;
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        board.put(0, &bad);
        // redb stops over some damage of its own pages; a process ends then and gives no wrong answer.
        match std::panic::catch_unwind(|| look(&board, &kept)) {
            Ok(Ok(0)) => seen.whole += 1,
            Ok(Ok(_)) => seen.missing += 1,
            Ok(Err(what)) => {
                assert!(!what.is_empty());
                seen.refused += 1;
            }
            Err(panic) => {
                let said = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                assert!(!said.contains("is another one"), "bit {bit}: {said}");
                seen.stopped += 1;
            }
        }
    }
    println!("{flips} bits of {bits}: {seen:?}");
    assert!(seen.missing + seen.refused > 0, "no flip hit anything");
}
