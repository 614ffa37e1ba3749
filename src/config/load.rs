//! Where settings are read from, lowest first: `/usr/lib/spud`, `/etc/spud`, `/run/spud`, variables, options.
//!
//! In each folder `spud.toml` and `spud.ENVIRONMENT.toml`; then `spud.toml.d/*.conf` and `*.toml` of all folders,
//! sorted by name. A drop-in of the same name in a later folder takes the place of the earlier one, and a link to
//! `/dev/null` takes a file away (as systemd.unit(5) has it). Main files of several folders are laid over one
//! another, so that a setting changed by spud in `/etc/spud` leaves those of the vendor standing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::environment::{Environment, Host};
use super::error::Finding;
use super::read;
use super::schema::{self, SETTINGS, setting};
use super::value::Value;
use crate::hardware::Tiers;

/// Bytes of one file, and files of all folders.
pub const FILE_BYTES: u64 = 64 << 10;
const FILES: usize = 100;
const MAIN: &str = "spud.toml";
pub(super) const DROP_INS: &str = "spud.toml.d";

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in, or by the tier; why.
    Default(String),
    File {
        path: String,
        line: usize,
        column: usize,
    },
    Variable(String),
    /// An option of the command line.
    Option(String),
}

impl Origin {
    /// As people find it: `file:line:column`, the variable, the option.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Default(why) => why.clone(),
            Self::File { path, line, column } => format!("{path}:{line}:{column}"),
            Self::Variable(name) | Self::Option(name) => name.clone(),
        }
    }

    /// default, file, environment or option.
    #[must_use]
    pub fn layer(&self) -> &'static str {
        match self {
            Self::Default(_) => "default",
            Self::File { .. } => "file",
            Self::Variable(_) => "environment",
            Self::Option(_) => "option",
        }
    }
}

/// One value with the place where it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub key: &'static str,
    pub value: Value,
    pub origin: Origin,
}

/// What variables and the command line say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Every variable whose name begins with `SPUD_`.
    pub variables: Vec<(String, String)>,
    /// Option, key, value.
    pub options: Vec<(String, String, String)>,
}

/// The folders that are read, lowest first, and the one whose `spud.toml` spud itself writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    pub folders: Vec<PathBuf>,
    pub edited: PathBuf,
    /// `--config FILE`, above all folders.
    pub extra: Option<PathBuf>,
}

/// One file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    pub path: PathBuf,
    /// The file that takes its place; it is not read then.
    pub masked_by: Option<PathBuf>,
    pub text: String,
}

/// Everything that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub files: Vec<SourceFile>,
    /// In the order in which they hold: the last of a key counts.
    pub given: Vec<Given>,
    pub findings: Vec<Finding>,
    pub environment: Environment,
    /// Why this environment.
    pub environment_from: String,
    /// Somebody named it; otherwise the host hinted at it.
    pub environment_named: bool,
    /// SHA-256 over names and bytes of all files that count.
    pub hash: [u8; 32],
}

/// Variables that are older than the settings, or that are none.
const SHORT: [(&str, &str); 3] =
    [("SPUD_TIER", "box.tier"), ("SPUD_ENVIRONMENT", "box.environment"), ("SPUD_UPSTREAM", "queue.upstream")];
const OTHER: [&str; 4] = ["SPUD_DATA", "SPUD_SOCKET", "SPUD_CONFIG", "SPUD_CONFIG_ROOT"];

impl Places {
    /// The file that spud itself writes.
    #[must_use]
    pub fn edited_file(&self) -> PathBuf {
        self.edited.join(MAIN)
    }

