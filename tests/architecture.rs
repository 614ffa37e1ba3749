//! The house keeps its shape: who may call whom, how long a file is, what each room promises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may name beside itself, as DESIGN section 3 and `src/lib.rs` have it: a room, or one module
/// of a room. `api::types` are the words of the wire: plain data that calls nothing.
const MAY_USE: [(&str, &[&str]); 17] = [
    ("base", &[]),
    ("redact", &[]),
    ("api::types", &[]),
    ("api::client", &["api::types"]),
    ("hardware", &["base"]),
    ("store", &["base"]),
    ("audit", &["base", "store"]),
    ("observe", &["base", "redact", "hardware", "store", "api::types"]),
    ("knowledge", &["base", "hardware", "store", "observe"]),
    ("resilience", &["base", "hardware", "store"]),
    ("config", &["base", "hardware", "store"]),
    ("governance", &["base", "store", "config", "resilience", "knowledge", "audit"]),
    (
        "engine",
        &[
            "base",
            "redact",
            "hardware",
            "store",
            "audit",
            "observe",
            "knowledge",
            "resilience",
            "config",
            "governance",
            "api::types",
        ],
    ),
    ("api", &["base", "engine"]),
    ("cli", &["base", "api::types", "api::client", "api::host", "tui"]),
    ("tui", &["base", "api::types", "api::client", "api::host"]),
    ("main", &["cli", "knowledge::extract", "store::salvage"]),
];

/// No rooms, but the packages of some, or of what others bring.
const PACKAGES: [&str; 4] = ["hot", "markup", "regex", "utf16"];
const LINES_MOST: usize = 500;

const TOP: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "CHANGELOG.md",
    "README.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "tiers.toml",
    "src",
    "assets",
    "tests",
    "benches",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, relative to the top, by name.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no sources under {folder}");
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// `src/api/route/jobs.rs` is the module `api::route::jobs`.
fn module_of(path: &Path) -> Vec<String> {
    let inner = path.strip_prefix("src").unwrap().with_extension("");
    let mut names: Vec<String> = inner.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if names.len() > 1 && names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// The source without its line comments.
fn code_of(source: &str) -> String {
    let line = |line: &str| line.split("//").next().unwrap_or_default().to_owned() + "\n";
    source.lines().map(line).collect()
}

/// What stands before `text` is no part of the same path.
fn begins_path(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '$'))
}

/// Every path from the top of the crate that the code names, two modules deep: `api::types`, `store::BlockFile`.
fn arrows(source: &str, top: &str, own: &[String]) -> BTreeSet<String> {
    let code = code_of(source);
    let mut found = BTreeSet::new();
    let start = format!("{top}::");
    for (at, _) in code.match_indices(&start) {
        if begins_path(&code[..at]) {
            tree(&code[at + start.len()..], &mut Vec::new(), &mut found);
        }
    }
    // `super::super::…` that climbs out of its room.
    for (at, _) in code.match_indices("super::") {
        if begins_path(&code[..at]) {
            let mut rest = &code[at..];
            let mut climbed = 0;
            while let Some(further) = rest.strip_prefix("super::") {
                (rest, climbed) = (further, climbed + 1);
            }
            if climbed >= own.len() && rooms().iter().any(|room| rest.starts_with(room.as_str())) {
                tree(rest, &mut Vec::new(), &mut found);
            }
        }
    }
    found
}

/// Reads one use tree (`a::b`, `{a, b::{c, d}}`) and collects its paths; gives what follows it.
fn tree<'a>(text: &'a str, above: &mut Vec<String>, found: &mut BTreeSet<String>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if let Some(end) = rest.strip_prefix('}') {
                return end;
            }
            let before = rest.len();
            rest = tree(rest, above, found).trim_start();
            let alias = rest.strip_prefix("as ").map(str::trim_start);
            rest =
                alias.map_or(rest, |name| name.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'));
            rest = rest.trim_start().trim_start_matches(',');
            if rest.len() == before {
                return rest; // not a tree after all
            }
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        let Some(rest) = rest.strip_prefix('*') else { return rest };
        found.insert(above.join("::"));
        return rest;
    }
    above.push(name.to_owned());
    let rest = match rest.strip_prefix("::") {
        Some(further) if above.len() < 2 => tree(further, above, found),
        Some(further) => {
            found.insert(above.join("::"));
            tree(further, &mut vec![String::new(); 2], &mut BTreeSet::new())
        }
        None => {
            found.insert(above.join("::"));
            rest
        }
    };
    above.pop();
    rest
}

