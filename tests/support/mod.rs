//! A daemon of its own for a test, and a client that can misbehave.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod command;
pub mod corpus_life;
pub mod disk;
pub mod nats;
pub mod queue_life;
pub mod settings_life;
pub mod terminal;
pub mod upstream;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The program under test (another build of it, where `SPUD_BINARY` names one), told nothing else by the environment of
/// the tester.
pub fn spud() -> Command {
    let built = || env!("CARGO_BIN_EXE_spud").into();
    let mut command = Command::new(std::env::var_os("SPUD_BINARY").unwrap_or_else(built));
    for name in [
        "SPUD_DATA",
        "SPUD_SOCKET",
        "SPUD_CONFIG",
        "SPUD_TIER",
        "SPUD_UPSTREAM",
        "SPUD_ENVIRONMENT",
        "SPUD_CONFIG_ROOT",
        "SPUD_USE_CASE",
        "NO_COLOR",
        "NOTIFY_SOCKET",
        "MEMORY_PRESSURE_WATCH",
    ] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// A folder with all that is in it, files and folders.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else if path.is_file() {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// A daemon on a folder of its own; ends with the test.
pub struct Daemon {
    pub folder: TempDir,
    pub child: Child,
}

/// A reply, taken apart.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Daemon {
    pub fn start(options: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), options)
    }

    pub fn start_in(folder: TempDir, options: &[&str]) -> Self {
        let mut command = spud();
        command.arg("--data").arg(folder.path()).arg("daemon").args(options);
        let log = std::fs::File::create(folder.path().join("stderr")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let daemon = Self { folder, child };
        daemon.wait_until_ready();
        daemon
    }

    fn wait_until_ready(&self) {
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until {
            if UnixStream::connect(self.socket()).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the daemon did not start: {}", self.said());
    }

    /// Where it listens for TCP.
    pub fn address(&self) -> String {
        until("an address", || {
            let told = self.said();
            told.split_once("http://").map(|(_, rest)| rest.split(' ').next().unwrap().to_owned())
        })
    }

    /// What it wrote to standard error.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("spud.sock")
    }

    pub fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Sends these bytes as they are, reads until the server closes.
    pub fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // A server that has seen enough may have closed already.
        let _ = stream.write_all(bytes);
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        String::from_utf8_lossy(&reply).into_owned()
    }

    pub fn ask(&self, method: &str, target: &str, headers: &str, body: &str) -> Reply {
        let length = body.len();
        let text = self.raw(
            format!(
                "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        );
        take_apart(&text)
    }

    pub fn get(&self, target: &str) -> Reply {
        self.ask("GET", target, "", "")
    }

    pub fn post(&self, target: &str, body: &str) -> Reply {
        self.ask("POST", target, "Content-Type: application/json\r\n", body)
    }

    /// SIGTERM, and how it ended within five seconds.
    pub fn terminate(&mut self) -> Option<i32> {
        signal(&self.child, rustix::process::Signal::TERM);
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

/// Waits until there is something; no time is judged.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what} never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).unwrap();
}

pub fn take_apart(text: &str) -> Reply {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
