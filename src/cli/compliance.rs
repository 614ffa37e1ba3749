//! `spud compliance ...`: what this box has evidence of, control by control.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::audit_files::put;
use super::context::Context;
use super::error::CliError;
use super::evidence::Range;
use crate::api::client::escape;
use crate::api::types::Page;
use crate::api::types::compliance::ComplianceFramework;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List frameworks, with how many controls have evidence
    List,
    /// Report on a framework, under a checkpoint of the audit log
    Report {
        /// soc2, iso27001, hipaa, pci-dss or gdpr
        framework: String,
        #[command(flatten)]
        range: Range,
        /// md, csv, json or oscal (assessment results)
        #[arg(long, value_name = "FORM", default_value = "md")]
        format: Form,
        /// Under the checkpoint of so many entries, in place of the newest
        #[arg(long, value_name = "N")]
        size: Option<u64>,
        /// Write into a file
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    Md,
    Csv,
    Json,
    Oscal,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Md => "md",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Oscal => "oscal",
        }
    }
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::List => {
            let page: Page<ComplianceFramework> = context.connect_known()?.get("/v1/compliance")?;
            list(&page, context)?;
        }
        Verb::Report { framework, range, format, size, out } => {
            let format = if context.json { Form::Json } else { format };
            let size = size.map(|size| size.to_string());
            let others = [("format", Some(format.name())), ("size", size.as_deref())];
            let query = range.query(&others);
            let target = format!("/v1/compliance/{}?{}", escape(&framework), query.trim_start_matches('&'));
            let bytes = context.connect_known()?.bytes(&target)?;
            match out {
                Some(file) => {
                    put(&file, &bytes)?;
                    context.remark(&format!("{} bytes in {}", bytes.len(), file.display()));
                }
                None => context.out.line(String::from_utf8_lossy(&bytes).trim_end_matches('\n'))?,
            }
        }
    }
    Ok(0)
}

fn list(page: &Page<ComplianceFramework>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    let row = |one: &ComplianceFramework| {
        let counts = [one.controls, one.evidence, one.some, one.none].map(|count| count.to_string());
        [vec![one.id.clone()], counts.to_vec(), vec![one.title.clone()]].concat()
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["ID", "CONTROLS", "EVIDENCE", "SOME", "NONE", "FRAMEWORK"], &rows)
}
