//! Collections, documents, jobs, failures: each a list with filter, order and selection.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::api::types::{Collection, Document, Failure, Job};
use crate::base::InOrder;
use crate::tui::filter::{Filter, Kind, Schema, Value};
use crate::tui::widgets::line_edit::LineEdit;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tab {
    #[default]
    Collections,
    Documents,
    Jobs,
    Failures,
}

impl Tab {
    pub(crate) const ALL: [Self; 4] = [Self::Collections, Self::Documents, Self::Jobs, Self::Failures];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Collections => "Collections",
            Self::Documents => "Documents",
            Self::Jobs => "Jobs",
            Self::Failures => "Failures",
        }
    }

    pub(crate) fn schema(self) -> Schema {
        match self {
            Self::Collections => &[
                ("documents", Kind::Count),
                ("failures", Kind::Count),
                ("size", Kind::Size),
                ("age", Kind::Age),
            ],
            Self::Documents => &[
                ("kind", Kind::Text),
                ("collection", Kind::Text),
                ("size", Kind::Size),
                ("age", Kind::Age),
                ("pages", Kind::Count),
            ],
            Self::Jobs => {
                &[("state", Kind::Text), ("kind", Kind::Text), ("collection", Kind::Text), ("age", Kind::Age)]
            }
            Self::Failures => &[("kind", Kind::Text), ("collection", Kind::Text), ("age", Kind::Age)],
        }
    }

    /// Titles of the columns that can order the list.
    pub(crate) fn orders(self) -> &'static [&'static str] {
        match self {
            Self::Collections => &["name", "documents", "size", "failures"],
            Self::Documents => &["as listed", "name", "size", "modified"],
            Self::Jobs => &["newest", "state", "collection"],
            Self::Failures => &["newest", "kind", "path"],
        }
    }
}

/// The rows of one tab, and which of them are shown in which order.
#[derive(Debug, Clone)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
    pub(crate) loaded: bool,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new(), loaded: false }
    }
}

/// What every tab has, whatever it lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Face {
    pub(crate) filter_text: String,
    pub(crate) filter: Filter,
    pub(crate) problem: Option<String>,
    pub(crate) editing: Option<LineEdit>,
    pub(crate) sort: usize,
    pub(crate) reverse: bool,
    pub(crate) selected: usize,
    /// Indexes into the items.
    pub(crate) order: Vec<usize>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Library {
    pub(crate) tab: Tab,
    pub(crate) faces: [Face; 4],
    pub(crate) collections: List<Collection>,
    pub(crate) documents: List<Document>,
    pub(crate) jobs: List<Job>,
    pub(crate) failures: List<Failure>,
    /// Cursor of the documents' next page.
    pub(crate) next: Option<String>,
    pub(crate) loading: bool,
    pub(crate) serial: u64,
    /// Ids of documents that were selected together.
    pub(crate) marked: BTreeSet<String>,
    /// Documents and failures of this collection only.
    pub(crate) within: Option<String>,
}

impl Library {
    pub(crate) fn list(&self) -> &Face {
        let [a, b, c, d] = &self.faces;
        match self.tab {
            Tab::Collections => a,
            Tab::Documents => b,
            Tab::Jobs => c,
            Tab::Failures => d,
        }
    }

    pub(crate) fn list_mut(&mut self) -> &mut Face {
        self.face_mut(self.tab)
    }

    fn face_mut(&mut self, tab: Tab) -> &mut Face {
        let [a, b, c, d] = &mut self.faces;
        match tab {
            Tab::Collections => a,
            Tab::Documents => b,
            Tab::Jobs => c,
            Tab::Failures => d,
        }
    }

    /// Index of the selected item of the current tab.
    pub(crate) fn selected(&self) -> Option<usize> {
        let face = self.list();
        face.order.get(face.selected).copied()
    }

    pub(crate) fn collection(&self) -> Option<&Collection> {
        self.selected().filter(|_| self.tab == Tab::Collections).and_then(|i| self.collections.items.get(i))
    }

    pub(crate) fn document(&self) -> Option<&Document> {
        self.selected().filter(|_| self.tab == Tab::Documents).and_then(|i| self.documents.items.get(i))
    }

