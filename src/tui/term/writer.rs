//! The thread that waits for the terminal: one frame at a time, so that nobody else has to wait.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use crate::base;
use crate::tui::Inlet;
use crate::tui::term::backend::Sink;
use crate::tui::term::guard::Tty;

/// Takes frames for the thread. The main loop sends the next only after `Drained`.
pub(crate) struct Writer {
    frames: SyncSender<Vec<u8>>,
}

impl Writer {
    pub(crate) fn start(tty: Arc<Tty>, to: SyncSender<Inlet>) -> io::Result<Self> {
        let (frames, waiting) = sync_channel::<Vec<u8>>(2);
        base::spawn("spud-screen", 64, move || {
            while let Ok(frame) = waiting.recv() {
                let done = match tty.write_all(&frame, None) {
                    Ok(()) => Inlet::Drained,
                    Err(_) => Inlet::Hangup,
                };
                let ended = matches!(done, Inlet::Hangup);
                if to.send(done).is_err() || ended {
                    return;
                }
            }
        })?;
        Ok(Self { frames })
    }
}

impl Sink for Writer {
    fn frame(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.frames.try_send(bytes).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
