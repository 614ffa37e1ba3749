//! People, votes, clocks, promotions, and the power going in between: whatever happens in whatever order, nothing is
//! changed without its approvals, nobody approves what is their own, and no entry is missing from the log.
//!
//! The engine runs over a disk in memory that loses and tears what was not synced. `SPUD_CUTS` sets the number of
//! cuts of the large run, `SPUD_SEED` its first seed.

#[allow(dead_code, unreachable_pub, clippy::pedantic)]
#[path = "../../../tests/support/disk.rs"]
mod disk;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use disk::{Board, Dice, Fate};

use crate::api::types::access::GrantRole;
use crate::api::types::approval::{ApprovalWord, DelegateVote};
use crate::api::types::registry::{ModelReason, RegisterModel, SubmitModel};
use crate::api::types::use_case::{UseCaseReason, WriteUseCase};
use crate::audit::{Log, Outcome, verify};
use crate::base::{Clock, SystemClock};
use crate::engine::registry::tests::{WORDS, artifact};
use crate::engine::run::{Inner, Settings};
use crate::engine::{
    AccessAction, Action, ApprovalAction, Caller, Engine, RegistryAction, RegistryReply, Reply,
    UseCaseAction, stand, trail,
};
use crate::governance::access::{Grant, Name, Role};
use crate::governance::approval::{Act, Approval, Change, Filter, Impact, Shelf as Requests, State};
use crate::governance::registry::{Deed, Registry, Shelf as Models};
use crate::governance::use_case::{GENERAL, Shelf as UseCases, State as Stage};
use crate::store::backup::Trust;

/// Root, three who may vote (one of them an operator, too), an operator, an admin, and people who get roles on the way.
const PEOPLE: [u32; 9] = [0, 2001, 2002, 2003, 2004, 2005, 3000, 3001, 3002];
const FIRST: [(u32, &str); 6] = [
    (2001, "approver"),
    (2005, "admin"),
    (2002, "approver"),
    (2003, "approver"),
    (2003, "operator"),
    (2004, "operator"),
];
const HOUR_MS: u64 = 3_600_000;

/// The wall's clock goes where it is put; the other one goes by itself.
struct Time {
    wall_ms: AtomicU64,
    real: SystemClock,
}

impl Clock for Time {
    fn now_ms(&self) -> u64 {
        self.wall_ms.load(Ordering::Relaxed)
    }

    fn monotonic_us(&self) -> u64 {
        self.real.monotonic_us()
    }
}

struct World {
    board: Board,
    dice: Dice,
    time: Arc<Time>,
    data: tempfile::TempDir,
    engine: Option<Engine>,
    /// Entries of a kind that somebody was told of.
    told: BTreeMap<&'static str, u64>,
    models: Vec<PathBuf>,
}

impl World {
    fn new(seed: u64) -> Self {
        let data = tempfile::tempdir().unwrap();
        let models = (0..3usize).map(|at| {
            let path = data.path().join(format!("words-{at}"));
            artifact(&path, &format!("words-{at}"), &WORDS[..=at]);
            path
        });
        let mut world = Self {
            models: models.collect(),
            board: Board::new(seed, 1),
            dice: Dice(seed ^ 0x90e5),
            time: Arc::new(Time { wall_ms: AtomicU64::new(1_800_000_000_000), real: SystemClock::default() }),
            engine: None,
            data,
            told: BTreeMap::new(),
        };
        world.start();
        for (uid, role) in FIRST {
            let (to, role, reason) = (format!("uid:{uid}"), role.into(), "first".into());
            let request = GrantRole { to, role, reason, ttl_s: None };
            world.ask(0, Action::Access(AccessAction::Grant(request))).unwrap();
            // Those that wait have the vote of whoever may vote first.
            for id in world.pending() {
                world.ask(2001, vote(id, true)).unwrap();
            }
        }
        world
    }

