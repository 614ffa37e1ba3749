//! Where settings are read from, by who starts spud: the system's folders, a user's own, or those of one box.

use std::path::{Path, PathBuf};

use super::host::Options;
use crate::base::InOrder;

/// Folders of settings, lowest first, and the one whose `spud.toml` is edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConfigPlaces {
    pub(super) folders: Vec<PathBuf>,
    pub(super) edited: PathBuf,
}

/// What of the process decides.
#[derive(Debug, Clone, Default)]
struct Surroundings {
    /// `SPUD_CONFIG_ROOT`
    root: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, or `.config` in the home
    home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`
    runtime: Option<PathBuf>,
    is_root: bool,
}

impl ConfigPlaces {
    pub(super) fn of(options: &Options) -> Self {
        let folder = |name: &str| std::env::var_os(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let surroundings = Surroundings {
            root: folder("SPUD_CONFIG_ROOT"),
            home: folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config"))),
            runtime: folder("XDG_RUNTIME_DIR"),
            is_root: rustix::process::geteuid().is_root(),
        };
        let own = options.data.as_ref().map(|_| options.data_dir().join("config"));
        Self::choose(own, &surroundings)
    }

    /// A box with a data folder of its own (`--data`) keeps its own settings there, above `/etc/spud`; a service
    /// names the system's folders by `SPUD_CONFIG_ROOT=/`.
    fn choose(own: Option<PathBuf>, around: &Surroundings) -> Self {
        let system = |root: &Path| ["usr/lib/spud", "etc/spud", "run/spud"].map(|folder| root.join(folder));
        let [vendor, admin, volatile] = system(around.root.as_deref().unwrap_or(Path::new("/")));
        if around.root.is_some() || own.is_none() && around.is_root {
            return Self { edited: admin.clone(), folders: vec![vendor, admin, volatile] };
        }
        let edited = own.or_else(|| around.home.as_ref().map(|home| home.join("spud")));
        let edited = edited.unwrap_or_else(|| admin.clone());
        let mut folders = vec![vendor, admin];
        if !folders.contains(&edited) {
            folders.push(edited.clone());
        }
        folders.extend(around.runtime.as_ref().map(|folder| folder.join("spud")));
        Self { folders, edited }
    }
}

/// Every variable that may be a setting.
pub(super) fn variables() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok().filter(|name| name.starts_with("SPUD_"))?, value.into_string().ok()?))
    };
    let mut found: Vec<(String, String)> = std::env::vars_os().filter_map(text).collect();
    found.order();
    found
}

/// What the command line sets: option, key, value.
pub(super) fn overrides(options: &Options) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    let mut add =
        |option: &str, key: &str, value: String| all.push((option.to_owned(), key.to_owned(), value));
    if let Some(tier) = &options.tier {
        add("--tier", "box.tier", tier.clone());
    }
    if let Some(address) = options.listen {
        add("--listen", "api.listen", address.to_string());
    }
    if let Some(url) = &options.upstream {
        add("--upstream", "queue.upstream", url.clone());
    }
    for (key, value) in &options.set {
        add("--set", key, value.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_of_its_own_keeps_its_own_settings() {
        let around = Surroundings { is_root: true, ..Surroundings::default() };
        let system = ConfigPlaces::choose(None, &around);
        assert_eq!(system.edited, Path::new("/etc/spud"));
        assert_eq!(system.folders.len(), 3);
        let own = ConfigPlaces::choose(Some("/srv/a/config".into()), &around);
        assert_eq!(own.edited, Path::new("/srv/a/config"));
        assert_eq!(own.folders[1], Path::new("/etc/spud"));
        let user = Surroundings {
            home: Some("/home/u/.config".into()),
            runtime: Some("/run/user/7".into()),
            ..around
        };
        let user = ConfigPlaces::choose(None, &Surroundings { is_root: false, ..user });
        assert_eq!(user.edited, Path::new("/home/u/.config/spud"));
        assert_eq!(user.folders.last().unwrap(), Path::new("/run/user/7/spud"));
        let rooted = Surroundings { root: Some("/t".into()), ..Surroundings::default() };
        assert_eq!(ConfigPlaces::choose(Some("/x".into()), &rooted).edited, Path::new("/t/etc/spud"));
    }
}
