//! Keys while something lies over the view: help, palette, dialogs.

use super::{act, alerts, config, form, moved};
use crate::base::InOrder;
use crate::tui::action::{Action, Spec, TABLE, groups};
use crate::tui::effect::Effect;
use crate::tui::key::{Code, Key};
use crate::tui::model::{Confirm, Model, Overlay, PickOf, View};

/// Text from the clipboard goes where the overlay types.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    match &mut model.overlay {
        Some(Overlay::Palette { edit, .. }) => edit.insert(text),
        Some(Overlay::Form(open)) => form::paste(open, text.trim()),
        Some(Overlay::Alert(dialog)) => alerts::paste(dialog, text.trim()),
        Some(Overlay::Setting(_)) => return config::paste(model, text.trim()),
        _ => {}
    }
    Vec::new()
}

pub(super) fn key(model: &mut Model, key: Key) -> Vec<Effect> {
    if key == Key::ctrl('c') {
        return act(model, Action::Quit);
    }
    let Some(overlay) = model.overlay.take() else { return Vec::new() };
    if key.code == Code::Esc {
        return Vec::new();
    }
    match overlay {
        Overlay::Help { top } => {
            model.overlay = scrolled(model, key, top, 200).map(|top| Overlay::Help { top });
        }
        Overlay::Pick { of, items, mut selected } => match key.code {
            Code::Enter => {
                let name = items.get(selected).map(|(name, _)| name);
                return match of {
                    PickOf::UseCase => super::ask::picked(model, name),
                    PickOf::Framework => super::audit::picked(model, name),
                };
            }
            _ => {
                let action = model.keymap.action(View::Library, key).unwrap_or(Action::Back);
                selected = moved(selected, action, items.len(), 10);
                model.overlay = Some(Overlay::Pick { of, items, selected });
            }
        },
        Overlay::Detail { title, fields, top } => {
            if let Some(top) = scrolled(model, key, top, rows_of(&fields)) {
                model.overlay = Some(Overlay::Detail { title, fields, top });
            }
        }
        Overlay::Palette { mut edit, mut selected } => {
            let found = matches(model.view, &edit.text());
            match key.code {
                Code::Enter => {
                    if let Some(spec) = found.get(selected) {
                        return act(model, spec.action);
                    }
                    return Vec::new();
                }
                Code::Up | Code::BackTab => selected = moved(selected, Action::Up, found.len(), 10),
                Code::Down | Code::Tab => selected = moved(selected, Action::Down, found.len(), 10),
                _ => {
                    if edit.key(key) {
                        selected = 0;
                    }
                }
            }
            model.overlay = Some(Overlay::Palette { edit, selected });
        }
        Overlay::Setting(dialog) => return super::config::dialog(model, dialog, key),
        Overlay::Form(open) => return form::key(model, open, key),
        Overlay::Alert(dialog) => return super::alerts::dialog(model, dialog, key),
        Overlay::Confirm(mut dialog) => {
            if let Some(effects) = confirm(&mut dialog, key) {
                if !effects.is_empty() {
                    model.library.marked.clear();
                }
                return effects;
            }
            model.overlay = Some(Overlay::Confirm(dialog));
        }
    }
    Vec::new()
}

/// Rows that so much text may take, at most: the view knows better, and stops at the end.
fn rows_of(fields: &[(String, String)]) -> usize {
    fields.iter().map(|(_, value)| value.lines().count() + value.len() / 20 + 1).sum()
}

/// Where a scrolled text stands after a key; `None` closes it.
fn scrolled(model: &Model, key: Key, top: usize, len: usize) -> Option<usize> {
    match model.keymap.action(model.view, key) {
        Some(Action::Help | Action::Quit | Action::Open) => None,
        Some(action) => Some(moved(top, action, len, model.body_height())),
        None => Some(top),
    }
}

/// Actions of the table that fit what was typed, those of the view first.
pub(crate) fn matches(view: View, typed: &str) -> Vec<&'static Spec> {
    let typed = typed.trim().to_lowercase();
    let here = groups(view);
    let mut found: Vec<(u8, &Spec)> = TABLE
        .iter()
        .filter(|s| s.action != Action::Palette)
        .filter_map(|s| {
            let label = s.label.to_lowercase();
            let away = u8::from(!here.contains(&s.group)) * 8;
            let rank = if s.id.starts_with(&typed) {
                0
            } else if s.id.contains(&typed) {
                1
            } else if label.contains(&typed) {
                2
            } else if in_order(&typed, s.id) {
                3
            } else {
                return None;
            };
            Some((rank + away, s))
        })
        .collect();
    found.order_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, s)| s).collect()
}

/// True when the letters of `needle` occur in `hay` in this order.
fn in_order(needle: &str, hay: &str) -> bool {
    let mut hay = hay.chars();
    needle.chars().all(|c| hay.any(|h| h == c))
}

/// `None` keeps the dialog open; requests go out only after the right focus.
fn confirm(dialog: &mut Confirm, key: Key) -> Option<Vec<Effect>> {
    match key.code {
        Code::Enter if dialog.yes => Some(dialog.requests.drain(..).map(Effect::Request).collect()),
        Code::Enter => Some(Vec::new()),
        Code::Tab | Code::BackTab | Code::Left | Code::Right => {
            dialog.yes = !dialog.yes;
            None
        }
        _ => None,
    }
}
