//! The terminal: what operators and reviewers see over SSH.
//!
//! Offers [`run`] and [`Link`], what it needs from the API. Keys, replies and events become messages;
//! `update` turns a message into a changed model and effects; the views draw the model.
//!
//! Invariant: knows the API's words and nothing else of spud; draws only when something changed, and
//! sleeps otherwise.
// A refusal is rare, and its document is what every caller wants whole.
#![allow(clippy::result_large_err)]

mod action;
mod dashboard;
mod disabled;
mod effect;
mod export;
mod filter;
mod glyphs;
mod key;
mod keymap;
mod link;
mod model;
mod msg;
mod permission;
mod plain;
mod sanitize;
mod schedule;
mod screen;
mod term;
#[cfg(test)]
mod tests;
mod text;
mod theme;
mod update;
mod view;
mod widgets;

use std::io::{self, IsTerminal, Read, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

pub(crate) use dashboard::{lines as dashboard_lines, speaks_utf8};

use crate::api::types::{Event, Problem};
use crate::tui::msg::Msg;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// Unless `NO_COLOR` or the terminal speaks against it.
    #[default]
    Auto,
    Always,
    Never,
}

/// What was asked for on the command line.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub color: ColorChoice,
    /// Lines instead of a screen, for screen readers and pipes.
    pub plain: bool,
    /// ASCII marks; `None` decides by locale and terminal.
    pub ascii: Option<bool>,
    /// Print the key file that stands for the keys in use, and end.
    pub print_keys: bool,
    /// `action = ["key", ...]`, TOML.
    pub keys_file: Option<PathBuf>,
    /// calm (default), mono, contrast.
    pub theme: Option<String>,
}

/// Why the screen could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
    #[error("{}: {source}", path.display())]
    KeysFile { path: PathBuf, source: io::Error },
    #[error("keys, line {line}: {problem}")]
    Keys { line: usize, problem: String },
    #[error("there is no theme \"{0}\": calm, mono or contrast")]
    Theme(String),
}

/// A refusal, or a line that broke. A problem with status 0 is a line that does not stand.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .problem.title)]
pub struct LinkError {
    pub problem: Problem,
}

/// What the screen needs from the API. Called on its own threads; every call may block.
pub trait Link: Send {
    /// GET `path`, a JSON body.
    ///
    /// # Errors
    /// The problem document, or status 0 when nobody answers.
    fn get(&mut self, path: &str) -> Result<Vec<u8>, LinkError>;

    /// GET `path`, whatever it is and however much: it is read while it comes.
    ///
    /// # Errors
    /// As [`Link::get`].
    fn fetch(&mut self, path: &str) -> Result<Box<dyn Read>, LinkError> {
        Ok(Box::new(io::Cursor::new(self.get(path)?)))
    }

    /// POST or DELETE `path` with a JSON body.
    ///
    /// # Errors
    /// As [`Link::get`].
    fn send(&mut self, method: &str, path: &str, body: Option<Vec<u8>>) -> Result<Vec<u8>, LinkError>;

    /// Events after `after` as they come, until `sink` breaks.
    ///
    /// # Errors
    /// When the stream cannot be opened or breaks off.
    fn events(&mut self, after: u64, sink: &mut dyn FnMut(Event) -> ControlFlow<()>)
    -> Result<(), LinkError>;

    /// Bytes received and sent so far on this connection.
    fn bytes(&self) -> (u64, u64);

    /// Another connection to the same box.
    fn fork(&self) -> Box<dyn Link>;
}

/// What reaches the main loop.
#[derive(Debug)]
enum Inlet {
    Msg(Msg),
    /// The inbox has events.
    Events,
    /// The terminal took the last frame.
    Drained,
    /// The terminal is gone.
    Hangup,
    Stop,
    Suspend,
    Continued,
    Resized,
}

/// Shows the screen (or speaks in lines) until the person leaves.
///
/// # Errors
/// A key file or theme that does not read, or a terminal that cannot be taken over.
pub fn run(link: Box<dyn Link>, options: Options) -> Result<(), TuiError> {
    let env = |name: &str| std::env::var(name).ok();
    let keymap = match &options.keys_file {
        None => keymap::Keymap::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|source| TuiError::KeysFile { path: path.clone(), source })?;
            keymap::Keymap::read(&text)?
        }
    };
    let theme = theme::Theme::choose(&options, &env)?;
    if options.print_keys {
        return quiet(io::stdout().lock().write_all(keymap.print().as_bytes()));
    }
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if options.plain || !terminal || term::caps::dumb(&env) {
        let mut link = link;
        let prompt = io::stdin().is_terminal();
        return quiet(plain::run(link.as_mut(), io::stdin().lock(), io::stdout().lock(), prompt));
    }
    let look = view::Look { theme, glyphs: glyphs::choose(&options, &env) };
    match screen::run(link, keymap, look, term::caps::Caps::of(&env)) {
        // A terminal that was closed has seen enough.
        Err(TuiError::Terminal(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A reader that closed its pipe has read enough.
fn quiet(result: io::Result<()>) -> Result<(), TuiError> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
