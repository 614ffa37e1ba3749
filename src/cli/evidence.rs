//! `spud evidence ...`: entries of the audit log as signed statements, for those who verify them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::context::Context;
use super::error::{CliError, DATA_ERROR, FAILED};
use super::output::clean;
use super::{audit_files, evidence_bundle};
use crate::api::client::escape;
use crate::api::host;
use crate::api::types::evidence::{Evidence, EvidenceDetail};
use crate::api::types::{AuditStatus, Page};
use crate::base::format_time;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List approvals, gates, deployments, incidents, reviews: newest first
    List {
        #[command(flatten)]
        range: Range,
        /// approval, gate, deployment, incident or review
        #[arg(long, value_name = "WORD")]
        topic: Option<String>,
        /// Kind or id of what it was done to, or KIND:ID
        #[arg(long, value_name = "WHAT")]
        subject: Option<String>,
        /// Continue a list: what it gave as next
        #[arg(long, value_name = "ID")]
        cursor: Option<String>,
        /// At most so many
        #[arg(short, long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
        n: u64,
    },
    /// Show one as it is signed
    Show {
        id: String,
        /// Print the DSSE envelope alone
        #[arg(long)]
        envelope: bool,
    },
    /// Verify an envelope; ends with 1 where too few keys signed it
    Verify {
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
        /// Public keys that are believed (PEM, OpenSSH, NAME+ID+KEY); without, that of the box
        #[arg(long, value_name = "FILE")]
        keys: Option<PathBuf>,
        /// So many different keys must have signed
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
        threshold: u64,
    },
    /// Add a signature to an envelope; needs no data folder
    Sign {
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
        /// Secret key, as `spud audit key` makes it
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Write a folder that others verify without spud
    Bundle {
        #[command(flatten)]
        range: Range,
        /// Folder to write; it must be new or empty
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Under the checkpoint of so many entries, in place of the newest
        #[arg(long, value_name = "N")]
        size: Option<u64>,
    },
}

/// Times of what is meant.
#[derive(Debug, Args)]
pub(super) struct Range {
    /// From this time on (UTC): 2026-03-01, 2026-03-01T08:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(super) from: Option<String>,
    /// Before this time (UTC)
    #[arg(long, value_name = "TIME")]
    pub(super) to: Option<String>,
}

impl Range {
    /// With what else is given, as a query.
    pub(super) fn query(&self, others: &[(&str, Option<&str>)]) -> String {
        let own = [("from", self.from.as_deref()), ("to", self.to.as_deref())];
        let given = own.iter().chain(others).filter_map(|(name, value)| Some((name, (*value)?)));
        given.map(|(name, value)| format!("&{name}={}", escape(value))).collect()
    }
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::List { range, topic, subject, cursor, n } => {
            let others =
                [("topic", topic.as_deref()), ("subject", subject.as_deref()), ("cursor", cursor.as_deref())];
            let target = format!("/v1/evidence?limit={n}{}", range.query(&others));
            let page: Page<Evidence> = context.connect_known()?.get(&target)?;
            list(&page, context)?;
        }
        Verb::Show { id, envelope } => {
            let one: EvidenceDetail =
                context.connect_known()?.get(&format!("/v1/evidence/{}", escape(&id)))?;
            show(&one, envelope, context)?;
        }
        Verb::Verify { file, keys, threshold } => return verify(&file, keys, threshold, context),
        Verb::Sign { file, key } => {
            let signed = host::sign_evidence(&audit_files::text(&file)?, &audit_files::text(&key)?);
            let signed = signed.map_err(|error| audit_files::wrong(&error))?;
            context.out.line(&signed)?;
        }
        Verb::Bundle { range, folder, size } => evidence_bundle::write(&folder, &range, size, context)?,
    }
    Ok(0)
}

fn list(page: &Page<Evidence>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    if page.items.is_empty() && page.next.is_none() {
        return context.out.line("None.");
    }
    let row = |one: &Evidence| {
        let subject = format!("{} {}", one.subject_kind, one.subject);
        vec![
            one.id.clone(),
            format_time(one.at_ms),
            one.topic.clone(),
            one.what.clone(),
            one.by.clone(),
            subject.trim().to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["ID", "AT (UTC)", "TOPIC", "WHAT", "WHO", "TO WHAT"], &rows)?;
    if let Some(next) = &page.next {
        context.remark(&format!("there may be more: --cursor {next}"));
    }
    Ok(())
}

fn show(one: &EvidenceDetail, envelope: bool, context: &mut Context) -> Result<(), CliError> {
    if envelope {
        return context.out.line(&one.envelope);
    }
    if context.json {
        return context.print_json(one);
    }
    let statement: serde_json::Value = serde_json::from_str(&one.statement).map_err(std::io::Error::from)?;
    let lines = serde_json::to_string_pretty(&statement).map_err(std::io::Error::from)?;
    for line in lines.lines() {
        context.out.line(&clean(line))?;
    }
    let proved = match one.size {
        Some(size) => format!("in the log of {size} entries, by {} hashes", one.hashes.len()),
        None => "no checkpoint covers it yet: spud audit checkpoint".to_owned(),
    };
    context.remark(&proved);
    context.remark(&format!("key: {}", one.key_openssh.trim_end()));
    Ok(())
}

fn verify(
    file: &std::path::Path,
    keys: Option<PathBuf>,
    threshold: u64,
    context: &mut Context,
) -> Result<u8, CliError> {
    let envelope = audit_files::text(file)?;
    let keys = match keys {
        Some(keys) => audit_files::text(&keys)?,
        None => {
            let status: AuditStatus = context.connect_known()?.get("/v1/audit")?;
            status.key.ok_or_else(|| {
                let advice = "give the keys with --keys, or make a checkpoint first: spud audit checkpoint";
                CliError::new(DATA_ERROR, "the box has no key that signed anything yet", advice)
            })?
        }
    };
    let threshold = usize::try_from(threshold).unwrap_or(usize::MAX);
    let verdict = host::verify_evidence(&envelope, &keys, threshold);
    let verdict = verdict.map_err(|error| audit_files::wrong(&error))?;
    let code = if verdict.ok { 0 } else { FAILED };
    if context.json {
        context.print_json(&verdict)?;
        return Ok(code);
    }
    for key in &verdict.signers {
        context.out.line(&format!("signed by {}", clean(key)))?;
    }
    let said = format!("{} of {} keys that are needed signed it", verdict.signers.len(), verdict.needed);
    let said = if verdict.ok { said } else { context.out.paint.bad(&said) };
    context.out.line(&said)?;
    Ok(code)
}
