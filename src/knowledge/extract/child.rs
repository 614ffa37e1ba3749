//! Foreign formats in a process of their own: how it is started, watched and ended.
//!
//! Invariant: a child never outlives its deadline or its parent, and nothing it says is taken without a bound.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::error::{Outcome, fail, from_io};
use super::frame::{self, Frame};
use super::{Chunk, Extracted, Limits, parse, pdf, sandbox};

/// Pages of one file that may each cost a child its life, before the file is given up.
const RESTARTS: usize = 8;

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Names the program that runs `__extract`; without this it is the running program itself.
pub fn set_child_program(path: PathBuf) {
    // The first one wins; saying it again changes nothing.
    let _ = PROGRAM.set(path);
}

/// Reads `file` in a child process; where a page kills it, another child reads the file without that page.
pub(super) fn extract(
    mut file: File,
    name: &str,
    limits: &Limits,
    sink: &mut dyn FnMut(Chunk) -> ControlFlow<()>,
) -> Outcome<Extracted> {
    let mut watch = Watch {
        deadline: Instant::now() + Duration::from_secs(limits.child_seconds.max(1)),
        page: None,
        handed: 0,
        sink,
    };
    let mut leave_out = Vec::new();
    loop {
        file.rewind().map_err(|error| from_io(&error))?;
        let input = file.try_clone().map_err(|error| from_io(&error))?;
        watch.page = None;
        let error = match once(input, name, &leave_out, limits, &mut watch) {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        match watch.page {
            Some(page)
                if matches!(error.kind, "damaged" | "crash" | "memory")
                    && leave_out.len() < RESTARTS
                    && !leave_out.contains(&page) =>
            {
                leave_out.push(page);
            }
            _ => return Err(error),
        }
    }
}

/// What is known of a file across its children.
struct Watch<'s> {
    /// For all of them together.
    deadline: Instant,
    /// The page that the child is at.
    page: Option<u32>,
    /// Passages that the sink has. They come before any page that kills, and reading is the same each time, so
    /// the next child begins with just these.
    handed: u64,
    sink: &'s mut dyn FnMut(Chunk) -> ControlFlow<()>,
}

fn once(
    file: File,
    name: &str,
    leave_out: &[u32],
    limits: &Limits,
    watch: &mut Watch<'_>,
) -> Outcome<Extracted> {
    let program = PROGRAM.get().cloned().unwrap_or_else(|| PathBuf::from("/proc/self/exe"));
    let mut child = Command::new(program)
        .arg("__extract")
        .args(
            [limits.child_memory, limits.child_seconds, limits.text_bytes, limits.file_bytes]
                .map(|n| n.to_string()),
        )
        .arg(leave_out.iter().map(u32::to_string).collect::<Vec<_>>().join(","))
        .arg(OsString::from(name.replace('\0', "")))
        .env_clear()
        .current_dir("/")
        .stdin(file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| fail("crash", format!("the extractor cannot be started: {error}")))?;
    let heard = listen(&mut child, limits, watch);
    if !matches!(heard, Ok(Some(_))) {
        // It may be gone already; then there is nothing to kill.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|error| from_io(&error))?;
    match heard? {
        Some(done) => Ok(done),
        None => Err(silent_end(status, limits)),
    }
}

/// Hands chunks on until the child is done, fails, falls silent or runs out of time.
fn listen(child: &mut Child, limits: &Limits, watch: &mut Watch<'_>) -> Outcome<Option<Extracted>> {
    let Some(mut pipe) = child.stdout.take() else { return Ok(None) };
    let mut repeated = watch.handed;
    let mut buffer = Vec::new();
    let mut raw = vec![0_u8; 64 << 10];
    // Headings and overlap repeat some text.
    let mut left = limits.text_bytes.saturating_mul(3);
    loop {
        wait_readable(&pipe, watch.deadline, limits)?;
        let got = pipe.read(&mut raw).map_err(|error| from_io(&error))?;
        if got == 0 {
            return Ok(None);
        }
        buffer.extend_from_slice(raw.get(..got).unwrap_or_default());
        while let Some(frame) = frame::take(&mut buffer)? {
            match frame {
                Frame::Done(done) => return Ok(Some(done)),
                Frame::Failed(error) => return Err(error),
                Frame::Page(page) => watch.page = Some(page),
                Frame::Chunk(_) if repeated > 0 => repeated -= 1,
                Frame::Chunk(chunk) => {
                    watch.handed += 1;
                    left = left.checked_sub(chunk.text.len() as u64).ok_or_else(|| {
                        fail("too_large", "it unfolds to more text than one document may have")
                    })?;
                    if (watch.sink)(chunk).is_break() {
                        return Err(fail("stopped", "the job was stopped"));
                    }
                }
            }
        }
    }
}

fn wait_readable(pipe: &impl AsFd, deadline: Instant, limits: &Limits) -> Outcome {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(timeout(limits));
        }
        let wait =
            Timespec { tv_sec: left.as_secs().try_into().unwrap_or(1), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&wait)) {
            Ok(0) => return Err(timeout(limits)),
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(fail("crash", format!("the extractor cannot be heard: {error}"))),
        }
    }
}

