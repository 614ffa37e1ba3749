//! JSON lines through `tracing` and `tracing-appender`: one line an event, readable by jq and lnav as they are.
//!
//! A full queue drops lines (and counts them) rather than make anybody wait.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, reload};

use super::log_file::RotatedFile;
use super::{log_read, trace};
use crate::api::types::LogLine;
use crate::redact::kept;

/// Lines that may wait for the disk.
const QUEUE: usize = 1024;

/// Hears every new line, on the log's own thread; must be quick.
pub(super) type OnLine = Box<dyn Fn(LogLine) + Send>;

/// How much is recorded: this and worse.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLevel(Targets);

impl Default for LogLevel {
    fn default() -> Self {
        Self(Targets::new().with_default(LevelFilter::INFO))
    }
}

impl LogLevel {
    /// Parts (`spud::api`) with a level of their own; one that is no level is left out.
    #[must_use]
    pub fn with_targets(self, targets: impl Iterator<Item = (String, String)>) -> Self {
        let known = targets.filter_map(|(part, level)| Some((part, LevelFilter::from_str(&level).ok()?)));
        Self(self.0.with_targets(known))
    }
}

impl FromStr for LogLevel {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        let known = ["error", "warn", "info", "debug", "trace"].contains(&text.to_ascii_lowercase().as_str());
        match LevelFilter::from_str(text) {
            Ok(level) if known => {
                // What it has to say comes back as the outcome of a delivery, in our words.
                Ok(Self(Targets::new().with_default(level).with_target("async_nats", LevelFilter::OFF)))
            }
            _ => Err(LogError::Level(text.to_owned())),
        }
    }
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log folder {folder} cannot be used: {error}")]
    Folder { folder: PathBuf, error: io::Error },
    #[error("'{0}' is no log level: error, warn, info, debug or trace")]
    Level(String),
}

/// Where the lines of this process go. One subscriber serves the whole process; opening another log (a test,
/// a scratch box) turns it over to that one.
struct Shared {
    level: reload::Handle<Targets, Registry>,
    target: &'static Target,
}

/// What the subscriber writes to.
#[derive(Default)]
struct Target {
    writer: Mutex<Option<(u64, tracing_appender::non_blocking::NonBlocking)>>,
}

static SHARED: OnceLock<Option<Shared>> = OnceLock::new();
static TARGET: OnceLock<Target> = OnceLock::new();

/// Keeps the log open; writes what is queued when dropped.
pub struct LogGuard {
    number: u64,
    lost: ErrorCounter,
    heard: Heard,
    _worker: WorkerGuard,
}

impl LogGuard {
    /// Lines that were dropped because the disk was too slow.
    #[must_use]
    pub fn dropped_lines(&self) -> usize {
        self.lost.dropped_lines()
    }

    /// Appends whole lines that others wrote (see [`super::take_foreign`]); nothing of them is dropped.
    ///
    /// # Errors
    /// What the disk says.
    pub fn append(&self, lines: &[u8]) -> io::Result<()> {
        self.heard.take(lines)
    }

    /// Records more or less from now on.
    pub fn set_level(&self, level: LogLevel) {
        if let Some(Some(shared)) = SHARED.get() {
            // Fails only when the subscriber is gone, and with it the log.
            let _ = shared.level.reload(level.0);
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        if let Some(target) = TARGET.get() {
            let mut writer = target.writer.lock().unwrap_or_else(PoisonError::into_inner);
            if writer.as_ref().is_some_and(|(number, _)| *number == self.number) {
                *writer = None;
            }
        }
    }
}

/// Opens the log in `folder`, at most `budget` bytes of files of the last `days`; `on_line` hears every line.
///
/// # Errors
/// [`LogError::Folder`] when it cannot be written.
pub fn start(
    folder: &Path,
    budget: u64,
    days: u32,
    level: LogLevel,
    on_line: impl Fn(LogLine) + Send + 'static,
) -> Result<LogGuard, LogError> {
    let failed = |error| LogError::Folder { folder: folder.to_owned(), error };
    let file = RotatedFile::open(folder, budget, days).map_err(failed)?;
    let heard = Heard(Arc::new(Mutex::new((file, Box::new(on_line)))));
    let (writer, worker) = NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUE)
        .lossy(true)
        .thread_name("spud-log")
        .finish(heard.clone());
    let lost = writer.error_counter();
    let target = TARGET.get_or_init(Target::default);
    let number = {
        let mut current = target.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        *current = Some((number, writer));
        number
    };
    if let Some(shared) = SHARED.get_or_init(|| subscribe(target, level.clone())) {
        debug_assert!(std::ptr::eq(shared.target, target), "one target serves the process");
        let _ = shared.level.reload(level.0);
    }
    Ok(LogGuard { number, lost, heard, _worker: worker })
}

