//! Pruned search against plain scoring of every chunk.

use super::best::{Best, Candidate};
use super::builder::SegmentBuilder;
use super::language::Language;
use super::lexical::{Alternative, Group, Weighted};
use super::record::ChunkRecord;
use super::segment::Segment;

/// A generator that needs no crate (Marsaglia 2003, xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// Words whose frequencies fall as those of a language do, some of them in a stretch of chunks only.
fn segment(folder: &std::path::Path, name: &str, dice: &mut Dice, chunks: u64) -> Segment {
    let mut builder = SegmentBuilder::new("test", 64, &[]).unwrap();
    for chunk in 0..chunks {
        let mut words = Vec::new();
        for _ in 0..4 + dice.below(30) {
            let of = dice.below(400) + 1;
            let word = dice.below(of);
            words.push(format!("word{word}x"));
        }
        if chunk % 5000 > 4400 {
            words.push(format!("rare{}x", dice.below(3)));
        }
        let record = ChunkRecord { text: words.join(" "), ..ChunkRecord::default() };
        builder.push(chunk, Language::English, &record, &[0.1; 64]).unwrap();
    }
    let path = folder.join(name);
    builder.write(&path).unwrap();
    Segment::open(&path).unwrap()
}

#[test]
fn pruning_loses_none_of_the_best_and_keeps_their_order() {
    let (folder, mut dice) = (tempfile::tempdir().unwrap(), Dice(0x9e37_79b9));
    let segments =
        [segment(folder.path(), "a", &mut dice, 13_000), segment(folder.path(), "b", &mut dice, 900)];
    let all: Vec<&Segment> = segments.iter().collect();
    let mut found = 0;
    for question in 0..60 {
        let group = |dice: &mut Dice| {
            let term = |dice: &mut Dice| match dice.below(6) {
                0 => format!("rare{}x", dice.below(4)),
                _ => {
                    let of = dice.below(400) + 1;
                    format!("word{}x", dice.below(of))
                }
            };
            let mut alternatives = vec![Alternative { term: term(dice), weight: 1.0, near: false }];
            for _ in 0..dice.below(3) {
                alternatives.push(Alternative { term: term(dice), weight: 0.6, near: true });
            }
            Group { alternatives }
        };
        let groups: Vec<Group> = (0..1 + question % 6).map(|_| group(&mut dice)).collect();
        let weighted = Weighted::new(&groups, &all).unwrap();
        let (k, odd_only) = ([1, 10, 200][question % 3], question % 4 == 3);
        let keep = |chunk: u32| !odd_only || chunk % 2 == 1;
        let (mut pruned, mut plain) = (Best::new(k), Best::new(k));
        for (number, segment) in (0..).zip(&segments) {
            weighted.search(number, segment, &mut pruned, &keep).unwrap();
            let scores =
                weighted.score_chunks(number, segment, (0..segment.chunks()).map(|chunk| (chunk, 0.0)));
            for (chunk, score) in (0..).zip(scores.unwrap()) {
                if score > 0.0 && keep(chunk) {
                    plain.push(Candidate { score, segment: number, chunk });
                }
            }
        }
        let (pruned, plain) = (pruned.into_sorted(), plain.into_sorted());
        assert_eq!(pruned.len(), plain.len(), "question {question}: {groups:?}");
        for (one, other) in pruned.iter().zip(&plain) {
            // The groups are added in another order, and so are their roundings.
            assert!((one.score - other.score).abs() <= 1e-5 * other.score, "{question}: {one:?} {other:?}");
        }
        if groups.len() == 1 {
            assert_eq!(pruned, plain, "question {question}: {groups:?}");
        }
        found += pruned.len();
    }
    assert!(found > 1000, "{found}");
}
