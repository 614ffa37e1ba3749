//! What a use case asks of the model that answers: that it is one of some, and that it answers well enough. Pure.

use super::{State, UseCase};

/// Questions of a collection before their mean means something.
const QUESTIONS_LEAST: usize = 3;
/// Letters of a SHA-256 that name a model.
const LETTERS_LEAST: usize = 6;

/// How well a model answers the judged questions of a collection.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub collection: String,
    pub questions: usize,
    /// Mean nDCG@10.
    pub quality: f64,
}

impl UseCase {
    /// True where something is asked of the model.
    #[must_use]
    pub fn constrains(&self) -> bool {
        !self.terms.models.is_empty() || self.terms.quality.is_some()
    }

    /// True where it is served and constrains: no model may begin to answer that does not fit.
    #[must_use]
    pub fn watches(&self, now_ms: u64) -> bool {
        self.constrains() && matches!(self.state_at(now_ms), State::Deployed | State::Deprecated)
    }

    /// Whether a model may answer under it; `measured` are the collections that have judged questions.
    ///
    /// # Errors
    /// What does not fit, with the figures.
    pub fn fits(&self, (sha256, name): (&str, &str), measured: &[Measured]) -> Result<(), String> {
        let terms = &self.terms;
        let is = |wanted: &String| {
            wanted == name || (wanted.len() >= LETTERS_LEAST && sha256.starts_with(wanted.as_str()))
        };
        if !terms.models.is_empty() && !terms.models.iter().any(is) {
            let short: String = sha256.chars().take(12).collect();
            return Err(format!(
                "the use case {} lets only {} answer, not {name} ({short})",
                self.name,
                terms.models.join(", ")
            ));
        }
        let Some(least) = terms.quality else { return Ok(()) };
        let named =
            |one: &&Measured| terms.collections.is_empty() || terms.collections.contains(&one.collection);
        let of_it: Vec<&Measured> =
            measured.iter().filter(named).filter(|one| one.questions >= QUESTIONS_LEAST).collect();
        let wanted = f64::from(least) / 1000.0;
        if of_it.is_empty() {
            return Err(format!(
                "the use case {} asks for nDCG@10 {wanted:.3}, and none of its collections has {QUESTIONS_LEAST} \
                 judged questions (spud judge)",
                self.name
            ));
        }
        let worse = of_it.into_iter().find(|one| one.quality < wanted - 1e-9);
        worse.map_or(Ok(()), |one| {
            Err(format!(
                "the use case {} asks for nDCG@10 {wanted:.3} on {}; {name} has {:.3} over {} questions",
                self.name, one.collection, one.quality, one.questions
            ))
        })
    }
}