static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

/// `None` where this process has another subscriber already (a test harness).
fn subscribe(target: &'static Target, level: LogLevel) -> Option<Shared> {
    let (filter, handle) = reload::Layer::new(level.0);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_writer(move || Line { target, bytes: Vec::with_capacity(256) });
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(filter));
    tracing::subscriber::set_global_default(subscriber).ok()?;
    Some(Shared { level: handle, target })
}

/// One line on its way: handed over whole, so that lines of several threads never mix.
struct Line {
    target: &'static Target,
    bytes: Vec<u8>,
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Line {
    /// Says in which trace it came about: by that, `spud log --trace` finds it.
    fn say_trace(&mut self) {
        let Some(trace::Context { trace, span, .. }) = trace::now_at() else { return };
        if self.bytes.ends_with(b"}\n") {
            self.bytes.truncate(self.bytes.len() - 2);
            let more = format!(",\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"}}\n");
            self.bytes.extend_from_slice(more.as_bytes());
        }
    }
}

impl Line {
    /// What somebody's text brought along does not reach the file. A line stays JSON: where it would not, its texts are
    /// looked through one by one.
    fn redact(&mut self) {
        let Ok(text) = std::str::from_utf8(&self.bytes) else { return };
        let Cow::Owned(clean) = kept(text) else { return };
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&clean).is_ok();
        self.bytes = match is_json {
            true => clean.into_bytes(),
            false => {
                let Ok(Value::Object(mut fields)) = serde_json::from_slice(&self.bytes) else { return };
                for value in fields.values_mut() {
                    if let Value::String(text) = value {
                        *text = kept(text).into_owned();
                    }
                }
                format!("{}\n", Value::Object(fields)).into_bytes()
            }
        };
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.redact();
        self.say_trace();
        let mut writer = self.target.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, writer)) = writer.as_mut() {
            // The queue never fails its caller: a line that does not fit is counted as lost.
            let _ = io::Write::write_all(writer, &self.bytes);
        }
    }
}

/// The end of the queue: the file, and whoever wants to hear.
#[derive(Clone)]
struct Heard(Arc<Mutex<(RotatedFile, OnLine)>>);

impl Heard {
    fn take(&self, bytes: &[u8]) -> io::Result<()> {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, on_line) = &mut *heard;
        // Told even where the disk is full: whoever looks now should see it.
        let text = String::from_utf8_lossy(bytes);
        for line in text.lines().filter_map(log_read::parse) {
            on_line(line);
        }
        file.append(bytes)
    }
}

impl io::Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{LogReader, LogWanted};
    use std::sync::Arc;

    #[test]
    fn a_line_reaches_file_reader_and_listener() {
        let folder = tempfile::tempdir().unwrap();
        let heard: Arc<Mutex<Vec<LogLine>>> = Arc::default();
        let ear = Arc::clone(&heard);
        let guard = start(folder.path(), 1 << 20, 7, "info".parse().unwrap(), move |line| {
            ear.lock().unwrap().push(line);
        })
        .unwrap();
        tracing::info!(request = "r-1", job = 7, "spud.log.test said something");
        tracing::info!(error = "password=\"hunter2\" of anna@example.org", "spud.log.secret \"x\"");
        tracing::debug!("spud.log.test said too much");
        guard.append(b"{\"level\":\"INFO\",\"message\":\"of another\",\"target\":\"nginx\"}\n").unwrap();
        drop(guard);
        let wanted = LogWanted {
            n: 100,
            level: Some("info".into()),
            contains: Some("spud.log.test".into()),
            ..LogWanted::default()
        };
        let lines = LogReader::new(folder.path()).find(&wanted).lines;
        assert_eq!(lines.len(), 1, "{lines:?}");
        let other = LogWanted { source: Some("ngin".into()), contains: None, ..wanted.clone() };
        assert!(LogReader::new(folder.path()).find(&other).lines.is_empty());
        let other = LogWanted { source: Some("nginx".into()), ..other };
        assert_eq!(LogReader::new(folder.path()).find(&other).lines[0].message, "of another");
        let secret = LogWanted { contains: Some("spud.log.secret".into()), ..wanted };
        let lines_of_secret = LogReader::new(folder.path()).find(&secret).lines;
        let error = lines_of_secret[0].fields["error"].as_str().unwrap();
        assert_eq!(error, "password=\"[redacted: password]\" of [redacted: email]");
        let line = &lines[0];
        assert_eq!((line.level.as_str(), line.fields["request"].as_str()), ("INFO", Some("r-1")));
        assert_eq!(line.fields["job"], 7);
        assert!(line.timestamp.starts_with("20") && line.target.contains("observe"));
        assert!(heard.lock().unwrap().contains(line));
        assert!("loud".parse::<LogLevel>().is_err());
    }
}