    pub(crate) fn job(&self) -> Option<&Job> {
        self.selected().filter(|_| self.tab == Tab::Jobs).and_then(|i| self.jobs.items.get(i))
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.selected().filter(|_| self.tab == Tab::Failures).and_then(|i| self.failures.items.get(i))
    }

    pub(crate) fn loaded(&self) -> bool {
        match self.tab {
            Tab::Collections => self.collections.loaded,
            Tab::Documents => self.documents.loaded,
            Tab::Jobs => self.jobs.loaded,
            Tab::Failures => self.failures.loaded,
        }
    }

    /// How many rows there are before filtering.
    pub(crate) fn total(&self, tab: Tab) -> usize {
        match tab {
            Tab::Collections => self.collections.items.len(),
            Tab::Documents => self.documents.items.len(),
            Tab::Jobs => self.jobs.items.len(),
            Tab::Failures => self.failures.items.len(),
        }
    }

    /// Filters and orders a tab's rows anew; the selection stays in range.
    pub(crate) fn arrange(&mut self, tab: Tab, now_ms: u64) {
        let mut face = std::mem::take(self.face_mut(tab));
        let f = &face.filter;
        let mut order: Vec<usize> = match tab {
            Tab::Collections => {
                pick(&self.collections.items, |c| f.accepts(&[&c.name], |n| collection_field(c, n, now_ms)))
            }
            Tab::Documents => pick(&self.documents.items, |d| {
                f.accepts(&[&d.path, &d.title], |n| document_field(d, n, now_ms))
            }),
            Tab::Jobs => pick(&self.jobs.items, |j| {
                let current = j.current.as_deref().unwrap_or("");
                let first = j.paths.first().map_or("", String::as_str);
                f.accepts(&[&j.collection, &j.kind, current, first], |n| job_field(j, n, now_ms))
            }),
            Tab::Failures => pick(&self.failures.items, |x| {
                f.accepts(&[&x.path, &x.reason, &x.advice], |n| failure_field(x, n, now_ms))
            }),
        };
        let sort = face.sort;
        order.order_by(|a, b| self.compare(tab, sort, *a, *b));
        if face.reverse {
            order.reverse();
        }
        face.selected = face.selected.min(order.len().saturating_sub(1));
        face.order = order;
        *self.face_mut(tab) = face;
    }

    fn compare(&self, tab: Tab, sort: usize, a: usize, b: usize) -> Ordering {
        fn by<T, K: Ord>(items: &[T], a: usize, b: usize, key: impl Fn(&T) -> K) -> Ordering {
            items.get(a).map(&key).cmp(&items.get(b).map(&key))
        }
        match (tab, sort) {
            (Tab::Collections, 1) => by(&self.collections.items, b, a, |c| c.documents),
            (Tab::Collections, 2) => by(&self.collections.items, b, a, |c| c.source_bytes),
            (Tab::Collections, 3) => by(&self.collections.items, b, a, |c| c.failures),
            (Tab::Collections, _) => by(&self.collections.items, a, b, |c| c.name.to_lowercase()),
            (Tab::Documents, 1) => by(&self.documents.items, a, b, |d| name(d).to_lowercase()),
            (Tab::Documents, 2) => by(&self.documents.items, b, a, |d| d.bytes),
            (Tab::Documents, 3) => by(&self.documents.items, b, a, |d| d.modified_ms),
            (Tab::Documents, _) => a.cmp(&b),
            (Tab::Jobs, 1) => by(&self.jobs.items, a, b, |j| (j.state.is_final(), job_state(j).to_owned())),
            (Tab::Jobs, 2) => by(&self.jobs.items, a, b, |j| j.collection.clone()),
            (Tab::Jobs, _) => by(&self.jobs.items, b, a, |j| j.created_ms),
            (Tab::Failures, 1) => by(&self.failures.items, a, b, |f| f.kind.clone()),
            (Tab::Failures, 2) => by(&self.failures.items, a, b, |f| f.path.clone()),
            (Tab::Failures, _) => by(&self.failures.items, b, a, |f| f.at_ms),
        }
    }
}

fn pick<T>(items: &[T], fine: impl Fn(&T) -> bool) -> Vec<usize> {
    items.iter().enumerate().filter(|(_, t)| fine(t)).map(|(i, _)| i).collect()
}

