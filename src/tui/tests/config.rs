//! The settings view: how it looks, and what its keys do.

use super::fixtures::*;
use crate::api::types::{
    ConfigChange, ConfigCheck, ConfigDifference, ConfigDrift, ConfigPlace, ConfigProblem, ConfigReport,
    ConfigSetting, ConfigTrial, ConfigVersion,
};
use crate::tui::effect::{ConfigRequest, Effect, Request};
use crate::tui::model::{Model, Overlay};
use crate::tui::msg::{ConfigAnswer, Reply};

const SIZES: [(u16, u16); 2] = [(80, 24), (40, 10)];

pub(crate) fn config_report() -> ConfigReport {
    let one = |key: &str, kind: &str, shown: &str, unit: &str, about: &str| ConfigSetting {
        key: key.into(),
        kind: kind.into(),
        shown: shown.into(),
        typed: shown.split(' ').next().unwrap_or_default().into(),
        unit: unit.into(),
        about: about.into(),
        range: if kind == "number" { "1 to 3600".into() } else { String::new() },
        variable: format!("SPUD_{}", key.replace('.', "_").to_uppercase()),
        reload: true,
        layer: "default".into(),
        place: "tier lite".into(),
        ..ConfigSetting::default()
    };
    let mut seconds = one("api.seconds", "number", "30 s", "s", "Time that a usual request may take");
    seconds.layer = "file".into();
    seconds.place = "/etc/spud/spud.toml:7:1".into();
    seconds.hidden =
        vec![ConfigPlace { shown: "60 s".into(), layer: "default".into(), place: "built in".into() }];
    let mut workers = one("search.workers", "number", "1 threads", "threads", "Threads that answer queries");
    (workers.reload, workers.waiting) = (false, Some("2 threads".into()));
    ConfigReport {
        environment: "production".into(),
        environment_from: "a service manager started it".into(),
        tier: "lite".into(),
        version: "3".into(),
        edited: "/etc/spud/spud.toml".into(),
        settings: vec![
            one("api.body", "size", "1.0 MiB", "bytes", "What one request may carry"),
            seconds,
            one("log.level", "word", "info", "", "What is recorded: this and worse"),
            one("queue.upstream_token", "secret", "-", "", "Bearer token for the upstream, by reference"),
            workers,
        ],
        drift: Some(ConfigDrift {
            since_ms: NOW - DAY,
            waiting: vec![Default::default()],
            ..Default::default()
        }),
        ..ConfigReport::default()
    }
}

pub(crate) fn config_versions() -> Vec<ConfigVersion> {
    let version = |id: u64, cause: &str, reason: &str, change: &str| ConfigVersion {
        id: id.to_string(),
        at_ms: NOW - DAY + id * 60_000,
        cause: cause.into(),
        actor: "uid 1000, pid 77".into(),
        reason: reason.into(),
        changes: if change.is_empty() { Vec::new() } else { vec![change.into()] },
        text: "[api]\nseconds = 30 # short\n".into(),
    };
    vec![
        version(3, "revert", "version 2 was not confirmed within 120 s", "api.seconds: 5 s -> 30 s"),
        version(2, "set", "try less", "api.seconds: 30 s -> 5 s"),
        version(1, "found", "as it was found", ""),
    ]
}

fn both(name: &str, make: impl Fn((u16, u16)) -> Model) {
    for size in SIZES {
        let model = make(size);
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), shot(&model));
    }
}

fn answer(model: &mut Model, answer: ConfigAnswer) {
    reply(model, Reply::Config(answer));
}

fn difference() -> ConfigDifference {
    ConfigDifference {
        key: "api.seconds".into(),
        from: "30 s".into(),
        to: "5 s".into(),
        reload: true,
        place: "/etc/spud/spud.toml:7:1".into(),
    }
}

/// The view with `api` opened and `api.seconds` selected.
fn at_seconds(size: (u16, u16)) -> Model {
    let mut m = full(size);
    keys(&mut m, "f8 enter down down");
    m
}

fn requests(effects: Vec<Effect>) -> Vec<ConfigRequest> {
    let config = |effect| match effect {
        Effect::Request(Request::Config(request)) => Some(request),
        _ => None,
    };
    effects.into_iter().filter_map(config).collect()
}

