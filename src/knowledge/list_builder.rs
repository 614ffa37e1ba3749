//! Posting lists in the making: words of chunks are counted, stemmed once each, and kept as packed lists.
//!
//! Invariant: memory is what [`ListBuilder::held`] says; a word is stemmed once as long as its language lasts.

use std::io::{self, Write};

use fst::MapBuilder;

use super::analysis::{Language, Stems, words};
use super::postings::{ListReader, ListWriter, get_varint, put_varint};
use super::record::ChunkRecord;
use super::word_map::WordMap;
use crate::store::BlockFileWriter;

/// How much more a word of the title, or of a heading, counts than one of the text.
const TITLE_WEIGHT: u8 = 2;
const HEADING_WEIGHT: u8 = 1;

#[derive(Default)]
struct TermList {
    bytes: Vec<u8>,
    next: u32,
}

/// One term of one chunk while it is counted.
#[derive(Clone, Copy)]
struct Seen {
    term: u32,
    weight: u8,
}

/// Lists of all chunks that were added.
pub(super) struct ListBuilder {
    terms: WordMap<u32>,
    /// Words already stemmed, for this language.
    known: WordMap<u32>,
    stems: Stems,
    language: Language,
    languages: Vec<Language>,
    lists: Vec<TermList>,
    list_bytes: usize,
    seen: Vec<Seen>,
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
            lists: Vec::new(),
            list_bytes: 0,
            seen: Vec::new(),
            lengths: Vec::new(),
        }
    }
}

impl ListBuilder {
    /// Adds the next chunk; its number is how many there were before.
    pub(super) fn add(&mut self, language: Language, record: &ChunkRecord) -> io::Result<u32> {
        let chunk = u32::try_from(self.lengths.len()).map_err(io::Error::other)?;
        self.set_language(language);
        self.count_terms(record);
        self.post_terms(chunk);
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
        let lists = self.lists.len() * size_of::<TermList>() + self.list_bytes * 3 / 2;
        lists + self.terms.held() + self.known.held()
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

    fn count_terms(&mut self, record: &ChunkRecord) {
        self.seen.clear();
        self.count(&record.title, TITLE_WEIGHT);
        for heading in &record.heading {
            self.count(heading, HEADING_WEIGHT);
        }
        self.count(&record.text, 1);
        self.seen.sort_unstable_by_key(|seen| seen.term);
    }

    fn count(&mut self, text: &str, weight: u8) {
        let Self { terms, known, stems, lists, seen, .. } = self;
        words(text, |word| {
            let term = match known.get(word.text) {
                Some(term) => term,
                None => {
                    let stem = stems.term(&word);
                    let term = match terms.get(stem.as_ref()) {
                        Some(term) => term,
                        None => {
                            #[allow(clippy::cast_possible_truncation)] // the buffer is far below 2^32 terms
                            let term = lists.len() as u32;
                            lists.push(TermList::default());
                            terms.insert(&stem, term);
                            term
                        }
                    };
                    known.insert(word.text, term);
                    term
                }
            };
            seen.push(Seen { term, weight });
        });
    }

    /// Moves what was counted into the lists: varint (gap << 1 | tf == 1) [· tf].
    fn post_terms(&mut self, chunk: u32) {
        let mut length = 0u32;
        for run in self.seen.chunk_by(|a, b| a.term == b.term) {
            let tf = run.iter().map(|seen| u32::from(seen.weight)).sum::<u32>();
            length += tf;
            let (Some(first), tf) = (run.first(), tf.min(255)) else { continue };
            let list = &mut self.lists[first.term as usize];
            let before = list.bytes.len();
            put_varint(&mut list.bytes, (chunk - list.next) << 1 | u32::from(tf == 1));
            if tf > 1 {
                put_varint(&mut list.bytes, tf);
            }
            list.next = chunk + 1;
            self.list_bytes += list.bytes.len() - before;
        }
        self.lengths.push(u16::try_from(length).unwrap_or(u16::MAX));
    }

    /// Lists in order of their terms, then the dictionary that points at them.
    pub(super) fn write(self, out: &mut BlockFileWriter) -> io::Result<()> {
        let Self { terms, lists, lengths, .. } = self;
        let mut order: Vec<(Box<str>, u32)> = terms.into_words().collect();
        order.sort_unstable();
        let mut sink = ListSink::new(out)?;
        let mut writer = ListWriter::default();
        for (term, list) in order {
            let bytes = lists.get(list as usize).map_or(&[][..], |l| &l.bytes);
            let (mut at, mut next) = (0, 0u32);
            while let Some(code) = get_varint(bytes, &mut at) {
                let chunk = next + (code >> 1);
                let tf = if code & 1 == 1 { 1 } else { get_varint(bytes, &mut at).unwrap_or(1) };
                let length = lengths.get(chunk as usize).copied().unwrap_or(0);
                writer.push(chunk, u8::try_from(tf).unwrap_or(u8::MAX), length);
                next = chunk + 1;
            }
            sink.add(term.as_bytes(), &mut writer)?;
        }
        sink.finish()
    }
}

/// Writes lists into `post` and keeps their dictionary in memory until its section can follow.
pub(super) struct ListSink<'a> {
    out: &'a mut BlockFileWriter,
    dictionary: MapBuilder<Vec<u8>>,
    buffer: Vec<u8>,
}

impl<'a> ListSink<'a> {
    pub(super) fn new(out: &'a mut BlockFileWriter) -> io::Result<Self> {
        out.section(*b"post")?;
        Ok(Self {
            out,
            dictionary: MapBuilder::new(Vec::new()).map_err(io::Error::other)?,
            buffer: Vec::new(),
        })
    }

    /// Ends the list in `writer` under its term; an empty list leaves no trace.
    pub(super) fn add(&mut self, term: impl AsRef<[u8]>, writer: &mut ListWriter) -> io::Result<()> {
        self.buffer.clear();
        let offset = self.out.section_len();
        if writer.finish(&mut self.buffer) > 0 {
            self.dictionary.insert(term, offset).map_err(io::Error::other)?;
            self.out.write_all(&self.buffer)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<()> {
        let bytes = self.dictionary.into_inner().map_err(io::Error::other)?;
        self.out.section(*b"tfst")?;
        self.out.write_all(&bytes)
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
