//! Reads the objectives: those that come with spud, and those of the site over them.

use super::{Desk, Live};
use crate::asset;
use crate::engine::run::Inner;
use crate::engine::site_files::{self, BUILT_IN, Kind};
use crate::observe::objective::{Objective, read};

const KIND: Kind<Objective> = Kind {
    folder: "sla",
    // Each costs a dozen questions.
    most: 50,
    read: |_, text| read(text),
    name: |objective| &objective.name,
    unique: false,
};

/// Reads a file of objectives; gives how many there are.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check(text: &str) -> Result<usize, Vec<String>> {
    site_files::check(&KIND, "", text)
}

/// Reads objectives where that was not done yet; what was measured of those that stay as they are is kept.
pub(super) fn ensure(inner: &Inner, desk: &mut Desk) {
    if desk.loaded || inner.settings.scratch {
        return;
    }
    desk.loaded = true;
    let mut before = std::mem::take(&mut desk.all);
    let known: Vec<_> = before.iter().map(|live| (live.file.clone(), live.objective.clone())).collect();
    let shipped = [(BUILT_IN, asset!("sla/spud.yaml"))];
    let (found, problems) = site_files::gather(inner, &KIND, &shipped, &known);
    desk.problems = problems;
    for (file, objective) in found {
        let known = before.iter().position(|live| live.objective == objective);
        desk.all.push(match known {
            Some(at) => Live { file, ..before.swap_remove(at) },
            None => Live::new(file, objective),
        });
    }
}
