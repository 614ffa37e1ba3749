//! Who may do what: grants, principals, roles, denials, and who one is.

use crate::api::types::access::{
    AccessGrant, AccessReview, AccessRole, Decision, PolicyList, Principal, ReviewItem, Session, WhoAmI,
};
use crate::tui::model::sieve::sift;

/// What the list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum AccessTab {
    #[default]
    Grants,
    Principals,
    Roles,
    Policies,
    Denials,
    Sessions,
    Review,
}

impl AccessTab {
    pub(crate) const ALL: [Self; 7] = [
        Self::Grants,
        Self::Principals,
        Self::Roles,
        Self::Policies,
        Self::Denials,
        Self::Sessions,
        Self::Review,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Grants => "Grants",
            Self::Principals => "Principals",
            Self::Roles => "Roles",
            Self::Policies => "Policies",
            Self::Denials => "Decisions",
            Self::Sessions => "Sessions",
            Self::Review => "Review",
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
    /// With what is wrong with newer files.
    pub(crate) policies: PolicyList,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) sessions: Vec<Session>,
    /// The newest one.
    pub(crate) review: Option<Box<AccessReview>>,
    pub(crate) selected: usize,
    /// Of the filter.
    pub(crate) words: String,
}

impl Access {
    /// What is read in a row of the list that is shown.
    fn text(&self, at: usize) -> Option<String> {
        Some(match self.tab {
            AccessTab::Grants => {
                let one = self.grants.get(at)?;
                let login = one.login.as_deref().unwrap_or_default();
                [&one.to, login, &one.role, &one.state, &one.reason].join(" ")
            }
            AccessTab::Principals => {
                let one = self.principals.get(at)?;
                let login = one.login.as_deref().unwrap_or_default();
                [&one.id, login, &one.kind, &one.about, &one.roles.join(" ")].join(" ")
            }
            AccessTab::Roles => {
                let one = self.roles.get(at)?;
                [one.name.as_str(), &one.about, &one.permissions.join(" ")].join(" ")
            }
            AccessTab::Policies => {
                let one = self.policies.items.get(at)?;
                [one.id.as_str(), &one.effect, &one.file, &one.permissions.join(" "), &one.text].join(" ")
            }
            AccessTab::Denials => {
                let one = self.decisions.get(at)?;
                let word = if one.allowed { "allowed" } else { "denied" };
                [&one.principal, word, &one.permission, &one.policies.join(" ")].join(" ")
            }
            AccessTab::Sessions => {
                let one = self.sessions.get(at)?;
                [&one.principal, one.login.as_deref().unwrap_or_default(), &one.via, &one.id].join(" ")
            }
            AccessTab::Review => {
                let one = self.items().get(at)?;
                [&one.to, one.login.as_deref().unwrap_or_default(), &one.role, &one.verdict].join(" ")
            }
        })
    }

    pub(crate) fn items(&self) -> &[ReviewItem] {
        self.review.as_ref().map_or(&[], |review| &review.items)
    }

    /// Places in the list that the filter leaves.
    pub(crate) fn rows(&self) -> Vec<usize> {
        let len = match self.tab {
            AccessTab::Grants => self.grants.len(),
            AccessTab::Principals => self.principals.len(),
            AccessTab::Roles => self.roles.len(),
            AccessTab::Policies => self.policies.items.len(),
            AccessTab::Denials => self.decisions.len(),
            AccessTab::Sessions => self.sessions.len(),
            AccessTab::Review => self.items().len(),
        };
        sift(&self.words, len, &|at| self.text(at).unwrap_or_default())
    }

    /// The place in its list of what is selected.
    pub(crate) fn place(&self) -> usize {
        self.rows().get(self.selected).copied().unwrap_or(usize::MAX)
    }

    /// The grant that is selected, where it can be revoked.
    pub(crate) fn grant(&self) -> Option<&AccessGrant> {
        let grants = self.tab == AccessTab::Grants;
        self.grants.get(self.place()).filter(|grant| grants && !grant.id.is_empty())
    }

    /// The review, while it is open.
    pub(crate) fn open_review(&self) -> Option<&AccessReview> {
        self.review.as_deref().filter(|review| review.state != "closed")
    }

    /// The item of the open review that is selected, where it can be decided.
    pub(crate) fn item(&self) -> Option<&ReviewItem> {
        let shown = self.tab == AccessTab::Review && self.open_review().is_some();
        let item = self.items().get(self.place()).filter(|_| shown)?;
        matches!(item.verdict.as_str(), "undecided" | "confirmed").then_some(item)
    }

    pub(crate) fn session(&self) -> Option<&Session> {
        self.sessions.get(self.place()).filter(|_| self.tab == AccessTab::Sessions)
    }

    pub(crate) fn principal(&self) -> Option<&Principal> {
        self.principals.get(self.place()).filter(|_| self.tab == AccessTab::Principals)
    }

    /// Whom a role is granted to at first.
    pub(crate) fn whom(&self) -> String {
        self.principal().map_or_else(String::new, |one| one.id.clone())
    }

    /// True where it is known that the permission is missing.
    pub(crate) fn lacks(&self, permission: &str) -> bool {
        self.me.as_ref().is_some_and(|me| !me.permissions.iter().any(|one| one == permission))
    }
}

/// Roles that can be granted.
pub(crate) const ROLES: [&str; 5] = ["operator", "analyst", "approver", "admin", "auditor"];
