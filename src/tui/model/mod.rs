//! Everything the screen shows, as plain data.
//!
//! Invariant: only [`crate::tui::update`] changes it; nothing in here grows without a bound.

mod access;
mod alerts;
mod ask;
mod audit;
mod backups;
mod config;
mod dashboards;
mod form;
mod govern;
mod incidents;
mod library;
mod logs;
mod observe;
mod probes;
mod queue;
mod sieve;
mod traces;

pub(crate) use access::{Access, AccessTab, ROLES};
pub(crate) use alerts::{AlertDialog, AlertList, GROUPINGS, Side, SideList};
pub(crate) use ask::{Answer, Ask, Focus, Reader, Reading};
pub(crate) use audit::{Audit, HELD};
pub(crate) use backups::Backups;
pub(crate) use config::{Config, Row, SettingDialog};
pub(crate) use dashboards::{Dashboards, PARTS, Rows, alert_row, has_room, log_row, spots, tone_of};
pub(crate) use form::{Field, Form, FormOf, FormRow, Kind, Sent};
pub(crate) use govern::{Approvals, Models, UseCases, together};
pub(crate) use incidents::{BUDGET_SPAN_S, BUDGET_STEP_S, Incidents};
pub(crate) use library::{Library, Tab, failure_fields, job_fields, job_state, name as document_name};
pub(crate) use logs::{Deep, LOG_SCHEMA, Level, Logs, PINS, RING, field_text};
pub(crate) use observe::{Line, Observe, SPANS, Unit, banded};
pub(crate) use probes::ProbeView;
pub(crate) use queue::{Queue, short_id};
pub(crate) use sieve::Sieve;
pub(crate) use traces::{TraceKind, TraceList};

use crate::api::types::{Hardware, ModeBrief, Problem, Status};
use crate::tui::effect::Request;
use crate::tui::keymap::Keymap;
use crate::tui::theme::Tone;
use crate::tui::widgets::line_edit::LineEdit;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum View {
    Overview,
    #[default]
    Ask,
    Library,
    Logs,
    Queue,
    Backups,
    Config,
    Access,
    Audit,
    Observe,
    Approvals,
    Models,
    Incidents,
    UseCases,
}

impl View {
    pub(crate) const ALL: [Self; 14] = [
        Self::Overview,
        Self::Ask,
        Self::Library,
        Self::Logs,
        Self::Queue,
        Self::Backups,
        Self::Config,
        Self::Observe,
        Self::Audit,
        Self::Access,
        Self::Approvals,
        Self::Models,
        Self::Incidents,
        Self::UseCases,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Ask => "Ask",
            Self::Library => "Library",
            Self::Logs => "Logs",
            Self::Queue => "Queue",
            Self::Backups => "Backups",
            Self::Config => "Config",
            Self::Access => "Access",
            Self::Audit => "Audit",
            Self::Observe => "Observe",
            Self::Approvals => "Approvals",
            Self::Models => "Models",
            Self::Incidents => "Incidents",
            Self::UseCases => "Use cases",
        }
    }

    pub(crate) fn index(self) -> usize {
        Self::ALL.iter().position(|v| *v == self).unwrap_or(0)
    }

    /// The key that shows it: the tenth is under 0, as on the keyboard; the others have none.
    pub(crate) fn digit(self) -> Option<usize> {
        let at = self.index() + 1;
        (at <= 10).then_some(at % 10)
    }
}

/// The line to the box.
#[derive(Debug, Clone, Default)]
pub(crate) struct LinkState {
    pub(crate) down: bool,
    pub(crate) problem: Option<Problem>,
    pub(crate) listening: bool,
    pub(crate) round_trip_us: u64,
    pub(crate) rate: u64,
    window_start_ms: u64,
    window_bytes: u64,
}

impl LinkState {
    /// Counts bytes into a rate over about two seconds.
    pub(crate) fn count(&mut self, bytes: u64, now_ms: u64) {
        self.window_bytes = self.window_bytes.saturating_add(bytes);
        let ms = now_ms.saturating_sub(self.window_start_ms);
        if ms >= 2000 {
            self.rate = if ms > 10_000 {
                self.window_bytes / 10
            } else {
                self.window_bytes.saturating_mul(1000) / ms
            };
            self.window_start_ms = now_ms;
            self.window_bytes = 0;
        }
    }
}

