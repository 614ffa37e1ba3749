//! The library: lists, filters, and what changes them.

use super::moved;
use crate::api::types::{AddRequest, Collection, Document, DocumentQuery, Job, Page};
use crate::tui::action::Action;
use crate::tui::effect::{Effect, Request};
use crate::tui::filter::Filter;
use crate::tui::key::{Code, Key};
use crate::tui::model::{Confirm, Form, FormOf, FormRow, Model, Overlay, Tab, failure_fields, job_fields};
use crate::tui::text;
use crate::tui::theme::Tone;
use crate::tui::update::form::Wrong;
use crate::tui::widgets::line_edit::LineEdit;

/// Documents per page, and how near the end the next page is asked for.
const PAGE: usize = 100;
const NEAR: usize = 30;
/// Jobs that are kept in the list.
const JOBS_MAX: usize = 500;

/// A key while a filter is typed.
pub(super) fn typing(model: &mut Model, key: Key) -> Option<Vec<Effect>> {
    let tab = model.library.tab;
    let now = model.now_ms;
    let face = model.library.list_mut();
    let edit = face.editing.as_mut()?;
    match key.code {
        Code::Enter | Code::Down => {
            face.editing = None;
            return Some(if tab == Tab::Documents { load_documents(model) } else { Vec::new() });
        }
        Code::Esc => {
            face.editing = None;
            return Some(set_filter(model, ""));
        }
        _ if edit.key(key) => {}
        _ => return None,
    }
    let text = edit.text();
    apply(model, &text, tab);
    model.library.arrange(tab, now);
    Some(Vec::new())
}

fn apply(model: &mut Model, text: &str, tab: Tab) {
    let face = model.library.list_mut();
    text.clone_into(&mut face.filter_text);
    match Filter::parse(text, tab.schema()) {
        Ok(filter) => (face.filter, face.problem) = (filter, None),
        Err(problem) => face.problem = Some(problem),
    }
}

fn set_filter(model: &mut Model, text: &str) -> Vec<Effect> {
    let tab = model.library.tab;
    let had = !model.library.list().filter_text.is_empty();
    apply(model, text, tab);
    model.library.arrange(tab, model.now_ms);
    if had && tab == Tab::Documents { load_documents(model) } else { Vec::new() }
}

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let now = model.now_ms;
    let tab = model.library.tab;
    match action {
        Action::NextTab => return switch(model, 1),
        Action::PreviousTab => return switch(model, Tab::ALL.len() - 1),
        Action::Open => return open(model),
        Action::Add => add(model),
        Action::Remove => remove(model),
        Action::Reindex => reindex(model),
        Action::CancelJob => cancel(model),
        Action::Copy => return copy(model),
        Action::Back => return back(model),
        Action::Filter => {
            let face = model.library.list_mut();
            face.editing = Some(LineEdit::with(&face.filter_text));
        }
        Action::Sort => {
            let orders = tab.orders();
            let face = model.library.list_mut();
            face.sort = (face.sort + 1) % orders.len().max(1);
            face.reverse = false;
            model.library.arrange(tab, now);
        }
        Action::Reverse => {
            let face = model.library.list_mut();
            face.reverse = !face.reverse;
            model.library.arrange(tab, now);
        }
        Action::Select => {
            if let Some(id) = model.library.document().map(|d| d.id.clone())
                && !model.library.marked.remove(&id)
            {
                model.library.marked.insert(id);
            }
            return act(model, Action::Down);
        }
        _ => {
            let page = model.body_height().saturating_sub(3);
            let face = model.library.list_mut();
            face.selected = moved(face.selected, action, face.order.len(), page);
            return more(model);
        }
    }
    Vec::new()
}

fn switch(model: &mut Model, by: usize) -> Vec<Effect> {
    let at = Tab::ALL.iter().position(|t| *t == model.library.tab).unwrap_or(0);
    model.library.tab = Tab::ALL.get((at + by) % Tab::ALL.len()).copied().unwrap_or_default();
    load(model, false)
}

/// Asks for what the tab shows. Jobs and failures change by themselves, so they are always asked for.
pub(super) fn load(model: &mut Model, again: bool) -> Vec<Effect> {
    let request = match model.library.tab {
        Tab::Documents if again || !model.library.documents.loaded => return load_documents(model),
        Tab::Documents => return Vec::new(),
        Tab::Collections => Request::Collections,
        Tab::Jobs => Request::Jobs,
        Tab::Failures => Request::Failures,
    };
    vec![Effect::Request(request)]
}

