//! The tokenizer of HTML as a package of its own: its machine of eighty states is made of generics, which take the
//! optimisation of the package that names them. With the rooms of `src/hot` it had twice the size.
//!
//! Invariant: one function, and nothing that is generic.

use std::convert::Infallible;
use std::ops::Range;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};

/// What a page is made of, as far as its text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A tag opens; its name in lower case.
    Start(&'a [u8]),
    End(&'a [u8]),
    Text(&'a [u8]),
}

/// Calls `each` with the events of a page and the bytes that they stand in.
pub fn read(page: &[u8], each: &mut dyn FnMut(Event<'_>, Range<usize>)) {
    let callback = |event: CallbackEvent<'_>, span: Span<usize>| -> Option<Infallible> {
        match event {
            CallbackEvent::OpenStartTag { name } => each(Event::Start(name), span.start..span.end),
            CallbackEvent::EndTag { name } => each(Event::End(name), span.start..span.end),
            CallbackEvent::String { value } => each(Event::Text(value), span.start..span.end),
            _ => {}
        }
        None
    };
    let mut emitter = CallbackEmitter::new(callback);
    emitter.naively_switch_states(true);
    // The callback yields no tokens, so asking once reads the whole page.
    let rest = Tokenizer::new_with_emitter(page, emitter).next();
    debug_assert!(rest.is_none());
}
