//! From entries to incidents: denials that repeat, and that a restart tells nothing twice.

use std::sync::mpsc::channel;
use std::time::Duration;

use super::{Desk, look};
use crate::api::types::incident::{Incident, IncidentQuery};
use crate::engine::run::Settings;
use crate::engine::{Action, Caller, Engine, EngineError, IncidentAction, IncidentReply, Reply};

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
    *inner.violations.desk() = Desk::default();
    look(inner).unwrap();
    assert_eq!(found(&engine), all);
    let Reply::Incident(IncidentReply::Rules(rules)) =
        ask(&engine, 0, Action::Incident(IncidentAction::Rules)).unwrap()
    else {
        panic!("no rules");
    };
    assert!(rules.len() == 6 && rules.iter().any(|rule| rule.sigma.contains("correlation")), "{rules:?}");
}
