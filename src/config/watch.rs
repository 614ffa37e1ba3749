//! Tells when a file of settings changed. Nothing is polled: the kernel says so (inotify(7)).
//!
//! Only what matters is asked for: a file that was written and closed, renamed, removed, or linked. Opening and
//! reading files, of which `/etc` sees a lot, wakes nobody.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::error::ConfigError;
use super::load::{DROP_INS, Places};

/// Folders whose files are taken up like settings.
const FOLDERS: [&str; 6] = [DROP_INS, "policies", "rules", "probes", "sla", "dashboards"];
/// Bytes of events that are read at once.
const BUFFER: usize = 4096;

/// The folders that are watched.
pub struct Watch {
    inotify: OwnedFd,
    wake: OwnedFd,
    folders: Vec<PathBuf>,
    extra: Option<PathBuf>,
    /// By the kernel's number: the folder, and the names in it that count (all, where there are none).
    held: Mutex<BTreeMap<i32, (PathBuf, Vec<OsString>)>>,
}

impl Watch {
    /// Watches the folders of `places`, and for those that are not there yet.
    ///
    /// # Errors
    /// [`ConfigError::Watch`] where the kernel gives no watch.
    pub fn new(places: &Places) -> Result<Self, ConfigError> {
        let failed = |error: Errno| ConfigError::Watch(error.to_string());
        let watch = Self {
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(failed)?,
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(failed)?,
            folders: places.folders.clone(),
            extra: places.extra.clone(),
            held: Mutex::default(),
        };
        watch.renew();
        Ok(watch)
    }

    /// Sleeps until something changed; false when it is to end.
    pub fn wait(&self) -> bool {
        loop {
            let mut ready =
                [PollFd::new(&self.inotify, PollFlags::IN), PollFd::new(&self.wake, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) if !ready[1].revents().is_empty() => return false,
                Ok(_) if self.take() => return true,
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    tracing::warn!(%error, "changes of settings are noticed on SIGHUP only");
                    return false;
                }
            }
        }
    }

    /// Ends [`Watch::wait`], now and for good.
    pub fn stop(&self) {
        // Fails only where it was stopped 2^64 times.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Reads what the kernel told; true when any of it concerns us.
    fn take(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut concerned = false;
        while let Ok(event) = reader.next() {
            let name = event.file_name().map(|name| OsString::from_vec(name.to_bytes().to_vec()));
            concerned |= self.concerns(event.wd(), event.events(), name);
        }
        concerned
    }

    fn concerns(&self, number: i32, events: ReadFlags, name: Option<OsString>) -> bool {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            return true;
        }
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((folder, names)) = held.get(&number) else { return false };
        let Some(name) = name else {
            return events.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF);
        };
        if !names.is_empty() && !names.contains(&name) {
            return false;
        }
        // A file that was only just made is still being written; a folder or a link is whole from the start.
        let whole =
            |path: &Path| path.symlink_metadata().is_ok_and(|meta| !meta.is_file() || meta.nlink() > 1);
        !events.contains(ReadFlags::CREATE) || whole(&folder.join(name))
    }

    /// Takes up folders that were made since, and lets go of what is not needed any more.
    pub fn renew(&self) {
        let mut wanted: BTreeMap<PathBuf, Vec<OsString>> = BTreeMap::new();
        for folder in self
            .folders
            .iter()
            .flat_map(|folder| FOLDERS.map(|name| folder.join(name)).into_iter().chain([folder.clone()]))
        {
            if folder.is_dir() {
                wanted.insert(folder, Vec::new());
            } else if let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) {
                watch_name(&mut wanted, parent, name.to_owned());
            }
        }
        if let Some((parent, name)) =
            self.extra.as_ref().and_then(|file| Some((file.parent()?, file.file_name()?)))
        {
            watch_name(&mut wanted, parent, name.to_owned());
        }
        let flags = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        // Of a folder that is only waited in, nothing but what comes into being matters.
        let waiting = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        let extra = self.extra.as_ref().and_then(|file| file.parent());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = BTreeMap::new();
        for (folder, names) in wanted {
            let flags = if names.is_empty() || extra == Some(&folder) { flags } else { waiting };
            match inotify::add_watch(&self.inotify, &folder, flags) {
                Ok(number) => drop(next.insert(number, (folder, names))),
                Err(error) => {
                    let folder = folder.display();
                    tracing::warn!(%folder, %error, "changes of settings there are not noticed");
                }
            }
        }
        for number in held.keys().filter(|number| !next.contains_key(number)) {
            // The kernel lets go of a folder that was removed by itself.
            let _ = inotify::remove_watch(&self.inotify, *number);
        }
        *held = next;
    }
}

/// Watches a folder for one name, unless all of it is watched already or is not there.
fn watch_name(wanted: &mut BTreeMap<PathBuf, Vec<OsString>>, folder: &Path, name: OsString) {
    match wanted.get_mut(folder) {
        Some(names) if names.is_empty() => {}
        Some(names) => names.push(name),
        None if folder.is_dir() => drop(wanted.insert(folder.to_owned(), vec![name])),
        None => {}
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn changes_in_folders_that_come_later_are_noticed_and_reading_is_not() {
        let root = tempfile::tempdir().unwrap();
        let folders = vec![root.path().join("etc"), root.path().join("run")];
        std::fs::create_dir(&folders[0]).unwrap();
        let extra = root.path().join("own.toml");
        let places =
            Places { edited: folders[0].clone(), folders: folders.clone(), extra: Some(extra.clone()) };
        let watch = Arc::new(Watch::new(&places).unwrap());
        let (send, told) = channel();
        let own = Arc::clone(&watch);
        let thread = crate::base::spawn("watch", 256, move || {
            while own.wait() {
                own.renew();
                send.send(()).unwrap();
            }
        });
        let told = |what: &str| {
            told.recv_timeout(LONG).unwrap_or_else(|_| panic!("{what}"));
            while told.recv_timeout(Duration::from_millis(50)).is_ok() {}
        };
        let file = folders[0].join("spud.toml");
        std::fs::write(&file, "x").unwrap();
        told("a file that was written");
        std::fs::create_dir(folders[0].join(DROP_INS)).unwrap();
        told("a folder of drop-ins");
        std::fs::write(folders[0].join(DROP_INS).join("a.conf"), "x").unwrap();
        told("a drop-in");
        std::fs::create_dir(&folders[1]).unwrap();
        told("a folder that was not there");
        std::os::unix::fs::symlink("/dev/null", folders[1].join("spud.toml")).unwrap();
        told("a link");
        std::fs::hard_link(&file, folders[1].join("other.toml")).unwrap();
        told("a hard link");
        std::fs::write(&extra, "x").unwrap();
        told("the file of --config");
        // Neither reading nor what lies beside concerns anybody.
        std::fs::read(&file).unwrap();
        std::fs::write(root.path().join("beside"), "x").unwrap();
        std::fs::remove_file(&file).unwrap();
        told("a file that was removed");
        watch.stop();
        thread.unwrap().join().unwrap();
    }
}
