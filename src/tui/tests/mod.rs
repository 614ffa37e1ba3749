//! The screen as a whole: what it looks like, how many bytes it costs, that nothing breaks it.
//!
//! Invariant: no clock, no terminal and no box; the same screen on every machine.

mod access;
mod alerts;
mod audit;
mod backups;
mod bytes;
mod config;
mod dashboards;
mod deeds;
mod fixtures;
mod govern;
mod incidents;
mod logs;
mod looks;
mod observe;
mod plain;
mod probes;
mod robust;
mod steps;
mod traces;
