//! `spud log level`: what is recorded, of the whole program and of its parts. The settings `log.level` and
//! `log.targets`, and so with their history, their trials and their permission.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::config_show;
use super::context::Context;
use super::error::{CliError, USAGE};
use super::output::clean;
use crate::api::client::escape;
use crate::api::host::Attached;
use crate::api::types::{ConfigChange, ConfigSetting, SetConfig};
use crate::base::ordered_map;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
const LEVEL: &str = "log.level";
const TARGETS: &str = "log.targets";

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  spud log level                          what is recorded\n  \
                        spud log level warn                     of everything\n  \
                        spud log level spud::api=debug --for 10m   of a part, and back by itself\n  \
                        spud log level spud::api=               as everything else again")]
pub(super) struct LevelArgs {
    /// error, warn, info, debug or trace; PART=LEVEL for a part of the program, PART= to take that back
    #[arg(value_name = "LEVEL")]
    level: Option<String>,
    /// Back as it was after this time, unless `spud config confirm` comes first
    #[arg(long = "for", value_name = "TIME", value_parser = duration, requires = "level")]
    time: Option<Duration>,
    /// Why: kept in the settings' history
    #[arg(long, value_name = "TEXT", default_value = "", requires = "level")]
    reason: String,
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; such as 120s or 10m"))
}

pub(super) fn run(args: &LevelArgs, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let (level, targets) = (setting(&mut link, LEVEL)?, setting(&mut link, TARGETS)?);
    let Some(wanted) = &args.level else {
        if context.json {
            let both = serde_json::json!({"level": level.value, "targets": targets.value});
            context.print_json(&both)?;
            return Ok(0);
        }
        context.out.line(&format!("everything  {}", clean(&level.shown)))?;
        for (part, level) in parts(&targets.value) {
            context.out.line(&format!("{}  {}", clean(&part), clean(&level)))?;
        }
        return Ok(0);
    };
    let (key, value) = match wanted.split_once('=') {
        None => (LEVEL, Value::from(known(wanted)?)),
        Some((part, level)) => {
            let mut all = parts(&targets.value);
            match level {
                "" => drop(all.remove(part)),
                level => drop(all.insert(part.to_owned(), known(level)?)),
            }
            let all: Vec<String> = all.into_iter().map(|(part, level)| format!("{part}={level}")).collect();
            (TARGETS, if all.is_empty() { Value::Null } else { Value::from(all.join(", ")) })
        }
    };
    let confirm_s = args.time.map(|time| time.as_secs());
    let request = SetConfig { value, reason: args.reason.clone(), confirm_s, dry_run: false };
    let made: ConfigChange = link.send("PUT", &format!("/v1/config/{}", escape(key)), &request)?;
    config_show::change(&made, context)?;
    Ok(0)
}

fn known(level: &str) -> Result<String, CliError> {
    let lower = level.to_ascii_lowercase();
    match LEVELS.contains(&lower.as_str()) {
        true => Ok(lower),
        false => Err(CliError::new(
            USAGE,
            format!("'{level}' is no level"),
            format!("one of {}", LEVELS.join(", ")),
        )),
    }
}

/// Parts with a level of their own, from a list such as `["spud::api=debug"]`.
fn parts(value: &Value) -> BTreeMap<String, String> {
    let items = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    let pairs = items.filter_map(|item| item.split_once('='));
    ordered_map(pairs.map(|(part, level)| (part.trim().to_owned(), level.trim().to_owned())))
}

fn setting(link: &mut Attached, key: &str) -> Result<ConfigSetting, CliError> {
    Ok(link.get(&format!("/v1/config/{}", escape(key)))?)
}