    fn start(&mut self) {
        self.engine = None;
        let options = [
            ("modes.latency_target_ms", "600000"),
            ("approval.hours", "24"),
            ("approval.subjects", "purge"),
            ("promotion.unmeasured", "allow"),
        ];
        let options =
            options.map(|(key, value)| ("--set".to_owned(), key.to_owned(), value.to_owned())).into();
        let data_dir = self.data.path().join("box");
        let settings = Settings { data_dir, options, ..Settings::default() };
        let clock: Arc<dyn Clock> = Arc::clone(&self.time) as Arc<dyn Clock>;
        stand::NEXT.set(Some((clock, self.board.disk(0))));
        let engine = Engine::open(settings).unwrap();
        engine.inner().modes.idle.store(true, Ordering::Relaxed);
        self.engine = Some(engine);
    }

    fn inner(&self) -> &Inner {
        self.engine.as_ref().unwrap().inner()
    }

    fn ask(&self, uid: u32, action: Action) -> Result<Reply, crate::engine::EngineError> {
        let (send, receive) = channel();
        let caller = Caller::local(uid, uid, 1, format!("r-{uid}"));
        self.engine.as_ref().unwrap().submit(caller, action, move |result| send.send(result).unwrap());
        receive.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    fn requests(&self) -> Vec<Approval> {
        let control = self.inner().config_history().unwrap();
        Requests::list(control, &Filter::default(), u64::MAX, usize::MAX, 0).unwrap_or_default()
    }

    fn pending(&self) -> Vec<u64> {
        let now_ms = self.time.now_ms();
        self.requests()
            .iter()
            .filter(|one| one.state_at(now_ms) == State::Pending)
            .map(|one| one.id)
            .collect()
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        let at = self.dice.below(all.len() as u64) as usize;
        all.get(at).cloned()
    }

    /// Something that somebody does; what they were told of it is remembered.
    fn step(&mut self) {
        let who = self.pick(&PEOPLE).unwrap();
        let pending = self.pending();
        let request = self.pick(&pending).unwrap_or(1);
        let word = || ApprovalWord { reason: "because".into(), ..ApprovalWord::default() };
        let (kind, action) = match self.dice.below(26) {
            24 | 25 => return self.revoke(),
            0 | 1 => {
                let to = self.pick(&[3000, 3001, 3002, 2001, 2002, 2003]).unwrap();
                let role = self.pick(&["approver", "admin"]).unwrap();
                // Those of the first days get theirs back for good: somebody can always vote.
                let ttl_s = (to >= 3000).then(|| 60 * (1 + self.dice.below(600)));
                let to = format!("uid:{to}");
                let request = GrantRole { to, role: role.into(), reason: "busy".into(), ttl_s };
                let by = self.pick(&[0, 2005, who]).unwrap();
                return drop(self.ask(by, Action::Access(AccessAction::Grant(request))));
            }
            2..=7 => ("approval.approved", vote(request, true)),
            8 => ("approval.rejected", vote(request, false)),
            9 => (
                "approval.commented",
                Action::Approval(ApprovalAction::Comment { id: request.to_string(), word: word() }),
            ),
            10 => {
                let to = format!("uid:{}", self.pick(&PEOPLE).unwrap());
                let (id, request) = (request.to_string(), DelegateVote { to, reason: "away".into() });
                let delegate = ApprovalAction::Delegate { id, request, if_match: None };
                ("approval.delegated", Action::Approval(delegate))
            }
            11 => {
                let (id, if_match) = (request.to_string(), None);
                (
                    "approval.withdrawn",
                    Action::Approval(ApprovalAction::Withdraw { id, word: word(), if_match }),
                )
            }
            12..=15 => return self.use_case(),
            16..=20 => return self.model(),
            21 => return drop(self.ask(2004, Action::PurgeOperations { id: None, reason: "old".into() })),
            _ => {
                let (ms, wall) = (self.dice.below(5 * HOUR_MS), &self.time.wall_ms);
                match self.dice.one_in(6) {
                    true => wall.fetch_sub(ms / 4, Ordering::Relaxed),
                    false => wall.fetch_add(ms, Ordering::Relaxed),
                };
                return;
            }
        };
        self.does(who, kind, action);
    }

    /// Somebody tries to take the role of somebody who votes, never that of the admin who is there for good.
    fn revoke(&mut self) {
        let all = self.inner().access.state().book.grants.clone().into_iter();
        let votes = |grant: &Grant| grant.to != Name::Uid(2005) && grant.role != Role::Operator;
        let all: Vec<_> = all.filter(|(_, grant)| votes(grant)).collect();
        let Some((id, _)) = self.pick(&all) else { return };
        let by = self.pick(&[2005, 2005, 3000, 3001, 3002]).unwrap();
        let revoke = AccessAction::RevokeGrant { id: id.to_string(), reason: "gone".into() };
        self.does(by, "role.revoked", Action::Access(revoke));
    }

    fn does(&mut self, who: u32, kind: &'static str, action: Action) {
        if self.ask(who, action).is_ok() {
            *self.told.entry(kind).or_default() += 1;
        }
    }

    fn use_case(&mut self) {
        let (name, by) = (format!("case-{}", self.dice.below(5)), self.pick(&[2003, 2004]).unwrap());
        let why = || UseCaseReason { reason: "because".into() };
        let write = WriteUseCase {
            name: name.clone(),
            purpose: Some("bolts".into()),
            owner: Some("workshop".into()),
            legal_basis: Some("none".into()),
            impact: self.pick(&["low", "critical"]).map(str::to_owned),
            ..WriteUseCase::default()
        };
        let (kind, action) = match self.dice.below(6) {
            0 | 1 => ("use_case.created", UseCaseAction::Create(write)),
            2 => ("use_case.submitted", UseCaseAction::Submit { name, request: why() }),
            3 | 4 => ("use_case.deployed", UseCaseAction::Deploy { name, request: why() }),
            _ => {
                let request = WriteUseCase { name: String::new(), purpose: Some("nuts".into()), ..write };
                ("use_case.edited", UseCaseAction::Edit { name, request, if_match: None })
            }
        };
        self.does(by, kind, Action::UseCase(action));
    }

    fn model(&mut self) {
        let (at, by) =
            (self.dice.below(self.models.len() as u64) as usize, self.pick(&[2003, 2004]).unwrap());
        let (id, reason) = (format!("words-{at}"), "because".to_owned());
        let (kind, action) = match self.dice.below(7) {
            0 => {
                let path = self.models[at].display().to_string();
                (
                    "model.registered",
                    RegistryAction::Register(RegisterModel { path, ..RegisterModel::default() }),
                )
            }
            1 | 2 => {
                let impact = self.pick(&["low", "critical"]).map(str::to_owned);
                ("model.submitted", RegistryAction::Submit { id, request: SubmitModel { reason, impact } })
            }
            3 | 4 => {
                let promote = RegistryAction::Promote { id, request: ModelReason { reason } };
                if let Ok(Reply::Registry(RegistryReply::Job(job))) = self.ask(by, Action::Registry(promote))
                {
                    *self.told.entry("model.promotion_begun").or_default() += 1;
                    self.wait(job.id.parse().unwrap());
                }
                return;
            }
            5 => ("model.rolled_back", RegistryAction::RollBack(ModelReason { reason })),
            _ => ("model.archived", RegistryAction::Archive { id, request: ModelReason { reason } }),
        };
        self.does(by, kind, Action::Registry(action));
    }

    /// Until a job ended, or the power went.
    fn wait(&self, id: u64) {
        let inner = self.inner();
        let is_over = || {
            let jobs = inner.jobs.list(&inner.library.database()).unwrap_or_default();
            jobs.iter().any(|(known, job)| *known == id && job.state().is_final())
        };
        for _ in 0..6_000 {
            if is_over() || self.board.is_off() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Holds what is kept against the log, and both against the rules.
    fn check(&self) {
        let inner = self.inner();
        let control = inner.config_history().unwrap();
        let log = Log::open(&control.snapshot().unwrap()).unwrap();
        let trust = Trust::of_box(&inner.settings.data_dir);
        assert_eq!(verify(&log, trust.keys(), &|_| true).unwrap().problems, Vec::<String>::new());
        let mut entries: BTreeMap<(String, String), u64> = BTreeMap::new();
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        log.newest(u64::MAX, |_, leaf, _| {
            let refused = leaf.kind == "model.promotion_refused" || leaf.kind == "approval.failed";
            if leaf.outcome == Outcome::Done || refused {
                *entries.entry((leaf.kind.clone(), leaf.subject.1.clone())).or_default() += 1;
                *kinds.entry(leaf.kind.clone()).or_default() += 1;
            }
            Ok(true)
        })
        .unwrap();
        let entered =
            |kind: &str, of: &str| entries.get(&(kind.to_owned(), of.to_owned())).copied().unwrap_or(0);
        for (kind, told) in &self.told {
            let known = kinds.get(*kind).copied().unwrap_or(0);
            assert!(known >= *told, "{told} times somebody was told of {kind}, and the log has {known}");
        }
        let requests = self.requests();
        for one in &requests {
            honest(one);
            let id = one.id.to_string();
            for act in [
                Act::Submitted,
                Act::Approved,
                Act::Rejected,
                Act::Commented,
                Act::Delegated,
                Act::Withdrawn,
                Act::CarriedOut,
                Act::Failed,
            ] {
                let happened = one.events.iter().filter(|event| event.act == act).count() as u64;
                let kind = format!("approval.{}", act.name().replace(' ', "_"));
                assert_eq!(entered(&kind, &id), happened, "{kind} of {one:?}");
            }
        }
        let approved =
            |id: Option<u64>| requests.iter().any(|one| Some(one.id) == id && one.state == State::Approved);
        let first = |to: &str, role: Role| {
            FIRST.iter().any(|(uid, name)| to == format!("uid:{uid}") && *name == role.name())
        };
        for grant in inner.access.state().book.grants.values() {
            let to = grant.to.to_string();
            let of = |one: &&Approval| matches!(&one.change, Change::Grant { to: whom, role, .. } if *whom == to && *role == grant.role.number());
            let voted = requests.iter().filter(of).any(|one| one.state == State::Approved);
            assert!(voted || first(&to, grant.role), "{grant:?} without votes");
        }
        self.check_use_cases(approved, entered);
        let registry = Models::load(control).unwrap();
        let answers = |sha256: &str| {
            registry.versions.get(sha256).is_none_or(|one| one.by == trail::BOX || approved(one.approval))
        };
        assert!(registry.versions.values().all(|one| one.approved_ms.is_none() || approved(one.approval)));
        assert!(
            registry.pointer.production.as_deref().is_none_or(answers),
            "{registry:?} answers without votes"
        );
        self.check_moves(&registry, entered);
        let purges = requests.iter().filter(|one| one.subject.kind == "operation");
        let voted = purges.filter(|one| one.state == State::Approved).count() as u64;
        let done = kinds.get("operation.purged").copied().unwrap_or(0);
        assert!(done == 0 || voted > 0, "{done} times something was thrown away without votes");
    }

    /// None is deployed without its votes, and everything that happened has its entry.
    fn check_use_cases(&self, approved: impl Fn(Option<u64>) -> bool, entered: impl Fn(&str, &str) -> u64) {
        let control = self.inner().config_history().unwrap();
        for one in UseCases::load(control).unwrap().values().filter(|one| one.name != GENERAL) {
            let open = matches!(one.state, Stage::Draft | Stage::Submitted | Stage::Retired);
            assert!(open || approved(one.approval), "{one:?} without votes");
            for event in &one.events {
                let same = one.events.iter().filter(|other| other.deed == event.deed).count() as u64;
                assert_eq!(entered(&format!("use_case.{}", event.deed.name()), &one.name), same, "{one:?}");
            }
        }
    }

    /// Everything that happened to a model has its entry, and no entry is of what did not happen.
    fn check_moves(&self, registry: &Registry, entered: impl Fn(&str, &str) -> u64) {
        let moves =
            Models::moves(self.inner().config_history().unwrap(), None, u64::MAX, usize::MAX).unwrap();
        for sha256 in registry.versions.keys() {
            for (deed, kind) in [
                (Deed::Registered, "model.registered"),
                (Deed::Submitted, "model.submitted"),
                (Deed::Approved, "model.approved"),
                (Deed::Begun, "model.promotion_begun"),
                (Deed::Promoted, "model.promoted"),
                (Deed::Refused, "model.promotion_refused"),
                (Deed::RolledBack, "model.rolled_back"),
                (Deed::Archived, "model.archived"),
            ] {
                let is = |one: &&(u64, crate::governance::registry::Move)| {
                    one.1.deed == deed
                        && one.1.sha256 == *sha256
                        && !(deed == Deed::Registered && one.1.by == trail::BOX)
                };
                let happened = moves.iter().filter(is).count() as u64;
                assert_eq!(entered(kind, sha256), happened, "{kind} {sha256}: {moves:?}");
            }
        }
    }

    /// Goes on until the power goes, and looks at what is there when it is back.
    fn until_cut(&mut self) {
        self.engine = None;
        self.board.on();
        self.board.arm(Fate::Cut, 20 + self.dice.below(400));
        self.start();
        for _ in 0..400 {
            if self.board.is_off() {
                break;
            }
            self.step();
        }
        self.engine = None;
        self.board.on();
        self.start();
        assert!(!self.board.is_off());
        // What has its votes is carried out by the start, and a promotion that was under way goes on; then everything
        // must be as it is entered.
        let inner = self.inner();
        let is_quiet = || {
            let due = Requests::due(inner.config_history().unwrap()).unwrap();
            let jobs = inner.jobs.list(&inner.library.database()).unwrap();
            due.is_empty() && jobs.iter().all(|(_, job)| job.state().is_final())
        };
        for _ in 0..6_000 {
            if is_quiet() {
                return self.check();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("what is due is not done");
    }
}

fn vote(id: u64, approve: bool) -> Action {
    let (id, word) = (id.to_string(), ApprovalWord { reason: "seen".into(), ..ApprovalWord::default() });
    Action::Approval(match approve {
        true => ApprovalAction::Approve { id, word, if_match: None },
        false => ApprovalAction::Reject { id, word, if_match: None },
    })
}

/// Nobody votes on what is their own, nobody twice, root never; what is approved has the votes that it needs.
fn honest(one: &Approval) {
    let votes = || one.events.iter().filter(|event| matches!(event.act, Act::Approved | Act::Rejected));
    let mut seen: Vec<&str> = Vec::new();
    for name in votes().flat_map(|event| [Some(event.by.as_str()), event.whom.as_deref()]).flatten() {
        assert!(name != one.by && name != "uid:0" && !seen.contains(&name), "{name} in {one:?}");
        seen.push(name);
    }
    let needed = if one.impact == Impact::Critical { 2 } else { 1 };
    let enough = one.approvals() >= one.votes && one.votes >= needed;
    assert!(one.state != State::Approved || enough, "{one:?} has too few votes");
}

fn live(seed: u64, cuts: u64) -> BTreeMap<&'static str, u64> {
    let mut world = World::new(seed);
    for cut in 0..cuts {
        println!("seed {seed}, cut {cut}");
        world.until_cut();
    }
    world.told
}

fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn nothing_changes_without_its_votes_and_its_entry_whenever_the_power_goes() {
    let mut told = BTreeMap::new();
    for seed in 1..=2 {
        for (kind, times) in live(seed, 6) {
            *told.entry(kind).or_insert(0) += times;
        }
    }
    // A run in which nobody gets anything done would prove nothing.
    for kind in ["approval.approved", "use_case.created", "model.registered"] {
        assert!(told.contains_key(kind), "{kind}: {told:?}");
    }
}

/// Run by hand: `SPUD_CUTS=2000 cargo test --lib power_tests -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes"]
fn the_same_for_a_long_time() {
    const CUTS_OF_A_LIFE: u64 = 20;
    let (cuts, seed) = (from_environment("SPUD_CUTS", 1_000), from_environment("SPUD_SEED", 100));
    let mut told: BTreeMap<&str, u64> = BTreeMap::new();
    for life in 0..cuts.div_ceil(CUTS_OF_A_LIFE) {
        for (kind, times) in live(seed + life, CUTS_OF_A_LIFE) {
            *told.entry(kind).or_default() += times;
        }
    }
    println!("{told:?}");
    assert!(told.contains_key("model.promotion_begun") && told.contains_key("use_case.deployed"), "{told:?}");
}
