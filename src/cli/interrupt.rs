//! Ctrl-C: the first asks for a clean end, the second ends at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::error::INTERRUPTED;

/// Hears SIGINT and SIGTERM until dropped.
pub(super) struct Interrupt {
    asked: Arc<AtomicBool>,
    handlers: Vec<SigId>,
}

impl Interrupt {
    /// Where a handler cannot be set, the signal ends the process: the library stays consistent all the same.
    pub(super) fn listen() -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        let handlers = [SIGINT, SIGTERM].into_iter().flat_map(|signal| {
            let second = Arc::clone(&asked);
            [
                signal_hook::flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), second),
                signal_hook::flag::register(signal, Arc::clone(&asked)),
            ]
        });
        let handlers = handlers.filter_map(Result::ok).collect();
        Self { asked, handlers }
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        for handler in self.handlers.drain(..) {
            signal_hook::low_level::unregister(handler);
        }
    }
}

/// Hears what would end the process from now on; what comes before [`Sweep::guard`] waits.
pub(super) struct Sweep(Option<Signals>);

impl Sweep {
    /// Where no handler can be set, the signal ends the process as ever.
    pub(super) fn listen() -> Self {
        Self(Signals::new([SIGINT, SIGTERM, SIGHUP]).ok())
    }

    /// Removes `folder` and ends the process when a signal comes: for work that cannot be stopped half-way and
    /// is worth nothing unfinished.
    pub(super) fn guard(self, folder: PathBuf) {
        let Some(mut signals) = self.0 else { return };
        let sweep = move || {
            if signals.forever().next().is_some() {
                // The engine is still at work and may make a file while its folder goes.
                for _ in 0..10 {
                    if std::fs::remove_dir_all(&folder).is_ok() {
                        break;
                    }
                }
                std::process::exit(i32::from(INTERRUPTED));
            }
        };
        if let Err(error) = crate::base::spawn("spud-sweep", 64, sweep) {
            tracing::warn!(%error, "a signal will leave the temporary folder behind");
        }
    }
}
