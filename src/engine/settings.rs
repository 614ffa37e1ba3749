//! What runs: the settings in force, beside what the files say now.
//!
//! Files are read again when the kernel tells that one changed, on SIGHUP and before every edit. What can be taken
//! up without a restart is taken up at once; the rest waits, and says so. Files with a mistake change nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use super::run::{Inner, Settings};
use super::worker::invalid;
use super::{EngineError, settings_words};
use crate::api::types::{ConfigEvent, EventKind};
use crate::base::spawn;
use crate::config::{
    Cause, Difference, Effective, Finding, Head, History, Host, Loaded, Overrides, Places, Trial, Version,
    Watch, differences, report,
};
use crate::hardware::{Choice, Probe, Tiers};
use crate::observe::LogLevel;
use crate::store::Control;

/// What the API lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    pub connections: usize,
    /// Bytes of one request's body.
    pub body: usize,
    /// A usual request may take so long.
    pub seconds: u64,
}

/// What changes under one lock: edits come one after the other.
pub(super) struct Desk {
    pub(super) loaded: Loaded,
    /// As the files say; some of it may wait for a restart.
    pub(super) files: Effective,
    /// Why the files are not taken up.
    pub(super) broken: Vec<Finding>,
    /// Of what was applied last.
    pub(super) applied: [u8; 32],
    /// Since when what runs is not what the files say.
    pub(super) drift_since_ms: Option<u64>,
    pub(super) trial: Option<Trial>,
    /// The end of the trial by the clock that never jumps.
    trial_until_us: u64,
    /// An unconfirmed change could not be taken back; told once.
    stuck: bool,
}

/// The settings of the box.
pub(super) struct Configuration {
    pub(super) places: Places,
    pub(super) overrides: Overrides,
    host: Host,
    /// The tier as it was chosen at the start, without settings.
    choice: Choice,
    cores: u32,
    running: RwLock<Arc<Effective>>,
    desk: Mutex<Desk>,
    watch: Mutex<Option<Arc<Watch>>>,
}

impl Configuration {
    /// Reads everything and chooses the tier; gives the tier with what is set.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] with every mistake at once.
    pub(super) fn open(settings: &Settings) -> Result<(Self, Choice), EngineError> {
        let mut places = Places {
            folders: settings.config_folders.clone(),
            edited: settings.config_edited.clone().unwrap_or_else(|| settings.data_dir.join("config")),
            extra: None,
        };
        let mut tiers_file = None;
        if let Some(file) = &settings.config_file {
            match crate::config::is_tiers_file(file) {
                true => tiers_file = Some(file.clone()),
                false => places.extra = Some(file.clone()),
            }
        }
        let overrides =
            Overrides { variables: settings.variables.clone(), options: settings.options.clone() };
        let host = Host::read();
        let loaded = places.load(&overrides, &host, None);
        let named = |key: &str| loaded.value(key).map(|given| given.value.to_string());
        let tiers_file =
            tiers_file.or_else(|| named("box.tiers_file").filter(|path| !path.is_empty()).map(Into::into));
        let tier = named("box.tier").filter(|tier| tier != "auto");
        let choice = choose_tier(settings, tiers_file.as_deref(), tier.as_deref());
        let probe_cores = choice.as_ref().map_or(1, |(_, cores)| *cores);
        let choice = match choice {
            Ok((choice, _)) => choice,
            // Where nothing else is wrong it is the tier alone that is told of.
            Err(error) if loaded.findings.iter().all(|finding| !finding.is_error()) => return Err(error),
            Err(_) => return Err(refuse(&loaded.findings)),
        };
        let (effective, rules) = Effective::resolve(&loaded, &choice, probe_cores);
        let mut findings = loaded.findings.clone();
        findings.extend(rules);
        findings.extend(beyond_the_schema(&effective));
        if findings.iter().any(Finding::is_error) {
            return Err(refuse(&findings));
        }
        let with = Choice {
            budgets: effective.budgets.clone(),
            thresholds: effective.thresholds.clone(),
            ..choice.clone()
        };
        let desk = Desk {
            applied: loaded.hash,
            loaded,
            files: effective.clone(),
            broken: Vec::new(),
            drift_since_ms: None,
            trial: None,
            trial_until_us: 0,
            stuck: false,
        };
        let configuration = Self {
            places,
            overrides,
            host,
            choice,
            cores: probe_cores,
            running: RwLock::new(Arc::new(effective)),
            desk: Mutex::new(desk),
            watch: Mutex::default(),
        };
        Ok((configuration, with))
    }

