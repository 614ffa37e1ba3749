//! `spud config ...`: what is set, where and why; edits that can be taken back.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::config_show;
use super::context::Context;
use super::error::{CONFIG, CliError};
use crate::api::client::{ClientError, escape};
use crate::api::host::Attached;
use crate::api::types::{
    ApplyConfig, CommitConfirm, ConfigChange, ConfigCheck, ConfigReport, ConfigSetting, ConfigTemplate,
    ConfigVersion, Page, RollbackConfig, SetConfig, ValidateConfig,
};

/// Bytes of a file that is read to be applied; the server's own limit is smaller.
const LONGEST: u64 = 1 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List settings: those that were set, a section, or all
    Show {
        /// Only this section or setting
        section: Option<String>,
        /// Also what stands at its default
        #[arg(short, long)]
        all: bool,
    },
    /// Print the value of one setting
    Get { key: String },
    /// Set one setting; comments and order of the file stay
    Set {
        key: String,
        value: String,
        #[command(flatten)]
        how: How,
    },
    /// Take one setting out of the file that `set` writes
    Unset {
        key: String,
        #[command(flatten)]
        how: How,
    },
    /// Say what a setting is, where its value comes from and what it hides
    Explain { key: String },
    /// Show what differs: what runs against the files, a version or a file
    Diff {
        /// Number of a version
        #[arg(long, value_name = "VERSION", conflicts_with = "file")]
        version: Option<u64>,
        /// A file that would be applied (- for standard input)
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Check the files as they are, or a file that would be applied; all mistakes at once (exit 78)
    Validate {
        /// A spud.toml (- for standard input)
        file: Option<PathBuf>,
    },
    /// Replace the file that `set` writes
    Apply {
        /// A spud.toml (- for standard input)
        file: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// List versions, newest first: who, why, what changed
    History {
        /// At most so many
        #[arg(short, long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=200))]
        n: u64,
    },
    /// Bring the file of a version back
    Rollback {
        /// Number of the version, as `history` lists it
        version: u64,
        #[command(flatten)]
        how: How,
    },
    /// Put the last change on trial, or apply a file on trial: it reverts by itself unless you confirm
    CommitConfirm {
        /// How long, such as 120s or 10m
        #[arg(value_name = "TIME", default_value = "120s", value_parser = duration)]
        time: Duration,
        /// Apply this file on trial (- for standard input)
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Why: kept in the history
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Keep what is on trial
    Confirm,
    /// List templates, or print one
    Templates { name: Option<String> },
    /// Begin from a template
    ApplyTemplate {
        name: String,
        #[command(flatten)]
        how: How,
    },
    /// Print the JSON Schema of spud.toml
    Schema,
}

/// How an edit is made.
#[derive(Debug, Clone, Args)]
pub(super) struct How {
    /// Why: kept in the history
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Revert after this time unless `spud config confirm` comes first, such as 120s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    confirm: Option<Duration>,
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; such as 120s or 10m"))
}

/// A setting that is wrong is bad configuration, whoever noticed.
fn refused(error: ClientError) -> CliError {
    match error {
        ClientError::Problem(problem) if problem.status == 422 => {
            CliError::new(CONFIG, problem.detail.clone(), problem.advice.unwrap_or_default())
        }
        other => other.into(),
    }
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    match verb {
        Verb::Show { section, all } => {
            let report: ConfigReport = link.get("/v1/config")?;
            config_show::list(&report, section.as_deref(), all, context)?;
        }
        Verb::Get { key } => {
            let setting = setting(&mut link, &key)?;
            match context.json {
                true => context.print_json(&setting)?,
                false => context.out.line(&super::output::clean(&setting.shown))?,
            }
        }
        Verb::Explain { key } => {
            let setting = setting(&mut link, &key)?;
            config_show::explain(&setting, context)?;
        }
        Verb::Set { key, value, how } => {
            let request = set_request(Value::String(value), &how);
            let target = format!("/v1/config/{}", escape(&key));
            return change(link.send("PUT", &target, &request), &link, context);
        }
        Verb::Unset { key, how } => {
            let request = set_request(Value::Null, &how);
            let target = format!("/v1/config/{}", escape(&key));
            return change(link.send("PUT", &target, &request), &link, context);
        }
        Verb::Diff { version, file } => return diff(version, file.as_deref(), &mut link, context),
        Verb::Validate { file } => return validate(file.as_deref(), &mut link, context),
        Verb::Apply { file, how } => {
            let request = apply_request(Some(read(&file)?), None, &how);
            return change(link.send("POST", "/v1/config/apply", &request), &link, context);
        }
        Verb::ApplyTemplate { name, how } => {
            let request = apply_request(None, Some(name), &how);
            return change(link.send("POST", "/v1/config/apply", &request), &link, context);
        }
        Verb::History { n } => {
            let page: Page<ConfigVersion> = link.get(&format!("/v1/config/history?limit={n}"))?;
            config_show::history(&page, context)?;
        }
        Verb::Rollback { version, how } => {
            let confirm_s = how.confirm.map(|time| time.as_secs());
            let request = RollbackConfig { version, reason: how.reason, confirm_s, dry_run: how.dry_run };
            return change(link.send("POST", "/v1/config/rollback", &request), &link, context);
        }
        Verb::CommitConfirm { time, file, reason } => {
            let Some(file) = file else {
                let request = CommitConfirm { seconds: time.as_secs() };
                return change(link.send("POST", "/v1/config/commit-confirm", &request), &link, context);
            };
            let how = How { reason, dry_run: false, confirm: Some(time) };
            let request = apply_request(Some(read(&file)?), None, &how);
            return change(link.send("POST", "/v1/config/apply", &request), &link, context);
        }
        Verb::Confirm => {
            let _: ConfigChange = link.send("POST", "/v1/config/confirm", &())?;
            context.remark("Confirmed: it stays.");
        }
        Verb::Templates { name } => {
            let page: Page<ConfigTemplate> = link.get("/v1/config/templates")?;
            return config_show::templates(&page, name.as_deref(), context);
        }
        Verb::Schema => {
            let schema: Value = link.get("/v1/config/schema")?;
            context.out.json(&schema)?;
        }
    }
    Ok(0)
}

fn setting(link: &mut Attached, key: &str) -> Result<ConfigSetting, CliError> {
    Ok(link.get(&format!("/v1/config/{}", escape(key)))?)
}

fn set_request(value: Value, how: &How) -> SetConfig {
    let confirm_s = how.confirm.map(|time| time.as_secs());
    SetConfig { value, reason: how.reason.clone(), confirm_s, dry_run: how.dry_run }
}

fn apply_request(text: Option<String>, template: Option<String>, how: &How) -> ApplyConfig {
    let confirm_s = how.confirm.map(|time| time.as_secs());
    ApplyConfig { text, template, reason: how.reason.clone(), confirm_s, dry_run: how.dry_run }
}

/// A file, or standard input for `-`.
fn read(path: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text))
    };
    match read {
        Ok(_) => Ok(text),
        Err(error) => Err(CliError::input(path, &error)),
    }
}

