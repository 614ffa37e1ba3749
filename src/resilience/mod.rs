//! Nothing is lost and nothing stops: what the box gives up when it is short of something, and why.
//!
//! Offers [`Machine`] (which mode holds, by measured axes with hysteresis), [`PressureReader`] (what is
//! measured), [`Breakers`] (which dependency is left alone for a while), [`History`] (every change, kept),
//! [`Ballast`] (space that can be given up) and [`queue`] (what is done or told later).
//!
//! Invariant: machine and breaker are functions of (state, input, now): they read no clock and do no I/O.

mod ballast;
mod breaker;
mod error;
mod held;
mod history;
mod machine;
#[cfg(test)]
mod machine_tests;
mod mode;
mod pressure;
pub mod queue;
mod rules;
mod window;

pub use ballast::Ballast;
pub use breaker::{Breaker, BreakerSettings, BreakerState, BreakerView, Breakers};
pub use error::ResilienceError;
pub use held::Held;
pub use history::{ForcedRecord, History, KEPT as HISTORY_KEPT};
pub use machine::{AxisView, Cause, Change, Forced, Machine, Now, Reading, View};
pub use mode::{Axis, Criticality, Effect, Effects, Inputs, Mode};
pub use pressure::{Pressure, PressureReader};
pub use window::Questions;
