//! The five roles. What each may do stands in the policies, not here.

/// What somebody is to this box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Operator,
    Analyst,
    Approver,
    Admin,
    Auditor,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Operator, Self::Analyst, Self::Approver, Self::Admin, Self::Auditor];

    /// As it is typed, and as policies name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Analyst => "analyst",
            Self::Approver => "approver",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }

    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Operator => "keeps the box running: documents, jobs, queue, modes, backups",
            Self::Analyst => "asks and reads",
            Self::Approver => "looks at changes that wait for a vote, and at who may do what",
            Self::Admin => "everything, settings and grants included",
            Self::Auditor => "reads logs, settings, grants and decisions; changes nothing and asks nothing",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name().eq_ignore_ascii_case(text))
    }

    /// As it is kept.
    #[must_use]
    pub fn number(self) -> u8 {
        Self::ALL.iter().position(|role| *role == self).and_then(|at| u8::try_from(at).ok()).unwrap_or(1)
    }

    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}
