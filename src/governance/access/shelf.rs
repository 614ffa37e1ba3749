//! The tables of `control.redb` that hold principals, grants, tokens, keys, second factors, the site's policies and what was denied.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use super::decide::Via;
use super::{AccessError, Book, Decision, Grant, Key, Name, Pass, Permission, Principal, Role, Token, Totp};
use crate::governance::policy::Source;
use crate::governance::ssh::PublicKey;
use crate::store::{
    Control, ReadTransaction, StoreError, Table, WriteTransaction, codec, number_key, number_of, there,
};

const VERSION: u8 = 1;
/// Name → [`PrincipalRecord`]
const PRINCIPALS: Table = Table::new("access_principals");
/// Number → [`GrantRecord`]
const GRANTS: Table = Table::new("access_grants");
/// Number → [`TokenRecord`]
const TOKENS: Table = Table::new("access_tokens");
/// Fingerprint → [`KeyRecord`]
const KEYS: Table = Table::new("access_keys");
/// Name → [`TotpRecord`]
const TOTP: Table = Table::new("access_totp");
/// Number of a request → [`PassRecord`]
const PASSES: Table = Table::new("access_passes");
/// Sequence → [`DecisionRecord`]
const DECISIONS: Table = Table::new("access_decisions");
/// [`ONLY`] → the site's policies that were last found valid, as pairs of file and text.
const POLICIES: Table = Table::new("access_policies");
const ONLY: &[u8] = b"site";
/// Decisions that are kept.
pub const KEPT: u64 = 256;

#[derive(Debug, Encode, Decode)]
struct PrincipalRecord {
    about: String,
    by: String,
    at_ms: u64,
}

#[derive(Debug, Encode, Decode)]
struct GrantRecord {
    to: String,
    role: u8,
    by: String,
    reason: String,
    at_ms: u64,
    until_ms: Option<u64>,
    confirmed: Option<(u64, String)>,
    used_ms: Option<u64>,
}

#[derive(Debug, Encode, Decode)]
struct TokenRecord {
    principal: String,
    hash: [u8; 32],
    scopes: Vec<String>,
    by: String,
    at_ms: u64,
    until_ms: u64,
    used_ms: Option<u64>,
}

#[derive(Debug, Encode, Decode)]
struct KeyRecord {
    owner: String,
    blob: Vec<u8>,
    comment: String,
    by: String,
    at_ms: u64,
}

/// The secret can be no hash: codes are made of it. An encrypted box keeps it encrypted like everything.
#[derive(Encode, Decode)]
struct TotpRecord {
    parts: ([u8; 20], u64, u32, u64),
    by: String,
    at_ms: u64,
}

#[derive(Debug, Encode, Decode)]
struct PassRecord {
    to: String,
    permission: String,
    by: String,
    at_ms: u64,
    until_ms: u64,
}

#[derive(Debug, Encode, Decode)]
struct DecisionRecord {
    at_ms: u64,
    request: String,
    principal: String,
    via: String,
    roles: Vec<u8>,
    permission: String,
    resource: String,
    allowed: bool,
    policies: Vec<String>,
    errors: Vec<String>,
    needs: String,
    mode: String,
    digest: String,
}

impl From<&Decision> for DecisionRecord {
    fn from(decision: &Decision) -> Self {
        Self {
            at_ms: decision.at_ms,
            request: decision.request.clone(),
            principal: decision.principal.clone(),
            via: decision.via.name().to_owned(),
            roles: decision.roles.iter().map(|role| role.number()).collect(),
            permission: decision.permission.name().to_owned(),
            resource: decision.resource.clone(),
            allowed: decision.allowed,
            policies: decision.policies.clone(),
            errors: decision.errors.clone(),
            needs: decision.needs.clone(),
            mode: decision.mode.clone(),
            digest: decision.digest.clone(),
        }
    }
}

impl DecisionRecord {
    /// `None` where its permission or way is not known any more.
    fn read(self) -> Option<Decision> {
        Some(Decision {
            via: Via::parse(&self.via)?,
            permission: Permission::parse(&self.permission)?,
            roles: self.roles.iter().filter_map(|role| Role::from_number(*role)).collect(),
            at_ms: self.at_ms,
            request: self.request,
            principal: self.principal,
            resource: self.resource,
            allowed: self.allowed,
            policies: self.policies,
            errors: self.errors,
            needs: self.needs,
            mode: self.mode,
            digest: self.digest,
            pass: None, // denials are kept
        })
    }
}

