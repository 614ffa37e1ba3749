//! Hands the command line over; an extractor child goes its own way before anything else is set up.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == "__extract") {
        return spud::knowledge::extract::child_main();
    }
    spud::cli::main()
}
