//! `spud model ...`

use std::path::PathBuf;

use clap::Subcommand;

use super::add::absolute;
use super::context::Context;
use super::error::CliError;
use super::output::clean;
use super::registry;
use crate::api::types::{Model, ModelPath, Page};
use crate::base::format_bytes;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List models
    List,
    /// Show what a model file is
    Inspect { file: PathBuf },
    /// Import a Model2Vec folder (static embeddings in safetensors)
    Import {
        folder: PathBuf,
        /// Answer with it from now on (indexes everything again)
        #[arg(long)]
        activate: bool,
    },
    #[command(flatten)]
    Governed(registry::Verb),
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::List => list(context)?,
        Verb::Inspect { file } => {
            let path = absolute(&file)?;
            let model: Model = context.connect()?.send(
                "POST",
                "/v1/models/inspect",
                &ModelPath { path, activate: false },
            )?;
            show(&model, context)?;
        }
        Verb::Import { folder, activate } => {
            let path = absolute(&folder)?;
            let model: Model =
                context.connect()?.send("POST", "/v1/models", &ModelPath { path, activate })?;
            show(&model, context)?;
        }
        Verb::Governed(verb) => return registry::run(verb, context),
    }
    Ok(0)
}

fn list(context: &mut Context) -> Result<(), CliError> {
    let page: Page<Model> = context.connect()?.get("/v1/models")?;
    if context.json {
        return context.print_json(&page);
    }
    let row = |model: &Model| {
        vec![
            model.name.clone(),
            model.sha256.chars().take(12).collect(),
            model.rows.to_string(),
            model.columns.to_string(),
            format_bytes(model.bytes),
            if model.active { "active" } else { "" }.to_owned(),
            model.stage.clone().unwrap_or_else(|| "-".to_owned()),
            model.review.clone().unwrap_or_else(|| "-".to_owned()),
            if model.built_in { "built in" } else { "imported" }.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context
        .out
        .table(&["NAME", "SHA256", "ROWS", "COLUMNS", "SIZE", "STATE", "STAGE", "REVIEW", "ORIGIN"], &rows)
}

fn show(model: &Model, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(model);
    }
    let lines = [
        ("name", model.name.clone()),
        ("sha256", model.sha256.clone()),
        ("rows", model.rows.to_string()),
        ("columns", model.columns.to_string()),
        ("size", format_bytes(model.bytes)),
        ("licence", model.licence.clone()),
        ("source", model.source.clone()),
        ("path", model.path.clone()),
        ("active", if model.active { "yes" } else { "no" }.to_owned()),
    ];
    for (name, value) in lines {
        context.out.line(&format!("{name:<8} {}", clean(&value)))?;
    }
    Ok(())
}
