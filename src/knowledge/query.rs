//! What a question means to the index: groups of terms, exact phrases, vectors.

use super::analysis::{Shape, Stems, is_stop_word, words};
use super::language::Language;
use super::lexical::{Alternative, Group};
use super::model::Model;
use super::phrase::Phrase;
use crate::store::Damage;

/// Longer questions are cut: the rest would say nothing new.
const WORDS: usize = 64;
/// Bytes of a question that are read.
const BYTES: usize = 16 << 10;
const STOP_WEIGHT: f32 = 0.1;
/// Parts of an identifier beside the whole.
const PART_WEIGHT: f32 = 0.5;

/// A question, understood.
#[derive(Debug, Default)]
pub struct Query {
    pub(super) text: String,
    pub(super) groups: Vec<Group>,
    /// What stands in double quotes.
    pub(super) phrases: Vec<Phrase>,
    /// Every word is a stop word.
    pub(super) only_stop_words: bool,
}

impl Query {
    /// Reads a question for an index with stems of `languages`.
    ///
    /// # Errors
    /// [`Damage`] when the model's file is damaged.
    pub fn new(text: &str, model: Option<&Model>, languages: &[Language]) -> Result<Self, Damage> {
        let text = cut(text);
        let mut raw: Vec<(String, Shape)> = Vec::new();
        words(text, |word| {
            if raw.len() < WORDS {
                raw.push((word.text.to_owned(), word.shape));
            }
        });
        let only_stop_words = !raw.is_empty() && raw.iter().all(|(word, _)| is_stop_word(word));
        let languages = if languages.is_empty() { &[Language::English][..] } else { languages };
        let stems: Vec<Stems> = languages.iter().map(|language| Stems::new(*language)).collect();
        let mut groups: Vec<Group> = Vec::new();
        for (word, shape) in &raw {
            let group = group_of(word, *shape, &stems, model, only_stop_words)?;
            let known = groups.iter_mut().find(|g| g.alternatives[0].term == group.alternatives[0].term);
            match known {
                // A word said twice counts twice, as BM25's query frequency does.
                Some(known) => known
                    .alternatives
                    .iter_mut()
                    .zip(&group.alternatives)
                    .for_each(|(sum, again)| sum.weight += again.weight),
                None => groups.push(group),
            }
        }
        Ok(Self { text: text.to_owned(), groups, phrases: phrases(text, &stems), only_stop_words })
    }

    /// True when nothing in the question can be looked up.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn group_of(
    word: &str,
    shape: Shape,
    stems: &[Stems],
    model: Option<&Model>,
    only_stop_words: bool,
) -> Result<Group, Damage> {
    let stop = is_stop_word(word);
    let weight = match shape {
        Shape::Part => PART_WEIGHT,
        _ if stop && !only_stop_words => STOP_WEIGHT,
        _ => 1.0,
    };
    let mut alternatives: Vec<Alternative> = Vec::new();
    let mut add = |text: &str, weight: f32, near: bool| {
        for stem in stems {
            let term = stem.term(text, shape).into_owned();
            if alternatives.iter().all(|known| known.term != term) {
                alternatives.push(Alternative { term, weight, near });
            }
        }
    };
    add(word, weight, false);
    if let (Some(model), Shape::Plain, false) = (model, shape, stop) {
        for (near, cosine) in model.neighbours(word)? {
            add(&near, weight * cosine * cosine, true);
        }
    }
    Ok(Group { alternatives })
}

fn phrases(text: &str, stems: &[Stems]) -> Vec<Phrase> {
    let quotes = text.matches('"').count();
    let quoted = text.split('"').enumerate().filter(|(at, _)| at % 2 == 1 && quotes > *at);
    quoted.filter_map(|(_, part)| Phrase::new(part, stems)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_words_phrases_and_identifiers() {
        let query = Query::new("what does \"error code\" E-05 mean", None, &[]).unwrap();
        let terms: Vec<&str> = query.groups.iter().map(|g| g.alternatives[0].term.as_str()).collect();
        assert_eq!(terms, ["what", "doe", "error", "code", "e-05", "e", "05", "mean"]);
        assert_eq!(query.phrases[0].words, ["error", "code"]);
        assert!(!query.only_stop_words);
        assert!(Query::new("what is the", None, &[]).unwrap().only_stop_words);
        assert!(Query::new(" ?! ", None, &[]).unwrap().is_empty());
        assert!(Query::new("an \"unclosed quote", None, &[]).unwrap().phrases.is_empty());
    }
}
