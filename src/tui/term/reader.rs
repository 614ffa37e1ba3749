//! The thread that waits for keys, and the one that waits for signals.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::{Handle, Signals};

use crate::base::{self, Clock, SystemClock};
use crate::tui::Inlet;
use crate::tui::msg::Msg;
use crate::tui::term::guard::Tty;
use crate::tui::term::input::{Decoder, Input};

const STACK_KB: usize = 128;

/// Reads keys until the terminal goes away.
pub(crate) fn keys(tty: Arc<Tty>, to: SyncSender<Inlet>) -> io::Result<()> {
    base::spawn("spud-keys", STACK_KB, move || {
        let clock = SystemClock::default();
        let mut decoder = Decoder::default();
        loop {
            let now = clock.monotonic_us() / 1000;
            let wait = decoder.deadline().map(|d| d.saturating_sub(now));
            let Some(bytes) = wait_bytes(&tty, wait) else {
                let _ = to.send(Inlet::Hangup);
                return;
            };
            let now = clock.monotonic_us() / 1000;
            let mut inputs = Vec::new();
            if bytes.is_empty() {
                inputs.extend(decoder.expire(now));
            } else {
                inputs.extend(decoder.feed(&bytes, now));
            }
            for input in inputs {
                let msg = match input {
                    Input::Key(key) => Msg::Key(key),
                    Input::Paste(text) => Msg::Paste(text),
                };
                if to.send(Inlet::Msg(msg)).is_err() {
                    return;
                }
            }
        }
    })?;
    Ok(())
}

/// Bytes that came, none after `wait` milliseconds, `None` when the terminal is gone.
fn wait_bytes(tty: &Tty, wait: Option<u64>) -> Option<Vec<u8>> {
    let timeout = wait.and_then(|ms| Timespec::try_from(Duration::from_millis(ms)).ok());
    let mut fds = [PollFd::new(tty, PollFlags::IN)];
    match poll(&mut fds, timeout.as_ref()) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Some(Vec::new()),
        Ok(_) => {}
        Err(_) => return None,
    }
    let mut buffer = [0u8; 4096];
    match tty.read(&mut buffer) {
        Ok(0) => None,
        Ok(n) => Some(buffer.get(..n).unwrap_or_default().to_vec()),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock || e.kind() == io::ErrorKind::Interrupted => {
            let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
            if fds.iter().any(|f| f.revents().intersects(gone)) { None } else { Some(Vec::new()) }
        }
        Err(_) => None,
    }
}

/// Turns signals into messages; the handle ends it.
pub(crate) fn signals(to: SyncSender<Inlet>) -> io::Result<Handle> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH])?;
    let handle = signals.handle();
    base::spawn("spud-signals", STACK_KB, move || {
        for signal in signals.forever() {
            let inlet = match signal {
                SIGWINCH => Inlet::Resized,
                SIGTSTP => Inlet::Suspend,
                SIGCONT => Inlet::Continued,
                SIGHUP => Inlet::Hangup,
                _ => Inlet::Stop,
            };
            if to.send(inlet).is_err() {
                return;
            }
        }
    })?;
    Ok(handle)
}
