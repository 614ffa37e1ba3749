//! The door from inside: others than the owner, groups, time, site policies, what is kept of a denial.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::*;
use crate::api::types::access::GrantRole;
use crate::api::types::registry::{JudgeAnswers, Judgement};
use crate::api::types::{CreateCollection, SearchRequest};
use crate::engine::{AccessAction, AccessReply, Engine, RegistryAction, RegistryReply};

/// A user who owns nothing here.
const STRANGER: u32 = 54_321;

struct Bench {
    engine: Option<Engine>,
    data: tempfile::TempDir,
    config: tempfile::TempDir,
}

fn settings(data: &Path, config: &Path) -> Settings {
    let config_folders: Vec<PathBuf> = vec![config.to_owned()];
    Settings { data_dir: data.to_owned(), config_folders, ..Settings::default() }
}

impl Bench {
    fn new(policies: &str) -> Self {
        let (data, config) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut bench = Self { engine: None, data, config };
        bench.site(policies);
        bench.start().unwrap();
        bench
    }

    fn site(&self, policies: &str) {
        let folder = self.config.path().join("policies");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("site.cedar"), policies).unwrap();
    }

    fn start(&mut self) -> Result<(), EngineError> {
        self.engine = None;
        let engine = Engine::open(settings(self.data.path(), self.config.path()))?;
        // What the machine is short of must not matter here.
        engine.inner().modes.idle.store(true, std::sync::atomic::Ordering::Relaxed);
        self.engine = Some(engine);
        Ok(())
    }

    fn inner(&self) -> &Inner {
        self.engine.as_ref().unwrap().inner()
    }

    fn ask(&self, caller: Caller, action: Action) -> Result<Reply, EngineError> {
        let (send, receive) = channel();
        self.engine.as_ref().unwrap().submit(caller, action, move |result| send.send(result).unwrap());
        receive.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    fn stranger(&self, action: Action) -> Result<Reply, EngineError> {
        self.ask(Caller::local(STRANGER, STRANGER, 1, "r-1".into()), action)
    }

    fn root(&self, action: Action) -> Result<Reply, EngineError> {
        self.ask(Caller::local(0, 0, 1, "r-0".into()), action)
    }

    fn grant(&self, to: &str, role: &str, ttl_s: Option<u64>) -> Result<Reply, EngineError> {
        let request = GrantRole { to: to.into(), role: role.into(), reason: "shift".into(), ttl_s };
        self.root(Action::Access(AccessAction::Grant(request)))
    }
}

fn question() -> SearchRequest {
    SearchRequest { q: "how do I add a folder of manuals".into(), ..SearchRequest::default() }
}

fn collection(name: &str) -> Action {
    Action::CreateCollection(CreateCollection { name: name.into(), ..CreateCollection::default() })
}

