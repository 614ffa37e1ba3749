//! The settings of the box: one typed place for what files, variables and flags say.
//!
//! Offers [`SETTINGS`] (every setting with type, unit, range, default and whether it is taken up at once),
//! [`Places`] and [`Loaded`] (where settings are read from, in which order, every mistake with its place),
//! [`Effective`] (what holds, and why), [`edit`] (changes a file and keeps its comments), [`History`] and
//! [`Trial`] (who changed what, and changes that revert by themselves), [`Watch`] (files that change),
//! [`TEMPLATES`] and [`json_schema`].
//!
//! Invariant: a file with a mistake changes nothing, and no secret is ever part of a value, an error or a record.

mod edit;
mod effective;
mod environment;
mod error;
mod explain;
mod history;
mod json_schema;
mod load;
mod read;
mod schema;
mod template;
mod value;
mod watch;
mod write;

pub use crate::hardware::nearest;
pub use edit::{remove, set};
pub use effective::{Effective, Entry};
pub use environment::{Environment, Host};
pub use error::{ConfigError, Finding, Severity, report};
pub use explain::{Difference, differences};
pub use history::{Cause, Head, History, KEPT as HISTORY_KEPT, Trial, Version};
pub use json_schema::json_schema;
pub use load::{FILE_BYTES, Given, Loaded, Origin, Overrides, Places, SourceFile, hash_of, is_tiers_file};
pub use schema::{Kind, SETTINGS, Setting, setting, unknown};
pub use template::{TEMPLATES, Template, template};
pub use value::{Secret, Value};
pub use watch::Watch;
pub use write::{make_folder, write_file};
