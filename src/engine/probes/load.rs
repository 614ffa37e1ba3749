//! Reads the files of probes and targets.

use super::{Desk, Live, source};
use crate::engine::alerts::{listed, text};
use crate::engine::run::Inner;
use crate::observe::alert::Format;
use crate::observe::probe::{Course, Probe, read_probes};

/// Folder of a folder of the configuration.
const FOLDER: &str = "probes";
/// Probes and targets of all files together.
const MOST: usize = 100;

/// Reads a file of probes and targets; gives how many there are.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check(name: &str, text: &str) -> Result<usize, Vec<String>> {
    let format = Format::of(name).unwrap_or(Format::Toml);
    let read =
        read_probes(text, format).map_err(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
    read.map(|all| all.len())
}

/// Reads probes where that was not done yet; those that stay as they are go on as they were.
pub(super) fn ensure(inner: &Inner, desk: &mut Desk) {
    if desk.loaded || inner.settings.scratch {
        return;
    }
    desk.loaded = true;
    let mut before = std::mem::take(&mut desk.all);
    desk.problems.clear();
    let mut found: Vec<(String, Probe)> = Vec::new();
    for path in inner.settings.config_folders.iter().flat_map(|folder| listed(&folder.join(FOLDER))) {
        let name = path.display().to_string();
        let read = text(&path).map_err(|what| vec![format!("{name}: {what}")]).and_then(|text| {
            let format = Format::of(&name).unwrap_or(Format::Toml);
            read_probes(&text, format).map_err(|all| all.iter().map(|one| format!("{name}:{one}")).collect())
        });
        match read {
            Ok(all) => take(desk, &mut found, &name, all),
            Err(problems) => desk.problems.extend(problems),
        }
    }
    for problem in &desk.problems {
        tracing::error!(problem, "a file of probes is left out");
    }
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

/// Probes of a file; one takes the place of one of the same name in a file below.
fn take(desk: &mut Desk, found: &mut Vec<(String, Probe)>, file: &str, all: Vec<Probe>) {
    for probe in all {
        found.retain(|(_, known)| known.name != probe.name);
        if found.len() >= MOST {
            desk.problems
                .push(format!("{file}: {} is left out: a box has at most {MOST} probes", probe.name));
        } else {
            found.push((file.to_owned(), probe));
        }
    }
}