/// The row of the table that holds for a module: the innermost that is named.
fn row(module: &[String]) -> Option<&'static (&'static str, &'static [&'static str])> {
    let two = module.get(..2).map(|two| two.join("::"));
    let named = |name: &str| MAY_USE.iter().find(|(room, _)| *room == name);
    two.and_then(|two| named(&two)).or_else(|| module.first().and_then(|one| named(one)))
}

fn rooms() -> Vec<String> {
    let names = fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path());
    names
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .filter(|name| !PACKAGES.contains(&name.as_str()))
        .collect()
}

/// True when a module may name this path.
fn allowed(module: &[String], path: &str) -> bool {
    let Some((name, may)) = row(module) else { return false };
    let within =
        |room: &str| path == room || path.strip_prefix(room).is_some_and(|rest| rest.starts_with("::"));
    within(name) || may.iter().any(|room| within(room))
}

/// Arrows of one file that are not in the table.
fn wrong_arrows(path: &Path, source: &str) -> Vec<String> {
    let module = module_of(path);
    let top = if module == ["main"] { "spud" } else { "crate" };
    let of_rooms = |arrow: &String| {
        let room = arrow.split("::").next().unwrap_or_default();
        rooms().iter().any(|known| known == room)
    };
    let found = arrows(source, top, &module).into_iter().filter(of_rooms);
    found
        .filter(|arrow| !allowed(&module, arrow))
        .map(|arrow| format!("{}: {arrow}", path.display()))
        .collect()
}

#[test]
fn rooms_call_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for path in sources("src") {
        let module = module_of(&path);
        if module == ["lib"]
            || module == ["build"]
            || PACKAGES.iter().any(|package| module == [*package, "lib"])
        {
            continue; // the maps themselves, and what cargo runs before anything of ours exists
        }
        assert!(!read(&path).contains("spud_hot"), "{}: rooms have one name each", path.display());
        assert!(row(&module).is_some(), "{}: this room is not in the table of arrows", path.display());
        wrong.extend(wrong_arrows(&path, &read(&path)));
    }
    assert!(wrong.is_empty(), "arrows that DESIGN section 3 does not have:\n{}", wrong.join("\n"));
}

#[test]
fn the_matcher_sees_wrong_arrows() {
    let wrong = |path: &str, source: &str| wrong_arrows(Path::new(path), source).len();
    // Every way to write it.
    assert_eq!(wrong("src/base/clock.rs", "use crate::store::BlockFile;"), 1);
    assert_eq!(wrong("src/knowledge/search.rs", "let x = crate::engine::Engine::open();"), 1);
    assert_eq!(
        wrong("src/knowledge/search.rs", "use crate::{base::Clock, engine::{Action, Reply}, store};"),
        2
    );
    assert_eq!(wrong("src/cli/ask.rs", "use crate::api::{types::Hit, server::Server};"), 1);
    assert_eq!(
        wrong("src/cli/ask.rs", "use crate::{\n    api::{\n        app,\n        types,\n    },\n};"),
        1
    );
    assert_eq!(wrong("src/cli/ask.rs", "use crate::api;"), 1);
    assert_eq!(wrong("src/tui/link.rs", "fn f(x: &crate::engine::Engine) {}"), 1);
    assert_eq!(wrong("src/engine/run.rs", "use crate::api::host::Host;"), 1);
    assert_eq!(wrong("src/api/types.rs", "use crate::engine::Caller;"), 1);
    assert_eq!(wrong("src/api/client.rs", "use crate::api::server::Server;"), 1);
    assert_eq!(wrong("src/api/server.rs", "use crate::hardware::Budgets;"), 1);
    assert_eq!(wrong("src/knowledge/extract/roff/man.rs", "use super::super::super::super::api::types;"), 1);
    assert_eq!(wrong("src/store/codec.rs", "use super::super::knowledge;"), 1);
    assert_eq!(wrong("src/store/codec.rs", "use crate::base as ground; use crate::engine as up;"), 1);
    assert_eq!(wrong("src/store/codec.rs", "use crate::engine::*;"), 1);
    assert_eq!(wrong("src/main.rs", "spud::engine::Engine::open()"), 1);
    assert_eq!(wrong("src/main.rs", "spud::knowledge::Library::open()"), 1);
    // What may be.
    assert_eq!(
        wrong("src/cli/ask.rs", "use crate::api::{client::escape, host, types::*};\nuse crate::base::spawn;"),
        0
    );
    assert_eq!(
        wrong("src/api/route/jobs.rs", "use crate::api::call::Call;\nuse crate::engine::{self, Action};"),
        0
    );
    assert_eq!(
        wrong("src/base/clock.rs", "// as in crate::store\n/// [`crate::engine`]\nuse super::threads;"),
        0
    );
    assert_eq!(wrong("src/store/codec.rs", "mod tests { use super::*; use super::super::codec; }"), 0);
    assert_eq!(wrong("src/store/codec.rs", "mycrate::engine::x(); tower::super_engine();"), 0);
    assert_eq!(wrong("src/main.rs", "spud::cli::main(); spud::knowledge::extract::child_main()"), 0);
}

