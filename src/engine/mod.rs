//! Composes the rooms behind one door: [`Engine::submit`] takes an [`Action`] and gives a [`Reply`].
//!
//! Invariant: the only room that knows them all; every mutation of the box passes through here, once.

mod access;
mod action;
mod admission;
mod alerts;
mod approvals;
mod ask;
mod backups;
mod breakers;
mod builtin;
mod commit_rhythm;
mod compact;
mod compliance;
mod encryption;
mod error;
mod evaluate;
mod events;
mod health;
mod incidents;
mod ingest;
mod jobs;
mod logs;
mod metric_action;
mod metrics;
mod mode_actions;
mod mode_words;
mod models;
mod modes;
mod outbox;
mod paging;
mod promql_test;
mod queue_actions;
mod queue_words;
mod redaction;
mod registry;
mod repair;
mod reports;
mod run;
mod salvage;
mod sessions;
mod settings;
mod settings_action;
mod settings_edit;
mod settings_trial;
mod settings_words;
mod sla;
mod status;
mod ticker;
mod traces;
mod trail;
mod use_cases;
mod violations;
mod watch;
mod wire;
mod worker;
mod writes;

pub use access::{AccessAction, AccessReply};
pub use action::{Action, BackupWork, Caller, Heard, Origin, Reply, Shown};
pub use alerts::{AlertAction, AlertReply, check_notify, check_rules, try_rules};
pub use approvals::{ApprovalAction, ApprovalReply};
pub use backups::restore_offline;
pub use error::EngineError;
pub use events::Events;
pub use incidents::{IncidentAction, IncidentReply};
pub use metric_action::{MetricAction, MetricAsk, MetricFault, MetricReply};
pub use promql_test::promql_test;
pub use redaction::{redact_stream, redaction_of};
pub use registry::{RegistryAction, RegistryReply};
pub use run::{AskPassphrase, Engine, Settings};
pub use salvage::salvage;
pub use sessions::Seat;
pub use settings::RequestLimits;
pub use settings_action::{ConfigAction, ConfigReply};
pub use sla::{SlaAction, SlaReply, check_objectives};
pub use traces::{Served, TraceAction, TraceReply, send_otlp};
pub use trail::{
    AuditAction, AuditReply, cosign, cosigner_key, new_cosigner, sha256, sign_evidence, verify_evidence,
};
pub use use_cases::{UseCaseAction, UseCaseReply};

pub use crate::observe::trace::Trace;
pub use crate::resilience::Criticality;
