//! What somebody wrote is erased from the log and from what it was said of, or from neither.

use crate::api::types::access::{AccessReview, CloseReview, DecideReview, GrantRole, OpenReview};
use crate::api::types::approval::ApprovalWord;
use crate::api::types::incident::{ChangeIncident, OpenIncident};
use crate::api::types::registry::ModelReason;
use crate::api::types::use_case::{UseCaseReason, WriteUseCase};
use crate::api::types::{AuditQuery, ForceMode, RollbackConfig, SetConfig};
use crate::config::History as Settings;
use crate::engine::approvals::tests::Bench;
use crate::engine::{
    AccessAction, AccessReply, Action, ApprovalAction, ApprovalReply, AuditAction, AuditReply, ConfigAction,
    EngineError, IncidentAction, IncidentReply, RegistryAction, RegistryReply, Reply, UseCaseAction,
    UseCaseReply,
};
use crate::governance::registry::{Deed, Move, Promotion, Shelf as Models};
use crate::resilience::History as Modes;

const NAME: &str = "Erika Mustermann was ill";

impl Bench {
    /// Sequences of entries of a kind with those words.
    fn saying(&self, kind: &str) -> Vec<u64> {
        let query =
            AuditQuery { kind: Some(kind.into()), text: Some("Mustermann".into()), ..AuditQuery::default() };
        match self.ask(0, Action::Audit(AuditAction::Entries(query))).unwrap() {
            Reply::Audit(AuditReply::Entries(page)) => {
                page.items.iter().map(|one| one.seq.parse().unwrap()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn erase(&self, kind: &str) -> Result<Reply, EngineError> {
        let sequence = self.saying(kind)[0];
        self.ask(0, Action::Audit(AuditAction::Erase { sequence, reason: "Art. 17".into() }))
    }

    fn revisions(&self) -> Vec<(u64, String, String)> {
        let asked = UseCaseAction::Revisions("pumps".into());
        match self.ask(0, Action::UseCase(asked)).unwrap() {
            Reply::UseCase(UseCaseReply::Revisions(all)) => {
                all.into_iter().map(|one| (one.revision, one.what, one.reason)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    /// Of the newest review.
    fn report(&self) -> String {
        match self.ask(0, Action::Access(AccessAction::ReviewReport("last".into()))).unwrap() {
            Reply::Access(AccessReply::Report(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    fn review(&self, action: AccessAction) -> AccessReview {
        match self.ask(0, Action::Access(action)).unwrap() {
            Reply::Access(AccessReply::Review(one)) => *one,
            other => panic!("{other:?}"),
        }
    }

    fn request(&self) -> String {
        match self.ask(0, Action::Approval(ApprovalAction::Show("1".into()))).unwrap() {
            Reply::Approval(ApprovalReply::One(one)) => format!("{one:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_request_and_its_grant_lose_the_words_once_it_is_decided() {
    let mut bench = Bench::new();
    bench.grant(0, "uid:2001", "approver");
    let request = GrantRole { to: "uid:2003".into(), role: "admin".into(), reason: NAME.into(), ttl_s: None };
    bench.ask(0, Action::Access(AccessAction::Grant(request))).unwrap();
    let word = |text: &str| ApprovalWord { reason: text.into(), ..ApprovalWord::default() };
    let comment = ApprovalAction::Comment { id: "1".into(), word: word(NAME) };
    bench.ask(2001, Action::Approval(comment)).unwrap();
    // What was commented goes at once; why it was asked for stays as long as somebody votes on it.
    bench.erase("approval.commented").unwrap();
    assert_eq!(bench.request().matches("Mustermann").count(), 2, "{}", bench.request());
    assert!(matches!(bench.erase("approval.submitted"), Err(EngineError::Conflict { .. })));
    assert_eq!((bench.saying("approval.submitted").len(), bench.log("audit.erased")), (1, 1));
    bench.approve(2001, "1", None).unwrap();
    assert_eq!(bench.roles("uid:2003"), ["admin"]);
    bench.erase("approval.submitted").unwrap();
    let grants = |bench: &Bench| match bench.ask(0, Action::Access(AccessAction::Grants)).unwrap() {
        Reply::Access(AccessReply::Grants(all)) => format!("{all:?}"),
        other => panic!("{other:?}"),
    };
    bench.start();
    assert!(!bench.request().contains("Mustermann") && bench.request().contains("(erased)"));
    assert!(!grants(&bench).contains("Mustermann") && grants(&bench).contains("shift"), "{}", grants(&bench));
    assert!(matches!(
        bench.ask(0, Action::Audit(AuditAction::Erase { sequence: 0, reason: " ".into() })),
        Err(EngineError::Invalid { .. })
    ));
}

#[test]
fn incidents_and_use_cases_lose_them_too_and_what_others_said_stays() {
    let mut bench = Bench::new();
    bench.grant(0, "uid:2001", "approver");
    let open = OpenIncident { title: "late".into(), kind: "data".into(), ..OpenIncident::default() };
    bench.ask(0, Action::Incident(IncidentAction::Open(open))).unwrap();
    for _ in 0..2 {
        let change = ChangeIncident { note: Some(NAME.into()), ..ChangeIncident::default() };
        bench.ask(0, Action::Incident(IncidentAction::change("1".into(), change))).unwrap();
    }
    let incident =
        |bench: &Bench| match bench.ask(0, Action::Incident(IncidentAction::Show("1".into()))).unwrap() {
            Reply::Incident(IncidentReply::One(one)) => format!("{one:?}"),
            other => panic!("{other:?}"),
        };
    let notes = bench.saying("incident.noted");
    assert_eq!(notes.len(), 2, "{}", incident(&bench));
    bench.erase("incident.noted").unwrap();
    // Each entry is one event.
    assert_eq!(incident(&bench).matches("Mustermann").count(), 1, "{}", incident(&bench));
    let write = WriteUseCase {
        name: "pumps".into(),
        purpose: Some("bolts".into()),
        owner: Some("anna".into()),
        legal_basis: Some("contract".into()),
        ..WriteUseCase::default()
    };
    bench.ask(0, Action::UseCase(UseCaseAction::Create(write))).unwrap();
    let request = UseCaseReason { reason: NAME.into() };
    bench.ask(0, Action::UseCase(UseCaseAction::Submit { name: "pumps".into(), request })).unwrap();
    let use_case =
        |bench: &Bench| match bench.ask(0, Action::UseCase(UseCaseAction::Show("pumps".into()))).unwrap() {
            Reply::UseCase(UseCaseReply::One(one)) => format!("{one:?}"),
            other => panic!("{other:?}"),
        };
    assert!(use_case(&bench).contains("Mustermann"));
    assert!(matches!(bench.erase("approval.submitted"), Err(EngineError::Conflict { .. })));
    bench.approve(2001, "1", None).unwrap();
    let expected = |reason: &str| {
        [(2, "submitted".to_owned(), reason.to_owned()), (1, "created".to_owned(), String::new())]
    };
    assert_eq!(bench.revisions(), expected(NAME));
    assert!(use_case(&bench).contains("Mustermann") && use_case(&bench).contains("etag: \"3\""));
    bench.erase("approval.submitted").unwrap();
    // Now, not after a start only; and what is shown has another tag, though nothing happened to the use case.
    assert!(!use_case(&bench).contains("Mustermann"), "{}", use_case(&bench));
    assert!(use_case(&bench).contains("etag: \"3.1\""), "{}", use_case(&bench));
    assert_eq!(bench.revisions(), expected("(erased)"));
    bench.start();
    assert_eq!(bench.revisions(), expected("(erased)"));
    let purpose = Some("seals".into());
    let request = WriteUseCase { purpose, ..WriteUseCase::default() };
    let edit = |tag: &str| {
        let (name, request, if_match) = ("pumps".into(), request.clone(), Some(tag.into()));
        bench.ask(0, Action::UseCase(UseCaseAction::Edit { name, request, if_match }))
    };
    assert!(matches!(edit("2"), Err(EngineError::Stale { .. })));
    assert!(!matches!(edit("3"), Err(EngineError::Stale { .. })), "its terms are the same");
    assert!(!use_case(&bench).contains("Mustermann"), "{}", use_case(&bench));
    assert!(!bench.request().contains("Mustermann"), "{}", bench.request());
    assert_eq!(incident(&bench).matches("Mustermann").count(), 1);
    let Ok(Reply::Audit(AuditReply::Verdict(verdict))) =
        bench.ask(0, Action::Audit(AuditAction::Verify(Default::default())))
    else {
        panic!("no verdict")
    };
    assert!(verdict.ok && verdict.erased == 2, "{verdict:?}");
}

#[test]
fn reviews_of_roles_lose_them_and_a_report_that_was_closed_says_so() {
    let mut bench = Bench::new();
    bench.grant(0, "uid:2001", "approver");
    let request =
        GrantRole { to: "uid:2002".into(), role: "operator".into(), reason: NAME.into(), ttl_s: None };
    bench.ask(0, Action::Access(AccessAction::Grant(request))).unwrap();
    let open = OpenReview { reason: "quarter".into() };
    bench.ask(0, Action::Access(AccessAction::OpenReview(open))).unwrap();
    assert_eq!(bench.report().matches(NAME).count(), 1, "{}", bench.report());
    bench.erase("role.granted").unwrap();
    assert!(bench.report().contains("| (erased) |") && !bench.report().contains("Mustermann"));
    let decide = |by: u32, grant: &str, reason: &str| {
        let request = DecideReview { verdict: "confirm".into(), reason: reason.into() };
        let (id, grant) = ("open".into(), grant.into());
        bench.ask(by, Action::Access(AccessAction::DecideReview { id, grant, request })).unwrap();
    };
    decide(2001, "2", "Mustermann is back");
    decide(0, "1", "looked at");
    let closed = bench.report();
    assert!(closed.contains("Mustermann is back") && !closed.contains("after it was closed"), "{closed}");
    bench.erase("role.confirmed").unwrap();
    bench.start();
    let text = bench.report();
    assert!(!text.contains("Mustermann") && text.contains("after it was closed: review.closed"), "{text}");
    assert_eq!(text.matches("| (erased) |").count(), 2, "{text}");
    assert!(text.contains("looked at") && text.contains("quarter"), "{text}");
}

#[test]
fn why_a_review_was_opened_and_closed_is_reached() {
    let mut bench = Bench::new();
    bench.grant(0, "uid:2002", "operator");
    bench.review(AccessAction::OpenReview(OpenReview { reason: NAME.into() }));
    assert_eq!(bench.report().matches(NAME).count(), 1, "{}", bench.report());
    bench.erase("review.opened").unwrap();
    assert!(!bench.report().contains("Mustermann"), "{}", bench.report());
    let request = CloseReview { reason: NAME.into(), undecided: vec!["1".into()] };
    let id = "open".into();
    let closed = bench.review(AccessAction::CloseReview { id, request });
    assert_eq!((closed.reason.as_str(), closed.closed_reason.as_deref()), ("(erased)", Some(NAME)));
    bench.erase("review.closed").unwrap();
    bench.start();
    let after = bench.review(AccessAction::Review("last".into()));
    assert_eq!((after.reason.as_str(), after.closed_reason.as_deref()), ("(erased)", Some("(erased)")));
    let text = bench.report();
    assert!(!text.contains("Mustermann") && text.contains("after it was closed"), "{text}");
    assert_eq!(text.matches("(erased)").count(), 2, "{text}");
    assert_ne!(after.sha256, closed.sha256, "the report is another one");
}

#[test]
fn a_hold_that_stands_and_a_promotion_on_its_way_lose_them() {
    let bench = Bench::new();
    let control = bench.inner().config_history().unwrap();
    let before = Models::load(control).unwrap();
    let mut after = before.clone();
    let (sha256, by) = ("ab".repeat(32), "uid:0".to_owned());
    let promotion = Promotion { sha256: sha256.clone(), by: by.clone(), reason: NAME.into(), at_ms: 1 };
    after.pointer.promoting = Some(promotion);
    let moved = Move { at_ms: 1, deed: Deed::Begun, sha256, by, reason: NAME.into(), switched: None };
    control.write(|write| Models::keep(write, &before, &after, &moved)).unwrap();
    let held = |bench: &Bench| match bench.ask(0, Action::Registry(RegistryAction::All)).unwrap() {
        Reply::Registry(RegistryReply::All(all)) => all.held.unwrap(),
        other => panic!("{other:?}"),
    };
    let hold = RegistryAction::Hold(ModelReason { reason: NAME.into() });
    bench.ask(0, Action::Registry(hold)).unwrap();
    assert!(held(&bench).contains(NAME));
    bench.erase("model.held").unwrap();
    assert!(held(&bench).ends_with(": (erased)"), "{}", held(&bench));
    let after = Models::load(control).unwrap().pointer.promoting.unwrap();
    assert_eq!((after.reason.as_str(), after.by.as_str()), ("(erased)", "uid:0"));
    let moves = Models::moves(control, None, u64::MAX, 10).unwrap();
    assert!(moves.iter().all(|(_, one)| one.reason == "(erased)") && moves.len() == 2, "{moves:?}");
}

#[test]
fn settings_and_modes_of_before_lose_them_and_what_is_in_force_does_not() {
    let bench = Bench::new();
    let control = bench.inner().config_history().unwrap();
    let reasons = || -> Vec<String> {
        Settings::newest(control, None, 10).unwrap().into_iter().map(|version| version.reason).collect()
    };
    let set = |value: &str, reason: &str| {
        let request = SetConfig { value: value.into(), reason: reason.into(), ..SetConfig::default() };
        let action = ConfigAction::Set { key: "log.level".into(), request, if_match: None };
        bench.ask(0, Action::Config(action)).unwrap();
    };
    set("warn", NAME);
    set("info", "well again");
    let request = RollbackConfig { version: 2, reason: NAME.into(), ..RollbackConfig::default() };
    bench.ask(0, Action::Config(ConfigAction::Rollback { request, if_match: None })).unwrap();
    let back = format!("back to version 2: {NAME}");
    assert_eq!(reasons(), [back.as_str(), "well again", NAME, "as it was found"]);
    bench.erase("config.set").unwrap();
    assert_eq!(reasons(), ["back to version 2: (erased)", "well again", "(erased)", "as it was found"]);
    // A mode, and a queue that waits.
    let force = ForceMode { mode: "local_queue".into(), reason: NAME.into(), ttl_s: 600 };
    bench.ask(0, Action::ForceMode(force)).unwrap();
    assert!(matches!(bench.erase("mode.forced"), Err(EngineError::Conflict { .. })));
    bench.ask(0, Action::AutoMode).unwrap();
    let modes = || -> Vec<String> {
        Modes::newest(control, None, 10).unwrap().into_iter().map(|(_, change)| change.reason).collect()
    };
    assert!(modes().contains(&NAME.to_owned()), "{:?}", modes());
    bench.erase("mode.forced").unwrap();
    assert!(modes().contains(&"(erased)".to_owned()) && !modes().contains(&NAME.to_owned()), "{:?}", modes());
    bench.ask(0, Action::PauseQueue(Some(NAME.into()))).unwrap();
    assert!(matches!(bench.erase("queue.paused"), Err(EngineError::Conflict { .. })));
    bench.ask(0, Action::PauseQueue(None)).unwrap();
    bench.erase("queue.paused").unwrap();
}
