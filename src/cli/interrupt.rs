//! Ctrl-C: the first asks for a clean end, the second ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};

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
