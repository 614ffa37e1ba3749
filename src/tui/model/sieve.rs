//! What `/` leaves of a list that is held as a whole: rows in which all words are found.

use crate::tui::filter::Filter;
use crate::tui::widgets::line_edit::LineEdit;

/// The filter of the list that is shown; it goes with the view.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sieve {
    pub(crate) text: String,
    pub(crate) editing: Option<LineEdit>,
}

impl Sieve {
    /// What is typed, or what was kept.
    pub(crate) fn words(&self) -> String {
        self.editing.as_ref().map_or_else(|| self.text.clone(), LineEdit::text)
    }
}

/// Places in a list of `len` rows that the words leave.
pub(crate) fn sift(words: &str, len: usize, row: &dyn Fn(usize) -> String) -> Vec<usize> {
    // Without fields, every word is one.
    match Filter::parse(words, &[]) {
        Ok(filter) if !words.trim().is_empty() => {
            (0..len).filter(|at| filter.accepts(&[&row(*at)], |_| None)).collect()
        }
        _ => (0..len).collect(),
    }
}
