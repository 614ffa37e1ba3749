//! Posting lists in the making: words of chunks are counted, stemmed once each, and kept as packed lists.
//!
//! Invariant: memory is what [`ListBuilder::held`] says; a word is stemmed once as long as its language lasts.

use std::io::{self, Write};

use super::analysis::{Shape, Stems, raw_words};
use super::dictionary::DictionaryWriter;
use super::language::Language;
use super::pack::get_varint;
use super::postings::{ListReader, ListWriter};
use super::record::ChunkRecord;
use super::segment::DICTIONARY;
use super::term_lists::{TermList, TermLists};
use super::word_map::{INLINE, Key, WordMap};
use crate::store::BlockFileWriter;

/// How much more a word of the title, or of a heading, counts than one of the text.
const TITLE_WEIGHT: u32 = 2;
const HEADING_WEIGHT: u32 = 1;
/// Words that are looked up together.
const TOGETHER: usize = 16;

/// Short words on their way to their lists.
struct Waiting {
    words: [(Key, Shape); TOGETHER],
    held: usize,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { words: [(Key::default(), Shape::Plain); TOGETHER], held: 0 }
    }
}

impl Waiting {
    /// True when there is no room for more.
    fn push(&mut self, key: Key, shape: Shape) -> bool {
        if let Some(place) = self.words.get_mut(self.held) {
            *place = (key, shape);
            self.held += 1;
        }
        self.held == TOGETHER
    }

    fn words(&self) -> &[(Key, Shape)] {
        self.words.get(..self.held).unwrap_or_default()
    }
}

/// Lists of all chunks that were added.
pub(super) struct ListBuilder {
    terms: WordMap<u32>,
    /// Plain words already stemmed, for this language.
    known: WordMap<u32>,
    stems: Stems,
    language: Language,
    languages: Vec<Language>,
    lists: TermLists,
    lengths: Vec<u16>,
}

impl Default for ListBuilder {
    fn default() -> Self {
        Self {
            terms: WordMap::new(),
            known: WordMap::new(),
            stems: Stems::new(Language::English),
            language: Language::English,
            languages: Vec::new(),
            lists: TermLists::default(),
            lengths: Vec::new(),
        }
    }
}

impl ListBuilder {
    /// Adds the next chunk; its number is how many there were before.
    pub(super) fn add(&mut self, language: Language, record: &ChunkRecord) -> io::Result<u32> {
        let chunk = u32::try_from(self.lengths.len()).map_err(io::Error::other)?;
        self.set_language(language);
        let mut length = self.count(chunk, &record.title, TITLE_WEIGHT);
        for heading in &record.heading {
            length += self.count(chunk, heading, HEADING_WEIGHT);
        }
        length += self.count(chunk, &record.text, 1);
        self.lengths.push(u16::try_from(length).unwrap_or(u16::MAX));
        Ok(chunk)
    }

    /// Words of each chunk, as they are weighed.
    pub(super) fn lengths(&self) -> &[u16] {
        &self.lengths
    }

    pub(super) fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// Bytes of memory held, about.
    pub(super) fn held(&self) -> usize {
        self.lists.held() + self.terms.held() + self.known.held()
    }

    fn set_language(&mut self, language: Language) {
        if self.language != language {
            self.language = language;
            self.stems = Stems::new(language);
            self.known.clear();
        }
        if !self.languages.contains(&language) {
            self.languages.push(language);
        }
    }

    /// Counts the words of a text; returns how many there are, as they are weighed.
    fn count(&mut self, chunk: u32, text: &str, weight: u32) -> u32 {
        let mut length = 0;
        let (mut waiting, mut buffer) = (Waiting::default(), String::new());
        raw_words(text, |raw| {
            let mut wait = |key| {
                let map = if raw.shape == Shape::Plain { &self.known } else { &self.terms };
                map.prefetch(key);
                if waiting.push(key, raw.shape) {
                    self.count_waiting(chunk, weight, &mut waiting);
                }
            };
            if let Some(key) = raw.key(text) {
                wait(key);
            } else if let Some(word) = raw.normalised(&mut buffer) {
                match Key::of(word.text) {
                    Some(key) => wait(key),
                    None => {
                        let term = self.term_of(word.text, word.shape);
                        self.lists.count(term, chunk, weight);
                    }
                }
            } else {
                return;
            }
            length += weight;
        });
        self.count_waiting(chunk, weight, &mut waiting);
        length
    }

    /// Counts words whose memory was asked for when they came, so that misses of the cache overlap.
    fn count_waiting(&mut self, chunk: u32, weight: u32, waiting: &mut Waiting) {
        let mut terms = [0; TOGETHER];
        for ((key, shape), term) in waiting.words().iter().zip(&mut terms) {
            let map = if *shape == Shape::Plain { &self.known } else { &self.terms };
            *term = match map.get_short(*key) {
                Some(term) => term,
                None => self.term_of(key.word(&mut [0; INLINE]), *shape),
            };
            self.lists.prefetch(*term);
        }
        for term in terms.iter().take(waiting.words().len()) {
            self.lists.count(*term, chunk, weight);
        }
        waiting.held = 0;
    }

