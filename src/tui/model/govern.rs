//! Requests that wait for votes, and models.

use std::collections::BTreeSet;

use crate::api::types::approval::Approval;
use crate::api::types::registry::{JudgedQuestion, ModelRegistry, ModelVersion};
use crate::api::types::use_case::UseCase;
use crate::tui::model::sieve::sift;
use crate::tui::widgets::line_edit::LineEdit;

#[derive(Debug, Clone, Default)]
pub(crate) struct Approvals {
    /// Newest first.
    pub(crate) items: Vec<Approval>,
    pub(crate) loaded: bool,
    pub(crate) selected: usize,
    pub(crate) filter: String,
    pub(crate) editing: Option<LineEdit>,
    /// Requests that are voted on together, by id.
    pub(crate) marked: BTreeSet<String>,
}

impl Approvals {
    /// What the filter's words leave, with the places in the list.
    pub(crate) fn shown(&self) -> Vec<&Approval> {
        let words: Vec<String> = self
            .filter
            .split_whitespace()
            .filter(|word| !word.contains(':'))
            .map(str::to_lowercase)
            .collect();
        let has = |one: &&Approval| {
            let text = format!("{} {} {} {}", one.title, one.by, one.reason, one.impact).to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        self.items.iter().filter(has).collect()
    }

    pub(crate) fn approval(&self) -> Option<&Approval> {
        self.shown().get(self.selected).copied()
    }

    /// Those that are marked, and still wait.
    pub(crate) fn chosen(&self) -> Vec<&Approval> {
        self.items.iter().filter(|one| self.marked.contains(&one.id) && together(one)).collect()
    }

    /// What was typed after a name and a colon.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let value = |word: &str| word.strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
        self.filter.split_whitespace().find_map(value).filter(|value| !value.is_empty())
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Models {
    pub(crate) registry: Option<Box<ModelRegistry>>,
    /// Judged questions in the place of models.
    pub(crate) judged: Option<Vec<JudgedQuestion>>,
    /// The model that another one is compared with, by SHA-256.
    pub(crate) marked: Option<String>,
    pub(crate) selected: usize,
    /// Of the filter.
    pub(crate) words: String,
}

impl Models {
    fn items(&self) -> &[ModelVersion] {
        self.registry.as_ref().map_or(&[], |registry| &registry.items)
    }

    /// Places of the models, or of the questions, that are shown.
    pub(crate) fn rows(&self) -> Vec<usize> {
        if let Some(all) = &self.judged {
            let text = |at: usize| {
                all.get(at).map_or_else(String::new, |one| format!("{} {}", one.collection, one.question))
            };
            return sift(&self.words, all.len(), &text);
        }
        let items = self.items();
        let text = |at: usize| {
            items.get(at).map_or_else(String::new, |one| {
                [&one.name, &one.sha256, &one.stage, &one.review, &one.about].map(String::as_str).join(" ")
            })
        };
        sift(&self.words, items.len(), &text)
    }

    fn place(&self) -> Option<usize> {
        self.rows().get(self.selected).copied()
    }

    pub(crate) fn version(&self) -> Option<&ModelVersion> {
        if self.judged.is_some() { None } else { self.items().get(self.place()?) }
    }

    pub(crate) fn question(&self) -> Option<&JudgedQuestion> {
        self.judged.as_ref()?.get(self.place()?)
    }

    pub(crate) fn is_held(&self) -> bool {
        self.registry.as_ref().is_some_and(|registry| registry.held.is_some())
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct UseCases {
    /// By name.
    pub(crate) items: Vec<UseCase>,
    pub(crate) loaded: bool,
    pub(crate) selected: usize,
    /// Of the filter.
    pub(crate) words: String,
}

impl UseCases {
    /// Places of those that are shown.
    pub(crate) fn rows(&self) -> Vec<usize> {
        let text = |at: usize| {
            self.items.get(at).map_or_else(String::new, |one| {
                [&one.name, &one.state, &one.impact, &one.owner, &one.purpose].map(String::as_str).join(" ")
            })
        };
        sift(&self.words, self.items.len(), &text)
    }

    pub(crate) fn one(&self) -> Option<&UseCase> {
        self.items.get(*self.rows().get(self.selected)?)
    }
}

/// True for requests that may be voted on together: what is at stake is little.
pub(crate) fn together(one: &Approval) -> bool {
    one.state == "pending" && matches!(one.impact.as_str(), "low" | "medium") && !one.signature_needed
}