fn change(
    made: Result<ConfigChange, ClientError>,
    link: &Attached,
    context: &mut Context,
) -> Result<u8, CliError> {
    let made = made.map_err(refused)?;
    config_show::change(&made, context)?;
    if made.trial.is_some() && !link.is_remote() {
        context.remark("No daemon runs: it is taken back by whatever spud starts after that time.");
    }
    Ok(0)
}

fn diff(
    version: Option<u64>,
    file: Option<&Path>,
    link: &mut Attached,
    context: &mut Context,
) -> Result<u8, CliError> {
    if let Some(version) = version {
        let request = RollbackConfig { version, dry_run: true, ..RollbackConfig::default() };
        let made: ConfigChange = link.send("POST", "/v1/config/rollback", &request).map_err(refused)?;
        config_show::differences(&made.differences, context)?;
        return Ok(0);
    }
    let text = file.map(read).transpose()?;
    let request = ValidateConfig { text, ..ValidateConfig::default() };
    let check: ConfigCheck = link.send("POST", "/v1/config/validate", &request).map_err(refused)?;
    if !check.ok {
        return config_show::checked(&check, context);
    }
    config_show::differences(&check.differences, context)?;
    Ok(0)
}

fn validate(file: Option<&Path>, link: &mut Attached, context: &mut Context) -> Result<u8, CliError> {
    let text = file.map(read).transpose()?;
    let request = ValidateConfig { text, ..ValidateConfig::default() };
    let check: ConfigCheck = link.send("POST", "/v1/config/validate", &request).map_err(refused)?;
    config_show::checked(&check, context)
}
