//! Pieces that several views draw.
//!
//! Invariant: a widget does work for the rows it shows, never for all rows there are.

pub(crate) mod chart;
pub(crate) mod gauge;
pub(crate) mod graph;
pub(crate) mod line_edit;
pub(crate) mod log_list;
pub(crate) mod passage;
pub(crate) mod table;