/// The first page of documents that the filter asks for.
pub(super) fn load_documents(model: &mut Model) -> Vec<Effect> {
    model.library.serial += 1;
    model.library.next = None;
    vec![ask_documents(model, None)]
}

fn ask_documents(model: &mut Model, cursor: Option<String>) -> Effect {
    let [_, face, _, _] = &model.library.faces;
    let query = DocumentQuery {
        collection: model.library.within.clone(),
        contains: face.filter.word().map(str::to_owned),
        kind: face.filter.field("kind").map(str::to_owned),
        cursor,
        limit: PAGE,
    };
    model.library.loading = true;
    let append = query.cursor.is_some();
    Effect::Request(Request::Documents { serial: model.library.serial, append, query })
}

/// Asks for the next page when the selection comes near the end of what is there.
fn more(model: &mut Model) -> Vec<Effect> {
    let lib = &model.library;
    let [_, face, _, _] = &lib.faces;
    let near = face.selected + NEAR >= face.order.len();
    if lib.tab != Tab::Documents || lib.loading || !near {
        return Vec::new();
    }
    match lib.next.clone() {
        Some(cursor) => vec![ask_documents(model, Some(cursor))],
        None => Vec::new(),
    }
}

pub(super) fn documents(model: &mut Model, serial: u64, append: bool, page: Page<Document>) -> Vec<Effect> {
    if serial != model.library.serial {
        return Vec::new();
    }
    let lib = &mut model.library;
    if append {
        lib.documents.items.extend(page.items);
    } else {
        lib.documents.items = page.items;
    }
    lib.next = page.next;
    lib.documents.loaded = true;
    lib.loading = false;
    lib.arrange(Tab::Documents, model.now_ms);
    more(model)
}

/// A job moved on: it replaces what was known of it.
pub(super) fn job(model: &mut Model, job: Job) {
    let jobs = &mut model.library.jobs.items;
    match jobs.iter_mut().find(|j| j.id == job.id) {
        Some(known) => *known = job,
        None => jobs.push(job),
    }
    if jobs.len() > JOBS_MAX {
        jobs.remove(0);
    }
    model.library.arrange(Tab::Jobs, model.now_ms);
}

pub(super) fn index(model: &mut Model, collection: Collection) {
    let items = &mut model.library.collections.items;
    match items.iter_mut().find(|c| c.name == collection.name) {
        Some(known) => *known = collection,
        None => items.push(collection),
    }
    // What was listed of the documents is old now.
    model.library.documents.loaded = model.library.documents.loaded && model.library.tab == Tab::Documents;
    model.library.arrange(Tab::Collections, model.now_ms);
}

fn open(model: &mut Model) -> Vec<Effect> {
    let now = model.now_ms;
    match model.library.tab {
        Tab::Collections => {
            model.library.within = model.library.collection().map(|c| c.name.clone());
            model.library.tab = Tab::Documents;
            model.library.list_mut().selected = 0;
            model.library.marked.clear();
            return load_documents(model);
        }
        Tab::Documents => {
            let Some(d) = model.library.document() else { return Vec::new() };
            model.overlay =
                Some(Overlay::Detail { title: "Document".to_owned(), fields: document(d, now), top: 0 });
        }
        Tab::Jobs => {
            let Some(j) = model.library.job() else { return Vec::new() };
            model.overlay = Some(Overlay::Detail { title: "Job".to_owned(), fields: job_fields(j), top: 0 });
        }
        Tab::Failures => {
            let Some(f) = model.library.failure() else { return Vec::new() };
            let fields = failure_fields(f, now);
            model.overlay = Some(Overlay::Detail { title: "Failure".to_owned(), fields, top: 0 });
        }
    }
    Vec::new()
}

fn document(d: &Document, now_ms: u64) -> Vec<(String, String)> {
    let ago = |t| format!("{} ago", text::age(now_ms, t));
    let mut out = vec![
        ("title".to_owned(), d.title.clone()),
        ("path".to_owned(), d.path.clone()),
        ("collection".to_owned(), d.collection.clone()),
        ("kind".to_owned(), d.kind.clone()),
        ("language".to_owned(), d.language.clone()),
        ("size".to_owned(), crate::base::format_bytes(d.bytes)),
        ("passages".to_owned(), text::count(d.chunks)),
        ("modified".to_owned(), ago(d.modified_ms)),
        ("indexed".to_owned(), ago(d.indexed_ms)),
        ("sha256".to_owned(), d.sha256.clone()),
        ("id".to_owned(), d.id.clone()),
    ];
    if d.pages > 0 {
        out.insert(6, ("pages".to_owned(), text::count(u64::from(d.pages))));
    }
    out
}

