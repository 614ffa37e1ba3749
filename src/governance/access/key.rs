//! SSH keys that are enrolled: whose they are. A vote may be signed with one; nobody logs in with it.

use super::book::bounded;
use super::{AccessError, Book, Name};
use crate::governance::ssh::PublicKey;

const KEYS_MOST: usize = 1_000;
/// Of one principal: a laptop, a security key, a spare one of each, and some more.
const KEYS_EACH: usize = 8;
const COMMENT_LETTERS: usize = 100;

/// An enrolled key; its fingerprint is where it stands in the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Principal whose key it is.
    pub owner: String,
    pub key: PublicKey,
    pub comment: String,
    pub by: String,
    pub at_ms: u64,
}

impl Book {
    /// Enrols a key for somebody who votes as one person; gives its fingerprint.
    ///
    /// # Errors
    /// [`AccessError`] where it is no key that is taken, somebody has it already, or there is no such person.
    pub fn add_key(
        &mut self,
        owner: &Name,
        line: &str,
        by: &str,
        now_ms: u64,
    ) -> Result<String, AccessError> {
        let (key, comment) = PublicKey::parse(line)
            .map_err(|error| AccessError::Refused { what: error.to_string(), advice: error.advice() })?;
        match owner {
            Name::Uid(0) | Name::Gid(_) | Name::Network => {
                let what = format!("{owner} is no single person: it has no key");
                return Err(AccessError::Refused { what, advice: "name a user: uid:1000 or a login" });
            }
            Name::Own(name) if !self.principals.contains_key(name) => {
                return Err(AccessError::Missing { noun: "principal", name: name.clone() });
            }
            Name::Own(_) | Name::Uid(_) => {}
        }
        let fingerprint = key.fingerprint();
        if let Some(known) = self.keys.get(&fingerprint) {
            return Err(AccessError::Taken {
                what: format!("{} has the key {fingerprint} already", known.owner),
            });
        }
        let owner = owner.to_string();
        bounded(self.keys.len(), KEYS_MOST, "keys")?;
        let has = self.keys.values().filter(|key| key.owner == owner).count();
        bounded(has, KEYS_EACH, "keys of one principal")?;
        let comment = comment.chars().filter(|letter| !letter.is_control()).take(COMMENT_LETTERS).collect();
        self.keys.insert(fingerprint.clone(), Key { owner, key, comment, by: by.to_owned(), at_ms: now_ms });
        Ok(fingerprint)
    }

    /// Takes an enrolled key away; what it signed before stays signed.
    ///
    /// # Errors
    /// [`AccessError::Missing`] where this principal has no such key.
    pub fn remove_key(&mut self, owner: &Name, fingerprint: &str) -> Result<(), AccessError> {
        let missing = || AccessError::Missing { noun: "key", name: fingerprint.chars().take(60).collect() };
        self.keys.get(fingerprint).filter(|key| key.owner == owner.to_string()).ok_or_else(missing)?;
        self.keys.remove(fingerprint);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = include_str!("../../../tests/data/ssh/key.pub");

    #[test]
    fn one_fingerprint_is_one_principals() {
        let mut book = Book::default();
        book.add("grafana", "", "uid:1", 0).unwrap();
        let mark = book.add_key(&Name::Uid(7), LINE, "uid:1", 5).unwrap();
        assert_eq!(
            (book.keys[&mark].owner.as_str(), book.keys[&mark].comment.as_str()),
            ("uid:7", "anna@laptop")
        );
        for other in [Name::Uid(7), Name::Uid(8), Name::Own("grafana".into())] {
            assert!(
                matches!(book.add_key(&other, LINE, "uid:1", 6), Err(AccessError::Taken { .. })),
                "{other}"
            );
        }
        assert!(matches!(book.remove_key(&Name::Uid(8), &mark), Err(AccessError::Missing { .. })));
        for nobody in [Name::Uid(0), Name::Gid(7), Name::Network] {
            assert!(matches!(book.add_key(&nobody, LINE, "uid:1", 6), Err(AccessError::Refused { .. })));
        }
        book.remove_key(&Name::Uid(7), &mark).unwrap();
        let unknown = book.add_key(&Name::Own("ann".into()), LINE, "uid:1", 7);
        assert!(matches!(unknown, Err(AccessError::Missing { .. })));
        book.add_key(&Name::Own("grafana".into()), LINE, "uid:1", 7).unwrap();
        book.revoke_principal(&Name::Own("grafana".into())).unwrap();
        assert!(book.keys.is_empty(), "who loses everything loses keys, too");
    }
}
