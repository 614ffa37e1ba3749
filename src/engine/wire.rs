//! Which upstream the settings name, and who delivers there. Taken up while the box runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::EngineError;
use super::worker::invalid;
use crate::config::{Effective, Secret};
use crate::resilience::queue::{
    Delivery, FleetLock, Link, Papers, Queue, Upstream, Wire, check_authorities, check_bucket, check_subject,
};
use crate::store::Control;

/// What the settings say of the upstream; secrets only by where they lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) upstream: Upstream,
    token: Option<Secret>,
    papers: Papers,
    subject: String,
}

/// What is known of it besides.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) link: Link,
    /// Why nobody can deliver there at all.
    pub(super) problem: String,
}

/// The upstream as it is set now.
#[derive(Default)]
pub(super) struct Wiring {
    chosen: RwLock<Option<Arc<Chosen>>>,
    seen: Mutex<Seen>,
    /// Rises with every change.
    turn: AtomicU64,
}

impl Chosen {
    fn read(settings: &Effective) -> Result<Option<Self>, String> {
        let Some(url) = settings.text("queue.upstream") else { return Ok(None) };
        let token = settings.text("queue.upstream_token");
        Ok(Some(Self {
            upstream: Upstream::parse(url)?,
            token: token.map(Secret::parse).transpose().map_err(str::to_owned)?,
            papers: Papers { authorities: settings.text("queue.upstream_ca").map(Into::into), own: None },
            subject: settings.text("queue.subject").unwrap_or_default().to_owned(),
        }))
    }

    fn open(&self) -> Result<Box<dyn Delivery>, String> {
        self.wire()?.open()
    }

    fn wire(&self) -> Result<Wire, String> {
        let secret = self.token.as_ref().map(Secret::read).transpose();
        let secret = secret.map_err(|what| format!("queue.upstream_token: {what}"))?;
        let (upstream, papers) = (self.upstream.clone(), self.papers.clone());
        Ok(Wire { upstream, secret, papers, subject: self.subject.clone() })
    }
}

/// The lock that boxes of a fleet share while one of them promotes, where the settings name one.
///
/// # Errors
/// What keeps it from being asked for.
pub(super) fn fleet_lock(settings: &Effective) -> Result<Option<FleetLock>, String> {
    let bucket = settings.text("promotion.fleet_lock").filter(|bucket| !bucket.is_empty());
    let Some(bucket) = bucket else { return Ok(None) };
    let chosen = Chosen::read(settings)?.filter(|chosen| chosen.upstream.kind() == "nats");
    let chosen = chosen.ok_or("promotion.fleet_lock wants a NATS server as queue.upstream")?;
    Ok(Some(FleetLock::new(chosen.wire()?, bucket, "promotion")))
}

impl Wiring {
    /// # Errors
    /// [`EngineError::Invalid`] when the upstream is no address.
    pub(super) fn open(settings: &Effective, daemon: bool) -> Result<Self, EngineError> {
        let advice = "give it as queue.upstream, --upstream http://HOST:PORT/PATH or SPUD_UPSTREAM";
        // A command's own engine lives for a moment: delivering is the daemon's work.
        let chosen =
            if daemon { Chosen::read(settings).map_err(|what| invalid(what, advice))? } else { None };
        Ok(Self { chosen: RwLock::new(chosen.map(Arc::new)), ..Self::default() })
    }

    pub(super) fn chosen(&self) -> Option<Arc<Chosen>> {
        self.chosen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn saw(&self, link: Link) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).link = link;
    }

    pub(super) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Acquire)
    }

    /// Takes up what is set now; true when that is another upstream, or another way to it.
    pub(super) fn take_up(&self, settings: &Effective, queue: &Queue) -> bool {
        // What is wrong with it was said when it was set.
        let Ok(next) = Chosen::read(settings) else { return false };
        let mut chosen = self.chosen.write().unwrap_or_else(PoisonError::into_inner);
        if chosen.as_deref() == next.as_ref() {
            return false;
        }
        *chosen = next.map(Arc::new);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
        self.turn.fetch_add(1, Ordering::AcqRel);
        queue.turn_to(chosen.is_some());
        true
    }

    /// Somebody who delivers there, knowing what arrived before; `None` where that cannot be, or nobody is named.
    pub(super) fn deliverer(&self, queue: &Queue, control: &Control) -> Option<Box<dyn Delivery>> {
        let chosen = self.chosen()?;
        let opened = chosen.open().and_then(|mut delivery| {
            let marks = queue.marks(control);
            delivery.recall(marks.map_err(|error| format!("what arrived before cannot be read: {error}"))?);
            Ok(delivery)
        });
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match opened {
            Ok(delivery) => {
                *seen = Seen { link: delivery.link(), problem: String::new() };
                Some(delivery)
            }
            Err(problem) => {
                if seen.problem != problem {
                    tracing::error!(problem, "nothing can be delivered; it is tried again");
                }
                seen.problem = problem;
                None
            }
        }
    }
}

/// What is wrong with the upstream's settings, key by key.
pub(super) fn problems(settings: &Effective) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut check = |key: &'static str, checked: &dyn Fn(&str) -> Result<(), String>| {
        if let Some(Err(what)) = settings.text(key).filter(|text| !text.is_empty()).map(checked) {
            found.push((key, what));
        }
    };
    check("queue.upstream", &|url| Upstream::parse(url).map(drop));
    check("queue.upstream_token", &|reference| Secret::parse(reference)?.read().map(drop));
    check("queue.upstream_ca", &|file| check_authorities(std::path::Path::new(file)));
    check("queue.subject", &check_subject);
    check("promotion.fleet_lock", &check_bucket);
    found
}