/// The tables.
#[derive(Debug)]
pub struct Shelf;

impl Shelf {
    /// Everything that is granted. A damaged record is left out, and told: nobody has more by that.
    ///
    /// # Errors
    /// What the store says.
    pub fn load(control: &Control, owner: u32) -> Result<Book, AccessError> {
        Ok(control.read(|read| {
            let mut book = Book { owner, ..Book::default() };
            each(read, PRINCIPALS, |key, record: PrincipalRecord| {
                let name = String::from_utf8_lossy(key).into_owned();
                let PrincipalRecord { about, by, at_ms } = record;
                book.principals.insert(name, Principal { about, by, at_ms });
                Some(())
            })?;
            each(read, GRANTS, |key, record: GrantRecord| {
                let grant = Grant {
                    to: Name::parse(&record.to).ok()?,
                    role: Role::from_number(record.role)?,
                    by: record.by,
                    reason: record.reason,
                    at_ms: record.at_ms,
                    until_ms: record.until_ms,
                    confirmed: record.confirmed,
                    used_ms: record.used_ms,
                };
                book.grants.insert(number_of(key), grant);
                Some(())
            })?;
            each(read, TOKENS, |key, record: TokenRecord| {
                let TokenRecord { principal, hash, scopes, by, at_ms, until_ms, used_ms } = record;
                book.tokens
                    .insert(number_of(key), Token { principal, hash, scopes, by, at_ms, until_ms, used_ms });
                Some(())
            })?;
            each(read, KEYS, |mark, record: KeyRecord| {
                let KeyRecord { owner, blob, comment, by, at_ms } = record;
                let key = PublicKey::from_blob(&blob).ok()?;
                let mark = Some(key.fingerprint()).filter(|known| known.as_bytes() == mark)?;
                book.keys.insert(mark, Key { owner, key, comment, by, at_ms });
                Some(())
            })?;
            each(read, TOTP, |name, record: TotpRecord| {
                let name = String::from_utf8_lossy(name).into_owned();
                book.totp.insert(name, Totp::from_parts(record.parts, record.by, record.at_ms));
                Some(())
            })?;
            each(read, PASSES, |key, record: PassRecord| {
                let PassRecord { by, at_ms, until_ms, .. } = record;
                let (to, permission) =
                    (Name::parse(&record.to).ok()?, Permission::parse(&record.permission)?);
                book.passes.insert(number_of(key), Pass { to, permission, by, at_ms, until_ms });
                Some(())
            })?;
            Ok(book)
        })?)
    }