    /// Reads everything; a text in `instead` stands for the file of that path, whether or not it is there.
    #[must_use]
    pub fn load(&self, overrides: &Overrides, host: &Host, instead: Option<(&Path, &str)>) -> Loaded {
        let mut findings = Vec::new();
        let mut files = self.files(instead, None, &mut findings);
        let mut given = Vec::new();
        for file in files.iter().filter(|file| file.masked_by.is_none()) {
            let (some, wrong) = read::read(&file.path.to_string_lossy(), &file.text);
            given.extend(some);
            findings.extend(wrong);
        }
        let above = overridden(overrides, &mut findings);
        let named = given.iter().chain(&above).rev().find(|given| given.key == "box.environment");
        let environment_named = named.is_some();
        let (environment, environment_from) = named
            .and_then(|given| Some((Environment::parse(&given.value.to_string())?, given.origin.place())))
            .unwrap_or_else(|| Environment::detect(host));
        let overlay = format!("spud.{}.toml", environment.name());
        let overlays = self.overlays(&overlay, instead, &mut findings);
        if !overlays.is_empty() {
            // Between main files and drop-ins.
            let mains = files.iter().filter(|file| is_main(&file.path)).count();
            let mut between = Vec::new();
            for file in &overlays {
                let (some, wrong) = read::read(&file.path.to_string_lossy(), &file.text);
                findings.extend(wrong);
                for given in some {
                    if given.key == "box.environment" {
                        let what = "an environment's own file cannot choose the environment";
                        findings.push(Finding::error(given.origin.place(), given.key, what));
                    } else {
                        between.push(given);
                    }
                }
            }
            let of_main = |given: &Given| match &given.origin {
                Origin::File { path, .. } => is_main(Path::new(path)),
                _ => false,
            };
            let at = given.iter().take_while(|given| of_main(given)).count();
            given.splice(at..at, between);
            files.splice(mains..mains, overlays);
        }
        given.extend(above);
        let hash = hash(&files);
        Loaded { files, given, findings, environment, environment_from, environment_named, hash }
    }

    /// Main files, drop-ins, the extra file.
    fn files(
        &self,
        instead: Option<(&Path, &str)>,
        main: Option<&str>,
        findings: &mut Vec<Finding>,
    ) -> Vec<SourceFile> {
        let main = main.unwrap_or(MAIN);
        let mut files: Vec<SourceFile> = Vec::new();
        for folder in &self.folders {
            let path = folder.join(main);
            if is_null(&path) {
                files.iter_mut().for_each(|file| file.masked_by = Some(path.clone()));
            } else {
                files.extend(source(&path, instead, findings));
            }
        }
        let mut drop_ins: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for folder in &self.folders {
            for name in drop_in_names(&folder.join(DROP_INS)) {
                let path = folder.join(DROP_INS).join(&name);
                drop_ins.entry(name).or_default().push(path);
            }
        }
        for (_, mut same) in drop_ins {
            let Some(last) = same.pop() else { continue };
            for earlier in same.iter().filter(|path| !is_null(path)) {
                let masked = source(earlier, instead, &mut Vec::new());
                files.extend(masked.map(|file| SourceFile { masked_by: Some(last.clone()), ..file }));
            }
            if !is_null(&last) {
                files.extend(source(&last, instead, findings));
            }
        }
        if let Some(extra) = &self.extra {
            files.extend(source(extra, instead, findings));
        }
        if files.len() > FILES {
            let place = self.edited.display().to_string();
            let what = format!("{} files of settings are more than {FILES}", files.len());
            findings.push(Finding::error(place, "", what));
            files.truncate(FILES);
        }
        files
    }

    fn overlays(
        &self,
        name: &str,
        instead: Option<(&Path, &str)>,
        findings: &mut Vec<Finding>,
    ) -> Vec<SourceFile> {
        let paths = self.folders.iter().map(|folder| folder.join(name));
        paths.filter(|path| !is_null(path)).filter_map(|path| source(&path, instead, findings)).collect()
    }
}

fn is_main(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == MAIN)
}

/// A link to /dev/null, which takes a file away.
fn is_null(path: &Path) -> bool {
    std::fs::read_link(path).is_ok_and(|target| target == Path::new("/dev/null"))
}

fn drop_in_names(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    // Editors leave copies beside: hidden ones and those with another end are not ours.
    let ours = |name: &String| !name.starts_with('.') && (name.ends_with(".conf") || name.ends_with(".toml"));
    names.filter(ours).take(FILES + 1).collect()
}

