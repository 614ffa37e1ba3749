//! What differs between two sets of settings.

use super::effective::Effective;
use super::schema::Setting;

/// One setting that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub setting: &'static Setting,
    pub from: String,
    pub to: String,
    /// Where the new value stands.
    pub place: String,
}

/// The settings whose values differ, in the order of the table.
#[must_use]
pub fn differences(from: &Effective, to: &Effective) -> Vec<Difference> {
    let pairs = from.entries.iter().zip(&to.entries);
    let differing = pairs.filter(|(old, new)| old.value != new.value);
    differing
        .map(|(old, new)| Difference {
            setting: new.setting,
            from: old.shown(),
            to: new.shown(),
            place: new.origin.place(),
        })
        .collect()
}
