//! Requests from inside: others than the owner vote, what is carried out, what is kept, what is told.

use std::sync::mpsc::channel;
use std::time::Duration;

use crate::api::types::Problem;
use crate::api::types::access::GrantRole;
use crate::api::types::approval::{Approval, ApprovalQuery, ApprovalWord, DelegateVote};
use crate::engine::run::{Inner, Settings};
use crate::engine::{
    AccessAction, AccessReply, Action, ApprovalAction, ApprovalReply, Caller, Engine, EngineError, Reply,
};

pub(in crate::engine) struct Bench {
    engine: Option<Engine>,
    data: tempfile::TempDir,
}

fn word(reason: &str) -> ApprovalWord {
    ApprovalWord { reason: reason.into(), ..ApprovalWord::default() }
}

impl Bench {
    pub(in crate::engine) fn new() -> Self {
        let mut bench = Self { engine: None, data: tempfile::tempdir().unwrap() };
        bench.start();
        bench
    }

    pub(in crate::engine) fn start(&mut self) {
        self.engine = None;
        let options = vec![("--set".to_owned(), "modes.latency_target_ms".to_owned(), "600000".to_owned())];
        let data_dir = self.data.path().to_owned();
        // What is set is read there, too.
        let config_folders = vec![data_dir.join("config")];
        let settings = Settings { data_dir, options, config_folders, ..Settings::default() };
        let engine = Engine::open(settings).unwrap();
        engine.inner().modes.idle.store(true, std::sync::atomic::Ordering::Relaxed);
        self.engine = Some(engine);
    }

    pub(in crate::engine) fn inner(&self) -> &Inner {
        self.engine.as_ref().unwrap().inner()
    }

