//! Service levels: objectives, their error budgets, and how fast they are spent.

use serde::{Deserialize, Serialize};

/// An objective as it stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Objective {
    pub name: String,
    pub title: String,
    pub about: String,
    pub service: String,
    /// `built in`, or the path.
    pub file: String,
    /// `no-data`, `met`, `burning` or `spent`.
    pub state: String,
    /// Why nothing can be said of it; empty where something can.
    pub error: String,
    /// Part that is to be good, and that was; absent where there are too few events.
    pub target: f64,
    pub attained: Option<f64>,
    /// Part of the error budget that is left; below zero where it is overdrawn.
    pub budget_left: Option<f64>,
    /// Events of the window, and how many were bad.
    pub total: f64,
    pub bad: f64,
    /// Events below which nothing is said.
    pub least: f64,
    /// The rolling window, and `Occurrences` or `Timeslices`.
    pub window_ms: u64,
    pub method: String,
    pub burns: Vec<BurnRate>,
    /// How bad the violation is, where there is one, and since when it is.
    pub violation: String,
    pub since_ms: Option<u64>,
    pub evaluated_ms: u64,
    /// The questions that measure it: over five minutes.
    pub queries: Vec<String>,
}

/// How fast a budget was spent over a time: 1 spends it just within the objective's window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BurnRate {
    pub window_ms: u64,
    /// Absent: nothing happened in that time.
    pub burn: Option<f64>,
    pub total: f64,
}
