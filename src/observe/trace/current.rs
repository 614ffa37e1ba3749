//! The trace that this thread is at, so that parts of it and lines of the log need not be handed it.

use std::cell::RefCell;
use std::marker::PhantomData;

use super::context::{Context, SpanId};
use super::draft::{Note, Span, Trace};

struct Current {
    trace: Trace,
    /// What is begun now is below this one.
    span: SpanId,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

fn swap(next: Option<Current>) -> Option<Current> {
    // A thread that ends has no current trace any more.
    CURRENT.try_with(|current| current.replace(next)).ok().flatten()
}

/// This thread is at a trace until this is dropped.
pub struct Entered {
    before: Option<Current>,
    /// It belongs to its thread.
    stays: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        swap(self.before.take());
    }
}

impl Trace {
    /// This thread is at the trace from now on.
    #[must_use]
    pub fn enter(&self) -> Entered {
        let current = Current { trace: self.clone(), span: self.context().span };
        Entered { before: swap(Some(current)), stays: PhantomData }
    }
}

/// Where this thread is.
#[must_use]
pub fn now_at() -> Option<Context> {
    with(|current| Context { span: current.span, ..current.trace.asked() })
}

fn with<T>(act: impl FnOnce(&mut Current) -> T) -> Option<T> {
    CURRENT.try_with(|current| current.try_borrow_mut().ok()?.as_mut().map(act)).ok().flatten()
}

/// A part of what this thread is at, until it is dropped; nothing where it is at no trace.
pub struct Open {
    /// Its id, the one above it, when it began.
    span: Option<(SpanId, SpanId, u64)>,
    name: &'static str,
    notes: [Option<(&'static str, Note<'static>)>; 2],
    stays: PhantomData<*const ()>,
}

/// Begins a part.
#[must_use]
pub fn span(name: &'static str) -> Open {
    let span = with(|current| {
        let id = current.trace.next_id();
        (id, std::mem::replace(&mut current.span, id), current.trace.now_us())
    });
    Open { span, name, notes: [None; 2], stays: PhantomData }
}

impl Open {
    /// Says something of it; of more than two, the last ones are left out.
    #[must_use]
    pub fn note(mut self, name: &'static str, number: u64) -> Self {
        if let Some(free) = self.notes.iter_mut().find(|note| note.is_none()) {
            *free = Some((name, Note::Number(number)));
        }
        self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some((id, parent, start_us)) = self.span else { return };
        with(|current| {
            current.span = parent;
            let took_us = current.trace.now_us().saturating_sub(start_us);
            let (name, notes) = (self.name, self.notes);
            current.trace.add(Span { id, parent, name, start_us, took_us, notes });
        });
    }
}

/// A part that is over: from when to when, by the clock that only runs on.
pub fn note(name: &'static str, start_us: u64, end_us: u64) {
    with(|current| {
        let (id, parent) = (current.trace.next_id(), current.span);
        let took_us = end_us.saturating_sub(start_us);
        current.trace.add(Span { id, parent, name, start_us, took_us, notes: [None; 2] });
    });
}
