//! The stored forms of passages: what a segment keeps of each chunk.

use bincode::{Decode, Encode};

use super::extract::{Chunk, Place};

/// One chunk as it is kept, compressed, in a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct ChunkRecord {
    pub(super) heading: Vec<String>,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) lines: Option<(u32, u32)>,
    pub(super) pages: Option<(u32, u32)>,
    pub(super) record: Option<String>,
}

impl ChunkRecord {
    /// `title` stands in where the chunk has none of its own.
    pub(super) fn new(chunk: Chunk, title: &str) -> Self {
        Self {
            heading: chunk.heading,
            title: if chunk.title.is_empty() { title.to_owned() } else { chunk.title },
            text: chunk.text,
            lines: chunk.place.lines,
            pages: chunk.place.pages,
            record: chunk.place.record,
        }
    }

    pub(super) fn place(&self) -> Place {
        Place { lines: self.lines, pages: self.pages, record: self.record.clone() }
    }
}
