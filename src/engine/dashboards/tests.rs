//! Dashboards from inside: what comes with spud is sound, what is saved lasts, a file that is wrong changes nothing.

use std::path::PathBuf;

use super::{BUILT_IN, DashboardAction, DashboardReply, act, one, shipped};
use crate::api::types::dashboard::{Dashboard, DashboardList, WriteDashboard};
use crate::api::types::{Event, EventKind};
use crate::engine::metrics::TABLE;
use crate::engine::run::Settings;
use crate::engine::{Engine, EngineError};

const TEXT: &str = "title = 'Pump'\n\n[[panel]]\ntitle = 'Bar'\nquery = 'pump_bar' # at the inlet\n";

/// A box with two folders of settings, the upper one not its own to edit.
struct Bench {
    data: tempfile::TempDir,
    engine: Engine,
}

impl Bench {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let engine = Engine::open(Self::settings(data.path().to_owned())).unwrap();
        Self { data, engine }
    }

    fn settings(data_dir: PathBuf) -> Settings {
        let (own, above) = (data_dir.join("config"), data_dir.join("run"));
        let config_folders = vec![own.clone(), above];
        Settings { data_dir, config_folders, config_edited: Some(own), ..Settings::default() }
    }

    fn again(self) -> Self {
        drop(self.engine);
        let engine = Engine::open(Self::settings(self.data.path().to_owned())).unwrap();
        Self { data: self.data, engine }
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.data.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self.engine.inner().dashboards.reload();
    }

    fn list(&self) -> DashboardList {
        match act(self.engine.inner(), &DashboardAction::List).unwrap() {
            DashboardReply::List(list) => list,
            DashboardReply::One(_) => panic!("a list"),
        }
    }

    fn ask(&self, action: &DashboardAction) -> Result<Dashboard, EngineError> {
        match act(self.engine.inner(), action)? {
            DashboardReply::One(one) => Ok(*one),
            DashboardReply::List(_) => panic!("one"),
        }
    }

    fn show(&self, name: &str) -> Dashboard {
        self.ask(&DashboardAction::Show(name.into())).unwrap()
    }

    fn save(&self, name: &str, text: &str, etag: Option<&str>) -> Result<Dashboard, EngineError> {
        let request = WriteDashboard { text: text.into(), etag: etag.map(str::to_owned) };
        self.ask(&DashboardAction::Save { name: name.into(), request })
    }
}

#[test]
fn what_comes_with_spud_is_sound_and_asks_for_metrics_that_are_there() {
    for (file, text) in shipped() {
        let all = one(file, &text).unwrap_or_else(|problems| panic!("{file}: {problems:?}"));
        for query in all.iter().flat_map(|one| &one.panels).flat_map(|panel| &panel.queries) {
            let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            for word in words.filter(|word| word.starts_with("spud_") || word.starts_with("process_")) {
                let base = word.strip_suffix("_bucket").unwrap_or(word);
                assert!(TABLE.iter().any(|one| one.name == base), "{file}: there is no {word}");
                let own = !word.starts_with("process_") || query.contains("{job=\"\"}");
                assert!(own, "{file}: {word} of programs that are scraped would mix in");
            }
        }
    }
}

#[test]
fn what_is_saved_lasts_and_what_came_with_spud_comes_back() {
    let bench = Bench::new();
    let names = |bench: &Bench| bench.list().items.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&bench), ["box", "queue", "search"]);
    let built_in = bench.show("box");
    assert_eq!(built_in.file, BUILT_IN);
    let saved = bench.save("box", TEXT, Some(&built_in.etag)).unwrap();
    assert!(saved.file.ends_with("config/dashboards/box.toml") && saved.text == TEXT, "{saved:?}");
    bench.save("pump", TEXT, None).unwrap();
    let bench = bench.again();
    assert_eq!((bench.show("box").text.as_str(), names(&bench).len()), (TEXT, 4));
    // Who looked before it was changed is told.
    let stale =
        bench.save("box", "title = 'x'\n[[panel]]\ntitle = 'a'\nquery = 'up'\n", Some(&built_in.etag));
    assert!(matches!(stale, Err(EngineError::Stale { .. })), "{stale:?}");
    let remove = |name: &str| {
        let (name, etag) = (name.to_owned(), None);
        bench.ask(&DashboardAction::Remove { name, etag })
    };
    remove("box").unwrap();
    assert_eq!(bench.show("box").etag, built_in.etag);
    assert!(matches!(remove("box"), Err(EngineError::Conflict { .. })));
    assert!(matches!(remove("other"), Err(EngineError::NotFound { .. })));
}

#[test]
fn what_is_wrong_is_refused_and_a_file_that_is_goes_on_as_it_was() {
    let bench = Bench::new();
    let refused = bench.save("pump", "title = 'x'\n[[panel]]\ntitle = 'a'\nquery = 'sum('\n", None);
    assert!(refused.unwrap_err().to_string().contains("pump.toml:4:"), "the place is named");
    assert!(
        bench.save("../pump", TEXT, None).is_err() && bench.save("pump", &"#".repeat(70_000), None).is_err()
    );
    assert!(!bench.data.path().join("config/dashboards").exists());
    bench.write("config/dashboards/pump.toml", TEXT);
    assert_eq!(bench.show("pump").text, TEXT);
    bench.write("config/dashboards/pump.toml", "title = ");
    let list = bench.list();
    assert!(list.problems[0].contains("config/dashboards/pump.toml:1:"), "{:?}", list.problems);
    assert_eq!(bench.show("pump").text, TEXT, "the last good one goes on");
    // What lies above what spud writes is not hidden by it.
    bench.write("run/dashboards/pump.toml", TEXT);
    let hidden = bench.save("pump", TEXT, None).unwrap_err();
    assert!(hidden.to_string().contains("run/dashboards/pump.toml"), "{hidden}");
}

#[test]
fn who_looks_is_told_of_a_file_that_changed_elsewhere() {
    let bench = Bench::new();
    let inner = bench.engine.inner();
    let told = |after: u64| {
        let is = |event: &Event| matches!(&event.kind, EventKind::Config(one) if one.cause == "dashboards");
        bench.engine.events().since(after).iter().filter(|event| is(event)).count()
    };
    let begin = bench.engine.events().newest();
    bench.list();
    super::look_again(inner);
    assert_eq!(told(begin), 0, "nothing changed");
    bench.write("config/dashboards/pump.toml", TEXT);
    super::look_again(inner);
    assert_eq!(told(begin), 1);
    bench.save("pump", &TEXT.replace("Pump", "Pumps"), None).unwrap();
    assert_eq!(told(begin), 2, "what somebody saved, too");
    bench.list();
    super::look_again(inner);
    assert_eq!(told(begin), 2);
}
