//! A program run with a deadline and limits: what it said, and how it ended.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};

use super::wire::Deadline;

const MEMORY: u64 = 256 << 20;
const FILE_BYTES: u64 = 16 << 20;
const FILES: u64 = 64;

/// How a program ended.
pub(super) struct Ended {
    /// Its exit code; none where a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
    /// What it wrote, up to a bound.
    pub(super) said: Vec<u8>,
}

/// Runs it with nothing but a path in its environment; what is left of it after the deadline is killed, and so is
/// all that it started.
///
/// # Errors
/// Why there is no end to tell of.
pub(super) fn run(command: &[String], deadline: Deadline, most: usize) -> Result<Ended, String> {
    let (program, arguments) = command.split_first().ok_or("there is no command")?;
    let (mut reader, writer) = std::io::pipe().map_err(|error| error.to_string())?;
    let second = writer.try_clone().map_err(|error| error.to_string())?;
    let mut started = Command::new(program);
    started
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    started.current_dir("/").stdin(Stdio::null()).stdout(writer).stderr(second).process_group(0);
    let mut child = started.spawn().map_err(|error| format!("{program}: {error}"))?;
    // The ends that the child has are the only ones.
    drop(started);
    let ended = watched(&mut child, &mut reader, deadline, most);
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // Where nothing is left of the group, there is nothing to kill.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let said = ended?;
    Ok(Ended { code: status.code(), signal: status.signal(), said })
}

fn watched(
    child: &mut Child,
    reader: &mut (impl Read + AsFd),
    deadline: Deadline,
    most: usize,
) -> Result<Vec<u8>, String> {
    limit(child, deadline);
    let late = |_| "it did not end in time".to_owned();
    let mut said = Vec::new();
    let mut buffer = [0; 1024];
    let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or("it has no number")?;
    let process = rustix::process::pidfd_open(process, rustix::process::PidfdFlags::empty());
    let process = process.map_err(|error| error.to_string())?;
    let mut open = true;
    loop {
        let left = deadline.left().map_err(late)?;
        let wait =
            Timespec { tv_sec: left.as_secs().try_into().unwrap_or(1), tv_nsec: left.subsec_nanos().into() };
        let mut watched = vec![PollFd::new(&process, PollFlags::IN)];
        if open {
            watched.push(PollFd::new(&*reader, PollFlags::IN));
        }
        match poll(&mut watched, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.to_string()),
        }
        let ready = |at: usize| watched.get(at).is_some_and(|one| !one.revents().is_empty());
        let (over, heard) = (ready(0), ready(1));
        if heard {
            let count = reader.read(&mut buffer).map_err(|error| error.to_string())?;
            open = count > 0;
            // What is beyond the bound is read, too, so that the program can go on.
            let room = most.saturating_sub(said.len()).min(count);
            said.extend_from_slice(buffer.get(..room).unwrap_or_default());
        } else if over {
            return Ok(said);
        }
    }
}

/// Set as soon as it runs: a program that means well is bounded, and one that does not would need more than this.
fn limit(child: &Child, deadline: Deadline) {
    let Some(process) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    let seconds = deadline.left().map_or(1, |left| left.as_secs() + 1);
    let limits = [
        (Resource::Cpu, seconds),
        (Resource::As, MEMORY),
        (Resource::Fsize, FILE_BYTES),
        (Resource::Nofile, FILES),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        // It may be over already.
        let _ = prlimit(Some(process), resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, ms: u64) -> Result<Ended, String> {
        run(&["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()], Deadline::within(ms), 100)
    }

    #[test]
    fn its_words_and_its_end_are_told() {
        let ended = sh("echo out; echo err >&2; exit 3", 20_000).unwrap();
        assert_eq!((ended.code, String::from_utf8(ended.said).unwrap().as_str()), (Some(3), "out\nerr\n"));
        assert_eq!(sh("kill -9 $$", 20_000).unwrap().signal, Some(9));
        let loud = sh(
            "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done",
            60_000,
        );
        assert_eq!(loud.unwrap().said.len(), 100, "bounded, and yet it came to its end");
        let gone = run(&["/nonexistent".to_owned()], Deadline::within(1000), 9).err().unwrap();
        assert!(gone.starts_with("/nonexistent"), "{gone}");
    }

    #[test]
    fn nothing_outlives_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("child");
        let script = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
        let said = sh(&script, 1500).err().unwrap();
        assert!(said.contains("in time"), "{said}");
        let child: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        // It was killed before `run` came back; the kernel takes it apart when it gets to it, and somebody has to
        // take it away.
        let state = || std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let is_over = |state: &str| state.is_empty() || state.contains(") Z ") || state.contains(") X ");
        let over = (0..600).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            is_over(&state())
        });
        assert!(over, "{}", state());
    }
}
