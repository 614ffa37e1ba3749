//! Dashboards: those that come with spud, those of the site over them, and how one is written.
//!
//! A dashboard is a file; one that is saved is written whole or not at all, and read again at once.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::run::Inner;
use super::site_files::{self, BUILT_IN, Kind};
use super::worker::invalid;
use super::{EngineError, trail};
use crate::api::types::dashboard::{Dashboard, DashboardList, WriteDashboard};
use crate::api::types::{ConfigEvent, EventKind};
use crate::asset;
use crate::base::to_hex;
use crate::config::{ConfigError, write_file};
use crate::observe::alert::Problem;
use crate::observe::dashboard::{TEXT_BYTES, is_name, read};

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DashboardAction {
    List,
    /// By name.
    Show(String),
    Save {
        name: String,
        request: WriteDashboard,
    },
    Remove {
        name: String,
        etag: Option<String>,
    },
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum DashboardReply {
    List(DashboardList),
    One(Box<Dashboard>),
}

const KIND: Kind<Dashboard> =
    Kind { folder: "dashboards", most: 50, read: one, name: |dashboard| &dashboard.name, unique: false };

fn one(file: &str, text: &str) -> Result<Vec<Dashboard>, Vec<Problem>> {
    let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    read(stem, text).map(|dashboard| vec![dashboard])
}

/// Reads a file of a dashboard; gives how many panels it has.
///
/// # Errors
/// All that is wrong, each as line:column: what.
pub fn check_dashboard(name: &str, text: &str) -> Result<usize, Vec<String>> {
    site_files::check(&KIND, name, text)?;
    Ok(one(name, text).map_or(0, |all| all.iter().map(|dashboard| dashboard.panels.len()).sum()))
}

fn shipped() -> [(&'static str, String); 3] {
    [
        ("box.toml", asset!("dashboards/box.toml")),
        ("queue.toml", asset!("dashboards/queue.toml")),
        ("search.toml", asset!("dashboards/search.toml")),
    ]
}

#[derive(Default)]
struct Desk {
    loaded: bool,
    all: Vec<Dashboard>,
    problems: Vec<String>,
}

/// Dashboards of a box.
#[derive(Default)]
pub(super) struct Dashboards {
    desk: Mutex<Desk>,
}

impl Dashboards {
    /// Files are read again when somebody asks.
    pub(super) fn reload(&self) {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner).loaded = false;
    }

    fn loaded(&self, inner: &Inner) -> MutexGuard<'_, Desk> {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        ensure(inner, &mut desk);
        desk
    }
}

/// Reads files again that were read before; who looks at dashboards is told where they changed.
pub(super) fn look_again(inner: &Inner) {
    let mut desk = inner.dashboards.desk.lock().unwrap_or_else(PoisonError::into_inner);
    if desk.all.is_empty() {
        return;
    }
    let before = tags(&desk);
    ensure(inner, &mut desk);
    if tags(&desk) != before {
        tell(inner);
    }
}

fn tags(desk: &Desk) -> Vec<(String, String)> {
    desk.all.iter().map(|one| (one.name.clone(), one.etag.clone())).collect()
}

fn tell(inner: &Inner) {
    let (cause, reason) = ("dashboards".to_owned(), "dashboards were changed".to_owned());
    let event = ConfigEvent { cause, reason, ..ConfigEvent::default() };
    inner.events.publish(inner.clock.now_ms(), EventKind::Config(Box::new(event)));
}

fn ensure(inner: &Inner, desk: &mut Desk) {
    if std::mem::replace(&mut desk.loaded, true) {
        return;
    }
    let before = std::mem::take(&mut desk.all);
    let before: Vec<_> = before.into_iter().map(|known| (known.file.clone(), known)).collect();
    let (found, problems) = site_files::gather(inner, &KIND, &shipped(), &before);
    desk.problems = problems;
    let whole = |(file, dashboard): (String, Dashboard)| {
        let digest = trail::digest(dashboard.text.as_bytes());
        let etag = to_hex(digest.get(..8).unwrap_or_default());
        let file = if file.starts_with('/') { file } else { BUILT_IN.to_owned() };
        Dashboard { file, etag, ..dashboard }
    };
    desk.all = found.into_iter().map(whole).collect();
}

fn found<'a>(desk: &'a Desk, name: &str) -> Result<&'a Dashboard, EngineError> {
    desk.all.iter().find(|known| known.name == name).ok_or_else(|| EngineError::NotFound {
        noun: "dashboard",
        name: name.chars().take(64).collect(),
        advice: "`spud dashboard list` shows what there is".into(),
    })
}

