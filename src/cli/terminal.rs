//! `spud` without a command: the terminal interface, or what to do where there is no terminal.

use std::io::IsTerminal;

use super::context::Context;
use super::error::CliError;

pub(super) fn run(context: &mut Context) -> Result<u8, CliError> {
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if !terminal && !context.plain {
        return Err(CliError::usage(
            "there is no terminal to draw on",
            "`spud ask \"QUESTION\"` answers at once, `spud --plain` is the line mode, `spud --help` lists the commands",
        ));
    }
    context.out.line("The terminal interface is not built in yet.")?;
    context.out.line("`spud ask \"QUESTION\"` answers at once; `spud --help` lists the commands.")?;
    Ok(0)
}
