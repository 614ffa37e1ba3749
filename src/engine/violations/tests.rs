//! From entries to incidents: denials that repeat, and that a restart tells nothing twice.

use std::sync::mpsc::channel;
use std::time::Duration;

use super::{load, look};
use crate::api::types::AuditQuery;
use crate::api::types::access::GrantRole;
use crate::api::types::evidence::EvidenceQuery;
use crate::api::types::incident::{Incident, IncidentQuery};
use crate::engine::run::Settings;
use crate::engine::{
    AccessAction, Action, AuditAction, AuditReply, Caller, Engine, EngineError, IncidentAction,
    IncidentReply, Reply,
};

fn ask(engine: &Engine, uid: u32, action: Action) -> Result<Reply, EngineError> {
    let (send, receive) = channel();
    let caller = Caller::local(uid, uid, 1, format!("r-{uid}"));
    engine.submit(caller, action, move |result| send.send(result).unwrap());
    receive.recv_timeout(Duration::from_secs(60)).unwrap()
}

fn found(engine: &Engine) -> Vec<Incident> {
    let query = IncidentQuery { violations: true, ..IncidentQuery::default() };
    match ask(engine, 0, Action::Incident(IncidentAction::List(query))).unwrap() {
        Reply::Incident(IncidentReply::Page(page)) => page.items,
        other => panic!("{other:?}"),
    }
}

#[test]
fn denials_that_repeat_open_an_incident_once() {
    let data = tempfile::tempdir().unwrap();
    let settings = Settings { data_dir: data.path().to_owned(), ..Settings::default() };
    let engine = Engine::open(settings).unwrap();
    let inner = engine.inner();
    inner.modes.idle.store(true, std::sync::atomic::Ordering::Relaxed);
    look(inner).unwrap();
    let tries = [Action::Compact, Action::Reload, Action::AutoMode, Action::DecryptStore, Action::Store];
    for (n, action) in tries.into_iter().enumerate() {
        assert!(found(&engine).is_empty(), "{n} are not enough");
        assert!(matches!(ask(&engine, 4242, action), Err(EngineError::Denied(_))));
        look(inner).unwrap();
    }
    let all = found(&engine);
    assert_eq!((all.len(), all[0].key.as_str()), (1, "violation:repeated-denials:uid:4242"));
    assert_eq!(
        (all[0].kind.as_str(), all[0].severity.as_str(), all[0].links.len()),
        ("security", "warning", 5)
    );
    // Whoever starts again and looks at the same entries finds the same, which is no news.
    inner.violations.reload();
    look(inner).unwrap();
    assert_eq!(found(&engine), all);
    let Reply::Incident(IncidentReply::Rules(rules)) =
        ask(&engine, 0, Action::Incident(IncidentAction::Rules)).unwrap()
    else {
        panic!("no rules");
    };
    let rules = rules.items;
    assert!(rules.len() == 6 && rules.iter().any(|rule| rule.sigma.contains("correlation")), "{rules:?}");
}

/// Somebody of this box who is not root.
fn somebody() -> Option<(String, u32)> {
    let text = std::fs::read_to_string("/etc/passwd").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let login = fields.next()?.to_owned();
        fields.nth(1)?.parse().ok().filter(|uid| *uid > 0).map(|uid| (login, uid))
    })
}

