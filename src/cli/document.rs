//! `spud document ...`

use clap::{Args, Subcommand};

use super::context::Context;
use super::error::CliError;
use super::output::{clean, clean_lines};
use super::remove::remove;
use crate::api::client::escape;
use crate::api::types::{Document, Page, Passage, RemoveRequest};
use crate::base::{format_bytes, format_time};

/// Documents asked for at once while listing.
const PAGE: usize = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List documents
    List(ListArgs),
    /// Show one document and its passages
    Show { id: String },
    /// Remove one document
    Remove { id: String },
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only of this collection
    #[arg(long, value_name = "NAME")]
    collection: Option<String>,
    /// Only paths or titles that contain this
    #[arg(long, value_name = "TEXT")]
    contains: Option<String>,
    /// Only of this kind
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// At most this many
    #[arg(short = 'n', long = "number", value_name = "N", default_value_t = 1000)]
    number: usize,
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::List(args) => list(&args, context),
        Verb::Show { id } => show(&id, context),
        Verb::Remove { id } => {
            let mut link = context.connect()?;
            remove(&RemoveRequest { document: Some(id), ..RemoveRequest::default() }, &mut link, context)
        }
    }
}

fn list(args: &ListArgs, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let mut filter = String::new();
    for (name, value) in
        [("collection", &args.collection), ("contains", &args.contains), ("kind", &args.kind)]
    {
        if let Some(value) = value {
            filter.push_str(&format!("&{name}={}", escape(value)));
        }
    }
    let mut all = Page { items: Vec::new(), next: None };
    loop {
        let limit = args.number.saturating_sub(all.items.len()).clamp(1, PAGE);
        let cursor = all.next.take().map(|cursor| format!("&cursor={}", escape(&cursor))).unwrap_or_default();
        let page: Page<Document> = link.get(&format!("/v1/documents?limit={limit}{filter}{cursor}"))?;
        all.items.extend(page.items);
        all.next = page.next;
        if all.next.is_none() || all.items.len() >= args.number {
            break;
        }
    }
    if context.json {
        context.print_json(&all)?;
        return Ok(0);
    }
    let row = |document: &Document| {
        vec![
            document.id.clone(),
            document.collection.clone(),
            document.kind.clone(),
            format_bytes(document.bytes),
            document.chunks.to_string(),
            document.path.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = all.items.iter().map(row).collect();
    context.out.table(&["ID", "COLLECTION", "KIND", "SIZE", "PASSAGES", "PATH"], &rows)?;
    if all.next.is_some() {
        context.remark("there are more: -n N shows them");
    }
    Ok(0)
}

fn show(id: &str, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let document: Document = link.get(&format!("/v1/documents/{}", escape(id)))?;
    if context.json {
        context.print_json(&document)?;
        return Ok(0);
    }
    let lines = [
        ("path", document.path.clone()),
        ("title", document.title.clone()),
        ("collection", document.collection.clone()),
        ("kind", document.kind.clone()),
        ("language", document.language.clone()),
        ("size", format_bytes(document.bytes)),
        ("passages", document.chunks.to_string()),
        ("modified", format!("{} UTC", format_time(document.modified_ms))),
        ("indexed", format!("{} UTC", format_time(document.indexed_ms))),
        ("sha256", document.sha256.clone()),
    ];
    for (name, value) in lines {
        context.out.line(&format!("{name:<11} {}", clean(&value)))?;
    }
    let page: Page<Passage> = link.get(&format!("/v1/documents/{}/passages?after=200", escape(id)))?;
    for passage in &page.items {
        let heading = clean(&passage.heading.join(" > "));
        context.out.line("")?;
        let title = format!("{heading}{}", super::ask::place(&passage.place));
        let title = context.out.paint.dim(title.trim());
        context.out.line(&title)?;
        context.out.wrapped(2, &clean_lines(&passage.text))?;
    }
    Ok(0)
}