#[test]
fn files_stay_short() {
    for path in sources("src") {
        let lines = read(&path).lines().count();
        assert!(
            lines <= LINES_MOST,
            "{} has {lines} lines, more than {LINES_MOST}: divide it by subject",
            path.display()
        );
    }
    assert!(read(Path::new("src/main.rs")).lines().count() < 60, "main.rs only hands over");
}

#[test]
fn every_room_says_what_it_is_and_what_it_never_does() {
    for path in sources("src").iter().filter(|path| path.ends_with("mod.rs")) {
        let source = read(path);
        let docs: Vec<&str> = source.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(!docs.is_empty(), "{} has no module documentation", path.display());
        let room = path.iter().count() == 3;
        let promises = docs.iter().any(|line| line.starts_with("//! Invariant: "));
        assert!(promises || !room, "{} has no 'Invariant:' line", path.display());
    }
}

#[test]
fn files_are_named_for_what_they_hold() {
    const EMPTY_NAMES: [&str; 8] =
        ["util", "utils", "helper", "helpers", "manager", "common", "misc", "stuff"];
    for path in sources("src").iter().chain(&sources("tests")) {
        for part in path.with_extension("").iter() {
            let part = part.to_string_lossy();
            assert!(!EMPTY_NAMES.contains(&&*part), "{}: '{part}' says nothing", path.display());
        }
    }
}

/// Cargo compiles what lies directly in `tests`; whatever lies deeper must be a module of one of those.
#[test]
fn no_test_is_forgotten() {
    let manifest = read(Path::new("Cargo.toml"));
    assert!(!manifest.contains("autotests"), "tests are found by cargo itself");
    let all = sources("tests");
    let (direct, deeper): (Vec<_>, Vec<_>) = all.iter().partition(|path| path.iter().count() == 2);
    let named: String = direct.iter().map(|path| read(path)).collect();
    for path in deeper {
        let name = path.iter().nth(1).unwrap().to_string_lossy().into_owned();
        assert!(named.contains(&format!("mod {name};")), "{} is compiled by no test", path.display());
    }
    for path in direct {
        let tests = read(path).contains("#[test]") || read(path).contains("proptest!");
        assert!(tests, "{} tests nothing", path.display());
    }
}

/// Every module file is declared by the one above it: an undeclared file would compile nowhere.
#[test]
fn no_source_is_forgotten() {
    for path in sources("src") {
        let module = module_of(&path);
        let (name, above) = module.split_last().unwrap();
        if matches!(name.as_str(), "lib" | "main" | "build")
            && (above.is_empty() || PACKAGES.iter().any(|package| above == [*package]))
        {
            continue;
        }
        let folder: PathBuf = above.iter().collect();
        let candidates = if above.is_empty() {
            vec![PathBuf::from("src/lib.rs"), PathBuf::from("src/hot/lib.rs")]
        } else {
            vec![
                Path::new("src").join(&folder).join("mod.rs"),
                Path::new("src").join(&folder).with_extension("rs"),
            ]
        };
        let declared = candidates.iter().filter(|file| root().join(file).exists()).any(|file| {
            let source = read(file);
            source
                .lines()
                .any(|line| line.trim().trim_start_matches("pub ").contains(&format!("mod {name};")))
        });
        assert!(declared, "{} is declared nowhere", path.display());
    }
}

#[test]
fn every_key_of_the_tiers_is_explained() {
    let text = read(Path::new("tiers.toml"));
    let explained: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("#   "))
        .filter_map(|line| line.split(' ').next())
        .filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect();
    let table: toml::Table = toml::from_str(&text).unwrap();
    let mut keys = BTreeSet::new();
    for (tier, values) in &table {
        for (key, value) in values.as_table().unwrap() {
            let inner = value.as_table().into_iter().flat_map(toml::Table::keys);
            for key in std::iter::once(key).chain(inner) {
                assert!(explained.contains(key.as_str()), "tiers.toml: [{tier}] {key} has no comment");
                keys.insert(key.as_str());
            }
        }
    }
    for word in &explained {
        assert!(keys.contains(word), "tiers.toml explains '{word}', which no tier has");
    }
}

#[test]
fn the_top_level_holds_only_what_belongs_there() {
    let ignored = read(Path::new(".gitignore"));
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let made = ignored.lines().any(|line| line.strip_prefix('/') == Some(&*name));
        assert!(
            name.starts_with('.') || made || TOP.contains(&&*name),
            "'{name}' does not belong at the top"
        );
    }
}
