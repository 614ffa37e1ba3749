//! `spud collection ...`

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::interrupt::Interrupt;
use super::job::{follow, outcome};
use super::output::clean;
use crate::api::client::escape;
use crate::api::types::{Collection, CreateCollection, Job, Page};
use crate::base::{format_bytes, format_time};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List collections
    List,
    /// Show one collection
    Show { name: String },
    /// Make an empty collection
    Create {
        name: String,
        /// Language of its documents (ISO 639-1), or auto
        #[arg(long, value_name = "LANG")]
        language: Option<String>,
    },
    /// Remove a collection and its index; the source files stay
    Remove {
        name: String,
        /// Why: kept in the audit log; needed where removing waits for votes
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Index everything in it again
    Reindex { name: String },
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let of = |name: &str| format!("/v1/collections/{}", escape(name));
    match verb {
        Verb::List => {
            let page: Page<Collection> = link.get("/v1/collections")?;
            list(&page, context)?;
        }
        Verb::Show { name } => {
            let collection: Collection = link.get(&of(&name))?;
            show(&collection, context)?;
        }
        Verb::Create { name, language } => {
            let made: Collection =
                link.send("POST", "/v1/collections", &CreateCollection { name, language })?;
            show(&made, context)?;
        }
        Verb::Remove { name, reason } => {
            let why = if reason.is_empty() { reason } else { format!("?reason={}", escape(&reason)) };
            link.send::<(), ()>("DELETE", &format!("{}{why}", of(&name)), &())?;
            context.remark(&format!("collection {name} is removed"));
        }
        Verb::Reindex { name } => {
            let job: Job = link.send("POST", &format!("{}/reindex", of(&name)), &())?;
            let job = follow(&job.id, &Interrupt::listen(), &mut link, context)?;
            return outcome(&job, &mut link, context);
        }
    }
    Ok(0)
}

fn list(page: &Page<Collection>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    let row = |collection: &Collection| {
        vec![
            collection.name.clone(),
            collection.documents.to_string(),
            collection.chunks.to_string(),
            collection.failures.to_string(),
            format_bytes(collection.index_bytes),
            if collection.built_in { "built in".to_owned() } else { format_time(collection.created_ms) },
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["NAME", "DOCUMENTS", "PASSAGES", "FAILURES", "INDEX", "CREATED (UTC)"], &rows)
}

fn show(collection: &Collection, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(collection);
    }
    let lines = [
        ("name", collection.name.clone()),
        ("documents", collection.documents.to_string()),
        ("passages", collection.chunks.to_string()),
        ("failures", collection.failures.to_string()),
        ("index", format!("{} in {} segments", format_bytes(collection.index_bytes), collection.segments)),
        ("sources", format_bytes(collection.source_bytes)),
        ("language", format!("{} ({})", collection.language, collection.languages.join(", "))),
        ("model", collection.model.clone()),
        ("generation", collection.generation.to_string()),
        ("created", format!("{} UTC", format_time(collection.created_ms))),
        ("watched", collection.watched.join(", ")),
    ];
    for (name, value) in lines {
        context.out.line(&format!("{name:<11} {}", clean(&value)))?;
    }
    Ok(())
}
