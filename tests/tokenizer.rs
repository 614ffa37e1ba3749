//! The WordPiece tokenizer against the reference tokenizer's output (tokenizers 0.22 with the vocabulary of
//! all-MiniLM-L6-v2), in twenty scripts. Unknown pieces are left out on both sides.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use spud::knowledge::open_default_model;
use spud::knowledge::tokenize::tokenize;

#[test]
fn agrees_with_the_reference() {
    let dir = tempfile::tempdir().unwrap();
    let model = open_default_model(dir.path()).unwrap();
    for line in include_str!("data/wordpiece.golden.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = case["text"].as_str().unwrap();
        let want: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        let mut got = Vec::new();
        tokenize(text, &model, 10_000, &mut got).unwrap();
        assert_eq!(got, want, "for {text:?}");
    }
}
