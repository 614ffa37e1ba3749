//! Which environment a box serves, where no setting says so.

/// dev, staging or production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    Dev,
    Staging,
    Production,
}

/// What of the host hints at its environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Name of the host.
    pub name: String,
    /// A service manager started this process (`INVOCATION_ID`, systemd.exec(5)).
    pub service: bool,
    pub root: bool,
}

impl Host {
    /// Reads the host.
    #[must_use]
    pub fn read() -> Self {
        Self {
            name: rustix::system::uname().nodename().to_string_lossy().to_lowercase(),
            service: std::env::var_os("INVOCATION_ID").is_some(),
            root: rustix::process::geteuid().is_root(),
        }
    }
}

impl Environment {
    /// The environment and why, from what the host is called and who started the process.
    #[must_use]
    pub fn detect(host: &Host) -> (Self, String) {
        let words: Vec<&str> = host.name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let has = |names: &[&str]| names.iter().any(|name| words.contains(name));
        if has(&["staging", "stage", "test", "qa"]) {
            return (Self::Staging, format!("the host is called {}", host.name));
        }
        if has(&["dev", "devel", "laptop"]) {
            return (Self::Dev, format!("the host is called {}", host.name));
        }
        if host.service || host.root {
            let why = if host.service { "a service manager started it" } else { "root started it" };
            return (Self::Production, why.to_owned());
        }
        (Self::Dev, "a person started it".to_owned())
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Dev, Self::Staging, Self::Production].into_iter().find(|known| known.name() == name)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_says_where_it_serves() {
        let on =
            |name: &str, service| Environment::detect(&Host { name: name.into(), service, root: false }).0;
        assert_eq!(on("pi-staging.local", true), Environment::Staging);
        assert_eq!(on("dev-7", true), Environment::Dev);
        assert_eq!(on("devon", true), Environment::Production, "a name is not a part of a word");
        assert_eq!(on("devon", false), Environment::Dev);
    }
}
