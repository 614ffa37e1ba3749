//! Hands the command line over; a child process of ours goes its own way before anything else is set up.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(word) if word == "__extract" => return spud::knowledge::extract::child_main(),
        Some(word) if word == "__salvage" => return spud::store::salvage::child_main(),
        _ => {}
    }
    spud::cli::main()
}
