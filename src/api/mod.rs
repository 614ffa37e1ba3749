//! The door on the wire: HTTP/1.1 and JSON over a Unix socket.
//!
//! Offers [`types`] (the words), the client, the server, and the host that starts an engine
//! inside this process when no daemon runs.
//!
//! Invariant: decides nothing. Parses, authorises, asks the engine, waits.

pub mod types;
