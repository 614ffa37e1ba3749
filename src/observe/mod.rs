//! What the box says of itself: logs now; metrics, alerts and traces later.
//!
//! Invariant: recording never blocks and never fails its caller; no document or query text at info level.
