//! Names of principals.

use std::fmt;

use super::AccessError;

/// Letters of a name of its own.
const LETTERS_MOST: usize = 64;

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A user of this box.
    Uid(u32),
    /// A group of this box: what it is granted, all its members have.
    Gid(u32),
    /// Somebody with tokens.
    Own(String),
    /// Whoever asks over the loopback network without a token.
    Network,
}

impl Name {
    /// Reads `uid:1000`, `gid:100`, `network` or a name of its own.
    ///
    /// # Errors
    /// [`AccessError::Name`].
    pub fn parse(text: &str) -> Result<Self, AccessError> {
        let wrong = || AccessError::Name { name: text.chars().take(LETTERS_MOST).collect() };
        if let Some(number) = text.strip_prefix("uid:") {
            return number.parse().map(Self::Uid).map_err(|_| wrong());
        }
        if let Some(number) = text.strip_prefix("gid:") {
            return number.parse().map(Self::Gid).map_err(|_| wrong());
        }
        if text == "network" {
            return Ok(Self::Network);
        }
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        if begins && text.len() <= LETTERS_MOST && text.chars().all(fine) {
            return Ok(Self::Own(text.to_owned()));
        }
        Err(wrong())
    }

    /// As the policies' `kind` has it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Uid(_) => "local",
            Self::Gid(_) => "group",
            Self::Own(_) => "token",
            Self::Network => "network",
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uid(uid) => write!(out, "uid:{uid}"),
            Self::Gid(gid) => write!(out, "gid:{gid}"),
            Self::Own(name) => out.write_str(name),
            Self::Network => out.write_str("network"),
        }
    }
}