    /// What is in force now.
    pub(super) fn running(&self) -> Arc<Effective> {
        Arc::clone(&self.running.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was read, laid over the tier; everything that is wrong with it.
    pub(super) fn resolve(&self, loaded: &Loaded) -> (Effective, Vec<Finding>) {
        let (effective, rules) = Effective::resolve(loaded, &self.choice, self.cores);
        let mut findings = loaded.findings.clone();
        findings.extend(rules);
        findings.extend(beyond_the_schema(&effective));
        (effective, findings)
    }

    /// Reads the files, with `text` in place of the one that spud writes.
    pub(super) fn load(&self, text: Option<&str>) -> Loaded {
        let edited = self.places.edited_file();
        self.places.load(&self.overrides, &self.host, text.map(|text| (edited.as_path(), text)))
    }

    /// Where TCP is to be served.
    pub(super) fn listen(&self) -> Option<SocketAddr> {
        self.running().text("api.listen").and_then(|address| address.parse().ok())
    }

    pub(super) fn limits(&self) -> RequestLimits {
        let running = self.running();
        let size = |key: &str| usize::try_from(running.number(key)).unwrap_or(usize::MAX);
        RequestLimits {
            connections: size("api.connections").max(1),
            body: size("api.body").max(1024),
            seconds: running.number("api.seconds").max(1),
        }
    }

    /// Takes up a trial that was begun before the restart, and notes files that changed meanwhile.
    pub(super) fn begin(&self, control: &Control, now_ms: u64, now_us: u64) {
        match History::trial(control) {
            Ok(Some(trial)) => {
                let mut desk = self.desk();
                desk.trial_until_us = now_us.saturating_add(trial.left_ms(now_ms).saturating_mul(1000));
                desk.trial = Some(trial);
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "a trial of settings cannot be read"),
        }
    }

    /// Watches the folders, on a thread of its own.
    pub(super) fn watch(inner: &Arc<Inner>) {
        // Watched itself, not the folder above it, where the stores are written all the time.
        let _ = crate::config::make_folder(&inner.config.places.edited);
        let started = Watch::new(&inner.config.places).and_then(|watch| {
            let watch = Arc::new(watch);
            *inner.config.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&watch));
            let weak = Arc::downgrade(inner);
            spawn("settings", 512, move || follow(&weak, &watch))
                .map_err(|error| crate::config::ConfigError::Watch(error.to_string()))
        });
        if let Err(error) = started {
            tracing::warn!(%error, "changes of settings are noticed on SIGHUP only");
        }
    }

    /// Stops watching.
    pub(super) fn stop(&self) {
        if let Some(watch) = self.watch.lock().unwrap_or_else(PoisonError::into_inner).take() {
            watch.stop();
        }
    }

    /// Folders may have come and gone.
    pub(super) fn renew_watch(&self) {
        if let Some(watch) = self.watch.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            watch.renew();
        }
    }

    pub(super) fn arm(&self, desk: &mut Desk, trial: Option<Trial>, now_us: u64) {
        desk.trial_until_us =
            trial.as_ref().map_or(0, |trial| now_us.saturating_add(trial.seconds.saturating_mul(1_000_000)));
        desk.trial = trial;
        desk.stuck = false;
    }

    /// Milliseconds that the trial has left.
    pub(super) fn trial_left_ms(desk: &Desk, now_us: u64) -> u64 {
        desk.trial_until_us.saturating_sub(now_us) / 1000
    }
}

