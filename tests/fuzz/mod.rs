//! Doors by what comes through them.

mod documents;
mod observe;
