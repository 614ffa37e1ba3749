//! `spud eval`: the product's own search, measured on a judged collection in a throw-away box.

use std::path::PathBuf;

use clap::Args;

use super::add::absolute;
use super::context::Context;
use super::error::CliError;
use super::interrupt::Sweep;
use super::output::clean;
use crate::api::host;
use crate::api::types::{EvalReport, EvalRequest};
use crate::base::format_bytes;

#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    /// Passages: JSON Lines with id, title, text
    #[arg(long, value_name = "C.jsonl")]
    corpus: PathBuf,
    /// Questions: JSON Lines with id, text
    #[arg(long, value_name = "Q.jsonl")]
    queries: PathBuf,
    /// Judgements: query id, document id, relevance, separated by tabs
    #[arg(long, value_name = "R.tsv")]
    qrels: PathBuf,
    /// Measure this model file in place of the one that answers
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// List every question with its own nDCG@10, worst first
    #[arg(long)]
    per_query: bool,
}

pub(super) fn run(args: &EvalArgs, context: &mut Context) -> Result<u8, CliError> {
    let request = EvalRequest {
        corpus: absolute(&args.corpus)?,
        queries: absolute(&args.queries)?,
        qrels: absolute(&args.qrels)?,
        per_query: args.per_query,
    };
    let sweep = Sweep::listen();
    let mut link = host::scratch(&context.options, args.model.clone())?;
    if let Some(folder) = link.scratch_folder() {
        sweep.guard(folder.to_owned());
    }
    let report: EvalReport = link.send("POST", "/v1/eval", &request)?;
    if context.json {
        context.print_json(&report)?;
        return Ok(0);
    }
    let latency = &report.latency_ms;
    let lines = [
        ("nDCG@10", format!("{:.4}", report.ndcg_at_10)),
        ("recall@10", format!("{:.4}", report.recall_at_10)),
        ("MRR", format!("{:.4}", report.mrr)),
        (
            "latency",
            format!("p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms", latency.p50, latency.p95, latency.p99),
        ),
        ("queries", report.queries.to_string()),
        ("documents", report.documents.to_string()),
        ("index", format_bytes(report.index_bytes)),
        ("peak RSS", format_bytes(report.peak_rss_bytes)),
        ("model", report.model.clone()),
        ("tier", report.tier.clone()),
    ];
    for (name, value) in lines {
        context.out.line(&format!("{name:<10} {}", clean(&value)))?;
    }
    for query in &report.per_query {
        context.out.line(&format!(
            "{:.4}  {}  {}",
            query.ndcg_at_10,
            clean(&query.id),
            clean(&query.text)
        ))?;
    }
    Ok(0)
}