fn follow(inner: &Weak<Inner>, watch: &Watch) {
    // What changed between the start and the watch is looked for once.
    loop {
        let Some(inner) = inner.upgrade() else { return };
        watch.renew();
        if let Err(error) = reload_all(&inner) {
            tracing::debug!(%error, "the files of settings were not taken up");
        }
        drop(inner);
        if !watch.wait() {
            return;
        }
    }
}

/// Once a second, from the engine's one timer: a trial whose time is over is taken back.
pub(super) fn tick(inner: &Inner) {
    let now_us = inner.clock.monotonic_us();
    let mut desk = inner.config.desk();
    let Some(trial) = desk.trial.clone().filter(|_| now_us >= desk.trial_until_us) else { return };
    if let Err(error) = super::settings_trial::revert(inner, &mut desk, &trial)
        && !std::mem::replace(&mut desk.stuck, true)
    {
        tracing::error!(%error, "settings that nobody confirmed could not be taken back; it is tried again");
    }
}

/// Reads again all that stands in files: what stands beside the settings, the settings, and then the policies, for
/// whether these wait for votes is a setting. What is wrong in one keeps none of the others back.
pub(super) fn reload_all(inner: &Inner) -> Result<(), EngineError> {
    inner.reload_files();
    super::dashboards::look_again(inner);
    let settings = reload(inner);
    inner.access.reload(inner);
    settings.map(drop)
}

/// Reads the files again and takes up what can be; says what changed.
pub(super) fn reload(inner: &Inner) -> Result<Vec<Difference>, EngineError> {
    let mut desk = inner.config.desk();
    let loaded = inner.config.load(None);
    if loaded.hash == desk.loaded.hash && loaded.findings == desk.loaded.findings {
        return Ok(Vec::new());
    }
    let (files, findings) = inner.config.resolve(&loaded);
    if findings.iter().any(Finding::is_error) {
        let now_ms = inner.clock.now_ms();
        desk.loaded = loaded;
        desk.drift_since_ms.get_or_insert(now_ms);
        desk.broken.clone_from(&findings);
        tracing::warn!(problems = %report(&findings), "the files of settings are wrong: what ran before goes on");
        let event = ConfigEvent {
            cause: "drift".into(),
            reason: "the files are wrong: what ran before goes on".into(),
            problems: findings.iter().map(settings_words::problem).collect(),
            ..ConfigEvent::default()
        };
        inner.events.publish(now_ms, EventKind::Config(Box::new(event)));
        return Err(refuse(&findings));
    }
    let changed = differences(&desk.files, &files);
    take_up(inner, &mut desk, loaded, files);
    let version = Version {
        id: 0,
        at_ms: inner.clock.now_ms(),
        cause: Cause::Files,
        actor: String::new(),
        reason: "the files were changed".into(),
        text: inner.config.edited_text().unwrap_or_default(),
        changes: changed.iter().map(settings_words::sentence).collect(),
    };
    keep(inner, &mut desk, version, &changed);
    Ok(changed)
}

/// Keeps a change of the files that spud did not write, and tells it.
fn keep(inner: &Inner, desk: &mut Desk, version: Version, changed: &[Difference]) {
    let trial = desk.trial.clone();
    let head = Head { files: desk.applied, at_ms: version.at_ms };
    let told = super::settings_edit::by_itself(inner, &version);
    let told = || super::trail::also(told.as_ref());
    let kept = |control| History::keep(control, &version, &head, |_| trial, told());
    let id = match inner.config_history().map(kept) {
        Some(Ok(id)) => Some(id),
        Some(Err(error)) => {
            tracing::error!(%error, "the history of settings could not be kept");
            None
        }
        None => None,
    };
    settings_words::tell(inner, id, &version, changed, None);
}

/// Takes up everything that needs no restart.
pub(super) fn take_up(inner: &Inner, desk: &mut Desk, loaded: Loaded, files: Effective) {
    let config = &inner.config;
    let next = Arc::new(files.without_restart(&config.running()));
    *config.running.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&next);
    desk.applied = loaded.hash;
    (desk.loaded, desk.files) = (loaded, files);
    desk.broken.clear();
    let waits = desk.files.entries.iter().zip(&next.entries).any(|(file, run)| file.value != run.value);
    desk.drift_since_ms = waits.then(|| desk.drift_since_ms.unwrap_or(inner.clock.now_ms()));
    inner.modes.set_thresholds(&next.thresholds);
    inner.jobs.keep_days(next.budgets.retention_days);
    inner.set_log_level(log_level(&next));
    inner.watches.refresh(inner);
    super::outbox::take_up(inner, &next);
}