    /// Number of the word's term, which is made when it is new; stems of plain words are remembered.
    fn term_of(&mut self, text: &str, shape: Shape) -> u32 {
        let Self { known, terms, stems, lists, .. } = self;
        let mut term = || terms.get_or_insert(&stems.term(text, shape), || lists.push());
        if shape == Shape::Plain { known.get_or_insert(text, term) } else { term() }
    }

    /// Lists in order of their terms, then the dictionary that points at them.
    pub(super) fn write(self, out: &mut BlockFileWriter) -> io::Result<()> {
        let Self { terms, mut lists, lengths, .. } = self;
        lists.end();
        let mut sink = ListSink::new(out)?;
        let mut writer = ListWriter::default();
        let soon = |list| lists.prefetch(list);
        terms.in_order(soon, |term, list| {
            let bytes = lists.get(list).map_or(&[][..], TermList::bytes);
            let (mut at, mut next) = (0, 0u32);
            while let Some(code) = get_varint(bytes, &mut at) {
                let chunk = next + (code >> 1);
                let tf = if code & 1 == 1 { 1 } else { get_varint(bytes, &mut at).unwrap_or(1) };
                let length = lengths.get(chunk as usize).copied().unwrap_or(0);
                writer.push(chunk, u8::try_from(tf).unwrap_or(u8::MAX), length);
                next = chunk + 1;
            }
            sink.add(term, &mut writer)
        })?;
        sink.finish()
    }
}

/// Writes lists into `post` and keeps their dictionary in memory until its section can follow.
pub(super) struct ListSink<'a> {
    out: &'a mut BlockFileWriter,
    dictionary: DictionaryWriter,
    buffer: Vec<u8>,
}

impl<'a> ListSink<'a> {
    pub(super) fn new(out: &'a mut BlockFileWriter) -> io::Result<Self> {
        out.section(*b"post")?;
        Ok(Self { out, dictionary: DictionaryWriter::default(), buffer: Vec::new() })
    }

    /// Ends the list in `writer` under its term; an empty list leaves no trace.
    pub(super) fn add(&mut self, term: &[u8], writer: &mut ListWriter) -> io::Result<()> {
        self.buffer.clear();
        let offset = self.out.section_len();
        if writer.finish(&mut self.buffer) > 0 {
            self.dictionary.push(term, offset)?;
            self.out.write_all(&self.buffer)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.out.section(DICTIONARY)?;
        self.dictionary.write(self.out)
    }
}

/// Adds one list to another under construction, its chunks renumbered; dropped ones are left out.
pub(super) fn append_list(
    reader: &mut ListReader<'_>,
    renumber: impl Fn(u32) -> Option<u32>,
    lengths: &[u16],
    writer: &mut ListWriter,
) {
    let mut more = reader.skip_to(0);
    while more {
        let (chunks, tfs) = reader.postings();
        for (chunk, tf) in chunks.iter().zip(tfs) {
            if let Some(new) = renumber(*chunk) {
                let length = lengths.get(new as usize).copied().unwrap_or(0);
                writer.push(new, u8::try_from(*tf).unwrap_or(u8::MAX), length);
            }
        }
        more = reader.next_block();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chunks of each term, in order of the terms, as they lie in the lists.
    fn listed(texts: &[&str]) -> Vec<(String, Vec<u32>)> {
        let mut builder = ListBuilder::default();
        for text in texts {
            let record = ChunkRecord { text: (*text).into(), ..ChunkRecord::default() };
            builder.add(Language::English, &record).unwrap();
        }
        let ListBuilder { terms, mut lists, .. } = builder;
        lists.end();
        let mut found = Vec::new();
        let each = |term: &[u8], list| {
            let bytes = lists.get(list).unwrap().bytes();
            let (mut at, mut next, mut chunks) = (0, 0, Vec::new());
            while let Some(code) = get_varint(bytes, &mut at) {
                next += code >> 1;
                chunks.push(next);
                next += 1;
                if code & 1 == 0 {
                    get_varint(bytes, &mut at);
                }
            }
            found.push((String::from_utf8(term.to_vec()).unwrap(), chunks));
            Ok::<(), ()>(())
        };
        terms.in_order(|_| (), each).unwrap();
        found
    }

    #[test]
    fn parts_of_a_name_are_words_too_and_the_name_stays_whole() {
        let found = listed(&["pumps.conf", "Pumps pump", "pumps.conf"]);
        let chunks = |term: &str| found.iter().find(|(t, _)| t == term).map(|(_, chunks)| chunks.clone());
        assert_eq!(chunks("pump"), Some(vec![0, 1, 2]));
        assert_eq!(chunks("pumps"), None);
        assert_eq!(chunks("pumps.conf"), Some(vec![0, 2]));
    }

    #[test]
    fn words_wait_together_and_none_is_lost() {
        let text: String = (0..100).map(|n| format!("word{n} averyveryveryverylongword{n} ")).collect();
        let found = listed(&[&text, "nothing", &text]);
        assert_eq!(found.len(), 1 + found.iter().filter(|(_, chunks)| *chunks == [0, 2]).count());
        assert!(found.len() > 200);
    }
}