/// Numbers of the last seconds, drawn as a graph that sweeps: the write head moves, the past stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sweep {
    pub(crate) values: Vec<u64>,
    pub(crate) head: usize,
}

impl Sweep {
    pub(crate) const WIDTH: usize = 24;

    pub(crate) fn push(&mut self, value: u64) {
        if self.values.len() < Self::WIDTH {
            self.values.push(value);
            self.head = self.values.len() % Self::WIDTH;
        } else if let Some(slot) = self.values.get_mut(self.head) {
            *slot = value;
            self.head = (self.head + 1) % Self::WIDTH;
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Overview {
    pub(crate) status: Option<Box<Status>>,
    pub(crate) hardware: Option<Box<Hardware>>,
    pub(crate) cpu: Sweep,
    pub(crate) memory: Sweep,
    pub(crate) queries: Sweep,
    pub(crate) top: usize,
}

impl Overview {
    /// Another second of the graphs.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // graphs of small numbers
    pub(crate) fn sample(&mut self, status: &Status) {
        self.cpu.push((status.cpu_percent.clamp(0.0, 1e6) * 10.0) as u64);
        self.memory.push(status.rss_bytes);
        self.queries.push((status.queries.per_second.clamp(0.0, 1e9) * 10.0) as u64);
    }
}

/// A line for the person: what was done, or why not. It stays until the next key.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

/// What lies over the view.
#[derive(Debug, Clone)]
pub(crate) enum Overlay {
    Help {
        top: usize,
    },
    Palette {
        edit: LineEdit,
        selected: usize,
    },
    Alert(Box<AlertDialog>),
    Form(Box<Form>),
    Setting(Box<SettingDialog>),
    Confirm(Box<Confirm>),
    /// One of some: names, and what each is.
    Pick {
        of: PickOf,
        items: Vec<(String, String)>,
        selected: usize,
    },
    /// Names and values of one thing.
    Detail {
        title: String,
        fields: Vec<(String, String)>,
        top: usize,
    },
}

/// What is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PickOf {
    /// To ask under.
    UseCase,
    /// To report on.
    Framework,
}

/// A question before something is taken away; Cancel has the focus.
#[derive(Debug, Clone)]
pub(crate) struct Confirm {
    pub(crate) title: String,
    pub(crate) body: Vec<String>,
    pub(crate) verb: &'static str,
    pub(crate) requests: Vec<Request>,
    pub(crate) yes: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) now_ms: u64,
    pub(crate) size: (u16, u16),
    pub(crate) view: View,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) notice: Option<Notice>,
    pub(crate) keymap: Keymap,
    pub(crate) link: LinkState,
    pub(crate) overview: Overview,
    pub(crate) ask: Ask,
    pub(crate) library: Library,
    pub(crate) logs: Logs,
    pub(crate) queue: Queue,
    pub(crate) backups: Backups,
    pub(crate) config: Config,
    pub(crate) access: Access,
    pub(crate) audit: Audit,
    pub(crate) observe: Observe,
    pub(crate) dashboards: Dashboards,
    pub(crate) approvals: Approvals,
    pub(crate) models: Models,
    pub(crate) use_cases: UseCases,
    /// Decisions are possible in this view: a person said so.
    pub(crate) unlocked: bool,
    pub(crate) last_key_ms: u64,
    /// The permission that was missing last.
    pub(crate) denied: Option<String>,
    pub(crate) alerts: AlertList,
    pub(crate) traces: TraceList,
    pub(crate) probes: ProbeView,
    pub(crate) incidents: Incidents,
    /// Of the list of models, use cases, access or incidents.
    pub(crate) sieve: Sieve,
    /// A key was pressed since the start.
    pub(crate) touched: bool,
    pub(crate) quit: bool,
}

