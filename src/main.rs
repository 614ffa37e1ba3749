//! Hands the command line over, or becomes the child that reads one foreign document.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == "__extract") {
        return spud::knowledge::extract::child_main();
    }
    spud::cli::main()
}
