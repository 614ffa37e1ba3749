//! `spud NOUN VERB`: one file per noun.
//!
//! Invariant: knows the API's words, client and host, and nothing else of spud.

mod add;
mod alert;
mod approval;
mod approval_sign;
mod args;
mod ask;
mod audit;
mod audit_files;
mod backup;
mod break_glass;
mod breaker;
mod check;
mod check_files;
mod collection;
mod compliance;
mod config;
mod config_show;
mod context;
mod daemon;
mod dashboard;
mod doctor;
mod document;
mod embed;
mod error;
mod eval;
mod event;
mod evidence;
mod evidence_bundle;
mod generate;
mod health;
mod incident;
mod install;
mod interrupt;
mod job;
mod judge;
mod log;
mod log_import;
mod log_level;
mod metric;
mod metric_show;
mod mode;
mod model;
mod notify;
mod open;
mod operation;
mod output;
mod passphrase;
mod policy;
mod principal;
mod probe;
mod profile;
mod queue;
mod redact;
mod registry;
mod remove;
mod role;
mod role_review;
mod salvage;
mod search;
mod session;
mod sla;
mod status;
mod store;
mod terminal;
mod trace;
mod use_case;
mod violation;

use std::process::ExitCode;

use clap::Parser;
use rustix::fs::Mode;
use rustix::process::umask;

use args::{Cli, Command};
use context::Context;
use error::CliError;

/// What is written is for its owner and the group: policies say who may read what is in the stores.
fn keep_from_others() {
    let asked = umask(Mode::RWXO);
    umask(asked | Mode::RWXO);
}

/// Parses the command line, does what it says, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    keep_from_others();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; where nobody reads them, there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { error::USAGE } else { 0 });
        }
    };
    let mut context = Context::new(&cli.global);
    let result = run(cli, &mut context).and_then(|code| context.out.flush().map(|()| code));
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // What was printed before the error still belongs to the reader.
            let _ = context.out.flush();
            ExitCode::from(error.report(&context))
        }
    }
}

fn run(cli: Cli, context: &mut Context) -> Result<u8, CliError> {
    let Some(command) = cli.command else { return terminal::run(&cli.screen, cli.global.color, context) };
    match command {
        Command::Daemon(args) => daemon::run(&args, context),
        Command::Add(args) => add::run(args, context),
        Command::Remove(args) => remove::run(args, context),
        Command::Ask(args) => ask::run(args, context),
        Command::Search(args) => search::run(args, context),
        Command::Collection { verb } => collection::run(verb, context),
        Command::Document { verb } => document::run(verb, context),
        Command::Job { verb } => job::run(verb, context),
        Command::Mode { verb } => mode::run(verb, context),
        Command::Breaker { verb } => breaker::run(verb, context),
        Command::Queue { verb } => queue::run(verb, context),
        Command::Operation { verb } => operation::run(verb, context),
        Command::Config { verb } => config::run(verb, context),
        Command::Metric { verb } => metric::run(verb, context),
        Command::Judge { verb } => judge::run(verb, context),
        Command::UseCase { verb } => use_case::run(verb, context),
        Command::Alert { verb } => alert::run(verb, context),
        Command::Dashboard { verb } => dashboard::run(verb, context),
        Command::Probe { verb } => probe::run(verb, context),
        Command::Notify { verb } => notify::run(verb, context),
        Command::Trace { verb } => trace::run(verb, context),
        Command::Model { verb } => model::run(verb, context),
        Command::Principal { verb } => principal::run(verb, context),
        Command::BreakGlass { verb } => break_glass::run(verb, context),
        Command::Session { verb } => session::run(verb, context),
        Command::Role { verb } => role::run(verb, context),
        Command::Policy { verb } => policy::run(verb, context),
        Command::Approval { verb } => approval::run(verb, context),
        Command::Incident { verb } => incident::run(verb, context),
        Command::Sla { verb } => sla::run(verb, context),
        Command::Violation { verb } => violation::run(verb, context),
        Command::Why(args) => policy::why(&args, context),
        Command::Status => status::run(context),
        Command::Health => health::run(context),
        Command::Profile { over } => profile::run(over, context),
        Command::Doctor => doctor::run(context),
        Command::Check(args) => check::run(&args, context),
        Command::Eval(args) => eval::run(&args, context),
        Command::Audit { verb } => audit::run(verb, context),
        Command::Compliance { verb } => compliance::run(verb, context),
        Command::Evidence { verb } => evidence::run(verb, context),
        Command::Backup { verb } => backup::run(verb, context),
        Command::Store { verb } => store::run(verb, context),
        Command::Salvage(args) => salvage::run(&args, context),
        Command::Redact(args) => redact::run(&args, context),
        Command::Compact => salvage::compact(context),
        Command::Log(args) => log::run(args, context),
        Command::Event(args) => event::run(&args, context),
        Command::Embed(args) => embed::run(args, context),
        Command::Install(args) => install::run(&args, context),
        Command::Completions(args) => generate::completions(&args, context),
        Command::Man(args) => generate::man(&args, context),
    }
}
