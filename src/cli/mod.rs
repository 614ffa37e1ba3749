//! `spud NOUN VERB`: one file per noun.
//!
//! Invariant: knows the API's words, client and host, and nothing else of spud.
