//! Takes the terminal over and gives it back: at the end, on a signal, on a panic.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::style::ResetColor;
use crossterm::terminal::{
    Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// How long a terminal that does not drain may hold up the end.
const PATIENCE: Duration = Duration::from_millis(500);

/// The terminal, opened for ourselves so that its non-blocking flag is nobody else's.
#[derive(Debug)]
pub(crate) struct Tty {
    file: File,
}

impl Tty {
    pub(crate) fn open() -> io::Result<Self> {
        let stdout = io::stdout();
        if !stdout.is_terminal() || !io::stdin().is_terminal() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "standard input and output are no terminal"));
        }
        let name = rustix::termios::ttyname(&stdout, Vec::new())?;
        let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC).bits()).unwrap_or(0);
        let path = name.to_string_lossy().into_owned();
        let open = |path: &str| OpenOptions::new().read(true).write(true).custom_flags(flags).open(path);
        let file = open(&path).or_else(|error| match error.kind() {
            // It belongs to whoever logged in before `su`: the process has it all the same.
            io::ErrorKind::PermissionDenied => open("/dev/tty"),
            _ => Err(error),
        })?;
        Ok(Self { file })
    }

    /// Columns and rows; a terminal that does not say has 80 and 24.
    pub(crate) fn size(&self) -> (u16, u16) {
        match tcgetwinsize(&self.file) {
            Ok(w) if w.ws_col > 0 && w.ws_row > 0 => (w.ws_col, w.ws_row),
            _ => (80, 24),
        }
    }

    /// What can be read now; empty is the end.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.file).read(buffer)
    }

    /// Writes all of it, waiting while the terminal does not drain, at most until `deadline`.
    pub(crate) fn write_all(&self, mut bytes: &[u8], deadline: Option<Instant>) -> io::Result<()> {
        while !bytes.is_empty() {
            match (&self.file).write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.wait_writable(deadline)?,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn wait_writable(&self, deadline: Option<Instant>) -> io::Result<()> {
        let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
        if left.is_some_and(|l| l.is_zero()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let timeout = left.and_then(|l| Timespec::try_from(l).ok());
        let mut fds = [PollFd::new(&self.file, PollFlags::OUT)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        if fds.iter().any(|f| f.revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }
}

impl AsFd for Tty {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// What to put back, and where, while the terminal is ours.
static HELD: Mutex<Option<(Arc<Tty>, Termios)>> = Mutex::new(None);
static HOOK: Once = Once::new();

/// Gives the terminal back when it is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    tty: Arc<Tty>,
}

impl Guard {
    pub(crate) fn enter(tty: Arc<Tty>) -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                restore();
                before(info);
            }));
        });
        let guard = Self { tty };
        guard.resume()?;
        Ok(guard)
    }

    /// Raw mode and the other screen. What to put back is kept from the first time.
    pub(crate) fn resume(&self) -> io::Result<()> {
        let mut raw = tcgetattr(&*self.tty)?;
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = Some((Arc::clone(&self.tty), raw.clone()));
        }
        drop(held);
        raw.make_raw();
        tcsetattr(&*self.tty, OptionalActions::Now, &raw)?;
        let mut enter = Vec::new();
        queue!(enter, EnterAlternateScreen, EnableBracketedPaste, Hide, Clear(ClearType::All))?;
        self.tty.write_all(&enter, Some(Instant::now() + PATIENCE))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Puts the terminal back, once; harmless when it is not ours.
pub(crate) fn restore() {
    let held = HELD.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((tty, saved)) = held {
        let mut leave = Vec::new();
        // Nothing more can be done about a terminal that is gone.
        let _ = queue!(
            leave,
            EndSynchronizedUpdate,
            ResetColor,
            DisableBracketedPaste,
            Show,
            LeaveAlternateScreen
        );
        let _ = tty.write_all(&leave, Some(Instant::now() + PATIENCE));
        let _ = tcsetattr(&*tty, OptionalActions::Now, &saved);
    }
}
