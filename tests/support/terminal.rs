//! The program in a real pseudo-terminal, with a screen that reads what it draws.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Far beyond what it takes, so that a slow machine does not fail.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Terminal {
    pub master: File,
    pub child: Child,
    pub screen: vt100::Parser,
    pub bytes: Vec<u8>,
}

impl Terminal {
    pub fn open(data: &Path, rows: u16, columns: u16, environment: &[(&str, &str)]) -> Self {
        Self::open_as(None, data, (rows, columns), environment)
    }

    /// As another user of this box, who is in the group that may use the socket.
    pub fn open_as(
        user: Option<u32>,
        data: &Path,
        (rows, columns): (u16, u16),
        environment: &[(&str, &str)],
    ) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let end = || Stdio::from(OwnedFd::from(slave.try_clone().unwrap()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_spud"));
        command
            .arg("--data")
            .arg(data)
            .current_dir(data)
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .envs(environment.iter().copied())
            .stdin(end())
            .stdout(end())
            .stderr(end());
        if let Some(user) = user {
            std::os::unix::fs::chown(name.to_str().unwrap(), Some(user), None).unwrap();
            command.uid(user).gid(0);
        }
        let child = command.spawn().unwrap();
        let screen = vt100::Parser::new(rows, columns, 0);
        Self { master: File::from(master), child, screen, bytes: Vec::new() }
    }

    /// Reads what comes within a moment; false when the other side is gone.
    pub fn read(&mut self) -> bool {
        let mut ready = [PollFd::new(&self.master, PollFlags::IN)];
        let moment = rustix::event::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        if poll(&mut ready, Some(&moment)).unwrap() == 0 {
            return true;
        }
        let mut buffer = [0; 8192];
        match self.master.read(&mut buffer) {
            Ok(n) if n > 0 => {
                self.screen.process(&buffer[..n]);
                self.bytes.extend_from_slice(&buffer[..n]);
                true
            }
            _ => false,
        }
    }

    pub fn wait_for(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.screen.screen().contents().contains(text) {
            assert!(Instant::now() < until, "never saw '{text}':\n{}", self.screen.screen().contents());
            assert!(self.read(), "ended before '{text}':\n{}", self.screen.screen().contents());
        }
    }

    pub fn wait_without(&mut self, text: &str) {
        let until = Instant::now() + PATIENCE;
        while self.screen.screen().contents().contains(text) {
            assert!(Instant::now() < until, "still '{text}':\n{}", self.screen.screen().contents());
            assert!(self.read(), "ended with '{text}':\n{}", self.screen.screen().contents());
        }
    }

    pub fn send(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }

    pub fn ends(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            self.read();
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
        }
        self.child.kill().unwrap();
        panic!("it did not end");
    }
}
