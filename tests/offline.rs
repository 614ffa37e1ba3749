//! Days offline and back, simulated: a queue whose power is cut and whose upstream goes away, doubles what it gets
//! and loses its answers. Every operation that was accepted takes effect once, in the order of its key, and one seed
//! gives one course of events. `SPUD_OPERATIONS` sets how many there are in the long one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use support::disk::{Board, Dice, Fate};
use support::queue_life::{CACHE, QueueLife};
use support::upstream::BAD;

const HOURS: u64 = 72;
/// Parts of that time, each with an outage of up to two hours, and the one in which half a day begins without a line.
const PARTS: u64 = 60;
const NIGHT: u64 = 25;
const NIGHT_MS: u64 = 12 * 3_600_000;
/// Posts that share a commit.
const TOGETHER: u64 = 64;

#[derive(Debug, PartialEq, Eq)]
struct Figures {
    accepted: u64,
    applied: u64,
    cuts: u64,
    hours: u64,
    arrivals: u64,
    duplicates: u64,
    lost_answers: u64,
    most_waiting: u64,
    /// Of what took effect, in its numbers.
    digest: u64,
}

fn days(seed: u64, operations: u64, cuts: u64) -> Result<Figures, String> {
    let (board, mut dice) = (Board::new(seed, 1), Dice(seed ^ 0xdaf));
    let mut life = QueueLife::new(&board, 0, seed);
    // A small cache asks the disk more often, a large one lets the long life end today.
    life.cache = if operations > 100_000 { 64 << 20 } else { CACHE };
    (life.forgets, life.upstream.refuses, life.upstream.temper) = (true, false, BAD);
    let began_ms = life.now_ms;
    let rounds = operations.div_ceil(TOGETHER);
    let gap_ms = HOURS * 3_600_000 / rounds.max(1);
    let (mut cut, mut most_waiting, mut open) = (0, 0, false);
    let (mut part, mut away_until) = (None, 0);
    for round in 0..rounds * 2 {
        if life.accepted() >= operations {
            break;
        }
        let now_in = (life.now_ms - began_ms) * PARTS / (HOURS * 3_600_000);
        if part != Some(now_in) {
            part = Some(now_in);
            if operations > 100_000 {
                println!("{}, {} waiting, {cut} cuts", life.accepted(), life.waiting().unwrap_or(0));
            }
            let outage = if now_in == NIGHT { NIGHT_MS } else { dice.below(7_200_000) };
            away_until = away_until.max(life.now_ms + outage);
        }
        life.upstream.away = life.now_ms < away_until;
        if cut < cuts && round * cuts >= cut * rounds {
            cut += 1;
            board.arm(Fate::Cut, 1 + dice.below(120));
        }
        if !open || !life.flow(TOGETHER, gap_ms)? {
            open = false;
            while !open {
                life.stop();
                board.on();
                board.arm(Fate::Cut, u64::MAX);
                open = life.start()? && life.verify()?;
            }
            life.now_ms += gap_ms;
        }
        if round % (rounds / 400).max(1) == 0 {
            most_waiting = most_waiting.max(life.waiting()?);
        }
    }
    board.arm(Fate::Cut, u64::MAX);
    life.drain()?;
    let digest = life
        .upstream
        .applied()
        .fold(seed, |all, (number, check)| Dice(all ^ number ^ check.rotate_left(9)).roll());
    Ok(Figures {
        accepted: life.accepted(),
        applied: life.upstream.applied().count() as u64,
        cuts: cut,
        hours: (life.now_ms - began_ms) / 3_600_000,
        arrivals: life.upstream.arrivals,
        duplicates: life.upstream.duplicates,
        lost_answers: life.upstream.lost_answers,
        most_waiting,
        digest,
    })
}

fn check(figures: &Figures) {
    println!("{figures:?}");
    assert_eq!(figures.applied, figures.accepted, "each once");
    assert!(figures.duplicates > figures.accepted / 50, "the upstream was too kind");
    assert!(figures.hours >= HOURS - 1);
}

#[test]
fn three_days_offline_and_every_operation_takes_effect_once() {
    let once = days(3, 6_400, 40).unwrap();
    check(&once);
    assert_eq!(once, days(3, 6_400, 40).unwrap(), "one seed, one course of events");
}

#[test]
#[ignore = "minutes: a million operations, five hundred power cuts"]
fn three_days_with_a_million_operations() {
    let operations = std::env::var("SPUD_OPERATIONS").ok().and_then(|text| text.parse().ok());
    check(&days(4, operations.unwrap_or(1_000_000), 500).unwrap());
}
