//! Incidents from inside: what alerts open, what is entered, what receivers would be told.

use std::sync::mpsc::channel;
use std::time::Duration;

use super::watch::wanted;
use super::{tell, watch};
use crate::api::types::AuditQuery;
use crate::api::types::incident::{ChangeIncident, Incident, IncidentQuery, OpenIncident};
use crate::engine::alerts::Fact;
use crate::engine::run::Settings;
use crate::engine::{
    Action, AuditAction, AuditReply, Caller, Engine, EngineError, IncidentAction, IncidentReply, Reply,
};
use crate::governance::incident::Kind;
use crate::observe::promql::Labels;

struct Bench {
    engine: Engine,
    _data: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let settings = Settings { data_dir: data.path().to_owned(), ..Settings::default() };
        let engine = Engine::open(settings).unwrap();
        engine.inner().modes.idle.store(true, std::sync::atomic::Ordering::Relaxed);
        Self { engine, _data: data }
    }

    fn ask(&self, action: Action) -> Result<Reply, EngineError> {
        let (send, receive) = channel();
        let caller = Caller::local(0, 0, 1, "r-1".into());
        self.engine.submit(caller, action, move |result| send.send(result).unwrap());
        receive.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    fn one(&self, action: IncidentAction) -> Result<Incident, EngineError> {
        match self.ask(Action::Incident(action))? {
            Reply::Incident(IncidentReply::One(one)) => Ok(*one),
            other => panic!("{other:?}"),
        }
    }

    fn change(&self, id: &str, change: ChangeIncident) -> Result<Incident, EngineError> {
        self.one(IncidentAction::change(id.into(), change))
    }

    fn moved(&self, id: &str, state: &str) -> Incident {
        let change =
            ChangeIncident { state: Some(state.into()), text: "because".into(), ..ChangeIncident::default() };
        self.change(id, change).unwrap()
    }

    fn list(&self, state: Option<&str>) -> Vec<Incident> {
        let query = IncidentQuery { state: state.map(Into::into), ..IncidentQuery::default() };
        match self.ask(Action::Incident(IncidentAction::List(query))).unwrap() {
            Reply::Incident(IncidentReply::Page(page)) => page.items,
            other => panic!("{other:?}"),
        }
    }

    /// Every event of every incident has its own entry, of its kind, by the same one, about that incident.
    fn assert_entered(&self) {
        let query = AuditQuery { kind: Some("incident".into()), limit: 1000, ..AuditQuery::default() };
        let Ok(Reply::Audit(AuditReply::Entries(page))) =
            self.ask(Action::Audit(AuditAction::Entries(query)))
        else {
            panic!("no log");
        };
        let all = self.list(Some("all"));
        let mut events = 0;
        for one in &all {
            for event in &one.timeline {
                events += 1;
                let entry = page.items.iter().find(|entry| Some(&entry.seq) == event.entry.as_ref()).unwrap();
                assert_eq!(entry.kind, format!("incident.{}", event.act));
                assert_eq!((&entry.subject, &entry.outcome), (&one.id, &"done".to_owned()));
                assert_eq!(entry.actor, event.by);
            }
        }
        let done = page.items.iter().filter(|entry| entry.outcome == "done").count();
        assert_eq!(events, done, "one entry for each event, and no other");
    }

    /// What receivers would be told: name and whether it is loud.
    fn told(&self) -> Vec<(String, bool)> {
        tell(self.engine.inner()).into_iter().map(|fact| (fact.name, fact.loud)).collect()
    }

    fn watch(&self, facts: &[Fact]) {
        watch(self.engine.inner(), facts);
    }
}

fn fact(name: &str, severity: &str, fired_ms: Option<u64>) -> Fact {
    Fact {
        key: crate::observe::alert::key("g", name, &Labels::new([("a", name)])),
        labels: Labels::new([("alertname", name)]),
        loud: fired_ms.is_some(),
        name: name.into(),
        severity: severity.into(),
        summary: "Pump 7 stands".into(),
        fired_ms,
        incident: String::new(),
        breach: String::new(),
        annotations: Vec::new(),
        value: None,
        trace: String::new(),
    }
}

fn lost_card() -> OpenIncident {
    OpenIncident {
        title: "Card lost".into(),
        kind: "data".into(),
        text: "in the bus".into(),
        breach: true,
        ..OpenIncident::default()
    }
}

#[test]
fn the_rule_decides_what_opens_an_incident() {
    assert_eq!(wanted("", "critical"), Some(Kind::Availability));
    assert_eq!((wanted("", "warning"), wanted("no", "critical")), (None, None));
    assert_eq!((wanted("data", "info"), wanted("yes", "info")), (Some(Kind::Data), Some(Kind::Availability)));
}

