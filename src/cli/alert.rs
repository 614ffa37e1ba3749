//! `spud alert ...`: what fires, why, who has seen it, and the rules behind it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;

use super::check_files::check_files;
use super::context::Context;
use super::error::{CliError, DATA_ERROR, FAILED, NO_INPUT};
use super::output::clean;
use crate::api::client::escape;
use crate::api::host::{self, TryFault};
use crate::api::types::{AcknowledgeAlert, Alert, AlertRules, AlertSilence, Page, SilenceAlerts};
use crate::base::{format_time, utf8};

/// Bytes of a file of rules.
const LONGEST: u64 = 512 << 10;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List alerts: firing, pending, lately resolved, group by group
    List {
        /// Labels that put alerts together, instead of those of the routes of notices
        #[arg(long, value_name = "LABEL", value_delimiter = ',')]
        group_by: Vec<String>,
        /// Only those that match, such as severity=critical
        #[arg(long = "match", value_name = "MATCHER")]
        matchers: Vec<String>,
    },
    /// Show one alert, by id or name
    Show {
        #[arg(value_name = "ALERT")]
        id: String,
    },
    /// List the rules with their state, and files that cannot be read
    Rules,
    /// List the silences that hold
    Silences,
    /// Keep alerts that match from being told for a time
    #[command(
        after_help = "Example: spud alert silence alertname=SpudDiskLow --for 2h --reason 'card is ordered'"
    )]
    Silence {
        /// As name=value, name!=value, name=~pattern or name!~pattern; all have to match
        #[arg(required = true, value_name = "MATCHER")]
        matchers: Vec<String>,
        /// How long, such as 30m or 2h; at most 30 days
        #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = duration)]
        length: Duration,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// End a silence, by id
    Unsilence {
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Say that somebody has seen an alert, by id or name
    Ack {
        #[arg(value_name = "ALERT")]
        id: String,
        /// What is done about it
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Check files of rules (YAML as Prometheus has it, or TOML); needs no data folder
    Check {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Run tests of rules, in the format of promtool; needs no data folder
    Test {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; such as 30m or 2h"))
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    if let Verb::Check { files } = &verb {
        let tier = tier(context);
        return check_files(files, "rules", context, &|name, text| host::check_rules(name, text, &tier));
    }
    if let Verb::Test { files } = &verb {
        return test(files, context);
    }
    let mut link = context.connect()?;
    match verb {
        Verb::List { group_by, matchers } => {
            let groups = group_by.iter().map(|label| format!("group_by={}", escape(label)));
            let matchers = matchers.iter().map(|matcher| format!("matcher={}", escape(matcher)));
            let query: Vec<String> = groups.chain(matchers).collect();
            let page: Page<Alert> = link.get(&format!("/v1/alerts?{}", query.join("&")))?;
            list(&page, context)?;
        }
        Verb::Show { id } => {
            let alert: Alert = link.get(&format!("/v1/alerts/{}", escape(&id)))?;
            show(&alert, context)?;
        }
        Verb::Rules => {
            let all: AlertRules = link.get("/v1/alerts/rules")?;
            rules(&all, context)?;
        }
        Verb::Silences => {
            let page: Page<AlertSilence> = link.get("/v1/alerts/silences")?;
            if context.json {
                context.print_json(&page)?;
            } else if page.items.is_empty() {
                context.out.line("Nothing is silenced.")?;
            } else {
                silences(&page.items, context)?;
            }
        }
        Verb::Silence { matchers, length, reason } => {
            let request = SilenceAlerts { matchers, reason, ttl_s: length.as_secs() };
            let silence: AlertSilence = link.send("POST", "/v1/alerts/silences", &request)?;
            if context.json {
                context.print_json(&silence)?;
            } else {
                silences(&[silence], context)?;
            }
        }
        Verb::Unsilence { id } => {
            let silence: AlertSilence =
                link.send("DELETE", &format!("/v1/alerts/silences/{}", escape(&id)), &())?;
            if context.json {
                context.print_json(&silence)?;
            } else {
                context.out.line(&format!("The silence {} is over.", clean(&silence.id)))?;
            }
        }
        Verb::Ack { id, reason } => {
            let request = AcknowledgeAlert { reason };
            let alert: Alert = link.send("POST", &format!("/v1/alerts/{}/ack", escape(&id)), &request)?;
            show(&alert, context)?;
        }
        Verb::Check { .. } | Verb::Test { .. } => {}
    }
    Ok(0)
}

fn list(page: &Page<Alert>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    if page.items.is_empty() {
        return context.out.line("No alert is active.");
    }
    let row = |alert: &Alert| {
        let text = |name: &str, from: &BTreeMap<String, String>| from.get(name).cloned();
        vec![
            alert.id.chars().take(8).collect(),
            alert.state_in_words(),
            text("severity", &alert.labels).unwrap_or_default(),
            alert.name.clone(),
            format_time(alert.active_ms),
            alert.grouping.clone(),
            text("summary", &alert.annotations).unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["ID", "STATE", "SEVERITY", "ALERT", "SINCE (UTC)", "GROUP", "SUMMARY"], &rows)
}

fn show(alert: &Alert, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(alert);
    }
    let head = clean(&format!("{}: {}", alert.name, alert.state_in_words()));
    let head =
        if alert.state == "firing" { context.out.paint.bad(&head) } else { context.out.paint.bold(&head) };
    context.out.line(&head)?;
    let mut rows = vec![
        ("id", alert.id.clone()),
        ("group", alert.group.clone()),
        ("value", alert.value.clone()),
        ("active", format!("since {} UTC", format_time(alert.active_ms))),
    ];
    rows.extend(alert.fired_ms.map(|at| ("fired", format!("{} UTC", format_time(at)))));
    rows.extend(alert.resolved_ms.map(|at| ("resolved", format!("{} UTC", format_time(at)))));
    if let Some(seen) = &alert.acknowledged {
        rows.push(("seen", format!("{} UTC by {}: {}", format_time(seen.at_ms), seen.by, seen.reason)));
    }
    let pairs = alert.labels.iter().map(|(name, value)| format!("{name}={value}"));
    rows.push(("labels", pairs.collect::<Vec<_>>().join(" ")));
    rows.extend(alert.annotations.iter().map(|(name, text)| (name.as_str(), text.clone())));
    for (name, text) in rows {
        context.out.line(&format!("  {:<10} {}", clean(name), clean(&text)))?;
    }
    Ok(())
}

fn rules(all: &AlertRules, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(all);
    }
    let mut rows = Vec::new();
    for group in &all.groups {
        for rule in &group.rules {
            let state = if rule.health == "err" { rule.error.clone() } else { rule.state.clone() };
            rows.push(vec![group.name.clone(), rule.name.clone(), state, rule.expr.clone()]);
        }
    }
    context.out.table(&["GROUP", "RULE", "STATE", "EXPR"], &rows)?;
    for problem in &all.problems {
        let line = context.out.paint.bad(&clean(problem));
        context.out.line(&line)?;
    }
    Ok(())
}

fn silences(all: &[AlertSilence], context: &mut Context) -> Result<(), CliError> {
    let row = |one: &AlertSilence| {
        vec![
            one.id.clone(),
            one.matchers.join(" "),
            format_time(one.until_ms),
            one.by.clone(),
            one.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    context.out.table(&["ID", "MATCHERS", "UNTIL (UTC)", "BY", "REASON"], &rows)
}

/// Where rules are not those of a box, they are read for this tier.
fn tier(context: &Context) -> String {
    context.options.tier.clone().unwrap_or_else(|| "standard".to_owned())
}

fn test(files: &[PathBuf], context: &mut Context) -> Result<u8, CliError> {
    let tier = tier(context);
    let (mut reports, mut passed, mut failed, mut wrong) = (BTreeMap::new(), 0, 0, 0);
    let mut gone = false;
    for file in files {
        let name = file.display().to_string();
        File::open(file).map_err(|error| CliError::input(file, &error))?;
        match host::try_rules(file, &tier) {
            Ok(report) => {
                for one in report.failed.iter().filter(|_| !context.json) {
                    let head = format!("{}:{}: {}", clean(&name), one.line, clean(&one.query));
                    let head = context.out.paint.bad(&head);
                    context.out.line(&head)?;
                    context.out.line(&format!("    {}", clean(&one.what)))?;
                }
                (passed, failed) = (passed + report.passed, failed + report.failed.len());
                reports.insert(name, serde_json::json!(report));
            }
            Err(TryFault { missing, problems }) => {
                gone |= missing;
                for problem in problems.iter().filter(|_| !context.json) {
                    let line = context.out.paint.bad(&clean(problem));
                    context.out.line(&line)?;
                }
                wrong += problems.len();
                reports.insert(name, serde_json::json!({ "problems": problems }));
            }
        }
    }
    if context.json {
        context.print_json(&reports)?;
    } else {
        context.out.line(&format!("{passed} passed, {failed} failed"))?;
    }
    Ok(match (wrong, failed) {
        _ if gone => NO_INPUT,
        (0, 0) => 0,
        (0, _) => FAILED,
        _ => DATA_ERROR,
    })
}

pub(super) fn read(path: &Path) -> Result<String, CliError> {
    let file = File::open(path).map_err(|error| CliError::input(path, &error))?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| CliError::input(path, &error))?;
    let wrong = |what: String| {
        CliError::new(
            DATA_ERROR,
            format!("{}: {what}", path.display()),
            "it is text in UTF-8 of at most 512 KiB",
        )
    };
    if bytes.len() as u64 > LONGEST {
        return Err(wrong("it has more than 512 KiB".to_owned()));
    }
    utf8(bytes).map_err(wrong)
}
