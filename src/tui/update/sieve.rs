//! `/` in the lists that are held as a whole: models, use cases, access, incidents.

use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::key::{Code, Key};
use crate::tui::model::{Model, Sieve, View};
use crate::tui::widgets::line_edit::LineEdit;

pub(super) fn clear(model: &mut Model) {
    model.sieve = Sieve::default();
    model.sifted();
}

/// A key while words are typed that the rows of a list must have.
pub(super) fn typing(model: &mut Model, key: Key) -> Option<Vec<Effect>> {
    let edit = model.sieve.editing.as_mut()?;
    match key.code {
        Code::Enter | Code::Down => {
            model.sieve.text = edit.text().trim().to_owned();
            model.sieve.editing = None;
        }
        Code::Esc => model.sieve.editing = None,
        _ if edit.key(key) => {}
        _ => return None,
    }
    model.sifted();
    Some(Vec::new())
}

/// Begins a filter, or drops it; `None` where that is not what the action means here.
pub(super) fn act(model: &mut Model, action: Action) -> Option<Vec<Effect>> {
    if !matches!(model.view, View::Models | View::UseCases | View::Access | View::Incidents) {
        return None;
    }
    match action {
        Action::Filter => model.sieve.editing = Some(LineEdit::with(&model.sieve.text)),
        Action::Back if !model.sieve.text.is_empty() => clear(model),
        _ => return None,
    }
    Some(Vec::new())
}
