//! Who has which role: principals, grants and tokens, as they are in memory. Pure.

use std::collections::BTreeMap;

use super::decide::Subject;
use super::{AccessError, Key, Name, Pass, Permission, Role, Secret, Totp};

const PRINCIPALS_MOST: usize = 1_000;
const GRANTS_MOST: usize = 2_000;
const TOKENS_MOST: usize = 1_000;
const REASON_BYTES: usize = 500;
const SCOPES_MOST: usize = 64;
/// No token lives longer.
const TOKEN_MOST_MS: u64 = 366 * 86_400_000;

/// Somebody with tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub about: String,
    pub by: String,
    pub at_ms: u64,
}

/// A role for a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub to: Name,
    pub role: Role,
    pub by: String,
    pub reason: String,
    pub at_ms: u64,
    pub until_ms: Option<u64>,
    /// When a review last confirmed it, and who.
    pub confirmed: Option<(u64, String)>,
    pub used_ms: Option<u64>,
}

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub principal: String,
    pub hash: [u8; 32],
    /// Permissions it is good for; `*` stands for all of its owner's.
    pub scopes: Vec<String>,
    pub by: String,
    pub at_ms: u64,
    pub until_ms: u64,
    pub used_ms: Option<u64>,
}

/// Everything that is granted on this box.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    /// Owner of the data folder: the one who claimed the box by installing it.
    pub owner: u32,
    pub principals: BTreeMap<String, Principal>,
    pub grants: BTreeMap<u64, Grant>,
    pub tokens: BTreeMap<u64, Token>,
    /// By fingerprint: one key is one principal's.
    pub keys: BTreeMap<String, Key>,
    /// Second factors, by the name of who has tokens.
    pub totp: BTreeMap<String, Totp>,
    /// Emergency passes, by the request that they were agreed to with.
    pub passes: BTreeMap<u64, Pass>,
}

fn reasoned(reason: &str) -> Result<String, AccessError> {
    let reason = reason.trim();
    if (1..=REASON_BYTES).contains(&reason.len()) {
        return Ok(reason.to_owned());
    }
    let what = format!("a reason of 1 to {REASON_BYTES} bytes is needed");
    Err(AccessError::Refused { what, advice: "say why (--reason): it is kept with the grant" })
}

impl Book {
    /// Roles of somebody now, each with the grant it comes from; none where the box gives it by itself.
    #[must_use]
    pub fn roles(&self, subject: &Subject, now_ms: u64) -> Vec<(Role, Option<u64>)> {
        let mut found = Vec::new();
        if let Name::Uid(uid) = subject.name {
            if uid == 0 || uid == self.owner {
                found.push((Role::Admin, None));
            } else {
                found.push((Role::Analyst, None));
            }
        }
        let is_to = |to: &Name| match to {
            Name::Gid(gid) => subject.groups.contains(gid),
            name => *name == subject.name,
        };
        let live = |grant: &Grant| grant.until_ms.is_none_or(|until| now_ms < until);
        let granted = self.grants.iter().filter(|(_, grant)| is_to(&grant.to) && live(grant));
        found.extend(granted.map(|(id, grant)| (grant.role, Some(*id))));
        found
    }

    /// When the next grant or token ends.
    #[must_use]
    pub fn next_end_ms(&self, now_ms: u64) -> Option<u64> {
        let grants = self.grants.values().filter_map(|grant| grant.until_ms);
        let ends = grants.chain(self.passes.values().map(|pass| pass.until_ms));
        ends.filter(|until| *until > now_ms).min()
    }

    /// Adds somebody who will have tokens.
    ///
    /// # Errors
    /// [`AccessError`] where the name is no name of its own, or taken.
    pub fn add(&mut self, name: &str, about: &str, by: &str, now_ms: u64) -> Result<(), AccessError> {
        let Name::Own(name) = Name::parse(name)? else {
            let what = format!("'{name}' is a user or group of this box: it needs no adding");
            return Err(AccessError::Refused { what, advice: "grant it a role: spud role grant" });
        };
        if self.principals.contains_key(&name) {
            return Err(AccessError::Taken { what: format!("there is a principal '{name}' already") });
        }
        bounded(self.principals.len(), PRINCIPALS_MOST, "principals")?;
        let about = about.chars().take(200).collect();
        self.principals.insert(name, Principal { about, by: by.to_owned(), at_ms: now_ms });
        Ok(())
    }

    /// Takes away everything that a principal has: roles, tokens, and its name.
    ///
    /// # Errors
    /// [`AccessError::Missing`] where it has nothing.
    pub fn revoke_principal(&mut self, name: &Name) -> Result<(), AccessError> {
        let text = name.to_string();
        let before = self.clone();
        self.principals.remove(&text);
        self.grants.retain(|_, grant| grant.to != *name);
        self.tokens.retain(|_, token| token.principal != text);
        self.keys.retain(|_, key| key.owner != text);
        self.totp.remove(&text);
        self.passes.retain(|_, pass| pass.to != *name);
        if before == *self {
            return Err(AccessError::Missing { noun: "principal", name: text });
        }
        Ok(())
    }