/// What a document is called: its title, or its file's name.
pub(crate) fn name(d: &Document) -> &str {
    if d.title.trim().is_empty() { crate::tui::text::file_name(&d.path) } else { &d.title }
}

pub(crate) fn job_state(j: &Job) -> &'static str {
    use crate::api::types::JobState as S;
    match j.state {
        S::Queued => "queued",
        S::Running => "running",
        S::Done => "done",
        S::Failed => "failed",
        S::Cancelled => "cancelled",
    }
}

fn since(now_ms: u64, then_ms: u64) -> Option<Value<'static>> {
    Some(Value::Number(now_ms.saturating_sub(then_ms)))
}

fn collection_field<'a>(c: &'a Collection, name: &str, now_ms: u64) -> Option<Value<'a>> {
    match name {
        "documents" => Some(Value::Number(c.documents)),
        "failures" => Some(Value::Number(c.failures)),
        "size" => Some(Value::Number(c.source_bytes)),
        "age" => since(now_ms, c.created_ms),
        _ => None,
    }
}

fn document_field<'a>(d: &'a Document, name: &str, now_ms: u64) -> Option<Value<'a>> {
    match name {
        "kind" => Some(Value::Text(&d.kind)),
        "collection" => Some(Value::Text(&d.collection)),
        "size" => Some(Value::Number(d.bytes)),
        "pages" => Some(Value::Number(u64::from(d.pages))),
        "age" => since(now_ms, d.modified_ms),
        _ => None,
    }
}

pub(crate) fn job_field<'a>(j: &'a Job, name: &str, now_ms: u64) -> Option<Value<'a>> {
    match name {
        "state" => Some(Value::Text(job_state(j))),
        "kind" => Some(Value::Text(&j.kind)),
        "collection" => Some(Value::Text(&j.collection)),
        "age" => since(now_ms, j.created_ms),
        _ => None,
    }
}

fn failure_field<'a>(f: &'a Failure, name: &str, now_ms: u64) -> Option<Value<'a>> {
    match name {
        "kind" => Some(Value::Text(&f.kind)),
        "collection" => Some(Value::Text(&f.collection)),
        "age" => since(now_ms, f.at_ms),
        _ => None,
    }
}

/// A job in names and values, for the detail view.
pub(crate) fn job_fields(j: &Job) -> Vec<(String, String)> {
    use crate::base::format_bytes;
    use crate::tui::text::{count, span};
    let mut out = vec![
        ("job".to_owned(), j.id.clone()),
        ("kind".to_owned(), j.kind.clone()),
        ("state".to_owned(), job_state(j).to_owned()),
        ("collection".to_owned(), j.collection.clone()),
        ("files".to_owned(), format!("{} of {}", count(j.files_done), count(j.files_total))),
        ("unchanged".to_owned(), count(j.files_skipped)),
        ("failed".to_owned(), count(j.files_failed)),
        ("removed".to_owned(), count(j.files_removed)),
        ("bytes".to_owned(), format!("{} of {}", format_bytes(j.bytes_done), format_bytes(j.bytes_total))),
        ("passages".to_owned(), count(j.chunks)),
        ("rate".to_owned(), format!("{}/s", format_bytes(j.bytes_per_second))),
    ];
    out.extend(j.eta_ms.map(|ms| ("time left".to_owned(), span(ms))));
    out.extend(j.current.clone().map(|c| ("working on".to_owned(), c)));
    out.extend(j.error.clone().map(|e| ("error".to_owned(), e)));
    out.extend(j.paths.iter().map(|p| ("path".to_owned(), p.clone())));
    out
}

/// A failure in names and values, for the detail view.
pub(crate) fn failure_fields(f: &Failure, now_ms: u64) -> Vec<(String, String)> {
    vec![
        ("path".to_owned(), f.path.clone()),
        ("collection".to_owned(), f.collection.clone()),
        ("kind".to_owned(), f.kind.clone()),
        ("reason".to_owned(), f.reason.clone()),
        ("what to do".to_owned(), f.advice.clone()),
        ("when".to_owned(), format!("{} ago", crate::tui::text::age(now_ms, f.at_ms))),
    ]
}
