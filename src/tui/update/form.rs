//! Keys while a form is filled in.

use super::{dashboards, incidents};
use crate::tui::effect::Effect;
use crate::tui::key::{Code, Key};
use crate::tui::model::{Form, FormOf, FormRow, Model, Overlay};

pub(super) fn paste(form: &mut Form, text: &str) {
    if let Some(FormRow::Text { edit, .. }) = form.rows.get_mut(form.field) {
        edit.insert(text);
    }
}

pub(super) fn key(model: &mut Model, mut form: Box<Form>, key: Key) -> Vec<Effect> {
    form.problem = None;
    let cancel = form.rows.len();
    let fields = cancel + 2;
    let edited = match form.rows.get_mut(form.field) {
        Some(FormRow::Text { edit, .. }) => edit.key(key),
        Some(FormRow::Choice { options, at, .. }) => match key.code {
            Code::Left => {
                *at = (*at + options.len() - 1) % options.len().max(1);
                true
            }
            Code::Right | Code::Char(' ') => {
                *at = (*at + 1) % options.len().max(1);
                true
            }
            _ => false,
        },
        None => false,
    };
    match key.code {
        _ if edited => {}
        Code::Tab | Code::Down => form.field = (form.field + 1) % fields,
        Code::BackTab | Code::Up => form.field = (form.field + fields - 1) % fields,
        Code::Left if form.field > cancel => form.field = cancel,
        Code::Right if form.field == cancel => form.field += 1,
        Code::Enter if form.field == cancel => return Vec::new(),
        // Enter moves on, and stops at Cancel: only the button decides.
        Code::Enter if form.field < cancel => form.field += 1,
        Code::Enter => {
            let done = match &form.of {
                FormOf::Incident(_) => incidents::filled(&form),
                FormOf::Panel(at, new) => dashboards::filled(model, &form, *at, *new),
                FormOf::Dashboard => dashboards::named(model, &form),
            };
            match done {
                Ok(effects) => return effects,
                Err((field, problem)) => (form.field, form.problem) = (field, Some(problem)),
            }
        }
        _ => {}
    }
    model.overlay = Some(Overlay::Form(form));
    Vec::new()
}
