//! The door on the wire: HTTP/1.1 and JSON over a Unix socket.
//!
//! Offers [`types`] (the words), [`client`] (how the command line and the screen ask), [`host`]
//! (finds a daemon or starts an engine inside this process) and the server itself.
//!
//! Invariant: decides nothing. Parses, authorises, asks the engine, waits; every wait has a limit.

mod app;
mod auth;
mod call;
pub mod client;
mod conditional;
mod config_places;
mod explain;
mod fault;
pub mod host;
mod idempotency;
mod openapi;
mod paging;
mod passed;
mod peer_groups;
mod route;
#[cfg(test)]
mod schema_of;
#[cfg(test)]
mod schemas;
mod server;
mod socket;
pub mod types;
mod wire;