#[test]
fn a_right_that_was_given_by_login_and_used_at_once_is_found() {
    let Some((login, uid)) = somebody() else {
        println!("SKIPPED: /etc/passwd of this box has nobody but root");
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let settings = Settings { data_dir: data.path().to_owned(), ..Settings::default() };
    let engine = Engine::open(settings).unwrap();
    let inner = engine.inner();
    inner.modes.idle.store(true, std::sync::atomic::Ordering::Relaxed);
    let grant = |to: &str, role: &str| {
        let request = GrantRole { to: to.into(), role: role.into(), reason: "x".into(), ttl_s: None };
        Action::Access(AccessAction::Grant(request))
    };
    ask(&engine, 0, grant(&login, "admin")).unwrap();
    ask(&engine, uid, grant("uid:4343", "operator")).unwrap();
    look(inner).unwrap();
    let keys: Vec<String> = found(&engine).into_iter().map(|one| one.key).collect();
    assert_eq!(keys, [format!("violation:new-right-used-at-once:uid:{uid}")]);
    let entries = |kind: &str| {
        let query = AuditQuery { kind: Some(kind.into()), ..AuditQuery::default() };
        match ask(&engine, 0, Action::Audit(AuditAction::Entries(query))).unwrap() {
            Reply::Audit(AuditReply::Entries(page)) => page.items,
            other => panic!("{other:?}"),
        }
    };
    let subjects: Vec<String> = entries("role.granted").into_iter().map(|one| one.subject).collect();
    assert_eq!(subjects, ["uid:4343".to_owned(), format!("uid:{uid}")]);
    // What is taken is somebody's, too.
    let revoke = AccessAction::RevokeGrant { id: "2".into(), reason: "over".into() };
    ask(&engine, 0, Action::Access(revoke)).unwrap();
    let gone = entries("role.revoked").remove(0);
    assert_eq!((gone.subject_kind.as_str(), gone.subject.as_str()), ("principal", "uid:4343"));
}

#[test]
fn what_is_taken_away_is_entered_and_much_of_it_is_found() {
    let data = tempfile::tempdir().unwrap();
    let settings = Settings { data_dir: data.path().to_owned(), ..Settings::default() };
    let engine = Engine::open(settings).unwrap();
    let inner = engine.inner();
    inner.modes.idle.store(true, std::sync::atomic::Ordering::Relaxed);
    let all = |cursor: Option<&str>| {
        let cursor = cursor.map(str::to_owned);
        let query = AuditQuery { oldest_first: true, cursor, ..AuditQuery::default() };
        Action::Audit(AuditAction::Entries(query))
    };
    for _ in 0..3 {
        // Without a beginning it is told, too, and once.
        let query = AuditQuery { limit: 1000, cursor: Some("3".into()), ..AuditQuery::default() };
        ask(&engine, 0, Action::Audit(AuditAction::Entries(query))).unwrap();
    }
    for _ in 0..3 {
        ask(&engine, 0, all(None)).unwrap();
        ask(&engine, 0, all(Some("1"))).unwrap();
    }
    look(inner).unwrap();
    assert!(found(&engine).is_empty(), "pages of one are one");
    let entered = || {
        let query = AuditQuery { kind: Some("audit.exported".into()), ..AuditQuery::default() };
        match ask(&engine, 0, Action::Audit(AuditAction::Entries(query))).unwrap() {
            Reply::Audit(AuditReply::Entries(page)) => page.items.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(entered(), 4, "one for each that began, and one for what went on from nothing");
    let much = EvidenceQuery { limit: 1000, ..EvidenceQuery::default() };
    ask(&engine, 0, Action::Audit(AuditAction::Evidence(much))).unwrap();
    look(inner).unwrap();
    let keys: Vec<String> = found(&engine).into_iter().map(|one| one.key).collect();
    assert_eq!(keys, ["violation:mass-export:uid:0"]);
}

#[test]
fn a_file_that_went_wrong_says_what_it_said_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("violations.toml");
    let (mut site, mut problems) = (std::collections::BTreeMap::new(), Vec::new());
    let mut now = |text: Option<&str>| {
        match text {
            Some(text) => crate::config::write_file(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let (rules, off) = load(vec![path.clone()], &mut site, &mut problems);
        (rules.iter().any(|rule| rule.id == "out-of-hours"), off.len(), problems.clone())
    };
    let (on, off, problems) = now(Some("odd"));
    assert!(!on && off == 1 && problems[0].ends_with("it is left out"), "{problems:?}");
    assert_eq!(now(Some("on = ['out-of-hours']")), (true, 0, Vec::new()));
    let (on, _, problems) = now(Some("on = ['x']"));
    assert!(on && problems[0].contains("violations.toml:1:6: no rule"), "{problems:?}");
    assert!(problems[0].ends_with("what it said before holds"), "{problems:?}");
    assert_eq!(now(None), (false, 1, Vec::new()), "a file that is gone says nothing");
    // A rule that waits for nothing is told, and takes nothing else with it.
    let rule = "on = ['out-of-hours']\n[[rules]]\nid = 'a'\ntitle = 'A'\nkinds = ['role.grantd']\nlevel = 'low'\n\
                incident = 'policy'\nseverity = 'info'\n";
    let (on, _, problems) = now(Some(rule));
    assert!(on && problems.len() == 1 && problems[0].contains("violations.toml:5:10: rule"), "{problems:?}");
    assert!(problems[0].ends_with("did you mean 'role.granted'?; the rest of it holds"), "{problems:?}");
}
