//! The WordPiece tokenizer against the reference tokenizer's output (tokenizers 0.22 with the vocabulary of
//! all-MiniLM-L6-v2), in twenty scripts. Unknown pieces are left out on both sides.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;

use spud::knowledge::tokenize::{Vocabulary, tokenize};
use spud::store::Damage;

struct Words(HashMap<String, u32>);

impl Vocabulary for Words {
    fn piece(&self, piece: &str, first: bool) -> Result<Option<u32>, Damage> {
        let key = if first { piece.to_owned() } else { format!("##{piece}") };
        Ok(self.0.get(&key).copied())
    }
    fn longest(&self) -> usize {
        64
    }
}

#[test]
fn agrees_with_the_reference() {
    let vocabulary = std::fs::read_to_string("/work/shared/data/model/vocab.txt").unwrap();
    let words = Words(
        vocabulary.lines().enumerate().map(|(row, w)| (w.to_owned(), u32::try_from(row).unwrap())).collect(),
    );
    let names: Vec<&str> = vocabulary.lines().collect();
    for line in include_str!("data/wordpiece.golden.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = case["text"].as_str().unwrap();
        let want: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        let mut got = Vec::new();
        tokenize(text, &words, 10_000, &mut got).unwrap();
        let show = |ids: &[u32]| ids.iter().map(|i| names[*i as usize]).collect::<Vec<_>>().join(" ");
        assert_eq!(show(&got), show(&want), "for {text:?}");
    }
}