#[test]
fn config_views() {
    both("config", at_seconds);
    both("config_search", |size| {
        let mut m = full(size);
        keys(&mut m, "f8 / u p s t r");
        m
    });
    both("config_trial", |size| {
        let mut m = at_seconds(size);
        let mut report = config_report();
        let (version, until_ms) = ("2".into(), NOW + 87_000);
        report.trial = Some(ConfigTrial { version, until_ms, left_ms: 87_000, ..ConfigTrial::default() });
        answer(&mut m, ConfigAnswer::Report(Box::new(report)));
        m
    });
    both("config_versions", |size| {
        let mut m = at_seconds(size);
        answer(&mut m, ConfigAnswer::Versions(config_versions()));
        m
    });
    both("config_edit", |size| {
        let mut m = at_seconds(size);
        keys(&mut m, "e");
        answer(
            &mut m,
            ConfigAnswer::Checked(
                0,
                ConfigCheck { ok: true, differences: vec![difference()], ..ConfigCheck::default() },
            ),
        );
        m
    });
    both("config_edit_wrong", |size| {
        let mut m = at_seconds(size);
        keys(&mut m, "e 9 9 9");
        let problem = ConfigProblem {
            severity: "error".into(),
            what: "30999 is more than 3600".into(),
            ..ConfigProblem::default()
        };
        answer(
            &mut m,
            ConfigAnswer::Checked(3, ConfigCheck { problems: vec![problem], ..ConfigCheck::default() }),
        );
        m
    });
    both("config_explain", |size| {
        let mut m = at_seconds(size);
        keys(&mut m, "enter");
        m
    });
}

#[test]
fn a_value_is_checked_as_it_is_typed_and_applied_only_when_it_is_sound() {
    let mut m = at_seconds((80, 24));
    let asked = requests(keys(&mut m, "e backspace"));
    let typed: Vec<(u64, String)> = asked
        .into_iter()
        .map(|request| match request {
            ConfigRequest::Check { serial, key, value } => {
                assert_eq!(key, "api.seconds");
                (serial, value)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(typed, [(0, "30".to_owned()), (1, "3".to_owned())]);
    // The answer to the older value comes too late.
    answer(&mut m, ConfigAnswer::Checked(0, ConfigCheck { ok: true, ..ConfigCheck::default() }));
    assert!(
        requests(keys(&mut m, "enter l e s s enter enter")).is_empty(),
        "not checked yet: nothing is applied"
    );
    answer(
        &mut m,
        ConfigAnswer::Checked(
            1,
            ConfigCheck { ok: true, differences: vec![difference()], ..ConfigCheck::default() },
        ),
    );
    let applied = requests(keys(&mut m, "backtab enter"));
    let Some(ConfigRequest::Set { key, value, confirm_s, .. }) = applied.first() else {
        panic!("{applied:?}")
    };
    assert_eq!((key.as_str(), value.as_str()), ("api.seconds", "3"));
    assert_eq!(*confirm_s, Some(120), "in production a change is on trial unless that is turned off");
}

#[test]
fn a_rollback_shows_what_changes_and_asks() {
    let mut m = at_seconds((80, 24));
    assert_eq!(requests(keys(&mut m, "v")), [ConfigRequest::Versions]);
    answer(&mut m, ConfigAnswer::Versions(config_versions()));
    let asked = requests(keys(&mut m, "down R"));
    assert_eq!(asked, [ConfigRequest::Rollback { version: 2, dry_run: true }]);
    let change = ConfigChange { dry_run: true, differences: vec![difference()], ..ConfigChange::default() };
    answer(&mut m, ConfigAnswer::Preview(Box::new(asked[0].clone()), Box::new(change)));
    assert!(shot(&m).contains("api.seconds: 30 s -> 5 s"), "{}", shot(&m));
    assert!(requests(keys(&mut m, "enter")).is_empty(), "Cancel has the focus");
    let change = ConfigChange { dry_run: true, ..ConfigChange::default() };
    answer(&mut m, ConfigAnswer::Preview(Box::new(asked[0].clone()), Box::new(change)));
    assert_eq!(requests(keys(&mut m, "tab enter")), [ConfigRequest::Rollback { version: 2, dry_run: false }]);
    assert!(!matches!(m.overlay, Some(Overlay::Confirm(_))));
    let trial = Some(ConfigTrial { left_ms: 119_500, ..ConfigTrial::default() });
    answer(&mut m, ConfigAnswer::Changed(Box::new(ConfigChange { trial, ..ConfigChange::default() })));
    assert!(shot(&m).contains("On trial for 120 s; c keeps it."), "{}", shot(&m));
}
