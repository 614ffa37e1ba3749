//! Who asked is forgotten when the time of the use case is over. It is all that the box keeps of a use case and its
//! callers: questions and answers are kept under none.

use std::sync::PoisonError;

use super::UseCases;
use crate::engine::run::Inner;
use crate::engine::{EngineError, trail};

const DAY_MS: u64 = 86_400_000;

pub(super) fn forget(inner: &Inner, now_ms: u64) -> Result<(), EngineError> {
    let book = UseCases::book(inner)?;
    let mut gone = 0u64;
    {
        let mut callers = inner.use_cases.callers.lock().unwrap_or_else(PoisonError::into_inner);
        callers.retain(|(name, _), asked| {
            let days = book.get(name).and_then(|one| one.terms.retention_days);
            let over = days.is_some_and(|days| {
                now_ms.saturating_sub(asked.last_ms) >= u64::from(days).saturating_mul(DAY_MS)
            });
            gone += u64::from(over);
            !over
        });
    }
    if gone > 0 {
        tracing::info!(callers = gone, "who asked was forgotten: the time of their use cases is over");
        let told = trail::entry(inner, "use_case.forgotten", trail::BOX, ("use case", "all"));
        trail::enter_outcome(inner, &told.text("callers", gone.to_string()));
    }
    Ok(())
}