/// Level and parts with a level of their own.
pub(super) fn log_level(effective: &Effective) -> LogLevel {
    let level = effective.budgets.log_level.parse::<LogLevel>().unwrap_or_default();
    let pair = |item: &String| item.split_once('=').map(|(part, level)| (part.to_owned(), level.to_owned()));
    level.with_targets(effective.list("log.targets").iter().filter_map(pair))
}

impl Configuration {
    /// The file that spud writes, as it is; `None` where there is none.
    pub(super) fn edited_text(&self) -> Option<String> {
        std::fs::read_to_string(self.places.edited_file()).ok()
    }

    /// After the start: what changed while nobody ran is noted.
    pub(super) fn note_start(inner: &Inner) {
        let Some(control) = inner.config_history() else { return };
        let mut desk = inner.config.desk();
        let known = match History::head(control) {
            Ok(known) => known,
            Err(error) => return tracing::error!(%error, "the history of settings cannot be read"),
        };
        let nothing = desk.loaded.files.is_empty() && known.is_none();
        if nothing || known.as_ref().is_some_and(|head| head.files == desk.applied) {
            return;
        }
        let version = Version {
            id: 0,
            at_ms: inner.clock.now_ms(),
            cause: if known.is_some() { Cause::Files } else { Cause::Found },
            actor: String::new(),
            reason: match known {
                Some(_) => "the files were changed while spud did not run".into(),
                None => "as it was found".into(),
            },
            text: inner.config.edited_text().unwrap_or_default(),
            changes: Vec::new(),
        };
        keep(inner, &mut desk, version, &[]);
    }
}

/// What no setting by itself can tell: secrets that are not there, addresses that the queue cannot use.
fn beyond_the_schema(effective: &Effective) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |key: &str, what: String| {
        let place = effective.entry(key).map_or_else(String::new, |entry| entry.origin.place());
        findings.push(Finding {
            severity: crate::config::Severity::Error,
            place,
            key: key.to_owned(),
            what: format!("{key}: {what}"),
            hint: None,
        });
    };
    for (key, what) in super::wire::problems(effective).into_iter().chain(super::traces::problems(effective))
    {
        add(key, what);
    }
    let excludes = effective.list("ingest.excludes");
    if let Err(what) = crate::knowledge::check_patterns(excludes) {
        add("ingest.excludes", what);
    }
    findings
}

pub(super) fn refuse(findings: &[Finding]) -> EngineError {
    invalid(
        report(findings),
        "mend these; `spud config schema` and `spud config explain KEY` say what is wanted",
    )
}

/// What box this is and what it may spend, with its usable cores.
fn choose_tier(
    settings: &Settings,
    file: Option<&Path>,
    wanted: Option<&str>,
) -> Result<(Choice, u32), EngineError> {
    let refuse = |what: String| invalid(what, "`spud doctor` shows the tiers; see tiers.toml");
    let tiers = match file {
        Some(path) => Tiers::load(path),
        None => Tiers::embedded(),
    };
    let probe = Probe::read(Path::new("/"), &settings.data_dir);
    let tiers = tiers.map_err(|e| refuse(e.to_string()))?;
    let choice = tiers.choose(&probe, wanted).map_err(|e| refuse(e.to_string()))?;
    Ok((choice, probe.cpu.cores))
}

#[cfg(test)]
mod tests {
    use crate::config::{Kind, setting};
    use crate::knowledge::Language;

    #[test]
    fn every_language_of_the_index_can_be_set() {
        let Some(Kind::Word(words)) = setting("ingest.language").map(|setting| setting.kind) else {
            panic!()
        };
        let known: Vec<&str> = std::iter::once("auto").chain(Language::codes()).collect();
        assert_eq!(words, known);
    }
}
