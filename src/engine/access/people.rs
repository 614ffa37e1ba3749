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

/// Groups of somebody who is not connected just now. Who is told of by another service than these files has none.
pub(in crate::engine) fn groups(uid: u32) -> Vec<u32> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    groups_in(&read(PASSWD), &read(GROUP), uid)
}

fn groups_in(passwd: &str, group: &str, uid: u32) -> Vec<u32> {
    let number = |field: Option<&str>| field.and_then(|field| field.parse::<u32>().ok());
    let (mut logins, mut found) = (Vec::new(), Vec::new());
    for line in passwd.lines() {
        let mut fields = line.split(':');
        let login = fields.next().unwrap_or_default();
        if number(fields.nth(1)) == Some(uid) {
            logins.push(login);
            found.extend(number(fields.next()));
        }
    }
    for line in group.lines() {
        let mut fields = line.split(':').skip(2);
        let (gid, members) = (number(fields.next()), fields.next().unwrap_or_default());
        if members.split(',').any(|member| logins.contains(&member.trim())) {
            found.extend(gid);
        }
    }
    found
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_the_own_one_and_those_that_name_somebody() {
        let passwd = "root:x:0:0::/root:/bin/sh\nanna:x:2001:100::/:/bin/sh\nodd\n";
        let group = "root:x:0:\nvoters:x:300:ben,anna\nothers:x:301:ben\nodd:x\n";
        assert_eq!(groups_in(passwd, group, 2001), [100, 300]);
        assert!(groups_in(passwd, group, 2002).is_empty());
    }
}
