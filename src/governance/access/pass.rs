//! Emergency passes: one permission for one person for a short time, after somebody else agreed. Pure.

use super::decide::{Circumstances, Decision, Need, Subject, decide};
use super::{AccessError, Book, Name, Permission, Role};
use crate::governance::policy::PolicySet;

/// No pass is good for longer.
const PASS_MOST_MS: u64 = 4 * 3_600_000;

/// A permission that the policies do not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    pub to: Name,
    pub permission: Permission,
    /// Who agreed.
    pub by: String,
    pub at_ms: u64,
    pub until_ms: u64,
}

/// What holds: what the policies say, and a pass where they deny. The door and all questions about it come here.
#[must_use]
pub fn permit(
    set: &PolicySet,
    book: &Book,
    (subject, roles): (&Subject, &[Role]),
    need: &Need,
    around: &Circumstances,
) -> Decision {
    let said = decide(set, book, (subject, roles), need, around);
    let pass = match said.allowed {
        true => None,
        false => book.pass(subject, need.permission, around.now_ms),
    };
    let Some((approval, pass)) = pass else { return said };
    let (policies, pass) = (vec!["break-glass".to_owned()], Some((approval, pass.clone())));
    Decision { allowed: true, policies, needs: String::new(), pass, ..said }
}

impl Book {
    /// Whether a pass may be asked for at all: for a person, and never for what decides who may do what.
    ///
    /// # Errors
    /// [`AccessError::Refused`].
    pub fn may_pass(to: &Name, permission: Permission, ttl_ms: u64) -> Result<(), AccessError> {
        use Permission as P;
        let decides = matches!(
            permission,
            P::VoteApprovals
                | P::DiscussApprovals
                | P::GrantRoles
                | P::ReviewRoles
                | P::ManagePrincipals
                | P::ManageTokens
                | P::EraseAudit
        );
        let refused = |what: String, advice| Err(AccessError::Refused { what, advice });
        if !matches!(to, Name::Uid(uid) if *uid != 0) {
            return refused(format!("{to} is no person of this box"), "ask as a user of your own");
        }
        if decides {
            let what = format!("nobody breaks glass to {}", permission.about());
            return refused(what, "that is decided by those who have the role");
        }
        if !(1_000..=PASS_MOST_MS).contains(&ttl_ms) {
            return refused(
                "a pass is good for a second to four hours".to_owned(),
                "give a time such as --for 15m",
            );
        }
        Ok(())
    }

    /// Gives a pass, under the number of the request that it was agreed to with; those that are over go.
    pub fn let_pass(&mut self, approval: u64, pass: Pass) {
        let now_ms = pass.at_ms;
        self.passes.retain(|_, known| now_ms < known.until_ms);
        self.passes.insert(approval, pass);
    }

    /// The pass of somebody for a permission, where it is good now, with the request that it was agreed to with.
    #[must_use]
    pub fn pass(&self, subject: &Subject, permission: Permission, now_ms: u64) -> Option<(u64, &Pass)> {
        self.passes_of(&subject.name, now_ms).find(|(_, pass)| pass.permission == permission)
    }

    /// The passes of somebody that are good now.
    pub fn passes_of<'a>(&'a self, name: &Name, now_ms: u64) -> impl Iterator<Item = (u64, &'a Pass)> {
        let good = move |pass: &&Pass| (pass.at_ms..pass.until_ms).contains(&now_ms);
        let name = name.clone();
        let all = self.passes.iter().map(|(approval, pass)| (*approval, pass));
        all.filter(move |(_, pass)| pass.to == name && good(pass))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_one_persons_for_one_permission_and_ends_by_itself() {
        let mut book = Book::default();
        let to = Name::Uid(7);
        let pass = Pass { to, permission: Permission::Compact, by: "uid:8".into(), at_ms: 10, until_ms: 20 };
        book.let_pass(3, pass.clone());
        let seven = Subject::local(7, &[]);
        assert_eq!(book.pass(&seven, Permission::Compact, 10), Some((3, &pass)));
        for (uid, permission, now) in [
            (7, Permission::Compact, 20),
            (7, Permission::Compact, 9),
            (7, Permission::Reload, 15),
            (8, Permission::Compact, 15),
        ] {
            assert_eq!(book.pass(&Subject::local(uid, &[]), permission, now), None);
        }
        book.let_pass(4, Pass { at_ms: 30, until_ms: 40, ..pass });
        assert_eq!(book.passes.len(), 1, "what is over is forgotten");
        assert!(Book::may_pass(&Name::Uid(7), Permission::RestoreBackups, 60_000).is_ok());
        for (name, permission, ttl_ms) in [
            (Name::Uid(0), Permission::Compact, 60_000),
            (Name::Own("robot".into()), Permission::Compact, 60_000),
            (Name::Uid(7), Permission::VoteApprovals, 60_000),
            (Name::Uid(7), Permission::GrantRoles, 60_000),
            (Name::Uid(7), Permission::Compact, PASS_MOST_MS + 1),
        ] {
            assert!(Book::may_pass(&name, permission, ttl_ms).is_err(), "{name} {permission:?} {ttl_ms}");
        }
    }
}