/// A file's text; what cannot be read is a finding, what is not there is nothing.
fn source(path: &Path, instead: Option<(&Path, &str)>, findings: &mut Vec<Finding>) -> Option<SourceFile> {
    if let Some((_, text)) = instead.filter(|(other, _)| *other == path) {
        return Some(SourceFile { path: path.to_owned(), masked_by: None, text: text.to_owned() });
    }
    let place = path.display().to_string();
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            findings.push(Finding::error(place, "", format!("cannot be read: {error}")));
            return None;
        }
    };
    let text = if !meta.is_file() {
        Err("is not a file".to_owned())
    } else if meta.len() > FILE_BYTES {
        Err(format!("has {} bytes, more than {FILE_BYTES}", meta.len()))
    } else {
        std::fs::read(path).map_err(|error| format!("cannot be read: {error}")).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|error| {
                let good = error.utf8_error().valid_up_to();
                format!("is not UTF-8 from byte {good} on")
            })
        })
    };
    match text {
        Ok(text) => Some(SourceFile { path: path.to_owned(), masked_by: None, text }),
        Err(what) => {
            findings.push(Finding::error(place, "", what));
            None
        }
    }
}

/// What variables and options give, and what is wrong with them.
fn overridden(overrides: &Overrides, findings: &mut Vec<Finding>) -> Vec<Given> {
    let mut given = Vec::new();
    for (name, text) in overrides.variables.iter().filter(|(_, text)| !text.is_empty()) {
        let key = SHORT.iter().find(|(short, _)| short == name).map(|(_, key)| *key);
        let known = SETTINGS.iter().find(|setting| setting.variable() == *name).map(|setting| setting.key);
        match key.or(known) {
            Some(key) => add(&mut given, findings, key, text, Origin::Variable(name.clone())),
            None if OTHER.contains(&name.as_str()) => {}
            None => {
                let all: Vec<String> = SETTINGS.iter().map(schema::Setting::variable).collect();
                let all: Vec<&str> = all.iter().map(String::as_str).collect();
                let near = crate::hardware::nearest(name, &all);
                let hint = near.map(|near| format!("did you mean {near}?"));
                findings.push(Finding::warning(name, "", "this variable sets nothing").hint(hint));
            }
        }
    }
    for (option, key, text) in &overrides.options {
        match setting(key) {
            Some(setting) => {
                // A variable that clap took for the option is still a variable.
                let short = SHORT.iter().find(|(_, of)| of == key).map(|(name, _)| (*name).to_owned());
                let from = short.filter(|name| overrides.variables.contains(&(name.clone(), text.clone())));
                if from.is_none() {
                    add(&mut given, findings, setting.key, text, Origin::Option(option.clone()));
                }
            }
            None => {
                let what = format!("there is no setting '{}'", key.chars().take(60).collect::<String>());
                findings.push(Finding::error(option.clone(), "", what).hint(schema::unknown(key)));
            }
        }
    }
    given
}

fn add(given: &mut Vec<Given>, findings: &mut Vec<Finding>, key: &str, text: &str, origin: Origin) {
    let Some(setting) = setting(key) else { return };
    // Tiers were always spelt either way on the command line.
    let text = if key == "box.tier" { text.replace('-', "_") } else { text.to_owned() };
    match Value::parse(setting.kind, &text) {
        Ok(value) => given.push(Given { key: setting.key, value, origin }),
        Err(what) => {
            findings.push(Finding::error(origin.place(), setting.key, format!("{key}: {what}")));
        }
    }
}