fn timeout(limits: &Limits) -> super::ExtractError {
    fail("timeout", format!("reading it took longer than {} s", limits.child_seconds))
}

/// What it means that the child ended without a last word.
fn silent_end(status: ExitStatus, limits: &Limits) -> super::ExtractError {
    const ABORT: i32 = 6;
    const KILL: i32 = 9;
    const SEGV: i32 = 11;
    const CPU: i32 = 24;
    match status.signal() {
        Some(ABORT) => fail("memory", format!("reading it needs more than {} MB", limits.child_memory >> 20)),
        Some(CPU | KILL) => timeout(limits),
        Some(SEGV) => fail("crash", "its structure is nested too deeply to be read"),
        Some(signal) => fail("crash", format!("the extractor ended with signal {signal}")),
        None => fail("crash", format!("the extractor ended with {}", status.code().unwrap_or(-1))),
    }
}

/// What the hidden child process runs (`spud __extract`); called by `main` before anything else.
#[must_use]
pub fn child_main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(2).map(|word| word.to_string_lossy().into_owned());
    let mut number = || arguments.next().and_then(|word| word.parse::<u64>().ok());
    let (Some(child_memory), Some(child_seconds), Some(text_bytes), Some(file_bytes)) =
        (number(), number(), number(), number())
    else {
        return ExitCode::from(64);
    };
    let limits = Limits { child_memory, child_seconds, text_bytes, file_bytes };
    let leave_out = arguments.next().unwrap_or_default();
    let leave_out = leave_out.split(',').filter_map(|page| page.parse().ok()).collect();
    let name = arguments.next().unwrap_or_default();
    let Ok(answers) = sandbox::enter(&limits) else { return ExitCode::from(70) };
    std::panic::set_hook(Box::new(|panic| {
        let what: String = panic.to_string().chars().take(300).collect::<String>().replace('\n', " ");
        tell(&Frame::Failed(fail("damaged", format!("the file is damaged ({what})"))));
        sandbox::leave(3);
    }));
    let _ = ANSWERS.set(File::from(answers));
    // A parent that cannot hear any more is noticed at the next passage.
    pdf::follow(pdf::Course {
        leave_out,
        at_page: |page| {
            tell(&Frame::Page(page));
        },
    });
    let outcome = parse::document(&mut std::io::stdin().lock(), &name, &limits, &mut |chunk| {
        if tell(&Frame::Chunk(chunk)) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let told = match outcome {
        Ok(done) => tell(&Frame::Done(done)),
        Err(error) => tell(&Frame::Failed(error)),
    };
    // No destructors: the system takes a large document apart faster than we do.
    sandbox::leave(if told { 0 } else { 1 })
}

static ANSWERS: OnceLock<File> = OnceLock::new();

fn tell(frame: &Frame) -> bool {
    ANSWERS.get().is_some_and(|mut pipe| pipe.write_all(&frame::encode(frame)).is_ok())
}
