//! What went wrong, where, what to do; and the exit code that says it to scripts.

use std::io;

use super::context::Context;
use super::output::{clean, clean_lines};
use crate::api::client::ClientError;
use crate::api::host::HostError;

pub(super) const FAILED: u8 = 1;
pub(super) const USAGE: u8 = 2;
/// sysexits.h
pub(super) const DATA_ERROR: u8 = 65;
pub(super) const NO_INPUT: u8 = 66;
pub(super) const UNAVAILABLE: u8 = 69;
pub(super) const SOFTWARE: u8 = 70;
pub(super) const CANNOT_CREATE: u8 = 73;
pub(super) const IO_ERROR: u8 = 74;
pub(super) const TRY_AGAIN: u8 = 75;
pub(super) const NO_PERMISSION: u8 = 77;
pub(super) const CONFIG: u8 = 78;
/// 128 + SIGINT, as shells say it.
pub(super) const INTERRUPTED: u8 = 130;

/// The end of a command that did not do what was asked.
#[derive(Debug)]
pub(super) struct CliError {
    what: String,
    advice: String,
    pub(super) code: u8,
    quiet: bool,
    /// Before what happened.
    label: &'static str,
}

impl CliError {
    pub(super) fn new(code: u8, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), advice: advice.into(), code, quiet: false, label: "error:" }
    }

    pub(super) fn usage(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(USAGE, what, advice)
    }

    /// A file that cannot be read.
    pub(super) fn input(path: &std::path::Path, error: &io::Error) -> Self {
        let advice = "check the path and its permissions";
        Self::new(NO_INPUT, format!("{} cannot be read: {error}", path.display()), advice)
    }

    /// Prints it to standard error, gives the exit code.
    pub(super) fn report(&self, context: &Context) -> u8 {
        if !self.quiet {
            let paint = context.error_paint();
            eprintln!("{} {}", paint.bad(self.label), clean_lines(&self.what));
            if !self.advice.is_empty() {
                eprintln!("{}  {}", paint.dim("try:"), clean(&self.advice));
            }
        }
        self.code
    }
}

impl From<io::Error> for CliError {
    /// Only writing to standard output comes this way. A reader that left has had enough: that is no failure.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { what: String::new(), advice: String::new(), code: 0, quiet: true, label: "" };
        }
        Self::new(IO_ERROR, format!("the output cannot be written: {error}"), "")
    }
}

impl From<HostError> for CliError {
    fn from(error: HostError) -> Self {
        let code = match &error {
            HostError::Usage { .. } => USAGE,
            HostError::Busy { .. } => TRY_AGAIN,
            HostError::Config { .. } => CONFIG,
            HostError::Failed { .. } => UNAVAILABLE,
        };
        Self::new(code, error.to_string(), error.advice())
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let what = error.to_string();
        match error {
            ClientError::Unreachable { .. } | ClientError::Broken(_) => {
                Self::new(UNAVAILABLE, what, "the daemon stopped, perhaps: try again")
            }
            ClientError::Timeout => Self::new(TRY_AGAIN, what, "`spud status` shows what keeps the box busy"),
            ClientError::Reply(_) => {
                Self::new(SOFTWARE, what, "the daemon may be of another version: restart it")
            }
            ClientError::Problem(problem) => {
                let code = match problem.status {
                    202 => TRY_AGAIN,
                    400 | 413 | 415 | 422 => DATA_ERROR,
                    401 | 403 => NO_PERMISSION,
                    404 | 409 => FAILED,
                    429 => TRY_AGAIN,
                    503 => UNAVAILABLE,
                    507 => CANNOT_CREATE,
                    _ => SOFTWARE,
                };
                // A denial is looked up by its request: `spud why ID`.
                let request = problem.instance.filter(|_| problem.permission.is_some());
                let what = request.map_or_else(|| what.clone(), |id| format!("{what} (request {id})"));
                let label = if problem.status == 202 { "waits:" } else { "error:" };
                Self { label, ..Self::new(code, what, problem.advice.unwrap_or_default()) }
            }
        }
    }
}
