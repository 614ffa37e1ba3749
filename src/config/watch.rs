//! Tells when a file of settings changed. Nothing is polled: the kernel says so (inotify(7)).

use std::collections::BTreeMap;
use std::path::PathBuf;

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::error::ConfigError;
use super::load::Places;

/// The folders that are watched, for as long as it lives.
pub struct Watch {
    watcher: RecommendedWatcher,
    /// Folders, and whether all below them counts.
    folders: Vec<(PathBuf, bool)>,
    /// What is watched now, and whether with all below it.
    held: BTreeMap<PathBuf, bool>,
}

impl Watch {
    /// Watches the folders of `places`; `changed` is called on the watcher's own thread and must be quick.
    ///
    /// # Errors
    /// [`ConfigError::Watch`] where the kernel gives no watch.
    pub fn start(places: &Places, changed: impl Fn() + Send + 'static) -> Result<Self, ConfigError> {
        let folders = places.folders.clone();
        let (ours, extra) = (folders.clone(), places.extra.clone());
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return changed() };
            let concerns = |path: &PathBuf| {
                // A folder above ours is watched where ours is not there yet.
                ours.iter().any(|folder| path.starts_with(folder)) || extra.as_ref() == Some(path)
            };
            if is_whole(&event) && event.paths.iter().any(concerns) {
                changed();
            }
        });
        let watcher = watcher.map_err(|error| ConfigError::Watch(error.to_string()))?;
        let mut folders: Vec<(PathBuf, bool)> = folders.into_iter().map(|folder| (folder, true)).collect();
        folders.extend(places.extra.iter().filter_map(|file| Some((file.parent()?.to_owned(), false))));
        let mut watch = Self { watcher, folders, held: BTreeMap::new() };
        watch.renew();
        Ok(watch)
    }

    /// Takes up folders that were made since, and lets go of those that went. Never on the watcher's thread.
    pub fn renew(&mut self) {
        let mut wanted = BTreeMap::new();
        for (folder, deep) in &self.folders {
            match (folder.is_dir(), folder.parent().filter(|parent| parent.is_dir())) {
                (true, _) => *wanted.entry(folder.clone()).or_insert(*deep) |= *deep,
                (false, Some(parent)) => {
                    wanted.entry(parent.to_owned()).or_insert(false);
                }
                (false, None) => {}
            }
        }
        let gone: Vec<PathBuf> = self
            .held
            .iter()
            .filter(|(folder, deep)| wanted.get(*folder) != Some(*deep))
            .map(|(f, _)| f.clone())
            .collect();
        for folder in gone {
            // A folder that was removed is not watched any more in any case.
            let _ = self.watcher.unwatch(&folder);
            self.held.remove(&folder);
        }
        for (folder, deep) in wanted {
            if self.held.contains_key(&folder) {
                continue;
            }
            let mode = if deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            match self.watcher.watch(&folder, mode) {
                Ok(()) => drop(self.held.insert(folder, deep)),
                Err(error) => {
                    let folder = folder.display();
                    tracing::warn!(%folder, %error, "changes of settings there are not noticed");
                }
            }
        }
    }
}

/// True when a file stands as its writer left it: one that is still being written is not looked at.
fn is_whole(event: &notify::Event) -> bool {
    let is_link = |path: &PathBuf| path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(_))
        | EventKind::Remove(_)
        | EventKind::Create(CreateKind::Folder) => true,
        EventKind::Create(_) => event.paths.iter().any(is_link),
        _ => event.need_rescan(),
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn changes_in_folders_that_come_later_are_noticed() {
        let root = tempfile::tempdir().unwrap();
        let folders = vec![root.path().join("etc"), root.path().join("run")];
        std::fs::create_dir(&folders[0]).unwrap();
        let places = Places { edited: folders[0].clone(), folders: folders.clone(), extra: None };
        let (send, told) = sync_channel(64);
        let mut watch = Watch::start(&places, move || {
            let _ = send.try_send(());
        })
        .unwrap();
        std::fs::write(folders[0].join("spud.toml"), "x").unwrap();
        told.recv_timeout(LONG).unwrap();
        std::fs::create_dir(&folders[1]).unwrap();
        told.recv_timeout(LONG).unwrap();
        while told.try_recv().is_ok() {}
        watch.renew();
        std::os::unix::fs::symlink("/dev/null", folders[1].join("spud.toml")).unwrap();
        told.recv_timeout(LONG).unwrap();
    }
}