    pub(in crate::engine) fn ask(&self, uid: u32, action: Action) -> Result<Reply, EngineError> {
        let caller = Caller::local(uid, uid, 1, format!("r-{uid}"));
        let (send, receive) = channel();
        self.engine.as_ref().unwrap().submit(caller, action, move |result| send.send(result).unwrap());
        receive.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    pub(in crate::engine) fn grant(&self, by: u32, to: &str, role: &str) -> String {
        let request = GrantRole { to: to.into(), role: role.into(), reason: "shift".into(), ttl_s: None };
        match self.ask(by, Action::Access(AccessAction::Grant(request))).unwrap() {
            Reply::Access(AccessReply::Grant(grant)) => grant.state,
            other => panic!("{other:?}"),
        }
    }

    pub(in crate::engine) fn roles(&self, to: &str) -> Vec<String> {
        match self.ask(0, Action::Access(AccessAction::Grants)).unwrap() {
            Reply::Access(AccessReply::Grants(all)) => {
                all.into_iter().filter(|one| one.to == to && !one.id.is_empty()).map(|one| one.role).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    pub(in crate::engine) fn approval(
        &self,
        uid: u32,
        action: ApprovalAction,
    ) -> Result<Approval, EngineError> {
        match self.ask(uid, Action::Approval(action))? {
            Reply::Approval(ApprovalReply::One(one)) => Ok(*one),
            other => panic!("{other:?}"),
        }
    }

    pub(in crate::engine) fn approve(
        &self,
        uid: u32,
        id: &str,
        tag: Option<&str>,
    ) -> Result<Approval, EngineError> {
        let (id, if_match) = (id.to_owned(), tag.map(str::to_owned));
        self.approval(uid, ApprovalAction::Approve { id, word: word("seen"), if_match })
    }

    pub(in crate::engine) fn log(&self, kind: &str) -> usize {
        use crate::api::types::AuditQuery;
        use crate::engine::{AuditAction, AuditReply};
        let query = AuditQuery { kind: Some(kind.into()), limit: 1000, ..AuditQuery::default() };
        match self.ask(0, Action::Audit(AuditAction::Entries(query))).unwrap() {
            Reply::Audit(AuditReply::Entries(page)) => {
                page.items.iter().filter(|entry| entry.kind == kind && entry.outcome == "done").count()
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(in crate::engine) fn denied(result: Result<Approval, EngineError>) -> Problem {
    match result {
        Err(EngineError::Denied(problem)) => *problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_role_over_others_waits_for_the_vote_of_somebody_else() {
    let mut bench = Bench::new();
    // Nobody else could vote yet: the first approver is granted by the owner alone.
    assert_eq!(bench.grant(0, "uid:2001", "approver"), "fine");
    assert_eq!(bench.grant(0, "uid:2002", "operator"), "fine", "no role over others");
    assert_eq!(bench.grant(0, "uid:2003", "admin"), "waits for approval 1");
    assert!(bench.roles("uid:2003").is_empty() && bench.log("approval.submitted") == 1);
    // Root never votes, others do not, the approver does; the change and its entries are one.
    assert_eq!(
        denied(bench.approve(0, "1", None)).policies,
        ["nobody-decides-their-own", "root-never-votes"]
    );
    assert!(denied(bench.approve(2002, "1", None)).policies.is_empty());
    bench.start();
    let one = bench.approval(2001, ApprovalAction::Show("1".into())).unwrap();
    assert!(one.diff.contains("+ admin") && one.impact == "high" && one.votes_needed == 1, "{one:?}");
    assert!(matches!(bench.approve(2001, "1", Some("9")), Err(EngineError::Stale { .. })));
    let done = bench.approve(2001, "1", Some(&one.etag)).unwrap();
    assert_eq!((done.state.as_str(), done.votes), ("approved", 1));
    assert_eq!(bench.roles("uid:2003"), ["admin"]);
    assert_eq!((bench.log("approval.approved"), bench.log("role.granted")), (1, 3));
    let late = bench.approve(2001, "1", None);
    assert_eq!(denied(late).policies, ["everybody-counts-once"]);
    // The new admin cannot lift themselves up alone either.
    assert_eq!(bench.grant(2003, "uid:2003", "approver"), "waits for approval 2");
    assert_eq!(denied(bench.approve(2003, "2", None)).policies, ["nobody-decides-their-own"]);
    let tag = bench.approval(2001, ApprovalAction::Show("2".into())).unwrap().etag;
    let to_helper = DelegateVote { to: "uid:2004".into(), reason: "mine".into() };
    let delegate = ApprovalAction::Delegate { id: "2".into(), request: to_helper, if_match: None };
    bench.approval(2003, delegate).unwrap_err();
    let reject = ApprovalAction::Reject { id: "2".into(), word: word("no need"), if_match: Some(tag) };
    assert_eq!(bench.approval(2001, reject).unwrap().state, "rejected");
    assert_eq!(bench.roles("uid:2003"), ["admin"]);
}

#[test]
fn votes_are_given_away_once_and_requests_are_listed_and_withdrawn() {
    let bench = Bench::new();
    bench.grant(0, "uid:2001", "approver");
    bench.grant(0, "uid:2009", "admin");
    bench.approve(2001, "1", None).unwrap();
    bench.grant(2009, "uid:2005", "approver");
    let delegate = |by: u32, to: &str| {
        let request = DelegateVote { to: to.into(), reason: "away".into() };
        bench.approval(by, ApprovalAction::Delegate { id: "2".into(), request, if_match: None })
    };
    assert!(denied(bench.approve(2006, "2", None)).policies.is_empty(), "not asked yet");
    denied(delegate(2001, "uid:2009"));
    delegate(2001, "uid:2006").unwrap();
    let say = ApprovalAction::Comment { id: "2".into(), word: word("who is this?") };
    bench.approval(2001, say).unwrap();
    let done = bench.approve(2006, "2", None).unwrap();
    assert_eq!((done.state.as_str(), done.history.len()), ("approved", 4));
    assert_eq!(done.history[3].whom.as_deref(), Some("uid:2001"));
    bench.grant(2009, "uid:2007", "admin");
    let withdraw = |uid| {
        let (id, word) = ("3".to_owned(), word(""));
        bench.approval(uid, ApprovalAction::Withdraw { id, word, if_match: None })
    };
    assert_eq!(denied(withdraw(2001)).policies, ["own-request"]);
    assert_eq!(withdraw(2009).unwrap().state, "withdrawn");
    assert!(bench.roles("uid:2007").is_empty());
    let list = |state: &str, cursor: Option<&str>, limit| {
        let query = ApprovalQuery {
            state: Some(state.into()),
            cursor: cursor.map(str::to_owned),
            limit,
            ..ApprovalQuery::default()
        };
        match bench.ask(2001, Action::Approval(ApprovalAction::List(query))).unwrap() {
            Reply::Approval(ApprovalReply::Page(page)) => page,
            other => panic!("{other:?}"),
        }
    };
    assert!(list("pending", None, 0).items.is_empty());
    let first = list("all", None, 2);
    let ids: Vec<&str> = first.items.iter().map(|one| one.id.as_str()).collect();
    assert_eq!((ids, first.next.as_deref()), (vec!["3", "2"], Some("2")));
    assert_eq!(list("all", Some("2"), 2).items[0].id, "1");
    assert!(matches!(
        bench.approval(2001, ApprovalAction::Show("77".into())),
        Err(EngineError::NotFound { .. })
    ));
}

#[test]
fn what_somebody_gave_away_is_worth_nothing_once_they_lost_it() {
    let bench = Bench::new();
    bench.grant(0, "uid:2001", "approver");
    bench.grant(0, "uid:2009", "admin");
    bench.approve(2001, "1", None).unwrap();
    bench.grant(2009, "uid:2002", "approver");
    bench.approve(2001, "2", None).unwrap();
    bench.grant(2009, "uid:2005", "admin");
    let request = DelegateVote { to: "uid:2006".into(), reason: "away".into() };
    let delegate = ApprovalAction::Delegate { id: "3".into(), request, if_match: None };
    bench.approval(2002, delegate).unwrap();
    let Reply::Access(AccessReply::Grants(all)) = bench.ask(0, Action::Access(AccessAction::Grants)).unwrap()
    else {
        panic!("no grants")
    };
    let id = all.into_iter().find(|one| one.to == "uid:2002" && one.role == "approver").unwrap().id;
    bench.ask(0, Action::Access(AccessAction::RevokeGrant { id, reason: "left".into() })).unwrap();
    assert_eq!(denied(bench.approve(2006, "3", None)).policies, ["votes-need-the-role"]);
    assert!(bench.roles("uid:2005").is_empty());
}

#[test]
fn nobody_makes_their_own_voters_after_taking_the_votes_of_others() {
    let mut bench = Bench::new();
    bench.grant(0, "uid:2001", "approver");
    bench.grant(0, "uid:2002", "admin");
    bench.approve(2001, "1", None).unwrap();
    assert_eq!(bench.grant(2002, "uid:2010", "approver"), "waits for approval 2");
    let id = |to: &str| match bench.ask(0, Action::Access(AccessAction::Grants)).unwrap() {
        Reply::Access(AccessReply::Grants(all)) => all.into_iter().find(|one| one.to == to).unwrap().id,
        other => panic!("{other:?}"),
    };
    let (approver, reason) = (id("uid:2001"), "gone".to_owned());
    let revoke = Action::Access(AccessAction::RevokeGrant { id: approver, reason: reason.clone() });
    let all = Action::Access(AccessAction::RevokePrincipal { name: "uid:2001".into(), reason });
    for action in [revoke.clone(), all] {
        let refused = bench.ask(2002, action).unwrap_err().to_string();
        assert!(refused.contains("nobody else could vote"), "{refused}");
    }
    assert_eq!((bench.roles("uid:2001"), bench.log("role.revoked")), (vec!["approver".to_owned()], 0));
    // Root may; then the admin grants the role alone, and that is no vote on what was asked for before.
    bench.ask(0, revoke).unwrap();
    assert_eq!(bench.grant(2002, "uid:2010", "approver"), "fine");
    bench.start();
    assert_eq!(denied(bench.approve(2010, "2", None)).policies, ["grants-of-the-submitter-do-not-count"]);
    let request = DelegateVote { to: "uid:2011".into(), reason: "away".into() };
    let delegate = ApprovalAction::Delegate { id: "2".into(), request, if_match: None };
    denied(bench.approval(2010, delegate));
    assert_eq!(bench.grant(2002, "uid:2003", "admin"), "waits for approval 3");
    assert_eq!(bench.approve(2010, "3", None).unwrap().state, "approved", "asked for after it");
}

#[test]
fn what_nobody_decides_ends() {
    let bench = Bench::new();
    bench.grant(0, "uid:2001", "approver");
    bench.grant(0, "uid:2002", "admin");
    let inner = bench.engine.as_ref().unwrap().inner();
    super::expire(inner, super::control(inner).unwrap(), inner.clock.now_ms() + 169 * 3_600_000).unwrap();
    let one = bench.approval(2001, ApprovalAction::Show("1".into())).unwrap();
    assert_eq!((one.state.as_str(), bench.log("approval.expired")), ("expired", 1));
    assert!(matches!(bench.approve(2001, "1", None), Err(EngineError::Conflict { .. })));
}
