//! Reads the files of probes and targets.

use super::{Desk, Live, source};
use crate::engine::run::Inner;
use crate::engine::site_files::{self, Kind};
use crate::observe::alert::Format;
use crate::observe::probe::{Course, Probe, read_probes};

const KIND: Kind<Probe> = Kind {
    folder: "probes",
    most: 100,
    read: |name, text| read_probes(text, Format::of(name).unwrap_or(Format::Toml)),
    name: |probe| &probe.name,
    unique: true,
};

/// Reads a file of probes and targets; gives how many there are.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check(name: &str, text: &str) -> Result<usize, Vec<String>> {
    site_files::check(&KIND, name, text)
}

/// Reads probes where that was not done yet; those that stay as they are go on as they were.
pub(super) fn ensure(inner: &Inner, desk: &mut Desk) {
    if desk.loaded || inner.settings.scratch {
        return;
    }
    desk.loaded = true;
    let mut before = std::mem::take(&mut desk.all);
    let known: Vec<_> = before.iter().map(|live| (live.file.clone(), live.probe.clone())).collect();
    let (found, problems) = site_files::gather(inner, &KIND, &[], &known);
    desk.problems = problems;
    let now_ms = inner.clock.now_ms();
    for (file, probe) in found {
        let known = before.iter().position(|live| live.probe == probe);
        desk.all.push(match known {
            Some(at) => Live { file, ..before.swap_remove(at) },
            None => {
                let course = Course::begin(probe.rhythm, now_ms);
                Live { file, probe, course, busy: false, last: None, samples: 0 }
            }
        });
    }
    for gone in before {
        inner.intake.intake.forget(&source(&gone.probe.name));
    }
}
