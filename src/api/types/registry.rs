//! Models as they are governed, and judged questions.

use serde::{Deserialize, Serialize};

use super::approval::Gate;

/// Every model, and what answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelRegistry {
    /// SHA-256 of the model that answers.
    pub serving: String,
    /// True where it was promoted here: models are then changed by promotion only.
    pub governed: bool,
    pub since_ms: Option<u64>,
    /// What a rollback brings back.
    pub previous: Option<String>,
    /// SHA-256 of the model that is being promoted.
    pub promoting: Option<String>,
    /// Who holds all promotions, and why.
    pub held: Option<String>,
    pub items: Vec<ModelVersion>,
    /// Ask again with this as `cursor`; absent on the last page.
    pub next: Option<String>,
}

/// A registered model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelVersion {
    pub sha256: String,
    pub name: String,
    pub licence: String,
    pub source: String,
    pub about: String,
    pub rows: u32,
    pub columns: u32,
    pub bytes: u64,
    pub by: String,
    pub login: Option<String>,
    pub at_ms: u64,
    /// `none`, `staging`, `production` or `archived`.
    pub stage: String,
    /// `not submitted`, `pending`, `approved`, `rejected`, `withdrawn` or `expired`.
    pub review: String,
    /// The request that asks for it.
    pub approval: Option<String>,
    pub approved_ms: Option<u64>,
    /// As they were measured last; none until then.
    pub gates: Vec<Gate>,
    pub measured_ms: Option<u64>,
    /// Passages whose vectors under it are not made yet.
    pub passages_missing: u64,
    pub serving: bool,
    pub previous: bool,
    /// What its signature says now, where one came with it.
    pub signature: Option<String>,
    /// What was said of it when it was registered.
    pub metadata: Vec<ModelFact>,
    /// How it did on real questions while it was staged.
    pub shadow: Option<ModelShadow>,
}

/// Something that was said of a model: its licence, what it was trained on, a metric.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelFact {
    pub name: String,
    pub value: String,
}

/// A sample of real questions, asked of a staged model and of the one that answers; their texts are not kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelShadow {
    pub questions: u64,
    /// Part of the first ten results that are the same, from 0 to 1.
    pub overlap: f64,
    /// Part of the questions with the same first result.
    pub top1: f64,
    /// Means of what answers and of this model.
    pub production_ms: f64,
    pub candidate_ms: f64,
    pub since_ms: u64,
    pub last_ms: u64,
}

/// A model to register.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegisterModel {
    /// A model file, or a Model2Vec folder; absolute.
    pub path: String,
    /// What there is to say of it.
    pub about: String,
    /// In place of the one that the artifact names.
    pub licence: Option<String>,
    /// A bundle of OpenSSF Model Signing; absolute. Absent: `model.sig` of the folder, where there is one.
    pub signature: Option<String>,
    /// TOML or JSON: licence, description, source, training_data, and a table metrics of numbers.
    pub metadata: String,
}

/// A request for votes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubmitModel {
    pub reason: String,
    /// `low`, `medium` (where it is absent), `high` or `critical`.
    pub impact: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelReason {
    pub reason: String,
}

/// One thing that happened to a model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelMove {
    pub id: String,
    pub at_ms: u64,
    /// `registered`, `submitted`, `approved`, `staged`, `promoted`, `rolled back to`, ...
    pub what: String,
    pub sha256: String,
    pub name: String,
    pub by: String,
    pub reason: String,
    /// What answered before and after, where that changed.
    pub before: Option<String>,
    pub after: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelHistoryQuery {
    /// Absent: of all.
    pub model: Option<String>,
    pub cursor: Option<String>,
    pub limit: usize,
}

/// Which two models are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompareModels {
    /// SHA-256, its beginning, or a name.
    pub a: String,
    pub b: String,
}

/// Two models, or two revisions of a use case, side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelComparison {
    /// Names with the beginnings of the SHA-256s; or with the numbers of the revisions.
    pub a: String,
    pub b: String,
    pub fields: Vec<ComparedField>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ComparedField {
    pub name: String,
    pub a: String,
    pub b: String,
    pub differs: bool,
}

/// What answered at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServedModel {
    pub at_ms: u64,
    pub sha256: String,
    pub name: String,
    /// Since when, by whom and why; absent where it was before any promotion.
    pub since: Option<ModelMove>,
}

/// A question with what answers it, as people judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JudgedQuestion {
    pub id: String,
    pub collection: String,
    pub question: String,
    pub targets: Vec<JudgedTarget>,
    pub by: String,
    pub login: Option<String>,
    pub at_ms: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JudgedTarget {
    pub file: String,
    pub heading: String,
    /// Names a passage by what it says; empty where a whole section is meant.
    pub passage: String,
    /// 0 does not answer; 1 does, more answers better.
    pub relevance: u32,
}

/// What somebody judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JudgeAnswers {
    pub items: Vec<Judgement>,
}

/// One word on one result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Judgement {
    pub collection: String,
    pub question: String,
    /// End of the file's path.
    pub file: String,
    /// Innermost heading.
    pub heading: String,
    /// The passage as it was shown; empty where the whole section is meant.
    pub text: String,
    pub relevance: u32,
}
