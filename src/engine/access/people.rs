//! Names of this box's users, from `/etc/passwd`: for people to read and type; decisions know numbers only.

use std::fs;

use crate::governance::access::{AccessError, Name};

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

fn entries() -> Vec<(String, u32)> {
    let text = fs::read_to_string(PASSWD).unwrap_or_default();
    let entry = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        Some((name.to_owned(), fields.nth(1)?.parse().ok()?))
    };
    text.lines().filter_map(entry).collect()
}

/// Logins, read once for a list.
pub(super) struct People(Vec<(String, u32)>);

impl People {
    pub(super) fn read() -> Self {
        Self(entries())
    }

    pub(super) fn login(&self, name: &Name) -> Option<String> {
        let Name::Uid(uid) = name else { return None };
        self.0.iter().find(|(_, known)| known == uid).map(|(login, _)| login.clone())
    }

    /// Groups of a user as the box's files have them, whatever groups its processes kept.
    pub(super) fn groups_of(&self, uid: u32) -> Vec<u32> {
        let Some(login) = self.login(&Name::Uid(uid)) else { return Vec::new() };
        let (users, groups) =
            (fs::read_to_string(PASSWD).unwrap_or_default(), fs::read_to_string(GROUP).unwrap_or_default());
        let own = users.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            fields.get(3)?.parse().ok().filter(|_| fields.first() == Some(&login.as_str()))
        });
        let others = groups.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let is_member = fields.get(3)?.split(',').any(|member| member == login);
            fields.get(2)?.parse().ok().filter(|_| is_member)
        });
        own.chain(others).collect()
    }

    /// What a person typed: a principal's name first, else a user of this box.
    pub(super) fn meant(&self, typed: &str, is_known: impl Fn(&str) -> bool) -> Result<Name, AccessError> {
        if !is_known(typed)
            && let Some((_, uid)) = self.0.iter().find(|(login, _)| login == typed)
        {
            return Ok(Name::Uid(*uid));
        }
        Name::parse(typed)
    }
}