/// SHA-256 over parts, each with its length, so that no two lists of parts are alike.
#[must_use]
pub fn hash_of(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

fn hash(files: &[SourceFile]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for file in files.iter().filter(|file| file.masked_by.is_none()) {
        let name = file.path.as_os_str().as_encoded_bytes();
        for part in [name, file.text.as_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hash.finalize().into()
}

/// True where a file given as `--config` is a `tiers.toml`, not settings: it names a tier, or no section of ours.
#[must_use]
pub fn is_tiers_file(path: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(path) else { return true };
    let names = read::top_names(&text);
    let has = |known: &[&str]| names.iter().any(|name| known.contains(&name.as_str()));
    has(&Tiers::NAMES) || !has(&schema::sections())
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn places(root: &Path) -> Places {
        let folders: Vec<PathBuf> =
            ["usr/lib/spud", "etc/spud", "run/spud"].iter().map(|folder| root.join(folder)).collect();
        for folder in &folders {
            std::fs::create_dir_all(folder.join(DROP_INS)).unwrap();
        }
        Places { edited: root.join("etc/spud"), folders, extra: None }
    }

    fn write(root: &Path, name: &str, text: &str) {
        std::fs::write(root.join(name), text).unwrap();
    }

    fn value<'a>(loaded: &'a Loaded, key: &str) -> (&'a str, String) {
        let given = loaded.given.iter().rev().find(|given| given.key == key).unwrap();
        (given.origin.layer(), given.value.to_string())
    }

    #[test]
    fn later_folders_and_names_win_and_links_to_null_mask() {
        let root = tempfile::tempdir().unwrap();
        let (root, places) = (root.path(), places(root.path()));
        write(root, "usr/lib/spud/spud.toml", "[api]\nconnections = 10\nseconds = 10\n");
        write(root, "etc/spud/spud.toml", "[api]\nconnections = 20\n");
        write(root, "usr/lib/spud/spud.toml.d/50-a.conf", "[api]\nconnections = 30\n");
        write(root, "usr/lib/spud/spud.toml.d/60-b.conf", "[retention]\ndays = 60\n");
        write(root, "run/spud/spud.toml.d/10-c.conf", "[retention]\ndays = 10\n");
        write(root, "etc/spud/spud.toml.d/.hidden.conf", "nonsense");
        write(root, "etc/spud/spud.toml.d/x.bak", "nonsense");
        let load = || places.load(&Overrides::default(), &Host::default(), None);
        let loaded = load();
        assert!(loaded.findings.is_empty(), "{:?}", loaded.findings);
        assert_eq!(value(&loaded, "api.connections").1, "30");
        assert_eq!(value(&loaded, "api.seconds").1, "10", "main files are laid over one another");
        assert_eq!(value(&loaded, "retention.days").1, "60", "names order across folders");
        // The same name in a later folder takes the place.
        write(root, "etc/spud/spud.toml.d/50-a.conf", "[log]\nlevel = \"warn\"\n");
        let again = load();
        assert_eq!(value(&again, "api.connections").1, "20");
        assert_ne!(loaded.hash, again.hash);
        let masked = again.files.iter().find(|file| file.masked_by.is_some()).unwrap();
        assert!(masked.path.ends_with("usr/lib/spud/spud.toml.d/50-a.conf"));
        std::os::unix::fs::symlink("/dev/null", root.join("run/spud/spud.toml.d/60-b.conf")).unwrap();
        assert_eq!(value(&load(), "retention.days").1, "10");
        std::os::unix::fs::symlink("/dev/null", root.join("run/spud/spud.toml")).unwrap();
        assert!(
            load().given.iter().all(|given| given.key != "api.connections"),
            "main files are masked, too"
        );
    }

    #[test]
    fn variables_stand_above_files_and_options_above_variables() {
        let root = tempfile::tempdir().unwrap();
        let (root, places) = (root.path(), places(root.path()));
        write(root, "etc/spud/spud.toml", "[box]\nenvironment = \"staging\"\n[log]\nlevel = \"warn\"\n");
        write(root, "etc/spud/spud.staging.toml", "[log]\nlevel = \"info\"\n[box]\nenvironment = \"dev\"\n");
        write(root, "etc/spud/spud.dev.toml", "nonsense");
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let mut overrides = Overrides {
            variables: vec![
                pair("SPUD_LOG_LEVEL", "debug"),
                pair("SPUD_LOG_LEVLE", "x"),
                pair("SPUD_TIER", "lite"),
            ],
            options: vec![("--tier".into(), "box.tier".into(), "lite".into())],
        };
        let loaded = places.load(&overrides, &Host::default(), None);
        assert_eq!(loaded.environment, Environment::Staging);
        assert_eq!(value(&loaded, "log.level"), ("environment", "debug".into()));
        assert_eq!(
            value(&loaded, "box.tier"),
            ("environment", "lite".into()),
            "clap's copy is still a variable"
        );
        let said: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("cannot choose") || said[1].contains("cannot choose"));
        assert!(said.iter().any(|line| line.contains("did you mean SPUD_LOG_LEVEL?")), "{said:?}");
        overrides.options.push(("--set".into(), "log.level".into(), "error".into()));
        let loaded = places.load(&overrides, &Host::default(), None);
        assert_eq!(value(&loaded, "log.level"), ("option", "error".into()));
        let text = "[log]\nlevel = \"trace\"\n";
        let candidate = places.edited_file();
        let loaded = places.load(&Overrides::default(), &Host::default(), Some((&candidate, text)));
        assert_eq!(value(&loaded, "log.level"), ("file", "trace".into()));
    }
}
