//! One stage of a search alone, without fusing and without reading passages: for measuring.

use std::ops::ControlFlow;

use super::KnowledgeError;
use super::library::Library;
use super::query::Query;
use super::search::{Effort, Searched, dense, lexical, query_vectors, weigh};

/// Which stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Lexical,
    Dense,
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
                dense: view.segment.meta().model == self.model_id(),
            })
            .collect();
        let found = match stage {
            Stage::Lexical => {
                let query = Query::new(text, Some(self.model()), &[])?;
                lexical(&searched, &weigh(&searched, &query)?, effort, &|_, _| true)?
            }
            Stage::Dense => {
                let query = Query { text: text.to_owned(), ..Query::default() };
                let vectors = query_vectors(&searched, &query, Some(self.model()))?;
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
