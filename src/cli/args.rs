//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    add, alert, approval, ask, audit, backup, break_glass, breaker, check, collection, compliance, config,
    daemon, dashboard, document, embed, eval, event, evidence, generate, incident, install, job, judge, log,
    metric, mode, model, notify, operation, policy, principal, probe, queue, redact, remove, role, salvage,
    session, sla, store, terminal, trace, use_case, violation,
};

/// Ask the documents on this box, offline
///
/// Without a command, the terminal interface opens. Every command works with a running daemon and without one.
#[derive(Debug, Parser)]
#[command(name = "spud", version, arg_required_else_help = false, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed or nothing found, 2 usage, 64-78 as in sysexits.h")]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(flatten)]
    pub(super) screen: terminal::Screen,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Global {
    /// Data folder
    #[arg(long, global = true, value_name = "DIR", env = "SPUD_DATA")]
    pub(super) data: Option<PathBuf>,
    /// Unix socket of the daemon
    #[arg(long, global = true, value_name = "PATH", env = "SPUD_SOCKET")]
    pub(super) socket: Option<PathBuf>,
    /// Settings above all folders, or a tiers.toml in place of the built-in one
    #[arg(long, global = true, value_name = "FILE", env = "SPUD_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Tier to use: ultra_lite, lite, standard or full
    #[arg(long, global = true, value_name = "TIER", env = "SPUD_TIER")]
    pub(super) tier: Option<String>,
    /// Set a setting for this run, above files and variables (again for more)
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = assignment)]
    pub(super) set: Vec<(String, String)>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: When,
    /// Say only what was asked for
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Say more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("not of the form KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Answer a question, with citations
    Ask(ask::AskArgs),
    /// List passages that match
    Search(ask::AskArgs),
    /// Add files and folders
    Add(add::AddArgs),
    /// Remove documents
    Remove(remove::RemoveArgs),
    /// Collections of documents
    Collection {
        #[command(subcommand)]
        verb: collection::Verb,
    },
    /// Documents
    Document {
        #[command(subcommand)]
        verb: document::Verb,
    },
    /// Background jobs
    Job {
        #[command(subcommand)]
        verb: job::Verb,
    },
    /// What the box gives up when it is short of something
    Mode {
        #[command(subcommand)]
        verb: mode::Verb,
    },
    /// Circuit breakers around what the box calls: the upstream, receivers of notices
    Breaker {
        #[command(subcommand)]
        verb: breaker::Verb,
    },
    /// What waits for the upstream, and what it would not take
    Queue {
        #[command(subcommand)]
        verb: queue::Verb,
    },
    /// Operations for the upstream
    Operation {
        #[command(subcommand)]
        verb: operation::Verb,
    },
    /// Settings: show, change, explain, take back
    Config {
        #[command(subcommand)]
        verb: config::Verb,
    },
    /// Metrics and the language to ask about them
    Metric {
        #[command(subcommand)]
        verb: metric::Verb,
    },
    /// Alerts: what fires, who has seen it, silences, rules
    Alert {
        #[command(subcommand)]
        verb: alert::Verb,
    },
    /// Dashboards: what is shown of metrics, logs and alerts
    Dashboard {
        #[command(subcommand)]
        verb: dashboard::Verb,
    },
    /// Probes: what the box looks at beside itself, and whose metrics it reads
    Probe {
        #[command(subcommand)]
        verb: probe::Verb,
    },
    /// Notifications: who is told of alerts, and what they were sent
    Notify {
        #[command(subcommand)]
        verb: notify::Verb,
    },
    /// Traces: what requests and work did, and failures in groups
    Trace {
        #[command(subcommand)]
        verb: trace::Verb,
    },
    /// Embedding models: register, stage, promote, roll back
    Model {
        #[command(subcommand)]
        verb: model::Verb,
    },
    /// Questions with what answers them: they measure models
    Judge {
        #[command(subcommand)]
        verb: judge::Verb,
    },
    /// Use cases: what the box may be asked for, by whom it is owned, until when
    #[command(alias = "usecase")]
    UseCase {
        #[command(subcommand)]
        verb: use_case::Verb,
    },
    /// Who asks: users of this box, and principals with tokens
    Principal {
        #[command(subcommand)]
        verb: principal::Verb,
    },
    /// A permission in an emergency: two people, a short time, an incident
    BreakGlass {
        #[command(subcommand)]
        verb: break_glass::Verb,
    },
    /// Who is connected, and an end to it
    Session {
        #[command(subcommand)]
        verb: session::Verb,
    },
    /// Who has which role: grant, revoke, review
    Role {
        #[command(subcommand)]
        verb: role::Verb,
    },
    /// What is allowed: policies, checks, tests, explanations
    Policy {
        #[command(subcommand)]
        verb: policy::Verb,
    },
    /// Changes that wait for votes: look, approve, reject
    Approval {
        #[command(subcommand)]
        verb: approval::Verb,
    },
    /// What went wrong, who sees to it, and how it ended
    Incident {
        #[command(subcommand)]
        verb: incident::Verb,
    },
    /// Service levels: error budgets, and how fast they are spent
    Sla {
        #[command(subcommand)]
        verb: sla::Verb,
    },
    /// What rules found in the audit log, and the rules
    Violation {
        #[command(subcommand)]
        verb: violation::Verb,
    },
    /// Say why a request was denied or allowed
    Why(policy::WhyArgs),
    /// Show what the box is doing
    Status,
    /// Look at everything and say how it stands; ends with 1 where a check fails
    Health,
    /// Where the box's time, memory and disk go: threads, mappings, files, kinds of work
    Profile {
        /// Only what comes within this time from now on, such as 10s
        #[arg(long, value_name = "TIME", value_parser = metric::duration)]
        over: Option<std::time::Duration>,
    },
    /// Show the box, its tier and why, and each budget
    Doctor,
    /// Verify every segment, record and model, and the backups on demand
    Check(check::CheckArgs),
    /// Backups: make, verify, try, restore
    Backup {
        #[command(subcommand)]
        verb: backup::Verb,
    },
    /// What was done on this box, by whom, and proof of it
    Audit {
        #[command(subcommand)]
        verb: audit::Verb,
    },
    /// Approvals, gates, deployments, incidents, reviews as signed statements
    Evidence {
        #[command(subcommand)]
        verb: evidence::Verb,
    },
    /// What there is evidence of, control by control: SOC 2, ISO 27001, HIPAA, PCI DSS, GDPR
    Compliance {
        #[command(subcommand)]
        verb: compliance::Verb,
    },
    /// Encryption of the stores at rest
    Store {
        #[command(subcommand)]
        verb: store::Verb,
    },
    /// Bring everything that can be read of a damaged data folder into a new one
    Salvage(salvage::SalvageArgs),
    /// Take secrets and personal data out of a text
    Redact(redact::RedactArgs),
    /// Make the stores as small as they can be
    Compact,
    /// Measure search on a judged collection
    Eval(eval::EvalArgs),
    /// Show spud's own log
    #[command(visible_alias = "logs")]
    Log(log::LogArgs),
    /// Show what happens, as it happens
    Event(event::EventArgs),
    /// Print the vectors of texts
    Embed(embed::EmbedArgs),
    /// Run in the foreground and serve the socket
    Daemon(daemon::DaemonArgs),
    /// Install spud as a system service: unit, socket, user, folders, settings
    Install(install::InstallArgs),
    /// Print completions for a shell
    Completions(generate::CompletionsArgs),
    /// Print the manual page, or write all of them
    Man(generate::ManArgs),
}
