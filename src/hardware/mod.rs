//! What box is this, and what may it spend.
//!
//! Offers [`Probe`] (read the box), [`Tiers`] (`tiers.toml`: which tier fits), [`Budgets`] (what each
//! component may spend), [`Thresholds`] (when the box changes its mode), [`Process`] and [`Sampler`] (what is being spent now).
//!
//! Invariant: reads the box, never changes it; an accelerator that is present is shown, never assumed.

mod budget;
mod cpu;
mod devices;
mod live;
mod memory;
mod mounts;
mod probe;
mod process;
mod profile;
mod storage;
mod thresholds;
mod tier;
mod tier_file;
mod writes;

pub use budget::{BudgetError, Budgets, Part};
pub use cpu::Cpu;
pub use devices::{Accelerator, PowerSupply, Sensor};
pub use live::{Sample, Sampler};
pub use memory::{Memory, MemoryGroup, SystemMemory, memory_group};
pub use probe::Probe;
pub use process::{Process, ProcessReader};
pub use profile::{Share, Shares, mappings, threads, traffic};
pub use storage::{Storage, StorageKind};
pub use thresholds::{BALLAST, Thresholds};
pub use tier::{Choice, Tiers};
pub use tier_file::{TiersError, nearest};
pub use writes::{WriteReader, Writes};
