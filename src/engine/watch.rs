//! Watched folders: a change queues a job for its folder, once things have been quiet for a moment.

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::jobs::JobRecord;
use super::run::Inner;
use super::worker::enqueue;
use crate::base::spawn;

/// Files that are still being written change again within this time.
const QUIET: Duration = Duration::from_millis(1500);
const WAITING: usize = 256;

#[derive(Default)]
struct State {
    watcher: Option<RecommendedWatcher>,
    watched: Vec<PathBuf>,
    changes: Option<SyncSender<PathBuf>>,
}

/// The folders that are watched; nothing runs while there are none.
#[derive(Default)]
pub(super) struct Watches {
    state: Mutex<State>,
}

impl Watches {
    /// Watches what the collections name, if anything.
    pub(super) fn start(inner: &Arc<Inner>) {
        let (sender, receiver) = sync_channel::<PathBuf>(WAITING);
        inner.watches.state.lock().unwrap_or_else(PoisonError::into_inner).changes = Some(sender);
        let weak = Arc::downgrade(inner);
        let started = spawn("watcher", 256, move || {
            while let Ok(first) = receiver.recv() {
                let mut changed = vec![first];
                loop {
                    match receiver.recv_timeout(QUIET) {
                        Ok(path) if changed.len() < WAITING => changed.push(path),
                        Ok(_) => {}
                        Err(RecvTimeoutError::Timeout) => break,
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
                queue(&weak, &changed);
            }
        });
        if let Err(error) = started {
            tracing::warn!(%error, "folders cannot be watched");
        }
        inner.watches.refresh(inner);
    }

    /// Reads anew which folders are to be watched.
    pub(super) fn refresh(&self, inner: &Inner) {
        let wanted: Vec<PathBuf> = wanted(inner).into_iter().map(|(_, folder, _)| folder).collect();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted == state.watched {
            return;
        }
        let Some(changes) = state.changes.clone() else { return };
        state.watcher = None;
        state.watched.clear();
        if wanted.is_empty() {
            return;
        }
        let made = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if !event.kind.is_access() {
                for path in event.paths {
                    let _ = changes.try_send(path); // a full queue means its folder is known to have changed
                }
            }
        });
        let mut watcher = match made {
            Ok(watcher) => watcher,
            Err(error) => return tracing::warn!(%error, "folders cannot be watched"),
        };
        for folder in &wanted {
            if let Err(error) = watcher.watch(folder, RecursiveMode::Recursive) {
                tracing::warn!(folder = %folder.display(), %error, "folder cannot be watched");
            }
        }
        state.watcher = Some(watcher);
        state.watched = wanted;
    }

    pub(super) fn stop(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }
}

/// (collection, folder, excludes)
fn wanted(inner: &Inner) -> Vec<(String, PathBuf, Vec<String>)> {
    if !inner.config.running().flag("ingest.watch") {
        return Vec::new();
    }
    let snapshot = inner.library.snapshot();
    let of = |(name, view): (&String, &Arc<crate::knowledge::CollectionView>)| {
        let folders = view.record.watched.iter();
        folders
            .map(|(folder, excludes)| (name.clone(), PathBuf::from(folder), excludes.clone()))
            .collect::<Vec<_>>()
    };
    snapshot.collections.iter().flat_map(of).collect()
}

fn queue(inner: &Weak<Inner>, changed: &[PathBuf]) {
    let Some(inner) = inner.upgrade() else { return };
    if !inner.modes.defer_watch() {
        queue_folders(&inner, |folder| changed.iter().any(|path| path.starts_with(folder)));
    }
}

/// Changes may have been missed: every watched folder is looked through.
pub(super) fn look_again(inner: &Inner) {
    queue_folders(inner, |_| true);
}

fn queue_folders(inner: &Inner, changed: impl Fn(&std::path::Path) -> bool) {
    for (collection, folder, excludes) in wanted(inner) {
        if changed(&folder) {
            let record = JobRecord {
                kind: "add".into(),
                collection,
                paths: vec![folder.into_os_string().into_encoded_bytes()],
                excludes,
                ..JobRecord::default()
            };
            if let Err(error) = enqueue(inner, record) {
                tracing::warn!(%error, "a changed folder could not be queued");
            }
        }
    }
}