    /// Keeps what differs between two books, in one commit with what is told of it (`also`).
    ///
    /// # Errors
    /// What the store says; nothing is kept then.
    pub fn keep(
        control: &Control,
        before: &Book,
        after: &Book,
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<(), AccessError> {
        Ok(control.write(|write| {
            let key = |name: &String| name.as_bytes().to_vec();
            differing(write, PRINCIPALS, (&before.principals, &after.principals), key, |principal| {
                let Principal { about, by, at_ms } = principal.clone();
                codec::encode(VERSION, &PrincipalRecord { about, by, at_ms })
            })?;
            let key = |id: &u64| number_key(*id).to_vec();
            differing(write, GRANTS, (&before.grants, &after.grants), key, |grant| {
                let Grant { to, role, by, reason, at_ms, until_ms, confirmed, used_ms } = grant.clone();
                let (to, role) = (to.to_string(), role.number());
                codec::encode(
                    VERSION,
                    &GrantRecord { to, role, by, reason, at_ms, until_ms, confirmed, used_ms },
                )
            })?;
            differing(write, TOKENS, (&before.tokens, &after.tokens), key, |token| {
                let Token { principal, hash, scopes, by, at_ms, until_ms, used_ms } = token.clone();
                codec::encode(VERSION, &TokenRecord { principal, hash, scopes, by, at_ms, until_ms, used_ms })
            })?;
            let key = |mark: &String| mark.as_bytes().to_vec();
            differing(write, KEYS, (&before.keys, &after.keys), key, |one| {
                let Key { owner, key, comment, by, at_ms } = one.clone();
                codec::encode(VERSION, &KeyRecord { owner, blob: key.blob().to_vec(), comment, by, at_ms })
            })?;
            let key = |name: &String| name.as_bytes().to_vec();
            differing(write, TOTP, (&before.totp, &after.totp), key, |one| {
                let (parts, by, at_ms) = (one.parts(), one.by.clone(), one.at_ms);
                codec::encode(VERSION, &TotpRecord { parts, by, at_ms })
            })?;
            let key = |id: &u64| number_key(*id).to_vec();
            differing(write, PASSES, (&before.passes, &after.passes), key, |pass| {
                let Pass { to, permission, by, at_ms, until_ms } = pass.clone();
                let (to, permission) = (to.to_string(), permission.name().to_owned());
                codec::encode(VERSION, &PassRecord { to, permission, by, at_ms, until_ms })
            })?;
            also(write)
        })?)
    }

    /// Keeps a decision, and forgets the oldest beyond [`KEPT`].
    ///
    /// # Errors
    /// What the store says.
    pub fn keep_decision(
        control: &Control,
        decision: &Decision,
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<(), AccessError> {
        let record = codec::encode(VERSION, &DecisionRecord::from(decision)).map_err(StoreError::from)?;
        Ok(control.write(|write| {
            let mut table = write.open_table(DECISIONS)?;
            table.push(&record, KEPT)?;
            drop(table);
            also(write)
        })?)
    }

    /// Decisions that were kept, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn decisions(control: &Control) -> Result<Vec<Decision>, AccessError> {
        Ok(control.read(|read| {
            let mut found = Vec::new();
            each(read, DECISIONS, |_, record: DecisionRecord| {
                found.push(record.read()?);
                Some(())
            })?;
            found.reverse();
            Ok(found)
        })?)
    }

    /// Keeps the site's policies, those that go on where the files are wrong later, in one commit with `also`.
    ///
    /// # Errors
    /// What the store says.
    pub fn keep_policies(
        control: &Control,
        files: &[Source],
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<(), AccessError> {
        let pairs: Vec<(String, String)> =
            files.iter().map(|source| (source.file.clone(), source.text.clone())).collect();
        let record = codec::encode(VERSION, &pairs).map_err(StoreError::from)?;
        Ok(control.write(|write| {
            write.open_table(POLICIES)?.insert(ONLY, record.as_slice())?;
            also(write)
        })?)
    }

    /// The site's policies that were last found valid; `None` where there never were any.
    ///
    /// # Errors
    /// What the store says, or a damaged record: nothing may be allowed by losing a forbid.
    pub fn policies(control: &Control) -> Result<Option<Vec<Source>>, AccessError> {
        Ok(control.read(|read| {
            let Some(table) = there(read.open_table(POLICIES))? else { return Ok(None) };
            let Some(bytes) = table.get(ONLY)? else { return Ok(None) };
            let pairs: Vec<(String, String)> = codec::decode(VERSION, bytes.value())?;
            Ok(Some(pairs.into_iter().map(|(file, text)| Source { file, text }).collect()))
        })?)
    }
}

/// Every record of a table that can be read.
fn each<T: Decode<()>>(
    read: &ReadTransaction,
    table: Table,
    mut take: impl FnMut(&[u8], T) -> Option<()>,
) -> Result<(), StoreError> {
    let Some(rows) = there(read.open_table(table))? else { return Ok(()) };
    for row in rows.iter()? {
        let (key, value) = row?;
        let taken = codec::decode::<T>(VERSION, value.value());
        if taken.is_ok_and(|record| take(key.value(), record).is_some()) {
            continue;
        }
        tracing::error!(table = %table, "a record of who may do what cannot be read; it holds nothing for anybody");
    }
    Ok(())
}

fn differing<K: Ord, V: PartialEq>(
    write: &WriteTransaction,
    table: Table,
    (before, after): (&BTreeMap<K, V>, &BTreeMap<K, V>),
    key: impl Fn(&K) -> Vec<u8>,
    record: impl Fn(&V) -> Result<Vec<u8>, codec::CodecError>,
) -> Result<(), StoreError> {
    if before == after {
        return Ok(());
    }
    let mut rows = write.open_table(table)?;
    for gone in before.keys().filter(|name| !after.contains_key(name)) {
        rows.remove(&key(gone)[..])?;
    }
    for (name, value) in after.iter().filter(|(name, value)| before.get(name) != Some(value)) {
        rows.insert(&key(name)[..], record(value)?.as_slice())?;
    }
    Ok(())
}
