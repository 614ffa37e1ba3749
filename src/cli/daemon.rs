//! `spud daemon`: in the foreground, for systemd or a shell.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::context::Context;
use super::error::{CliError, UNAVAILABLE};
use crate::api::host::Host;

#[derive(Debug, Args)]
pub(super) struct DaemonArgs {
    /// Also serve TCP on this loopback address: reading for everybody, changes for tokens that may
    #[arg(long, value_name = "127.0.0.1:PORT")]
    listen: Option<SocketAddr>,
    /// Deliver queued operations to this address (plain http:// only); without it they wait
    #[arg(long, value_name = "URL", env = "SPUD_UPSTREAM")]
    upstream: Option<String>,
}

pub(super) fn run(args: &DaemonArgs, context: &mut Context) -> Result<u8, CliError> {
    // Signals first: one that comes while the stores open must not kill us halfway.
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])
        .map_err(|error| CliError::new(UNAVAILABLE, format!("signals cannot be handled: {error}"), ""))?;
    raise_file_limit();
    let mut options = context.options.clone();
    options.daemon = true;
    options.listen = args.listen;
    options.upstream = args.upstream.clone().filter(|url| !url.is_empty());
    let host = Host::start_after_others(&options)?;
    context.remark(&format!("spud {} serves {}", env!("CARGO_PKG_VERSION"), host.socket().display()));
    if let Some(address) = host.network() {
        context.remark(&format!("and http://{address} (changes need a token)"));
    }
    tell(&[NotifyState::Ready]);
    watchdog();
    for signal in signals.forever() {
        if signal != SIGHUP {
            break;
        }
        host.reload();
    }
    tell(&[NotifyState::Stopping]);
    drain(host);
    Ok(0)
}

/// Ends within five seconds whatever still runs: what is committed is safe, the rest resumes.
fn drain(host: Host) {
    let guard = crate::base::spawn("spud-deadline", 64, || {
        std::thread::sleep(Duration::from_millis(4800));
        std::process::exit(0);
    });
    drop(host);
    drop(guard);
}

/// Does nothing where no service manager listens.
fn tell(state: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

/// Tells the service manager that we live, where it wants to know.
fn watchdog() {
    let Some(every) = sd_notify::watchdog_enabled() else { return };
    let half = (every / 2).max(Duration::from_millis(100));
    let started = crate::base::spawn("spud-watchdog", 64, move || {
        loop {
            std::thread::sleep(half);
            tell(&[NotifyState::Watchdog]);
        }
    });
    if let Err(error) = started {
        tracing::warn!(%error, "no watchdog thread");
    }
}

/// Connections and mapped segments want more descriptors than the usual soft limit of 1024.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(8192, |hard| hard.min(8192));
    if limit.current.is_some_and(|soft| soft < wanted) {
        // Without it, fewer connections are served: no reason not to start.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    }
}
