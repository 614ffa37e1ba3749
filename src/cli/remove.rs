//! `spud remove PATH|ID`: documents out.

use clap::Args;

use super::context::Context;
use super::error::CliError;
use super::interrupt::Interrupt;
use super::job::{follow, outcome};
use crate::api::host::Attached;
use crate::api::types::{Job, RemoveRequest};

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Paths of documents or folders (they need not exist any more)
    #[arg(required_unless_present = "document", num_args = 1..)]
    paths: Vec<String>,
    /// Only from this collection
    #[arg(long, value_name = "NAME")]
    collection: Option<String>,
    /// Remove the document with this id
    #[arg(long, value_name = "ID", conflicts_with = "paths")]
    document: Option<String>,
}

pub(super) fn run(args: RemoveArgs, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let mut requests: Vec<RemoveRequest> = Vec::new();
    for path in &args.paths {
        let full = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path));
        let full = full.map_err(|error| CliError::input(std::path::Path::new(path), &error))?;
        let path = Some(full.to_string_lossy().into_owned());
        requests.push(RemoveRequest { path, collection: args.collection.clone(), document: None });
    }
    if args.document.is_some() {
        requests.push(RemoveRequest { document: args.document, collection: args.collection, path: None });
    }
    let mut code = 0;
    for request in &requests {
        code = code.max(remove(request, &mut link, context)?);
    }
    Ok(code)
}

/// Removes, and waits where that is a job.
pub(super) fn remove(
    request: &RemoveRequest,
    link: &mut Attached,
    context: &mut Context,
) -> Result<u8, CliError> {
    let job: Option<Job> = link.send("DELETE", "/v1/documents", request)?;
    let Some(job) = job else { return Ok(0) };
    let job = follow(&job.id, &Interrupt::listen(), link, context)?;
    outcome(&job, link, context)
}