fn denied(result: Result<Reply, EngineError>) -> crate::api::types::Problem {
    match result {
        Err(EngineError::Denied(problem)) => *problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn others_ask_and_change_nothing_until_they_are_granted_more() {
    let mut bench = Bench::new("");
    bench.stranger(Action::Ask(question())).unwrap();
    bench.stranger(Action::Status).unwrap();
    let problem = denied(bench.stranger(collection("mine")));
    assert_eq!(problem.permission.as_deref(), Some("create-collection"));
    assert!(problem.policies.is_empty() && problem.digest.as_ref().unwrap().len() == 64);
    assert!(problem.detail.contains("uid:54321 may not make a collection"), "{}", problem.detail);
    let advice = problem.advice.unwrap();
    assert!(advice.contains("spud role grant uid:54321 operator"), "{advice}");
    let hears = |result: Result<Reply, EngineError>| {
        matches!(result, Ok(Reply::Listening(Heard { logs: true, config: true, queue: true })))
    };
    assert!(hears(bench.root(Action::Listen)) && !hears(bench.stranger(Action::Listen)));
    // Nobody helps themselves.
    denied(bench.stranger(Action::Access(AccessAction::Grant(GrantRole::default()))));
    bench.grant("uid:54321", "operator", None).unwrap();
    bench.stranger(collection("mine")).unwrap();
    // It is kept, and so is the denial.
    bench.start().unwrap();
    bench.stranger(collection("mine-too")).unwrap();
    let Ok(Reply::Access(AccessReply::Decisions(all))) = bench.root(Action::Access(AccessAction::Decisions))
    else {
        panic!("no decisions")
    };
    let why = all.iter().find(|one| one.permission == "create-collection" && !one.allowed).unwrap();
    assert!(why.request == "r-1" && why.needs.contains("operator"), "{why:?}");
    // Whoever was denied something may ask why, and only that.
    let asked = |id: &str| Action::Access(AccessAction::Decision(id.into()));
    assert!(bench.stranger(asked("r-1")).is_ok() && bench.root(asked("r-1")).is_ok());
    let other = Caller::local(STRANGER + 1, STRANGER, 1, "r-2".into());
    assert!(matches!(bench.ask(other, asked("r-1")), Err(EngineError::NotFound { .. })));
    let Ok(Reply::Access(AccessReply::Grants(grants))) = bench.root(Action::Access(AccessAction::Grants))
    else {
        panic!("no grants")
    };
    let grant = grants.iter().find(|grant| grant.to == "uid:54321").unwrap();
    assert!(grant.used_ms.is_some() && grant.reason == "shift" && grant.by == "uid:0", "{grant:?}");
    let id = grant.id.clone();
    bench.root(Action::Access(AccessAction::RevokeGrant { id, reason: String::new() })).unwrap();
    denied(bench.stranger(collection("mine-again")));
}

#[test]
fn groups_and_time_count() {
    let bench = Bench::new("");
    bench.grant("gid:777", "operator", Some(3600)).unwrap();
    denied(bench.stranger(collection("a")));
    let mut member = Caller::local(STRANGER, STRANGER, 1, "m".into());
    member.groups = Arc::from([STRANGER, 777]);
    bench.ask(member.clone(), collection("a")).unwrap();
    // The hour is over.
    let now_ms = bench.inner().clock.now_ms();
    {
        let mut state = bench.inner().access.state();
        state.book.grants.values_mut().for_each(|grant| grant.until_ms = Some(now_ms));
        state.forget();
    }
    denied(bench.ask(member, collection("b")));
    let refused = bench.grant("uid:0", "approver", None);
    assert_eq!(denied(refused).policies, ["root-never-approves"]);
    for (to, role, reason) in [("uid:9", "boss", "x"), ("Nobody!", "admin", "x"), ("uid:9", "admin", " ")] {
        let request = GrantRole { to: to.into(), role: role.into(), reason: reason.into(), ttl_s: None };
        let refused = bench.root(Action::Access(AccessAction::Grant(request)));
        assert!(matches!(refused, Err(EngineError::Invalid { .. })), "{refused:?}");
    }
}

#[test]
fn a_site_forbids_a_collection_and_questions_go_around_it() {
    let bench = Bench::new(
        r#"@id("board-only") @advice("ask the board")
           forbid (principal, action in Action::"asking", resource is Collection)
           when { resource.namespace == "board" && !(principal in Role::"admin") };"#,
    );
    bench.root(collection("board.minutes")).unwrap();
    bench.root(collection("open")).unwrap();
    let mut search = question();
    bench.stranger(Action::Search(search.clone())).unwrap();
    search.collections = vec!["board.minutes".into()];
    let problem = denied(bench.stranger(Action::Search(search.clone())));
    assert_eq!(problem.policies, ["board-only"]);
    assert!(problem.advice.unwrap().contains("ask the board"));
    bench.root(Action::Search(search)).unwrap();
    let names = |result: Result<Reply, EngineError>| match result {
        Ok(Reply::Collections(all)) => all.into_iter().map(|one| one.name).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert!(names(bench.root(Action::Collections)).contains(&"board.minutes".to_owned()));
    let seen = names(bench.stranger(Action::Collections));
    assert!(seen.contains(&"open".to_owned()) && !seen.contains(&"board.minutes".to_owned()), "{seen:?}");
    // A question to all is asked of those that may be read.
    let caller = Caller::local(STRANGER, STRANGER, 1, "r".into());
    let Ok(Action::Search(narrowed)) = enter(bench.inner(), &caller, Action::Search(question())) else {
        panic!("no search")
    };
    assert!(!narrowed.collections.contains(&"board.minutes".to_owned()) && !narrowed.collections.is_empty());
    // What was judged of it is told to those who may read it.
    let items = ["board.minutes", "open"].map(|name| Judgement {
        collection: name.into(),
        question: "who pays?".into(),
        file: "a.md".into(),
        relevance: 1,
        ..Judgement::default()
    });
    let registry = |action| Action::Registry(action);
    bench.root(registry(RegistryAction::Judge(JudgeAnswers { items: items.into() }))).unwrap();
    bench.grant("uid:54321", "operator", None).unwrap();
    let judged = |result: Result<Reply, EngineError>| match result {
        Ok(Reply::Registry(RegistryReply::Judged(page))) => {
            page.items.into_iter().map(|one| (one.id, one.collection)).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let all = judged(bench.root(registry(RegistryAction::Judged(None))));
    assert_eq!(all.len(), 2);
    let (secret, open) = (all[0].clone(), all[1].clone());
    assert_eq!(judged(bench.stranger(registry(RegistryAction::Judged(None)))), [open]);
    let named = RegistryAction::Judged(Some("board.minutes".into()));
    assert!(judged(bench.stranger(registry(named))).is_empty());
    let forget = || registry(RegistryAction::ForgetJudged(secret.0.clone()));
    let refused = bench.stranger(forget());
    assert!(matches!(refused, Err(EngineError::NotFound { .. })), "{refused:?}");
    bench.root(forget()).unwrap();
}

#[test]
fn wrong_policies_are_refused_and_the_old_ones_go_on() {
    let forbid = r#"@id("no-search") forbid (principal, action == Action::"search", resource);"#;
    let mut bench = Bench::new(forbid);
    let problem = denied(bench.root(Action::Search(question())));
    assert_eq!(problem.policies, ["no-search"]);
    let digest = problem.digest;
    bench.site("forbid (principal, action == Action::\"serach\", resource);");
    bench.root(Action::Reload).unwrap();
    assert_eq!(denied(bench.root(Action::Search(question()))).digest, digest);
    let problems = bench.inner().access.state().problems.clone();
    assert!(problems[0].what.contains("did you mean 'search'"), "{problems:?}");
    // A restart forgets no forbid either.
    bench.start().unwrap();
    assert_eq!(denied(bench.root(Action::Search(question()))).policies, ["no-search"]);
    bench.site("");
    bench.root(Action::Reload).unwrap();
    bench.root(Action::Search(question())).unwrap();
}

#[test]
fn changed_policies_wait_for_votes_and_what_was_voted_on_holds() {
    use crate::api::types::access::{CheckPolicies, PolicyFile, TakePolicies};
    use crate::api::types::approval::{Approval, ApprovalWord};
    use crate::engine::{ApprovalAction, ApprovalReply};

    const ANNA: u32 = 2001;
    let forbid = r#"@id("no-search") forbid (principal, action == Action::"search", resource);"#;
    let mut bench = Bench::new("");
    bench.grant("uid:2001", "approver", None).unwrap();
    let toml = bench.config.path().join("spud.toml");
    std::fs::write(&toml, "[approval]\nsubjects = [\"policies\"]\n").unwrap();
    let take = |digest: Option<&str>| {
        let request = TakePolicies { reason: "winter".into(), digest: digest.map(str::to_owned) };
        Action::Access(AccessAction::TakePolicies(request))
    };
    bench.start().unwrap();
    let may = |bench: &Bench| bench.root(Action::Search(question())).is_ok();
    let anna = |bench: &Bench, action: ApprovalAction| match bench
        .ask(Caller::local(ANNA, ANNA, 1, "r-3".into()), Action::Approval(action))
    {
        Ok(Reply::Approval(ApprovalReply::One(one))) => Ok(*one),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    let approve = |bench: &Bench, id: u64| -> Result<Approval, EngineError> {
        let word = ApprovalWord { reason: "seen".into(), ..ApprovalWord::default() };
        anna(bench, ApprovalAction::Approve { id: id.to_string(), word, if_match: None })
    };
    let asked = |bench: &Bench| match bench.root(take(None)) {
        Err(EngineError::Waits { id, .. }) => id,
        other => panic!("{other:?}"),
    };
    // Neither a look at the files nor a start takes them, and both say what is missing.
    bench.site(forbid);
    bench.root(Action::Reload).unwrap();
    assert!(may(&bench));
    bench.start().unwrap();
    assert!(may(&bench));
    let problems = bench.inner().access.state().problems.clone();
    assert!(problems[0].what.contains("spud policy reload"), "{problems:?}");
    assert!(!problems[0].to_string().contains(":1:1"), "nothing is wrong at a place: {problems:?}");
    let id = asked(&bench);
    assert_eq!(asked(&bench), id, "the same again is the same request");
    let shown = anna(&bench, ApprovalAction::Show(id.to_string())).unwrap();
    assert!(shown.kind == "policies" && shown.diff.contains("+ policy no-search"), "{shown:?}");
    // What is checked from anywhere, what is voted on and what holds then have one digest.
    let file = PolicyFile { name: "/elsewhere/site.cedar".into(), text: forbid.into() };
    let check = CheckPolicies { files: vec![file] };
    let checked = match bench.root(Action::Access(AccessAction::CheckPolicies(check))).unwrap() {
        Reply::Access(AccessReply::Check(check)) => check.digest,
        other => panic!("{other:?}"),
    };
    assert_eq!(checked.as_ref(), Some(&shown.digest));
    assert!(may(&bench));
    assert_eq!(approve(&bench, id).unwrap().history.last().unwrap().act, "carried out");
    assert!(!may(&bench) && bench.inner().access.state().problems.is_empty());
    assert_eq!(checked.as_deref(), Some(bench.inner().access.state().set.digest()));
    bench.start().unwrap();
    assert!(!may(&bench));
    // What was voted on is not what lies there now: nothing is taken.
    bench.site("");
    let id = asked(&bench);
    bench.site(r#"permit (principal, action, resource);"#);
    assert_eq!(approve(&bench, id).unwrap().history.last().unwrap().act, "failed");
    assert!(!may(&bench));
    // A wrong file is told, and asks for nothing.
    bench.site("permit (principal");
    bench.root(take(None)).unwrap();
    assert!(!bench.inner().access.state().problems.is_empty() && !may(&bench));
    // The way out for root: the setting goes from the file, and the files hold.
    bench.site("");
    std::fs::write(&toml, "").unwrap();
    bench.root(Action::Reload).unwrap();
    assert!(may(&bench));
}

#[test]
fn a_box_that_never_had_valid_policies_does_not_start_with_wrong_ones() {
    let mut bench = Bench::new("");
    bench.engine = None;
    let mut fresh = Bench { engine: None, data: tempfile::tempdir().unwrap(), config: bench.config };
    fresh.site("permit (principal, action, resource) when { principal.aeg > 3 };");
    match fresh.start() {
        Err(EngineError::Invalid { what, .. }) => {
            assert!(what.contains("site.cedar:1:45: User has no attribute"), "{what}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn denials_do_not_wear_the_card_out() {
    let bench = Bench::new("");
    for _ in 0..50 {
        denied(bench.stranger(collection("mine")));
    }
    assert_eq!(Shelf::decisions(bench.inner().config_history().unwrap()).unwrap().len(), 1);
    for n in 0..2 * DENIALS_AN_HOUR {
        denied(bench.stranger(collection(&format!("c{n}"))));
    }
    let kept = Shelf::decisions(bench.inner().config_history().unwrap()).unwrap().len();
    assert_eq!(kept, DENIALS_AN_HOUR);
}

/// A token that is good for all that its owner may, and what it is asked with.
fn with_token(bench: &Bench, action: Action, token: &str, code: Option<&str>) -> Result<Reply, EngineError> {
    let origin = Origin::Bearer(crate::engine::Shown::new(token).with_code(code));
    bench.ask(Caller { origin, ..Caller::local(65_534, 65_534, 0, "r-2".into()) }, action)
}

#[test]
fn a_token_with_a_second_factor_needs_a_code_for_what_does_harm() {
    use crate::api::types::access::{AddPrincipal, CreateToken};
    let mut bench = Bench::new("");
    let access = |action| Action::Access(action);
    let add = AddPrincipal { name: "robot".into(), about: String::new() };
    bench.root(access(AccessAction::AddPrincipal(add))).unwrap();
    bench.grant("robot", "admin", None).unwrap();
    let request = CreateToken { scopes: vec!["*".into()], ttl_s: 600 };
    let made = bench.root(access(AccessAction::CreateToken { name: "robot".into(), request }));
    let Ok(Reply::Access(AccessReply::Token(made))) = made else { panic!("no token") };
    let force = || Action::PurgeOperations { id: None, reason: "old".into() };
    with_token(&bench, force(), &made.secret, None).unwrap();
    let enrol = || access(AccessAction::EnrolTotp { name: "robot".into() });
    let Ok(Reply::Access(AccessReply::Totp(totp))) = bench.root(enrol()) else { panic!("no secret") };
    assert!(totp.uri.contains(&totp.secret) && totp.secret.len() == 32, "{totp:?}");
    denied(with_token(&bench, enrol(), &made.secret, None));
    let uid = bench.root(access(AccessAction::EnrolTotp { name: "uid:7".into() }));
    assert!(matches!(uid, Err(EngineError::Invalid { .. })), "{uid:?}");
    let now = || {
        let inner = bench.inner();
        inner.access.state().book.totp["robot"].shown(inner.clock.now_ms())
    };
    // Looking takes no code; acting does, and each code counts once, over a restart, too.
    with_token(&bench, Action::Status, &made.secret, None).unwrap();
    let told = denied(with_token(&bench, force(), &made.secret, None));
    assert!(told.policies == ["second-factor"] && told.advice.unwrap().contains("Spud-Otp"));
    let code = now();
    with_token(&bench, force(), &made.secret, Some(&code)).unwrap();
    bench.start().unwrap();
    assert_eq!(denied(with_token(&bench, force(), &made.secret, Some(&code))).policies, ["second-factor"]);
    for _ in 0..4 {
        denied(with_token(&bench, force(), &made.secret, Some("000000")));
    }
    let locked = denied(with_token(&bench, force(), &made.secret, Some("111111")));
    assert!(locked.detail.contains("too many wrong codes"), "{locked:?}");
    let remove = AccessAction::RemoveTotp { name: "robot".into(), reason: "new phone".into() };
    bench.root(access(remove)).unwrap();
    with_token(&bench, force(), &made.secret, None).unwrap();
}

#[test]
fn what_a_token_did_is_entered_under_the_name_of_its_owner() {
    use crate::api::types::access::{AddPrincipal, CreateToken};
    use crate::api::types::{AuditQuery, ForceMode};
    use crate::engine::{AuditAction, AuditReply};
    let bench = Bench::new("");
    let access = |action| Action::Access(action);
    let add = AddPrincipal { name: "svc".into(), about: String::new() };
    bench.root(access(AccessAction::AddPrincipal(add))).unwrap();
    bench.grant("svc", "admin", None).unwrap();
    let request = CreateToken { scopes: vec!["*".into()], ttl_s: 600 };
    let made = bench.root(access(AccessAction::CreateToken { name: "svc".into(), request }));
    let Ok(Reply::Access(AccessReply::Token(made))) = made else { panic!("no token") };
    let force = ForceMode { mode: "reduced".into(), reason: "a test".into(), ttl_s: 60 };
    with_token(&bench, Action::ForceMode(force), &made.secret, None).unwrap();
    with_token(&bench, Action::PauseQueue(Some("a test".into())), &made.secret, None).unwrap();
    let query = AuditQuery { actor: Some("svc".into()), ..AuditQuery::default() };
    let entries = match bench.root(Action::Audit(AuditAction::Entries(query))).unwrap() {
        Reply::Audit(AuditReply::Entries(page)) => page.items,
        other => panic!("{other:?}"),
    };
    for kind in ["mode.forced", "queue.paused"] {
        let entry =
            entries.iter().find(|entry| entry.kind == kind).unwrap_or_else(|| panic!("{kind}: {entries:?}"));
        let token = entry.texts.iter().find(|text| text.name == "token").unwrap();
        assert_eq!(
            (entry.actor.as_str(), token.text.as_deref()),
            ("svc", Some(made.token.id.as_str())),
            "{entry:?}"
        );
    }
}

#[test]
fn decisions_have_their_own_time_and_what_is_not_there_says_where_to_look() {
    let bench = Bench::new("");
    for _ in 0..2 {
        bench.root(Action::PurgeOperations { id: None, reason: "old".into() }).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let Ok(Reply::Access(AccessReply::Decisions(all))) = bench.root(Action::Access(AccessAction::Decisions))
    else {
        panic!("no decisions")
    };
    let times: Vec<u64> = all
        .iter()
        .filter(|one| one.permission.contains("letters") || one.permission.contains("purge"))
        .map(|one| one.at_ms)
        .collect();
    assert!(times.len() == 2 && times[0] > times[1], "{all:?}");
    let revoke = AccessAction::RevokeSession { id: "1-1".into(), reason: "x".into() };
    match bench.root(Action::Access(revoke)) {
        Err(EngineError::NotFound { advice, .. }) => {
            assert!(advice.contains("spud session list"), "{advice}")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn everybody_sees_their_own_sessions_and_who_may_sees_all() {
    use crate::engine::sessions::Seat;
    let bench = Bench::new("");
    let inner = bench.inner();
    let seats: Vec<Seat> = [0, 4242, 4243]
        .map(|uid| {
            let seat = Seat::take(&inner.sessions, &inner.clock, Box::new(|| {}));
            seat.asked(&Caller::local(uid, uid, 7, "r".into()));
            seat
        })
        .into();
    let seen = |uid: u32| match bench
        .ask(Caller::local(uid, uid, 7, "r".into()), Action::Access(AccessAction::Sessions))
    {
        Ok(Reply::Access(AccessReply::Sessions(all))) => {
            all.into_iter().map(|one| one.principal).collect::<Vec<String>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!((seen(0).len(), seen(4242)), (3, vec!["uid:4242".to_owned()]));
    drop(seats);
}
