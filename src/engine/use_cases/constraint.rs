//! Models that use cases let answer: asked when one is promoted, and when a use case is deployed.

use super::UseCases;
use crate::engine::run::Inner;
use crate::engine::{EngineError, registry};
use crate::governance::use_case::{Input, Measured, UseCase};

/// How many of the use cases that are served ask something of a model, and why those of them deny it that do.
pub(in crate::engine) fn denials(
    inner: &Inner,
    model: (&str, &str),
    measured: &[Measured],
) -> Result<(usize, Vec<String>), EngineError> {
    let now_ms = inner.clock.now_ms();
    let book = UseCases::book(inner)?;
    let asking: Vec<&UseCase> = book.values().filter(|one| one.watches(now_ms)).collect();
    Ok((asking.len(), asking.iter().filter_map(|one| one.fits(model, measured).err()).collect()))
}

/// Where a use case is deployed, what answers now must be what it asks for.
///
/// # Errors
/// What does not fit.
pub(super) fn holds(inner: &Inner, one: &UseCase, input: &Input<'_>) -> Result<(), EngineError> {
    if !one.constrains() || !matches!(input, Input::Deploy { .. }) {
        return Ok(());
    }
    let measured = match one.terms.quality {
        Some(_) => registry::answering(inner, &one.terms.collections)?,
        None => Vec::new(),
    };
    let model = inner.library.model();
    one.fits((&inner.library.model_id(), &model.meta().name), &measured).map_err(|what| {
        EngineError::Conflict {
            what,
            advice: "promote a model that fits (spud model promote), or write another use case".into(),
        }
    })
}
