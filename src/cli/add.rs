//! `spud add PATH...`: files and folders in, with progress.

use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use super::error::{CliError, FAILED, NO_INPUT};
use super::interrupt::Interrupt;
use super::job::{follow, outcome};
use crate::api::types::{AddRequest, Job};

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Files and folders
    #[arg(required = true, num_args = 1..)]
    paths: Vec<PathBuf>,
    /// Collection to add to; made when it does not exist
    #[arg(long, value_name = "NAME", default_value = "default")]
    collection: String,
    /// Leave out what matches, as in .gitignore (may be repeated)
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Keep watching the folders for changes (by the daemon)
    #[arg(long)]
    watch: bool,
    /// Index again what has not changed, too
    #[arg(long)]
    force: bool,
    /// Do not wait for the end (with a daemon)
    #[arg(long)]
    detach: bool,
}

pub(super) fn run(args: AddArgs, context: &mut Context) -> Result<u8, CliError> {
    let (mut paths, mut missing) = (Vec::new(), Vec::new());
    for path in &args.paths {
        match absolute(path) {
            Ok(path) => paths.push(path),
            Err(error) => missing.push(error),
        }
    }
    for error in &missing {
        error.report(context);
    }
    if paths.is_empty() {
        return Ok(FAILED);
    }
    // From here on: opening the box may take a moment, too.
    let interrupt = Interrupt::listen();
    let mut link = context.connect()?;
    let request = AddRequest {
        collection: args.collection,
        paths,
        excludes: args.exclude,
        watch: args.watch,
        force: args.force,
    };
    let job: Job = link.send("POST", "/v1/documents", &request)?;
    if args.watch && !link.is_remote() {
        context.remark("note: folders are watched while a daemon runs (`spud daemon`)");
    }
    if args.detach && link.is_remote() {
        if context.json {
            context.print_json(&job)?;
        } else {
            context.out.line(&format!("job {} started: `spud job wait {}` follows it", job.id, job.id))?;
        }
        return Ok(0);
    }
    let job = follow(&job.id, &interrupt, &mut link, context)?;
    let code = outcome(&job, &mut link, context)?;
    Ok(if missing.is_empty() { code } else { FAILED })
}

/// The path as the engine, whose working folder is another, must see it.
pub(super) fn absolute(path: &std::path::Path) -> Result<String, CliError> {
    let full = std::fs::canonicalize(path).map_err(|error| CliError::input(path, &error))?;
    full.into_os_string().into_string().map_err(|path| {
        let what = format!("the name {} is not UTF-8", path.to_string_lossy());
        CliError::new(
            NO_INPUT,
            what,
            "add the folder that it is in: files with such names inside folders are found",
        )
    })
}
