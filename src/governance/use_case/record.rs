//! What a use case is.

use bincode::{Decode, Encode};

use super::UseCaseError;
use crate::governance::approval::Impact;

/// Questions that name no use case are asked under this one; it is there from the beginning.
pub const GENERAL: &str = "general";
/// What happened to one that is kept.
const EVENTS_KEPT: usize = 200;
const NAME_BYTES: usize = 64;
const TEXT_BYTES: usize = 1_000;
const ITEMS_MOST: usize = 32;
const ITEM_BYTES: usize = 100;

/// Where a use case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum State {
    Draft,
    /// A request asks for votes, or asked in vain.
    Submitted,
    Approved,
    Deployed,
    /// Still served; callers are told that it ends.
    Deprecated,
    Retired,
}

impl State {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Deployed => "deployed",
            Self::Deprecated => "deprecated",
            Self::Retired => "retired",
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Deed {
    Created,
    Edited,
    Submitted,
    Approved,
    Deployed,
    Deprecated,
    Retired,
}

impl Deed {
    /// As it stands in the history and, behind `use_case.`, in the audit log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Edited => "edited",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Deployed => "deployed",
            Self::Deprecated => "deprecated",
            Self::Retired => "retired",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    pub at_ms: u64,
    pub deed: Deed,
    pub by: String,
    pub reason: String,
}

/// What is written, submitted and approved as one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Terms {
    pub purpose: String,
    /// Who answers for it.
    pub owner: String,
    pub legal_basis: String,
    /// Kinds of data that it touches.
    pub data: Vec<String>,
    /// Where it may look; empty for everywhere.
    pub collections: Vec<String>,
    pub impact: Impact,
    /// How long it is kept who asked under it.
    pub retention_days: Option<u32>,
    /// SHA-256s, beginnings of them, or names of models that may answer; empty for any.
    pub models: Vec<String>,
    /// nDCG@10 over the judged questions of its collections, at least (parts of a thousand).
    pub quality: Option<u32>,
    /// The objective of a service level that it is promised.
    pub objective: Option<String>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            purpose: String::new(),
            owner: String::new(),
            legal_basis: String::new(),
            data: Vec::new(),
            collections: Vec::new(),
            impact: Impact::Medium,
            retention_days: None,
            models: Vec::new(),
            quality: None,
            objective: None,
        }
    }
}

impl Terms {
    /// # Errors
    /// [`UseCaseError::Invalid`] where something is too long.
    pub(super) fn check(&self) -> Result<(), UseCaseError> {
        let texts = [&self.purpose, &self.owner, &self.legal_basis];
        let items = self.data.len().max(self.collections.len()).max(self.models.len()) <= ITEMS_MOST;
        let mut all = self.data.iter().chain(&self.collections).chain(&self.models).chain(&self.objective);
        if items
            && texts.iter().all(|text| text.len() <= TEXT_BYTES)
            && all.all(|item| (1..=ITEM_BYTES).contains(&item.len()))
        {
            return Ok(());
        }
        let what = format!(
            "texts have at most {TEXT_BYTES} bytes; data, collections and models at most {ITEMS_MOST} names of 1 to {ITEM_BYTES}"
        );
        Err(UseCaseError::Invalid { what, advice: "say it shorter" })
    }

    /// What must be there before others vote on it.
    pub(super) fn missing(&self) -> Option<&'static str> {
        match (self.purpose.is_empty(), self.owner.is_empty(), self.legal_basis.is_empty()) {
            (true, ..) => Some("purpose"),
            (_, true, _) => Some("owner"),
            (.., true) => Some("legal basis"),
            _ => None,
        }
    }
}

/// How it ends.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Leaving {
    pub reason: String,
    /// From then on it is not served; absent until somebody retires it.
    pub retires_ms: Option<u64>,
    /// The use case to ask under instead.
    pub successor: Option<String>,
}

/// A use case with what happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct UseCase {
    pub name: String,
    pub terms: Terms,
    /// Another one after everything that happens to it.
    pub revision: u64,
    pub state: State,
    /// The newest request that asks for it.
    pub approval: Option<u64>,
    pub leaving: Option<Leaving>,
    pub events: Vec<Event>,
}

impl UseCase {
    /// A draft of nothing yet.
    ///
    /// # Errors
    /// [`UseCaseError::Invalid`] where it cannot be a name.
    pub(super) fn new(name: &str) -> Result<Self, UseCaseError> {
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(fine) || name.starts_with('.') {
            let shown: String = name.chars().take(NAME_BYTES).collect();
            return Err(UseCaseError::Invalid {
                what: format!("'{}' cannot name a use case", shown.escape_debug()),
                advice: "at most 64 lower-case letters, digits, '-', '_' and '.'",
            });
        }
        Ok(Self {
            name: name.to_owned(),
            terms: Terms::default(),
            revision: 0,
            state: State::Draft,
            approval: None,
            leaving: None,
            events: Vec::new(),
        })
    }

    /// The one that every box has: all collections, no questions asked.
    #[must_use]
    pub fn general() -> Self {
        Self {
            name: GENERAL.to_owned(),
            terms: Terms {
                purpose: "questions that name no use case".to_owned(),
                owner: "whoever tends the box".to_owned(),
                impact: Impact::Low,
                ..Terms::default()
            },
            revision: 1,
            state: State::Deployed,
            approval: None,
            leaving: None,
            events: Vec::new(),
        }
    }

    /// The state as it is at this time: what ends on a date is over then, whether that was written or not.
    #[must_use]
    pub fn state_at(&self, now_ms: u64) -> State {
        let retires_ms = self.leaving.as_ref().and_then(|leaving| leaving.retires_ms);
        match self.state {
            State::Deprecated if retires_ms.is_some_and(|at| now_ms >= at) => State::Retired,
            state => state,
        }
    }

    pub(super) fn happened(&mut self, deed: Deed, by: &str, reason: &str, now_ms: u64) {
        self.revision += 1;
        let (by, reason) = (by.to_owned(), reason.to_owned());
        self.events.push(Event { at_ms: now_ms, deed, by, reason });
        // The first one tells who began it.
        if self.events.len() > EVENTS_KEPT {
            self.events.remove(1);
        }
    }
}
