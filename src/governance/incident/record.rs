//! What an incident is: its kind, how bad it is, where it stands, and what happened.

use bincode::{Decode, Encode};

use super::IncidentError;

/// Bytes of a title, of a note or a reason, of a key.
pub const TITLE_BYTES: usize = 200;
pub const NOTE_BYTES: usize = 4_000;
pub const KEY_BYTES: usize = 200;
/// A breach of personal data is told to the authority within this time (GDPR, art. 33 par. 1).
pub const BREACH_MS: u64 = 72 * 3_600_000;
/// Alerts, entries, ... that one incident may point to.
pub(super) const LINKS_MOST: usize = 50;

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$each:meta])* $variant:ident $word:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        pub enum $name {
            $($(#[$each])* $variant),+
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == text)
            }

            /// All of them, for a message.
            #[must_use]
            pub fn known() -> String {
                Self::ALL.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ")
            }
        }
    };
}

words! {
    /// What is hurt.
    Kind {
        ModelQuality "model-quality",
        Data "data",
        Security "security",
        Availability "availability",
        Policy "policy",
        Safety "safety",
    }
}

words! {
    /// How bad it is; later ones are worse.
    Severity {
        Info "info",
        Warning "warning",
        Error "error",
        Critical "critical",
    }
}

words! {
    /// Where an incident stands.
    State {
        Open "open",
        /// Somebody works on it.
        Acknowledged "acknowledged",
        /// It does no more harm; its cause is still there.
        Mitigated "mitigated",
        Resolved "resolved",
        /// With what was learnt.
        Closed "closed",
    }
}

words! {
    /// What happened to an incident: as the timeline names it and, behind `incident.`, the audit log.
    Act {
        Opened "opened",
        Acknowledged "acknowledged",
        Mitigated "mitigated",
        Resolved "resolved",
        Closed "closed",
        Reopened "reopened",
        Noted "noted",
        Assigned "assigned",
        Changed "changed",
        Linked "linked",
        /// What opened it came again.
        Recurred "recurred",
        /// What opened it is over.
        Ceased "ceased",
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    pub at_ms: u64,
    pub by: String,
    pub act: Act,
    pub text: String,
    /// Sequence of its entry in the audit log, which is of the same transaction.
    pub entry: Option<u64>,
}

/// Where more is told: the kind of what it is (`alert`, `entry`, `approval`, ...), and its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Link {
    pub kind: String,
    pub id: String,
}

/// What a link may point to.
const LINKED: &[&str] =
    &["alert", "entry", "approval", "incident", "request", "document", "operation", "backup"];

impl Link {
    /// Reads `alert:4a1f...`, `entry:17`.
    ///
    /// # Errors
    /// [`IncidentError::Invalid`] where it is of no kind that is known.
    pub fn parse(text: &str) -> Result<Self, IncidentError> {
        let (kind, id) = text.trim().split_once(':').unwrap_or((text.trim(), ""));
        let fine =
            LINKED.contains(&kind) && (1..=KEY_BYTES).contains(&id.len()) && !id.contains(char::is_control);
        if !fine {
            let what = "a link is a kind and an id, such as alert:4a1f or entry:17".to_owned();
            let advice = "kinds: alert, entry, approval, incident, request, document, operation, backup";
            return Err(IncidentError::Invalid { what, advice });
        }
        Ok(Self { kind: kind.to_owned(), id: id.to_owned() })
    }
}

/// An incident before it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub title: String,
    pub kind: Kind,
    pub severity: Severity,
    /// Who tells it: a principal, or `box`.
    pub by: String,
    /// What is known.
    pub text: String,
    pub owner: Option<String>,
    pub is_breach: bool,
    /// What opens it: the same again adds to it. Empty where a person does.
    pub key: String,
    pub links: Vec<Link>,
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Incident {
    pub id: u64,
    /// One more with everything that happens to it.
    pub revision: u64,
    pub title: String,
    pub kind: Kind,
    pub severity: Severity,
    pub state: State,
    pub by: String,
    pub owner: Option<String>,
    pub at_ms: u64,
    /// When its state changed last.
    pub moved_ms: u64,
    pub key: String,
    /// When what opened it was seen last, and how often it came.
    pub seen_ms: u64,
    pub times: u64,
    /// Personal data got lost, changed or out: the clock of 72 hours runs from when the incident was opened.
    pub is_breach: bool,
    /// When the authority was told.
    pub authority_ms: Option<u64>,
    /// What was learnt; of an incident that was closed.
    pub post_mortem: String,
    pub links: Vec<Link>,
    pub events: Vec<Event>,
}

/// A text that somebody gave, trimmed.
pub(super) fn text(given: &str, what: &str, most: usize) -> Result<String, IncidentError> {
    let given = given.trim();
    if (1..=most).contains(&given.len()) {
        return Ok(given.to_owned());
    }
    let what = format!("{what} of 1 to {most} bytes is needed");
    Err(IncidentError::Invalid { what, advice: "say it: it is kept with the incident and in the audit log" })
}

/// Only of these kinds personal data can have got out.
pub(super) fn may_be_breach(kind: Kind) -> Result<(), IncidentError> {
    if matches!(kind, Kind::Data | Kind::Security) {
        return Ok(());
    }
    let what = format!("an incident of the type {} is no breach of personal data", kind.name());
    Err(IncidentError::Invalid { what, advice: "make it one of the type data or security" })
}

impl Incident {
    /// Opens one.
    ///
    /// # Errors
    /// [`IncidentError::Invalid`] where something is missing or too much.
    pub fn new(id: u64, draft: Draft, now_ms: u64) -> Result<Self, IncidentError> {
        let title = text(&draft.title, "a title", TITLE_BYTES)?;
        if draft.text.len() > NOTE_BYTES || draft.key.len() > KEY_BYTES || draft.links.len() > LINKS_MOST {
            let what = "the incident says too much".to_owned();
            return Err(IncidentError::Invalid { what, advice: "say less, and add notes" });
        }
        if draft.is_breach {
            may_be_breach(draft.kind)?;
        }
        let opened = Event {
            at_ms: now_ms,
            by: draft.by.clone(),
            act: Act::Opened,
            text: draft.text.trim().to_owned(),
            entry: None,
        };
        Ok(Self {
            id,
            revision: 1,
            title,
            kind: draft.kind,
            severity: draft.severity,
            state: State::Open,
            by: draft.by,
            owner: draft.owner,
            at_ms: now_ms,
            moved_ms: now_ms,
            key: draft.key,
            seen_ms: now_ms,
            times: 1,
            is_breach: draft.is_breach,
            authority_ms: None,
            post_mortem: String::new(),
            links: draft.links,
            events: vec![opened],
        })
    }

    /// Until when the authority has to be told, where it has to.
    #[must_use]
    pub fn breach_until_ms(&self) -> Option<u64> {
        self.is_breach.then(|| self.at_ms.saturating_add(BREACH_MS))
    }

    /// True where the clock of a breach still runs.
    #[must_use]
    pub fn breach_runs(&self) -> bool {
        self.is_breach && self.authority_ms.is_none()
    }
}
