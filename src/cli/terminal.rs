//! `spud` without a command: the terminal interface, or what to do where there is no terminal.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;

use super::args::When;
use super::context::Context;
use super::error::CliError;
use crate::api::client::{Client, ClientError};
use crate::api::types::{Event, Problem};
use crate::tui::{self, ColorChoice, Link, LinkError, TuiError};

/// Options of the interface, without a command only.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Terminal interface")]
pub(super) struct Screen {
    /// Line mode in place of the full screen, for screen readers and pipes
    #[arg(long)]
    pub(super) plain: bool,
    /// ASCII marks only
    #[arg(long)]
    ascii: bool,
    /// calm, mono or contrast
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// A TOML file that binds other keys: action = ["key", ...]
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Print the keys in use, as such a file
    #[arg(long)]
    print_keys: bool,
}

pub(super) fn run(screen: &Screen, color: When, context: &mut Context) -> Result<u8, CliError> {
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if !terminal && !screen.plain && !screen.print_keys {
        return Err(CliError::usage(
            "there is no terminal to draw on",
            "`spud ask \"QUESTION\"` answers at once, `spud --plain` is the line mode, `spud --help` lists the commands",
        ));
    }
    let options = tui::Options {
        color: match color {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        },
        plain: screen.plain,
        ascii: screen.ascii.then_some(true),
        print_keys: screen.print_keys,
        keys_file: screen.keys.clone(),
        theme: screen.theme.clone(),
    };
    let attached = context.connect()?;
    let link = Box::new(SocketLink(attached.client().fork()));
    tui::run(link, options).map_err(|error| match error {
        TuiError::Terminal(_) => CliError::new(1, error.to_string(), "`spud --plain` needs no screen"),
        _ => CliError::usage(
            error.to_string(),
            "`spud --print-keys` shows a key file; `spud --help` the options",
        ),
    })?;
    Ok(0)
}

/// The interface's link over the API client.
struct SocketLink(Client);

impl Link for SocketLink {
    fn get(&mut self, path: &str) -> Result<Vec<u8>, LinkError> {
        self.0.call("GET", path, None).map(|answer| answer.body).map_err(refusal)
    }

    fn send(&mut self, method: &str, path: &str, body: Option<Vec<u8>>) -> Result<Vec<u8>, LinkError> {
        self.0.call(method, path, body.as_deref()).map(|answer| answer.body).map_err(refusal)
    }

    fn events(
        &mut self,
        after: u64,
        sink: &mut dyn FnMut(Event) -> ControlFlow<()>,
    ) -> Result<(), LinkError> {
        let mut stream = self.0.events((after > 0).then_some(after)).map_err(refusal)?;
        while let Some(event) = stream.next_event().map_err(refusal)? {
            if sink(event).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn bytes(&self) -> (u64, u64) {
        let (sent, received) = self.0.bytes();
        (received, sent)
    }

    fn fork(&self) -> Box<dyn Link> {
        Box::new(Self(self.0.fork()))
    }
}

fn refusal(error: ClientError) -> LinkError {
    let problem = match error {
        ClientError::Problem(problem) => *problem,
        other => Problem { title: other.to_string(), detail: other.to_string(), ..Problem::default() },
    };
    LinkError { problem }
}
