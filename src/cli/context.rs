//! What every command shares: where the box is, how to print.

use std::io::IsTerminal;
use std::path::PathBuf;

use serde::Serialize;

use super::args::{Global, When};
use super::error::CliError;
use super::output::{Output, Paint};
use crate::api::host::{self, Attached, Options};

pub(super) struct Context {
    pub(super) options: Options,
    pub(super) out: Output,
    pub(super) json: bool,
    pub(super) quiet: bool,
    pub(super) verbose: bool,
    color: When,
}

impl Context {
    pub(super) fn new(global: &Global) -> Self {
        let filled = |path: &Option<PathBuf>| path.clone().filter(|path| !path.as_os_str().is_empty());
        let options = Options {
            data: filled(&global.data),
            socket: filled(&global.socket),
            tier: global.tier.clone().filter(|tier| !tier.is_empty()),
            config: filled(&global.config),
            set: global.set.clone(),
            passphrase: Some(super::passphrase::ask),
            ..Options::default()
        };
        let paint = Paint::new(allowed(global.color, std::io::stdout().is_terminal()));
        Self {
            options,
            out: Output::new(paint),
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose > 0,
            color: global.color,
        }
    }

    /// A link to the box.
    pub(super) fn connect(&self) -> Result<Attached, CliError> {
        Ok(host::attach(&self.options)?)
    }

    /// The same for those who look at a record: where there is no box, none is made.
    pub(super) fn connect_known(&self) -> Result<Attached, CliError> {
        host::is_known(&self.options)?;
        self.connect()
    }

    /// Colours for standard error.
    pub(super) fn error_paint(&self) -> Paint {
        Paint::new(allowed(self.color, std::io::stderr().is_terminal()))
    }

    /// A remark that is not a result.
    pub(super) fn remark(&self, text: &str) {
        if !self.quiet {
            eprintln!("{}", super::output::clean(text));
        }
    }

    /// The reply as JSON, for `--json`.
    pub(super) fn print_json<T: Serialize>(&mut self, value: &T) -> Result<(), CliError> {
        self.out.json(value)
    }
}

/// `NO_COLOR` and `TERM=dumb` hold, unless colours were asked for.
fn allowed(when: When, terminal: bool) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            let none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty());
            terminal && !none && !dumb
        }
    }
}
