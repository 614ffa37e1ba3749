//! Keys while a form is filled in, and what it says then.

use serde_json::Value;

use super::{dashboards, library, mode};
use crate::base::parse_time;
use crate::tui::effect::{Effect, Order, Request, SentFile};
use crate::tui::key::{Code, Key};
use crate::tui::model::{Form, FormOf, FormRow, Kind, Model, Overlay, Sent};

/// The row that is wrong, and why.
pub(super) type Wrong = (usize, &'static str);

pub(super) fn paste(form: &mut Form, text: &str) {
    if form.signs && text.starts_with("-----BEGIN SSH SIGNATURE") {
        form.pasted = Some(text.to_owned());
        return;
    }
    match form.rows.get_mut(form.field) {
        // What must be typed is typed.
        Some(FormRow::Text { sent: Sent { kind: Kind::Typed, .. }, .. }) => {
            form.problem = Some("This is typed by hand.");
        }
        Some(FormRow::Text { edit, .. }) => edit.insert(text),
        _ => {}
    }
}

/// True where the row took the key.
fn edited(form: &mut Form, key: Key) -> bool {
    match form.rows.get_mut(form.field) {
        Some(FormRow::Text { edit, .. }) => edit.key(key),
        Some(FormRow::Choice { options, at, .. }) => {
            let by = match key.code {
                Code::Left => options.len() - 1,
                Code::Right | Code::Char(' ') => 1,
                _ => return false,
            };
            *at = (*at + by) % options.len().max(1);
            true
        }
        None => false,
    }
}

pub(super) fn key(model: &mut Model, mut form: Box<Form>, key: Key) -> Vec<Effect> {
    form.problem = None;
    let cancel = form.rows.len();
    let fields = cancel + 2;
    match key.code {
        _ if edited(&mut form, key) => {}
        Code::Tab | Code::Down => form.field = (form.field + 1) % fields,
        Code::BackTab | Code::Up => form.field = (form.field + fields - 1) % fields,
        Code::Left if form.field > cancel => form.field = cancel,
        Code::Right if form.field == cancel => form.field += 1,
        Code::Enter if form.field == cancel => return Vec::new(),
        // Enter moves on, and stops at Cancel: only the button decides, where something is decided.
        Code::Enter if form.field < cancel && !form.eager => form.field += 1,
        Code::Enter => match done(model, &form) {
            Ok(effects) => return effects,
            Err((field, problem)) => (form.field, form.problem) = (field, Some(problem)),
        },
        _ => {}
    }
    model.overlay = Some(Overlay::Form(form));
    Vec::new()
}

fn done(model: &mut Model, form: &Form) -> Result<Vec<Effect>, Wrong> {
    Ok(match &form.of {
        FormOf::Orders(orders) => {
            let mut orders = orders.clone();
            for order in &mut orders {
                fill(order, form)?;
            }
            vec![send(orders)]
        }
        FormOf::Add => vec![Effect::Request(library::filled(form)?)],
        FormOf::Force(breaker) => vec![Effect::Request(mode::filled(form, breaker.as_ref())?)],
        FormOf::Letter(id) => {
            let text = form.rows.first().map(FormRow::value).unwrap_or_default();
            vec![Effect::Request(Request::SaveLetter(id.clone(), text))]
        }
        FormOf::Panel(at, new) => dashboards::filled(model, form, *at, *new)?,
        FormOf::Dashboard => dashboards::named(model, form)?,
    })
}

pub(super) fn send(orders: Vec<Order>) -> Effect {
    Effect::Request(Request::Order(orders))
}

/// Puts what was typed into the order.
fn fill(order: &mut Order, form: &Form) -> Result<(), Wrong> {
    for (at, row) in form.rows.iter().enumerate() {
        let (sent, text) = (row.sent(), row.value());
        match sent.kind {
            Kind::File if form.pasted.is_some() => {}
            Kind::Typed if text == sent.was => {}
            Kind::Typed => return Err((at, "That is not what must be typed.")),
            _ if text.is_empty() && !sent.needed.is_empty() => return Err((at, sent.needed)),
            // What is absent stays as it is.
            _ if form.edits && text == sent.was => {}
            _ if text.is_empty() && !form.edits => {}
            Kind::Save => order.save = order.save.take().map(|(_, part)| (text, part)),
            Kind::NamedFile => order.file = Some(SentFile { field: sent.key, path: text, is_named: true }),
            Kind::File if !is_itself(&text) => {
                order.file = Some(SentFile { field: sent.key, path: text, is_named: false });
            }
            kind => order.fields.push((sent.key, value(kind, &text).map_err(|wrong| (at, wrong))?)),
        }
    }
    order.fields.extend(form.pasted.clone().map(|signature| ("signature", signature.into())));
    // A reason for no change is a note.
    if order.method == "PATCH" && order.fields.iter().all(|(name, _)| matches!(*name, "etag" | "text")) {
        for (name, _) in order.fields.iter_mut().filter(|(name, _)| *name == "text") {
            *name = "note";
        }
    }
    Ok(())
}

/// True for what is no path of a file, but what stands in one.
fn is_itself(text: &str) -> bool {
    ["ssh-", "sk-", "ecdsa-", "-----BEGIN"].iter().any(|start| text.starts_with(start))
}

/// What was typed, as the box wants it.
fn value(kind: Kind, text: &str) -> Result<Value, &'static str> {
    Ok(match kind {
        Kind::List => text.split(',').map(str::trim).filter(|one| !one.is_empty()).collect(),
        Kind::Number if text.is_empty() => 0.into(),
        Kind::Number => text.parse::<u64>().map_err(|_| "It is no number.")?.into(),
        Kind::Seconds => {
            let time = humantime::parse_duration(text).map_err(|_| "The time is written 12h or 30d.")?;
            time.as_secs().into()
        }
        Kind::Date => parse_time(text).ok_or("The date is written 2026-12-31 (UTC).")?.into(),
        Kind::Flag => (text == "yes").into(),
        Kind::Path if !text.starts_with('/') => {
            return Err("The path must begin with / (a path on the box).");
        }
        _ => text.into(),
    })
}
