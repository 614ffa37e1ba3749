//! The question, its answer, and the document that is being read.

use crate::api::types::{AskResponse, Hit, Passage, Problem};
use crate::tui::widgets::line_edit::LineEdit;
use crate::tui::widgets::passage::{self, Line, Marks};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Focus {
    #[default]
    Question,
    Results,
    Reader,
}

#[derive(Debug, Clone, Default)]
pub(crate) enum Answer {
    #[default]
    Nothing,
    Waiting,
    Failed(Box<Problem>),
    Ready(Box<AskResponse>),
}

/// More of a document, in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reading {
    #[default]
    More,
    Loading,
    End,
}

/// A document opened at a result.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    pub(crate) serial: u64,
    pub(crate) hit: Hit,
    pub(crate) passages: Vec<Passage>,
    pub(crate) before: Reading,
    pub(crate) after: Reading,
    pub(crate) top: usize,
    /// Wrapped for `width`.
    pub(crate) lines: Vec<Line>,
    width: usize,
}

impl Reader {
    pub(crate) fn open(serial: u64, hit: Hit, width: usize) -> Self {
        let own = Passage {
            chunk: hit.chunk.clone(),
            heading: hit.heading.clone(),
            place: hit.place.clone(),
            text: hit.text.clone(),
        };
        let mut reader = Self { serial, hit, passages: vec![own], ..Self::default() };
        (reader.before, reader.after) = (Reading::Loading, Reading::Loading);
        reader.wrap(width);
        reader
    }

    pub(crate) fn wrap(&mut self, width: usize) {
        self.width = width;
        self.lines.clear();
        let mut heading: Option<&[String]> = None;
        for p in &self.passages {
            if !self.lines.is_empty() {
                self.lines.push(Line::default());
            }
            if heading != Some(&p.heading) && !p.heading.is_empty() {
                self.lines.push(Line::heading(&p.heading.join(" › ")));
            }
            heading = Some(&p.heading);
            let own = p.chunk == self.hit.chunk;
            let marks = if own { Marks::of(&self.hit) } else { Marks::default() };
            let mut lines = passage::flow(&p.text, width, &marks);
            for line in &mut lines {
                line.own = own;
            }
            self.lines.append(&mut lines);
        }
    }

    /// The first line of the passage that was found.
    pub(crate) fn own_line(&self) -> usize {
        self.lines.iter().position(|l| l.own).unwrap_or(0)
    }

    /// Puts passages before or behind those that are there; returns how many lines came before.
    pub(crate) fn extend(&mut self, mut more: Vec<Passage>, before: bool) -> usize {
        more.retain(|p| self.passages.iter().all(|q| q.chunk != p.chunk));
        let had = self.lines.len();
        if before {
            more.append(&mut self.passages);
            self.passages = more;
        } else {
            self.passages.append(&mut more);
        }
        self.wrap(self.width);
        if before { self.lines.len().saturating_sub(had) } else { 0 }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    pub(crate) question: LineEdit,
    pub(crate) focus: Focus,
    /// `None` asks in all collections.
    pub(crate) collection: Option<String>,
    /// The use case that is asked under; `None`: the general one.
    pub(crate) use_case: Option<String>,
    /// One is about to be picked, once they are known.
    pub(crate) picking: bool,
    pub(crate) explain: bool,
    pub(crate) answer: Answer,
    /// The question that was asked last, and its serial.
    pub(crate) asked: String,
    pub(crate) serial: u64,
    pub(crate) selected: usize,
    pub(crate) reader: Option<Reader>,
}

impl Ask {
    pub(crate) fn response(&self) -> Option<&AskResponse> {
        match &self.answer {
            Answer::Ready(response) => Some(response),
            _ => None,
        }
    }

    pub(crate) fn hits(&self) -> &[Hit] {
        self.response().map_or(&[], |r| &r.search.results)
    }

    pub(crate) fn hit(&self) -> Option<&Hit> {
        self.hits().get(self.selected)
    }

    pub(crate) fn suggestion(&self) -> Option<&str> {
        self.response().and_then(|r| r.search.did_you_mean.as_deref()).filter(|s| !s.trim().is_empty())
    }
}
