//! What box is this, and what may it spend.
//!
//! Offers [`probe`] (read the box), [`Tiers`] (`tiers.toml`: which tier fits) and
//! [`Budgets`] (what each component may spend).
//!
//! Invariant: reads the box, never changes it; an accelerator that is present is shown, never assumed.

mod budget;

pub use budget::Budgets;
