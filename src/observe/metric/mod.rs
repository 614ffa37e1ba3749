//! Metrics: counted where things happen, read when somebody asks.
//!
//! Offers [`Registry`] (families of instruments), the instruments [`Counter`], [`Gauge`] and [`Histogram`]
//! (handles to be kept: an increment is one relaxed addition), [`Family`] (what a moment looks like), and
//! [`exposition`] (the text formats of Prometheus and OpenMetrics).
//!
//! Rooms that count in their own plain atomics keep doing so: whoever knows them makes families of what they
//! count, at the moment of asking.
//!
//! Invariant: recording takes no lock, allocates nothing and cannot fail; no label value makes memory grow
//! beyond the bound of its family.

pub mod exposition;
mod family;
mod histogram;
mod instrument;
mod name;
mod registry;

pub use family::{Family, Kind, Point, Reading, bound_text};
pub use histogram::{Histogram, Snapshot};
pub use instrument::{Counter, Gauge, Summary};
pub use name::{MetricError, is_label_name, is_metric_name};
pub use registry::{Described, Many, Registry};