fn add(model: &mut Model) {
    let collection = match model.library.tab {
        Tab::Collections => model.library.collection().filter(|c| !c.built_in).map(|c| c.name.clone()),
        _ => model.library.within.clone(),
    };
    let collection = collection.unwrap_or_else(|| "default".to_owned());
    let rows = vec![
        FormRow::text("Path", "/srv/manuals", ""),
        FormRow::text("Collection", "default", &collection),
        FormRow::choice("Watch", &["no", "yes: index changes as they happen"], ""),
    ];
    let mut form = Form::new(FormOf::Add, rows);
    (form.body, form.eager) = (vec!["A file or folder on the box.".to_owned()], true);
    model.overlay = Some(Overlay::Form(form));
}

/// What is asked for, or the row that is wrong and why.
pub(super) fn filled(form: &Form) -> Result<Request, Wrong> {
    let path = form.value(0);
    if !path.starts_with('/') {
        return Err((0, "The path must begin with / (a path on the box)."));
    }
    let (collection, watch) = (form.value(1), form.value(2) != "no");
    Ok(Request::Add(AddRequest { collection, paths: vec![path], watch, ..AddRequest::default() }))
}

fn remove(model: &mut Model) {
    let marked: Vec<String> = model.library.marked.iter().cloned().collect();
    let one = model.library.document();
    let ids = if marked.is_empty() { one.map(|d| d.id.clone()).into_iter().collect() } else { marked };
    let mut body = vec!["They go from the index. The source files stay on disk.".to_owned()];
    if let (1, Some(d)) = (ids.len(), one) {
        body = vec![d.path.clone(), "It goes from the index. The file stays on disk.".to_owned()];
    }
    let confirm = Confirm {
        title: format!("Remove {}?", text::plural(ids.len() as u64, "document")),
        body,
        verb: "Remove",
        requests: ids.into_iter().map(Request::RemoveDocument).collect(),

        yes: false,
    };
    model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
}

fn reindex(model: &mut Model) {
    let Some(c) = model.library.collection() else { return };
    let confirm = Confirm {
        title: format!("Index \"{}\" again?", c.name),
        body: vec![
            format!("{} will be read again.", text::plural(c.documents, "document")),
            "Questions are answered from the old index until then.".to_owned(),
        ],
        verb: "Re-index",
        requests: vec![Request::Reindex(c.name.clone())],

        yes: false,
    };
    model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
}

fn cancel(model: &mut Model) {
    let Some(j) = model.library.job() else { return };
    let confirm = Confirm {
        title: format!("Cancel this {} job?", j.kind),
        body: vec!["What is indexed already stays.".to_owned()],
        verb: "Cancel the job",
        requests: vec![Request::CancelJob(j.id.clone())],

        yes: false,
    };
    model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
}

fn copy(model: &mut Model) -> Vec<Effect> {
    let lib = &model.library;
    let text = match lib.tab {
        Tab::Collections => lib.collection().map(|c| c.name.clone()),
        Tab::Documents => lib.document().map(|d| d.path.clone()),
        Tab::Jobs => lib.job().map(|j| j.id.clone()),
        Tab::Failures => lib.failure().map(|f| format!("{}: {} ({})", f.path, f.reason, f.advice)),
    };
    let Some(text) = text else { return Vec::new() };
    model.tell(Tone::Good, format!("Copied {text}"));
    vec![Effect::Copy(text)]
}

/// Esc: first the filter goes, then the marks, then the restriction to one collection.
fn back(model: &mut Model) -> Vec<Effect> {
    if !model.library.list().filter_text.is_empty() {
        return set_filter(model, "");
    }
    if !model.library.marked.is_empty() {
        model.library.marked.clear();
    } else if model.library.tab == Tab::Documents && model.library.within.take().is_some() {
        model.library.documents.loaded = false;
        model.library.tab = Tab::Collections;
    } else if model.library.tab != Tab::Collections {
        model.library.tab = Tab::Collections;
    }
    Vec::new()
}