    /// Grants a role. A grant that there is already is given its new end and reason.
    ///
    /// # Errors
    /// [`AccessError`] where the principal is not known, the time is over already, or there is no reason.
    pub fn grant(&mut self, grant: Grant, now_ms: u64) -> Result<u64, AccessError> {
        let grant = Grant { reason: reasoned(&grant.reason)?, ..grant };
        if grant.to == Name::Network {
            let what = "nobody in particular asks over the network without a token".to_owned();
            return Err(AccessError::Refused { what, advice: "spud principal add NAME, then a token" });
        }
        if let Name::Own(name) = &grant.to
            && !self.principals.contains_key(name)
        {
            return Err(AccessError::Missing { noun: "principal", name: name.clone() });
        }
        if grant.until_ms.is_some_and(|until| until <= now_ms) {
            let what = "the grant would be over before it begins".to_owned();
            return Err(AccessError::Refused { what, advice: "give a time to come, such as --for 30d" });
        }
        let same =
            |(id, known): (&u64, &Grant)| (known.to == grant.to && known.role == grant.role).then_some(*id);
        let known = self.grants.iter().find_map(same);
        bounded(self.grants.len(), GRANTS_MOST + usize::from(known.is_some()), "grants")?;
        let id = known.unwrap_or_else(|| next(&self.grants));
        self.grants.insert(id, grant);
        Ok(id)
    }

    /// # Errors
    /// [`AccessError::Missing`].
    pub fn revoke_grant(&mut self, id: u64) -> Result<Grant, AccessError> {
        let missing = || AccessError::Missing { noun: "grant", name: id.to_string() };
        self.grants.remove(&id).ok_or_else(missing)
    }

    /// Somebody other than this one, and other than root, whose vote would count.
    #[must_use]
    pub fn others_can_vote(&self, by: &Name, now_ms: u64) -> bool {
        let decides = |grant: &Grant| {
            matches!(grant.role, Role::Admin | Role::Approver)
                && grant.until_ms.is_none_or(|until| now_ms < until)
                && matches!(grant.to, Name::Uid(_) | Name::Gid(_))
                && grant.to != Name::Uid(0)
                && grant.to != *by
        };
        let owner = Name::Uid(self.owner);
        (self.owner != 0 && owner != *by) || self.grants.values().any(decides)
    }

    /// Takes something away, as long as somebody else can vote afterwards where somebody could before: who took the
    /// last vote of others could make voters of their own. Root may: it is for emergencies, and never votes.
    ///
    /// # Errors
    /// What `take` says, and [`AccessError::Refused`].
    pub fn leaving_a_voter<T>(
        &mut self,
        by: &Name,
        now_ms: u64,
        take: impl FnOnce(&mut Self) -> Result<T, AccessError>,
    ) -> Result<T, AccessError> {
        let could = self.others_can_vote(by, now_ms);
        let taken = take(self)?;
        if could && !self.others_can_vote(by, now_ms) && *by != Name::Uid(0) {
            let what = "nobody else could vote then on what you ask for".to_owned();
            const ADVICE: &str = "grant another one the role first (spud role grant LOGIN approver): that waits for a \
                vote; root may take it at once";
            return Err(AccessError::Refused { what, advice: ADVICE });
        }
        Ok(taken)
    }

    /// A review found the grant right.
    ///
    /// # Errors
    /// [`AccessError::Missing`].
    pub fn confirm(&mut self, id: u64, by: &str, now_ms: u64) -> Result<(), AccessError> {
        let missing = || AccessError::Missing { noun: "grant", name: id.to_string() };
        self.grants.get_mut(&id).ok_or_else(missing)?.confirmed = Some((now_ms, by.to_owned()));
        Ok(())
    }

    /// The number that the next token will have.
    #[must_use]
    pub fn next_token(&self) -> u64 {
        next(&self.tokens)
    }

    /// Keeps a token.
    ///
    /// # Errors
    /// [`AccessError`] where the principal is not known, a scope is no permission, or the time is wrong.
    pub fn add_token(&mut self, id: u64, token: Token) -> Result<(), AccessError> {
        if !self.principals.contains_key(&token.principal) {
            return Err(AccessError::Missing { noun: "principal", name: token.principal });
        }
        let odd = token.scopes.iter().find(|scope| *scope != "*" && Permission::parse(scope).is_none());
        if let Some(scope) = odd {
            let what = format!("'{scope}' is no permission");
            return Err(AccessError::Refused { what, advice: "`spud role list --permissions` shows all" });
        }
        if token.scopes.is_empty() || token.scopes.len() > SCOPES_MOST {
            let what = format!("a token has 1 to {SCOPES_MOST} scopes");
            return Err(AccessError::Refused { what, advice: "name what it is for: --scope search" });
        }
        if token.until_ms <= token.at_ms || token.until_ms - token.at_ms > TOKEN_MOST_MS {
            let what = "a token is good for a time between a second and a year".to_owned();
            return Err(AccessError::Refused { what, advice: "give a time such as --for 30d" });
        }
        bounded(self.tokens.len(), TOKENS_MOST, "tokens")?;
        self.tokens.insert(id, token);
        Ok(())
    }

    /// # Errors
    /// [`AccessError::Missing`].
    pub fn revoke_token(&mut self, id: u64) -> Result<Token, AccessError> {
        let missing = || AccessError::Missing { noun: "token", name: format!("{id:x}") };
        self.tokens.remove(&id).ok_or_else(missing)
    }

    /// The token that somebody shows, where it is good now.
    ///
    /// # Errors
    /// [`AccessError::Token`], whatever is wrong with it.
    pub fn token(&self, shown: &str, now_ms: u64) -> Result<(u64, &Token), AccessError> {
        let secret = Secret::parse(shown).ok_or(AccessError::Token)?;
        let token = self.tokens.get(&secret.id).ok_or(AccessError::Token)?;
        if secret.is(&token.hash) && now_ms < token.until_ms {
            Ok((secret.id, token))
        } else {
            Err(AccessError::Token)
        }
    }
}

fn next<T>(all: &BTreeMap<u64, T>) -> u64 {
    all.last_key_value().map_or(0, |(id, _)| *id) + 1
}

pub(super) fn bounded(count: usize, most: usize, noun: &'static str) -> Result<(), AccessError> {
    if count < most { Ok(()) } else { Err(AccessError::TooMany { noun, most }) }
}
