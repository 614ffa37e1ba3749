//! `spud store ...`: encryption of the stores at rest.

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::context::Context;
use super::error::{CliError, INTERRUPTED, USAGE};
use super::interrupt::Interrupt;
use super::output::clean;
use super::passphrase;
use crate::api::host::Attached;
use crate::api::types::{EncryptStore, Passphrase, RotateStore, StoreReport};

const LOOK: Duration = Duration::from_millis(200);
const TYPED: &str = "passphrase";

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Encrypt the stores of this box; it serves on meanwhile
    Encrypt {
        #[command(flatten)]
        key: Key,
        #[command(flatten)]
        wait: Wait,
    },
    /// Take a new data key and seal every row anew, or only another wrapping key (--key)
    Rotate {
        /// The new wrapping key: file:PATH, credential:NAME, or passphrase to be asked for one
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Decrypt the stores of this box; it serves on meanwhile
    Decrypt {
        #[command(flatten)]
        wait: Wait,
    },
    /// Show how the stores are kept, and what no key protects
    Status,
}

#[derive(Debug, Args)]
pub(super) struct Key {
    /// What opens the box at every start: file:PATH, credential:NAME, or passphrase to be asked for one
    #[arg(long, value_name = "KEY")]
    key: String,
}

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Wait {
    /// Leave the rows to the daemon
    #[arg(long)]
    no_wait: bool,
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    match verb {
        Verb::Status => {
            let report: StoreReport = link.get("/v1/store")?;
            show(&report, context)?;
            Ok(0)
        }
        Verb::Encrypt { key, wait } => {
            let (key, passphrase) = named(&key.key)?;
            let report = link.send("POST", "/v1/store/encrypt", &EncryptStore { key, passphrase })?;
            follow(report, wait, &mut link, context)
        }
        Verb::Rotate { key, wait } => {
            let (key, passphrase) = key.as_deref().map(named).transpose()?.unzip();
            let request = RotateStore { key, passphrase: passphrase.flatten() };
            let report = link.send("POST", "/v1/store/rotate", &request)?;
            follow(report, wait, &mut link, context)
        }
        Verb::Decrypt { wait } => {
            let report = link.send("POST", "/v1/store/decrypt", &())?;
            follow(report, wait, &mut link, context)
        }
    }
}

/// A reference as the box reads it, with what was typed for it.
fn named(key: &str) -> Result<(String, Option<Passphrase>), CliError> {
    if key == TYPED {
        let ask = |prompt| {
            passphrase::ask(prompt)
                .map_err(|why| CliError::new(USAGE, why, "start it in a terminal, or use --key file:PATH"))
        };
        let first = ask("New passphrase: ")?;
        if ask("Once more: ")? != first {
            return Err(CliError::new(USAGE, "the two are not the same", "try again"));
        }
        return Ok((key.to_owned(), Some(Passphrase(first))));
    }
    let absolute = |path: &str| std::path::absolute(Path::new(path)).ok();
    match key.split_once(':') {
        Some(("file", path)) if !path.is_empty() => {
            let path = absolute(path).map_or_else(|| path.to_owned(), |path| path.display().to_string());
            Ok((format!("file:{path}"), None))
        }
        Some(("credential" | "env", name)) if !name.is_empty() => Ok((key.to_owned(), None)),
        _ => Err(CliError::usage(
            "--key is none of file:PATH, credential:NAME, passphrase",
            "a passphrase is asked for; what is on a command line is seen by everybody",
        )),
    }
}

/// Waits for the end. Ctrl-C loses nothing: whoever opens the box next goes on.
fn follow(
    mut report: StoreReport,
    wait: Wait,
    link: &mut Attached,
    context: &mut Context,
) -> Result<u8, CliError> {
    let interrupt = Interrupt::listen();
    let draw = std::io::stderr().is_terminal() && !context.quiet && !context.json;
    let leave = wait.no_wait && link.is_remote();
    while report.is_turning() && !leave && !interrupt.is_asked() {
        std::thread::sleep(LOOK);
        report = link.get("/v1/store")?;
        if draw {
            eprint!("\r\u{1b}[K{}", progress(&report));
        }
    }
    if draw {
        eprint!("\r\u{1b}[K");
    }
    show(&report, context)?;
    if report.is_turning() && !leave {
        context.remark("interrupted; whoever opens the box next goes on with it");
        return Ok(INTERRUPTED);
    }
    Ok(0)
}

fn progress(report: &StoreReport) -> String {
    let percent = (report.rows_done * 100).checked_div(report.rows).unwrap_or(0);
    format!("{}: {percent} % ({} of {} rows)", report.state, report.rows_done, report.rows)
}

fn show(report: &StoreReport, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(report);
    }
    let state = if report.is_turning() { progress(report) } else { report.state.clone() };
    let mut lines = vec![("state", state)];
    if let (Some(id), Some(key), Some(derivation)) = (&report.key_id, &report.key, &report.derivation) {
        lines.push(("key", format!("{id}, opened by {key} ({derivation})")));
        lines.push(("header", "store.seal and keys/store.seal: whoever loses both loses everything".into()));
        if !report.is_turning() {
            lines.push(("rows", report.rows.to_string()));
        }
    }
    if report.rows_stuck > 0 {
        lines.push(("damaged", format!("{} rows do not open: `spud check` names them", report.rows_stuck)));
    }
    if let Some(problem) = &report.problem {
        lines.push(("waits", problem.clone()));
    }
    for (name, value) in lines {
        context.out.line(&format!("{name:<8} {}", clean(&value)))?;
    }
    if report.state != "plain" {
        context.out.line("not covered:")?;
        for what in &report.not_covered {
            context.out.line(&format!("  {}", clean(what)))?;
        }
    }
    Ok(())
}
