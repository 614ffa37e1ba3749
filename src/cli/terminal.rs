//! `spud` without a command: the terminal interface, or what to do where there is no terminal.

use std::io::{IsTerminal, Read};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;

use super::args::When;
use super::context::Context;
use super::error::CliError;
use crate::api::client::{Client, ClientError, is_question};
use crate::api::host::Attached;
use crate::api::types::{Event, Problem, Status};
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
    let (link, engine) = SocketLink::open(context.connect()?);
    let shown = tui::run(Box::new(link), options);
    // The link's threads may still wait for a reply; an engine of our own must be closed all the same.
    drop(engine.lock().unwrap_or_else(PoisonError::into_inner).take());
    shown.map_err(|error| match error {
        TuiError::Terminal(_) => CliError::new(1, error.to_string(), "`spud --plain` needs no screen"),
        _ => CliError::usage(
            error.to_string(),
            "`spud --print-keys` shows a key file; `spud --help` the options",
        ),
    })?;
    Ok(0)
}

/// Who has the engine.
pub(super) struct Held {
    attached: Attached,
    /// A daemon is started again by whoever started it; an engine in here would keep it out.
    daemon: bool,
}

impl Held {
    fn new(mut attached: Attached) -> Self {
        let daemon = attached.is_remote() && attached.get::<Status>("/v1/status").is_ok_and(|s| s.daemon);
        Self { attached, daemon }
    }

    fn renew(&mut self) -> Result<Client, LinkError> {
        let client = self.attached.renew(!self.daemon).map_err(|error| {
            let (title, advice) = (error.to_string(), error.advice().to_owned());
            LinkError {
                problem: Problem { detail: title.clone(), title, advice: Some(advice), ..Problem::default() },
            }
        })?;
        if self.attached.is_remote() {
            let status = client.fork().get::<Status>("/v1/status");
            self.daemon = status.map_or(self.daemon, |status| status.daemon);
        }
        Ok(client)
    }
}

pub(super) type Shared = Arc<Mutex<Option<Held>>>;

/// The interface's link over the API client. When the process with the engine goes away, it finds the next one
/// as at the start; it is the interface that decides when to try again.
pub(super) struct SocketLink {
    client: Client,
    engine: Shared,
}

impl SocketLink {
    pub(super) fn open(attached: Attached) -> (Self, Shared) {
        let client = attached.client().fork();
        let engine = Arc::new(Mutex::new(Some(Held::new(attached))));
        (Self { client, engine: Arc::clone(&engine) }, engine)
    }

    fn renew(&mut self) -> Result<(), LinkError> {
        // One thread finds or starts the engine, the others wait for it.
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = engine.as_mut() {
            self.client = engine.renew()?;
        }
        Ok(())
    }

    fn call(&mut self, method: &str, path: &str, body: Option<&[u8]>) -> Result<Vec<u8>, LinkError> {
        let error = match self.client.call(method, path, body) {
            Ok(answer) => return Ok(answer.body),
            Err(error) => error,
        };
        // What may have arrived and changes something is not sent twice.
        let again = matches!(error, ClientError::Unreachable { .. })
            || error.is_lost() && (method == "GET" || is_question(path));
        if !again {
            return Err(refusal(error));
        }
        self.renew()?;
        self.client.call(method, path, body).map(|answer| answer.body).map_err(refusal)
    }
}

impl Link for SocketLink {
    fn get(&mut self, path: &str) -> Result<Vec<u8>, LinkError> {
        self.call("GET", path, None)
    }

    fn fetch(&mut self, path: &str) -> Result<Box<dyn Read>, LinkError> {
        let stream = match self.client.download(path) {
            Err(ClientError::Unreachable { .. }) => {
                self.renew()?;
                self.client.download(path)
            }
            other => other,
        };
        Ok(Box::new(stream.map_err(refusal)?))
    }

    fn send(&mut self, method: &str, path: &str, body: Option<Vec<u8>>) -> Result<Vec<u8>, LinkError> {
        self.call(method, path, body.as_deref())
    }

    fn events(
        &mut self,
        after: u64,
        sink: &mut dyn FnMut(Event) -> ControlFlow<()>,
    ) -> Result<(), LinkError> {
        let after = (after > 0).then_some(after);
        let mut stream = match self.client.events(after) {
            Err(ClientError::Unreachable { .. }) => {
                self.renew()?;
                self.client.events(after).map_err(refusal)?
            }
            other => other.map_err(refusal)?,
        };
        while let Some(event) = stream.next_event().map_err(refusal)? {
            if sink(event).is_break() {
                return Ok(());
            }
        }
        let title = "the box ended the connection".to_owned();
        Err(LinkError { problem: Problem { detail: title.clone(), title, ..Problem::default() } })
    }

    fn bytes(&self) -> (u64, u64) {
        let (sent, received) = self.client.bytes();
        (received, sent)
    }

    fn fork(&self) -> Box<dyn Link> {
        Box::new(Self { client: self.client.fork(), engine: Arc::clone(&self.engine) })
    }
}

fn refusal(error: ClientError) -> LinkError {
    let problem = match error {
        ClientError::Problem(problem) => *problem,
        other => Problem { title: other.to_string(), detail: other.to_string(), ..Problem::default() },
    };
    LinkError { problem }
}
