//! One stage of a search alone, without fusing and without reading passages: for measuring.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use super::KnowledgeError;
use super::language::Language;
use super::library::Library;
use super::list_builder::ListBuilder;
use super::query::Query;
use super::record::ChunkRecord;
use super::search::{Effort, Searched, dense, lexical, query_vectors, weigh};
use crate::store::BlockFileWriter;

/// Which stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Lexical,
    /// Words as they are asked, without those that mean nearly the same: what plain BM25 does.
    Words,
    Dense,
}

/// Posting lists of passages without their text and vectors.
#[derive(Default)]
pub struct Lists(ListBuilder);

impl Lists {
    /// Adds an English passage.
    ///
    /// # Errors
    /// When there are too many.
    pub fn add(&mut self, title: &str, text: &str) -> io::Result<()> {
        let record = ChunkRecord { title: title.to_owned(), text: text.to_owned(), ..ChunkRecord::default() };
        self.0.add(Language::English, &record).map(drop)
    }

    /// Bytes of memory held, about.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.held()
    }

    /// Writes the lists with their dictionary; returns the file's length.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(self, path: &Path) -> io::Result<u64> {
        let mut out = BlockFileWriter::create(path)?;
        self.0.write(&mut out)?;
        out.finish()
    }
}

/// A chunk that a stage found: (number of its segment, chunk), with its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    pub place: (u32, u32),
    pub score: f32,
}

impl Library {
    /// What one stage finds for a text in all collections, best first.
    ///
    /// # Errors
    /// Damage of the model or of a segment.
    pub fn nearest(&self, text: &str, stage: Stage, effort: Effort) -> Result<Vec<Near>, KnowledgeError> {
        let snapshot = self.snapshot();
        let views: Vec<_> = snapshot.collections.values().flat_map(|view| &view.segments).collect();
        let searched: Vec<Searched<'_>> = views
            .iter()
            .map(|view| Searched {
                segment: &view.segment,
                removed: view.removed.as_deref(),
                dense: *view.segment.meta().model == *snapshot.serving.id,
            })
            .collect();
        let found = match stage {
            Stage::Lexical | Stage::Words => {
                let model = (stage == Stage::Lexical).then_some(&*snapshot.serving.model);
                let query = Query::new(text, model, &[])?;
                lexical(&searched, &weigh(&searched, &query)?, effort, &|_, _| true)?
            }
            Stage::Dense => {
                let query = Query { text: text.to_owned(), ..Query::default() };
                let vectors = query_vectors(&searched, &query, Some(&snapshot.serving.model))?;
                dense(&searched, &vectors, effort, &|_, _| true)?
            }
        };
        Ok(found.iter().map(|c| Near { place: (c.segment, c.chunk), score: c.score }).collect())
    }

    /// Passes every stored vector to `each` (int8 columns, their scale), in the order of the chunks.
    ///
    /// # Errors
    /// Damage of a segment.
    pub fn vectors(&self, mut each: impl FnMut(&[i8], f32) -> ControlFlow<()>) -> Result<(), KnowledgeError> {
        for view in self.snapshot().collections.values().flat_map(|view| &view.segments) {
            for chunk in 0..view.segment.chunks() as usize {
                let scale = view.segment.scales(chunk..chunk + 1)?;
                let scale = half::f16::from_le_bytes([scale[0], scale[1]]).to_f32();
                if each(view.segment.rows(chunk..chunk + 1)?, scale).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