/// Does what is asked.
pub(super) fn act(inner: &Inner, action: &DashboardAction) -> Result<DashboardReply, EngineError> {
    let mut desk = inner.dashboards.loaded(inner);
    let one = match action {
        DashboardAction::List => {
            let short = |known: &Dashboard| Dashboard { text: String::new(), ..known.clone() };
            let items = desk.all.iter().map(short).collect();
            return Ok(DashboardReply::List(DashboardList { items, problems: desk.problems.clone() }));
        }
        DashboardAction::Show(name) => found(&desk, name)?.clone(),
        DashboardAction::Save { name, request } => save(inner, &mut desk, name, request)?,
        DashboardAction::Remove { name, etag } => remove(inner, &mut desk, name, etag.as_deref())?,
    };
    if !matches!(action, DashboardAction::Show(_)) {
        tell(inner);
    }
    Ok(DashboardReply::One(Box::new(one)))
}

/// Where spud writes.
fn path_of(inner: &Inner, name: &str) -> PathBuf {
    inner.config.places.edited.join(KIND.folder).join(format!("{name}.toml"))
}

/// Nobody changed it since it was looked at.
fn unchanged(known: &Dashboard, etag: Option<&str>) -> Result<(), EngineError> {
    let Dashboard { name, etag: tag, .. } = known;
    if etag.is_some_and(|wanted| wanted != tag && wanted != "*") {
        return Err(EngineError::Stale {
            what: format!("the dashboard {name} was changed meanwhile"),
            advice: format!("look at it again (its tag is {tag}): spud dashboard show {name}"),
        });
    }
    Ok(())
}

fn save(
    inner: &Inner,
    desk: &mut Desk,
    name: &str,
    request: &WriteDashboard,
) -> Result<Dashboard, EngineError> {
    if !is_name(name) {
        let what = format!("{:?} is no name of a dashboard", name.chars().take(64).collect::<String>());
        return Err(invalid(what, "a name has 1 to 63 of a-z, 0-9, - and _"));
    }
    if request.text.len() > TEXT_BYTES {
        return Err(invalid(format!("a dashboard has at most {TEXT_BYTES} bytes"), "make two of it"));
    }
    read(name, &request.text).map_err(|all| {
        let all: Vec<String> = all.iter().map(|problem| format!("{name}.toml:{problem}")).collect();
        invalid(all.join("\n"), "mend these; `spud dashboard check FILE` says the same without saving")
    })?;
    let path = path_of(inner, name);
    match found(desk, name) {
        Ok(known) => {
            unchanged(known, request.etag.as_deref())?;
            not_above(inner, known)?;
        }
        Err(_) if desk.all.len() >= KIND.most => {
            let what = format!("a box has at most {} dashboards", KIND.most);
            return Err(EngineError::Conflict { what, advice: "`spud dashboard remove NAME`".into() });
        }
        Err(_) => {}
    }
    write_file(&path, &request.text)?;
    desk.loaded = false;
    ensure(inner, desk);
    tracing::info!(name, path = %path.display(), "a dashboard was saved");
    found(desk, name).cloned()
}

/// What spud writes would be hidden by a file of a folder above.
fn not_above(inner: &Inner, known: &Dashboard) -> Result<(), EngineError> {
    let folders = &inner.settings.config_folders;
    let mut above = folders.iter().skip_while(|folder| **folder != inner.config.places.edited).skip(1);
    if above.any(|folder| Path::new(&known.file).starts_with(folder)) {
        Err(elsewhere(known))
    } else {
        Ok(())
    }
}

fn elsewhere(known: &Dashboard) -> EngineError {
    EngineError::Conflict {
        what: format!("the dashboard {} stands in {}", known.name, known.file),
        advice: "change that file, or choose another name".into(),
    }
}

fn remove(inner: &Inner, desk: &mut Desk, name: &str, etag: Option<&str>) -> Result<Dashboard, EngineError> {
    let known = found(desk, name)?.clone();
    unchanged(&known, etag)?;
    let path = path_of(inner, name);
    if known.file != path.display().to_string() {
        return Err(match known.file.as_str() {
            BUILT_IN => EngineError::Conflict {
                what: format!("the dashboard {name} comes with spud"),
                advice: "save one of the same name in its place".into(),
            },
            _ => elsewhere(&known),
        });
    }
    std::fs::remove_file(&path)
        .map_err(|error| ConfigError::Write { path: path.display().to_string(), error })?;
    desk.loaded = false;
    ensure(inner, desk);
    tracing::info!(name, "a dashboard was removed");
    Ok(known)
}
