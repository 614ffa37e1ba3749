//! What was unlocked is locked again where nobody is there any more.

use crate::tui::model::Model;
use crate::tui::theme::Tone;

/// Without a key for so long, a view is read-only again.
const UNLOCKED_MS: u64 = 5 * 60_000;

/// True where nobody was there for long: what was unlocked is locked, and what was being decided is put away.
pub(super) fn over(model: &mut Model) -> bool {
    let over = model.unlocked && model.now_ms.saturating_sub(model.last_key_ms) >= UNLOCKED_MS;
    if over {
        (model.unlocked, model.overlay) = (false, None);
        model.tell(Tone::Warn, "Read-only again: no key was pressed for five minutes.");
    }
    over
}
