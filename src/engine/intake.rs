//! What other programs measure comes in: pushed as text, or as statsd datagrams on a socket of its own.
//!
//! It is kept apart from `/metrics`: that says how this box is, and whoever scrapes the box may scrape those programs,
//! too. `GET /v1/metrics` gives it back as it came.

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

use super::log_intake::Followers;
use super::metrics;
use super::run::Inner;
use super::trail::actor;
use super::worker::invalid;
use super::{Caller, EngineError};
use crate::api::types::PushedMetrics;
use crate::base::spawn;
use crate::hardware::Budgets;
use crate::observe::intake::{Intake, IntakeError, IntakeLimits, Statsd, marked, read_text};
use crate::observe::metric::Family;

/// What is not told for so long is stale, as Prometheus has it.
const STALE_MS: u64 = 5 * 60_000;
/// Of the series of a box, what one sender may have, and all of them together.
const EACH_PART: usize = 4;
const ALL_PART: usize = 2;
const STATSD: &str = "statsd";
/// Of a datagram; what is longer is cut by the kernel.
const DATAGRAM: usize = 8 << 10;
const STACK_KB: usize = 128;
/// The owner and the group may send.
const SOCKET_MODE: u32 = 0o660;
/// Name of a job where a program gives none.
const USUAL_JOB: &str = "push";
const JOB_BYTES: usize = 100;

/// What others told, until it is recorded.
pub(super) struct Collected {
    pub(super) intake: Intake,
    statsd: Mutex<Statsd>,
    /// Where datagrams come in, while they do.
    socket: Mutex<Option<(UnixDatagram, PathBuf)>>,
    followers: Mutex<Followers>,
}

impl Collected {
    pub(super) fn new(budgets: &Budgets) -> Self {
        let series = usize::try_from(budgets.metric_series).unwrap_or(usize::MAX);
        let limits = IntakeLimits { each: series / EACH_PART, all: series / ALL_PART, stale_ms: STALE_MS };
        Self {
            intake: Intake::new(limits),
            statsd: Mutex::default(),
            socket: Mutex::default(),
            followers: Mutex::default(),
        }
    }

    fn statsd(&self) -> MutexGuard<'_, Statsd> {
        self.statsd.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn followers(&self) -> MutexGuard<'_, Followers> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that is told just now, to be recorded.
    pub(super) fn families(&self, now_ms: u64) -> Vec<Family> {
        let mut samples = self.statsd().flush(now_ms, STALE_MS);
        samples.iter_mut().for_each(|one| one.labels = marked(&one.labels, &[("job", STATSD)]));
        if let Err(error) = self.intake.replace(STATSD, samples, now_ms) {
            tracing::warn!(%error, "what statsd datagrams said is left out");
        }
        self.intake.families(now_ms)
    }

    /// Lines of datagrams by what came of them; nothing where no socket is.
    pub(super) fn lines(&self) -> Vec<(&'static str, u64)> {
        if self.socket.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return Vec::new();
        }
        let count = self.statsd().count;
        vec![("taken", count.taken), ("bad", count.bad), ("refused", count.refused)]
    }

    /// Hears datagrams where a setting says on which socket.
    pub(super) fn listen(inner: &Arc<Inner>) -> Option<JoinHandle<()>> {
        let running = inner.config.running();
        let path = PathBuf::from(running.text("metrics.statsd").filter(|_| inner.settings.daemon)?);
        let (weak, most) = (Arc::downgrade(inner), inner.intake.intake.limits().each);
        let begun = bind(&path).and_then(|socket| {
            let heard = socket.try_clone()?;
            let thread = spawn(STATSD, STACK_KB, move || hear(&weak, &heard, most))?;
            *inner.intake.socket.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((socket, path.clone()));
            Ok(thread)
        });
        match begun {
            Ok(thread) => Some(thread),
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "no statsd datagrams can be heard");
                None
            }
        }
    }

    /// Ends that; the engine is stopping by now.
    pub(super) fn stop(&self) {
        if let Some((socket, path)) = self.socket.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Whoever waits for a datagram gets none.
            let _ = socket.shutdown(std::net::Shutdown::Both);
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A socket that a program of before left is taken away; anything else in its place is not.
fn bind(path: &Path) -> io::Result<UnixDatagram> {
    if path.symlink_metadata().is_ok_and(|meta| meta.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    let socket = UnixDatagram::bind(path)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(SOCKET_MODE))?;
    Ok(socket)
}

fn hear(weak: &Weak<Inner>, socket: &UnixDatagram, most: usize) {
    let mut datagram = [0; DATAGRAM];
    loop {
        let count = socket.recv(&mut datagram);
        let Some(inner) = weak.upgrade().filter(|inner| !inner.is_stopping()) else { return };
        match count {
            Ok(count) => {
                let said = datagram.get(..count).unwrap_or_default();
                inner.intake.statsd().take(said, inner.clock.now_ms(), most);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return tracing::error!(%error, "no more statsd datagrams can be heard"),
        }
    }
}

/// Takes a text of metrics from a program, all of it or nothing.
pub(super) fn push(
    inner: &Arc<Inner>,
    caller: &Caller,
    job: Option<&str>,
    text: &str,
) -> Result<PushedMetrics, EngineError> {
    let job = job.unwrap_or(USUAL_JOB);
    if job.is_empty() || job.len() > JOB_BYTES || job.chars().any(char::is_control) {
        return Err(invalid(
            "this cannot be the name of a job",
            format!("1 to {JOB_BYTES} bytes on one line"),
        ));
    }
    let mut samples = read_text(text)
        .map_err(|fault| invalid(fault.to_string(), "send the text format of Prometheus or OpenMetrics"))?;
    let principal = actor(caller);
    let marks = [("job", job), ("principal", principal.as_str())];
    samples.iter_mut().for_each(|sample| sample.labels = marked(&sample.labels, &marks));
    let mut known = HashSet::new();
    if let Some(twice) = samples.iter().find(|sample| !known.insert(&sample.labels)) {
        return Err(invalid(
            format!("{} would stand there twice", twice.labels),
            "`job` and `principal` of a series become `exported_job` and `exported_principal`: tell it apart otherwise",
        ));
    }
    let count = samples.len() as u64;
    let now_ms = inner.clock.now_ms();
    // A daemon records it with the next row, and so does a screen that stays open. A command that runs the engine for
    // itself has none but this.
    let records = inner.settings.daemon || metrics::records(inner, now_ms);
    if !records && !inner.telemetry.is_due(now_ms) {
        return Err(EngineError::Busy { retry_after_s: 10 });
    }
    let intake = &inner.intake.intake;
    let series = intake.merge(&format!("push {principal}"), samples, now_ms).map_err(refused)?;
    if !records {
        metrics::record(inner, u64::MAX);
    }
    Ok(PushedMetrics { samples: count, series: series as u64, most: intake.limits().each as u64 })
}

fn refused(error: IntakeError) -> EngineError {
    let advice = match error {
        IntakeError::Reserved(_) => "choose another name: spud_, scrape_, ALERTS and up are the box's",
        IntakeError::Each { .. } | IntakeError::All { .. } => {
            "send fewer labels or metrics; metrics.series is the setting"
        }
    };
    invalid(error.to_string(), advice)
}