impl Model {
    /// True where a letter is text and not a command.
    pub(crate) fn typing(&self) -> bool {
        match self.view {
            View::Ask => self.ask.focus == Focus::Question,
            View::Library => self.library.list().editing.is_some(),
            View::Logs => self.logs.editing.is_some(),
            View::Config => self.config.editing.is_some(),
            View::Audit => self.audit.editing.is_some(),
            View::Observe => self.observe.editing.is_some(),
            View::Approvals => self.approvals.editing.is_some(),
            View::Incidents | View::Access | View::Models | View::UseCases => self.sieve.editing.is_some(),
            View::Overview | View::Queue | View::Backups => false,
        }
    }

    pub(crate) fn something_selected(&self) -> bool {
        match self.view {
            View::Overview => false,
            View::Ask => self.ask.hit().is_some(),
            View::Library => self.library.selected().is_some(),
            View::Logs => self.logs.line().is_some(),
            View::Queue => self.queue.letter().is_some(),
            View::Backups => self.backups.backup().is_some(),
            View::Access => self.access.selected < self.access.rows().len(),
            View::Audit => self.audit.entry().is_some(),
            View::Observe if self.probes.shown => self.probes.probe().is_some(),
            View::Observe if self.traces.shown => self.traces.at() < self.traces.len(),
            View::Incidents => self.incidents.selected < self.incidents.len(),
            View::Observe if self.alerts.shown => self.alerts.selected < self.alerts.len(),
            View::Observe => self.graphs() > 0,
            View::Approvals => self.approvals.approval().is_some(),
            View::Models => self.models.selected < self.models.rows().len(),
            View::UseCases => self.use_cases.one().is_some(),
            View::Config => match &self.config.versions {
                Some(_) => self.config.shown_version().is_some(),
                None => !self.config.rows.is_empty(),
            },
        }
    }

    /// Dashboards, panels or series that can be selected.
    pub(crate) fn graphs(&self) -> usize {
        match self.observe.is_dashboard() {
            true if self.dashboards.picking.is_some() => self.dashboards.items.len(),
            true => self.dashboards.panels().len(),
            false => self.observe.series().len(),
        }
    }

    /// True where panels or a graph are shown, and nothing in their place.
    pub(crate) fn shows_graphs(&self) -> bool {
        self.view == View::Observe && !self.alerts.shown && !self.traces.shown && !self.probes.shown
    }

    /// Kind and id of the selected thing, where the audit log may hold evidence of it.
    pub(crate) fn audited_subject(&self) -> Option<(&'static str, String)> {
        match self.view {
            View::Approvals => Some(("approval", self.approvals.approval()?.id.clone())),
            View::Models => Some(("model", self.models.version()?.sha256.clone())),
            View::UseCases => Some(("use case", self.use_cases.one()?.name.clone())),
            View::Incidents => Some(("incident", self.incidents.incident()?.id.clone())),
            View::Audit => Some(("entry", self.audit.entry()?.seq.clone())),
            _ => None,
        }
    }

    /// The list that is shown is the one of these words now.
    pub(crate) fn sifted(&mut self) {
        let words = self.sieve.words();
        let (known, selected) = match self.view {
            View::Models => (&mut self.models.words, &mut self.models.selected),
            View::UseCases => (&mut self.use_cases.words, &mut self.use_cases.selected),
            View::Access => (&mut self.access.words, &mut self.access.selected),
            View::Incidents => (&mut self.incidents.words, &mut self.incidents.selected),
            _ => return,
        };
        if *known != words {
            (*known, *selected) = (words, 0);
        }
    }

    pub(crate) fn tell(&mut self, tone: Tone, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), tone });
    }

    /// The mode of the box where it is not Normal.
    pub(crate) fn mode(&self) -> Option<&ModeBrief> {
        self.overview.status.as_ref().map(|status| &status.mode).filter(|mode| !mode.is_normal())
    }

    /// Rows between the header and the footer.
    pub(crate) fn body_height(&self) -> usize {
        usize::from(crate::tui::view::body(self).height)
    }

    pub(crate) fn body_width(&self) -> usize {
        usize::from(crate::tui::view::body(self).width)
    }
}
