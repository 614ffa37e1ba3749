//! The screen as a whole: what it looks like, how many bytes it costs, that nothing breaks it.

mod bytes;
mod fixtures;
mod looks;
mod plain;
mod robust;
mod steps;