#[test]
fn an_alert_opens_one_incident_however_often_it_comes() {
    let bench = Bench::new();
    let now = bench.engine.inner().clock.now_ms();
    let down = |fired_ms| fact("PumpDown", "critical", fired_ms);
    bench.watch(&[down(Some(now + 1)), fact("PumpSlow", "warning", Some(now + 1))]);
    bench.watch(&[down(Some(now + 1))]);
    let all = bench.list(None);
    assert_eq!(all.len(), 1, "{all:?}");
    let one = &all[0];
    assert_eq!((one.kind.as_str(), one.severity.as_str(), one.times), ("availability", "critical", 1));
    assert!(one.title.contains("PumpDown: Pump 7 stands") && one.links[0].starts_with("alert:"), "{one:?}");
    assert_eq!(bench.told(), [("Incident 1".to_owned(), true)]);
    // It goes and comes: that is told in the same incident.
    bench.watch(&[]);
    bench.watch(&[down(Some(now + 5))]);
    let acts = |one: &Incident| one.timeline.iter().map(|event| event.act.clone()).collect::<Vec<_>>();
    assert_eq!(acts(&bench.list(None)[0]), ["opened", "ceased", "recurred"]);
    // Whoever sees to it ends the telling; what comes back after it was resolved is open again.
    bench.moved("1", "acknowledged");
    assert_eq!(bench.told(), [("Incident 1".to_owned(), false)]);
    bench.moved("1", "resolved");
    assert!(bench.told().is_empty());
    bench.watch(&[]);
    bench.watch(&[down(Some(now + 9))]);
    assert_eq!((bench.list(None)[0].state.as_str(), bench.list(None)[0].times), ("open", 3));
    // After it was closed the same time opens nothing, the next one opens another.
    bench.moved("1", "resolved");
    bench.moved("1", "closed");
    bench.watch(&[down(Some(now + 9))]);
    assert!(bench.list(None).is_empty());
    bench.watch(&[]);
    bench.watch(&[down(Some(now + 20))]);
    assert_eq!(bench.list(None)[0].id, "2");
    // Silenced ones open nothing until they are loud.
    let quiet = Fact { loud: false, ..fact("Fire", "critical", Some(now + 30)) };
    bench.watch(&[down(Some(now + 20)), quiet]);
    assert_eq!(bench.list(None).len(), 1);
    bench.watch(&[down(Some(now + 20)), fact("Fire", "critical", Some(now + 30))]);
    assert_eq!(bench.list(None).len(), 2);
    bench.assert_entered();
}

#[test]
fn what_is_known_of_an_alert_outlives_a_restart() {
    let mut bench = Bench::new();
    let fired = bench.engine.inner().clock.now_ms() + 1;
    bench.watch(&[fact("PumpDown", "critical", Some(fired))]);
    *bench.engine.inner().incidents.desk() = super::Desk::default();
    bench.watch(&[fact("PumpDown", "critical", Some(fired))]);
    assert_eq!((bench.list(None).len(), bench.list(None)[0].times), (1, 1));
    bench.watch(&[]);
    assert_eq!(bench.list(None)[0].timeline[1].act, "ceased");
    bench.assert_entered();
    let _ = &mut bench;
}

#[test]
fn all_that_a_change_says_is_done_together_or_not_at_all() {
    let bench = Bench::new();
    let one = bench.one(IncidentAction::Open(lost_card())).unwrap();
    assert_eq!((one.severity.as_str(), one.by.as_str(), one.etag.as_str()), ("error", "uid:0", "1"));
    let clock = one.breach.clone().unwrap();
    assert!(clock.left_s > 71 * 3600 && clock.told_ms.is_none(), "{clock:?}");
    let change = ChangeIncident {
        severity: Some("critical".into()),
        owner: Some("uid:1001".into()),
        note: Some("the police knows".into()),
        state: Some("acknowledged".into()),
        links: vec!["entry:0".into()],
        text: "names of patients".into(),
        etag: Some("\"1\"".into()),
        ..ChangeIncident::default()
    };
    let after = bench.change("1", change.clone()).unwrap();
    let acts: Vec<&str> = after.timeline.iter().map(|event| event.act.as_str()).collect();
    assert_eq!(acts, ["opened", "changed", "assigned", "linked", "noted", "acknowledged"]);
    assert!(matches!(bench.change("1", change), Err(EngineError::Stale { .. })));
    for absent in ["entry:99999", "entry:x", "approval:7", "incident:9"] {
        let link = ChangeIncident { links: vec![absent.into()], ..ChangeIncident::default() };
        let refused = bench.change("1", link).unwrap_err().to_string();
        assert!(refused.contains("there is no"), "{absent}: {refused}");
    }
    // The last part is refused: so is the first.
    let wrong = ChangeIncident {
        severity: Some("info".into()),
        state: Some("closed".into()),
        text: "learnt".into(),
        ..ChangeIncident::default()
    };
    assert!(matches!(bench.change("1", wrong), Err(EngineError::Conflict { .. })));
    assert_eq!(bench.list(None)[0], after);
    assert!(matches!(bench.change("1", ChangeIncident::default()), Err(EngineError::Invalid { .. })));
    assert!(matches!(bench.change("77", ChangeIncident::default()), Err(EngineError::Invalid { .. })));
    let unknown = OpenIncident { kind: "ufo".into(), ..lost_card() };
    assert!(matches!(bench.one(IncidentAction::Open(unknown)), Err(EngineError::Invalid { .. })));
    assert!(matches!(bench.one(IncidentAction::Show("x".into())), Err(EngineError::NotFound { .. })));
    bench.assert_entered();
}
