//! Who may do what: grants, principals, roles, denials, and who one is.

use crate::api::types::access::{AccessGrant, AccessRole, Decision, Principal, Session, WhoAmI};
use crate::tui::widgets::line_edit::LineEdit;

/// What the list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum AccessTab {
    #[default]
    Grants,
    Principals,
    Roles,
    Denials,
    Sessions,
}

impl AccessTab {
    pub(crate) const ALL: [Self; 5] =
        [Self::Grants, Self::Principals, Self::Roles, Self::Denials, Self::Sessions];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Grants => "Grants",
            Self::Principals => "Principals",
            Self::Roles => "Roles",
            Self::Denials => "Decisions",
            Self::Sessions => "Sessions",
        }
    }

    pub(crate) fn next(self) -> Self {
        let at = Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0);
        Self::ALL.get((at + 1) % Self::ALL.len()).copied().unwrap_or_default()
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    pub(crate) me: Option<Box<WhoAmI>>,
    pub(crate) tab: AccessTab,
    pub(crate) grants: Vec<AccessGrant>,
    pub(crate) principals: Vec<Principal>,
    pub(crate) roles: Vec<AccessRole>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) selected: usize,
}

impl Access {
    pub(crate) fn len(&self) -> usize {
        match self.tab {
            AccessTab::Grants => self.grants.len(),
            AccessTab::Principals => self.principals.len(),
            AccessTab::Roles => self.roles.len(),
            AccessTab::Denials => self.decisions.len(),
            AccessTab::Sessions => self.sessions.len(),
        }
    }

    /// The grant that is selected, where it can be revoked.
    pub(crate) fn grant(&self) -> Option<&AccessGrant> {
        let grants = self.tab == AccessTab::Grants;
        self.grants.get(self.selected).filter(|grant| grants && !grant.id.is_empty())
    }

    pub(crate) fn session(&self) -> Option<&Session> {
        self.sessions.get(self.selected).filter(|_| self.tab == AccessTab::Sessions)
    }

    /// True where it is known that the permission is missing.
    pub(crate) fn lacks(&self, permission: &str) -> bool {
        self.me.as_ref().is_some_and(|me| !me.permissions.iter().any(|one| one == permission))
    }
}

/// Roles that can be granted.
pub(crate) const ROLES: [&str; 5] = ["operator", "analyst", "approver", "admin", "auditor"];

/// Granting: field 0 whom, 1 role, 2 reason, 3 time, 4 Cancel, 5 Grant. Revoking has the reason and the buttons.
#[derive(Debug, Clone, Default)]
pub(crate) struct GrantDialog {
    /// The grant that is to go, with what it is.
    pub(crate) revoke: Option<(String, String)>,
    pub(crate) to: LineEdit,
    /// Which of [`ROLES`].
    pub(crate) role: usize,
    pub(crate) reason: LineEdit,
    pub(crate) ttl: LineEdit,
    pub(crate) field: usize,
    pub(crate) problem: Option<&'static str>,
}
