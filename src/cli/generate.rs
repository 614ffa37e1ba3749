//! Shell completions and manual pages, from the definition of the command line itself.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::args::Cli;
use super::context::Context;
use super::error::{CANNOT_CREATE, CliError};

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// bash, elvish, fish, powershell or zsh
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Folder to write every page to; without it, spud.1 goes to standard output
    dir: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs, context: &mut Context) -> Result<u8, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "spud", &mut script);
    context.out.line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(0)
}

pub(super) fn man(args: &ManArgs, context: &mut Context) -> Result<u8, CliError> {
    let command = Cli::command();
    let Some(dir) = &args.dir else {
        let mut bytes = Vec::new();
        clap_mangen::Man::new(command).render(&mut bytes)?;
        context.out.line(String::from_utf8_lossy(&bytes).trim_end())?;
        return Ok(0);
    };
    std::fs::create_dir_all(dir).map_err(|error| not_written(dir, &error))?;
    clap_mangen::generate_to(command, dir).map_err(|error| not_written(dir, &error))?;
    context.remark(&format!("the pages are in {}", dir.display()));
    Ok(0)
}

fn not_written(path: &Path, error: &std::io::Error) -> CliError {
    CliError::new(
        CANNOT_CREATE,
        format!("{} cannot be written: {error}", path.display()),
        "choose another folder",
    )
}
