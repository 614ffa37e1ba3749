//! A form: lines that say what it is about, rows of texts and choices, then Cancel, then the button.

use std::borrow::Cow;

use crate::tui::effect::Order;
use crate::tui::widgets::line_edit::LineEdit;

/// What the value of a row is to the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    #[default]
    Text,
    /// Names, with commas between.
    List,
    Number,
    /// 12h, 30d: seconds.
    Seconds,
    /// 2026-12-31: milliseconds.
    Date,
    /// yes or no.
    Flag,
    /// What must be typed by hand to allow it; it is not sent.
    Typed,
    /// A text of its own, or the path of a file with it.
    File,
    /// The path of a file that is sent line by line as it stands, with its name.
    NamedFile,
    /// Where the answer goes.
    Save,
    /// On the box.
    Path,
}

/// A row of a form as a table has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// On the wire.
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) kind: Kind,
    /// What is said where it is empty; it may be empty where this is.
    pub(crate) needed: &'static str,
    /// What can be chosen; nothing where it is typed.
    pub(crate) options: &'static [&'static str],
}

impl Field {
    pub(crate) const fn new(key: &'static str, label: &'static str, hint: &'static str) -> Self {
        Self { key, label, hint, kind: Kind::Text, needed: "", options: &[] }
    }

    pub(crate) const fn is(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(crate) const fn needed(self, needed: &'static str) -> Self {
        Self { needed, ..self }
    }

    pub(crate) const fn of(self, options: &'static [&'static str]) -> Self {
        Self { options, ..self }
    }

    pub(crate) fn row(self, was: &str) -> FormRow {
        let Self { key, label, hint, kind, needed, options } = self;
        let sent = Sent { key, kind, needed, was: was.to_owned() };
        let label = Cow::Borrowed(label);
        if options.is_empty() {
            return FormRow::Text { label, hint, edit: LineEdit::with(was), sent };
        }
        let at = options.iter().position(|option| *option == was).unwrap_or(0);
        FormRow::Choice { label, options, at, sent }
    }
}

/// How a row goes to the box.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent {
    pub(crate) key: &'static str,
    pub(crate) kind: Kind,
    pub(crate) needed: &'static str,
    /// What it held at first; of what is typed by hand, what must be typed.
    pub(crate) was: String,
}

/// A row of a form.
#[derive(Debug, Clone)]
pub(crate) enum FormRow {
    Text { label: Cow<'static, str>, hint: &'static str, edit: LineEdit, sent: Sent },
    Choice { label: Cow<'static, str>, options: &'static [&'static str], at: usize, sent: Sent },
}

impl FormRow {
    pub(crate) fn text(label: &'static str, hint: &'static str, text: &str) -> Self {
        Field::new("", label, hint).row(text)
    }

    pub(crate) fn choice(label: &'static str, options: &'static [&'static str], wanted: &str) -> Self {
        Field::new("", label, "").of(options).row(wanted)
    }

    /// What must be typed by hand.
    pub(crate) fn typed(want: String) -> Self {
        let sent = Sent { kind: Kind::Typed, was: want, ..Sent::default() };
        // A long one stands above: it has no room beside its row.
        let label = match sent.was.len() {
            0..=6 => Cow::Owned(format!("Type {}", sent.was)),
            _ => Cow::Borrowed("Type it"),
        };
        Self::Text { label, hint: "to allow it", edit: LineEdit::default(), sent }
    }

    pub(crate) fn sent(&self) -> &Sent {
        match self {
            Self::Text { sent, .. } | Self::Choice { sent, .. } => sent,
        }
    }

    /// What it holds.
    pub(crate) fn value(&self) -> String {
        match self {
            Self::Text { edit, .. } => edit.text().trim().to_owned(),
            Self::Choice { options, at, .. } => options.get(*at).copied().unwrap_or_default().to_owned(),
        }
    }
}

/// What a form is for.
#[derive(Debug, Clone)]
pub(crate) enum FormOf {
    /// One for each thing, with what is sent beside the rows.
    Orders(Vec<Order>),
    /// Documents are added.
    Add,
    /// A mode is forced, or the breaker of this name held.
    Force(Option<String>),
    /// The payload of the dead letter of this id.
    Letter(String),
    /// Of the dashboard that is shown, by place; whether it is a new one.
    Panel(usize, bool),
    /// The dashboard that is shown is saved.
    Dashboard,
}

#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) of: FormOf,
    pub(crate) title: Cow<'static, str>,
    pub(crate) verb: &'static str,
    /// What it is about.
    pub(crate) body: Vec<String>,
    pub(crate) rows: Vec<FormRow>,
    /// Only what was changed is sent.
    pub(crate) edits: bool,
    /// Enter in a row does it: it can do no harm.
    pub(crate) eager: bool,
    /// A vote: it may be signed.
    pub(crate) signs: bool,
    /// A signature that was pasted.
    pub(crate) pasted: Option<String>,
    pub(crate) field: usize,
    pub(crate) problem: Option<&'static str>,
}

impl Form {
    pub(crate) fn new(of: FormOf, rows: Vec<FormRow>) -> Box<Self> {
        let (title, verb) = match of {
            FormOf::Panel(_, true) => ("Add a panel", "Add"),
            FormOf::Panel(..) => ("Change a panel", "Change"),
            FormOf::Dashboard => ("Save the dashboard", "Save"),
            FormOf::Add => ("Add to the library", "Add"),
            FormOf::Force(_) => ("Force a mode", "Force"),
            FormOf::Letter(_) => ("Edit the payload", "Save"),
            FormOf::Orders(_) => ("", ""),
        };
        let (body, pasted) = (Vec::new(), None);
        let title = Cow::Borrowed(title);
        Box::new(Self {
            of,
            title,
            verb,
            body,
            rows,
            edits: false,
            eager: false,
            signs: false,
            pasted,
            field: 0,
            problem: None,
        })
    }

    /// The row of this field stands at this choice.
    pub(crate) fn choose(&mut self, key: &str, wanted: &str) {
        for row in &mut self.rows {
            if let FormRow::Choice { options, at, sent, .. } = row
                && sent.key == key
                && let Some(found) = options.iter().position(|option| *option == wanted)
            {
                *at = found;
            }
        }
    }

    /// What the row of this place holds.
    pub(crate) fn value(&self, at: usize) -> String {
        self.rows.get(at).map(FormRow::value).unwrap_or_default()
    }

    /// What the row of this label holds.
    pub(crate) fn named(&self, wanted: &str) -> String {
        let is = |row: &&FormRow| match row {
            FormRow::Text { label, .. } | FormRow::Choice { label, .. } => *label == wanted,
        };
        self.rows.iter().find(is).map(FormRow::value).unwrap_or_default()
    }
}
