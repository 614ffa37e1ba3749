//! What is kept on disk, and how it survives.
//!
//! Invariant: a change is whole or absent after a power cut; every record carries a check value.
