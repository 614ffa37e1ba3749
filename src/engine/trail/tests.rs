use super::*;
use crate::api::types::access::{DecideReview, OpenReview};
use crate::api::types::approval::{ApprovalQuery, ApprovalWord};
use crate::api::types::registry::{CompareModels, ModelReason};
use crate::api::types::use_case::UseCaseReason;
use crate::api::types::{
    AddRequest, AnchorAudit, ApplyConfig, AuditQuery, BackupSchedule, CheckRequest, CommitConfirm,
    CreateCollection, DocumentQuery, EncryptStore, ForceBreaker, ForceMode, LogQuery, ModelPath,
    OperationQuery, PassageQuery, PostOperation, PruneBackups, RemoveRequest, RollbackConfig, RotateStore,
    SearchRequest, SetConfig, VerifyAudit,
};
use crate::engine::{AccessAction, ApprovalAction, BackupWork, ConfigAction, RegistryAction, UseCaseAction};

/// Of reviews each decision has the kind of what it does.
fn reviews() -> Vec<(Action, Option<&'static str>)> {
    let decided = |verdict: &str| {
        let request = DecideReview { verdict: verdict.into(), ..DecideReview::default() };
        Action::Access(AccessAction::DecideReview { id: "x".into(), grant: "x".into(), request })
    };
    vec![
        (Action::Access(AccessAction::Reviews), None),
        (Action::Access(AccessAction::OpenReview(OpenReview::default())), Some("review.opened")),
        (decided("revoke"), Some("role.revoked")),
        (decided("confirm"), Some("role.confirmed")),
    ]
}

/// One of each, and of those that only sometimes change something one of each kind.
fn all() -> Vec<(Action, Option<&'static str>)> {
    let id = || "x".to_owned();
    let set = |dry_run| {
        let request = SetConfig { dry_run, ..SetConfig::default() };
        Action::Config(ConfigAction::Set { key: id(), request, if_match: None })
    };
    let work = |work| Action::BeginBackupWork(work);
    vec![
        (Action::Search(SearchRequest::default()), None),
        (Action::Status, None),
        (Action::Documents(DocumentQuery::default()), None),
        (Action::Passages(PassageQuery::default()), None),
        (Action::Logs(LogQuery::default()), None),
        (Action::Operations(OperationQuery::default()), None),
        (Action::PostOperation(Box::<PostOperation>::default()), None),
        (Action::Check(CheckRequest::default()), None),
        (set(true), None),
        (work(BackupWork::Drill { from: None, id: None }), None),
        (work(BackupWork::Prune(PruneBackups { dry_run: true, ..PruneBackups::default() })), None),
        (Action::Audit(AuditAction::Entries(AuditQuery::default())), None),
        (Action::Audit(AuditAction::Verify(VerifyAudit::default())), None),
        (Action::Audit(AuditAction::Sign), None),
        (Action::CreateCollection(CreateCollection::default()), Some("collection.created")),
        (Action::RemoveCollection { name: id(), reason: id() }, Some("collection.removed")),
        (Action::Reindex(id()), Some("collection.reindexed")),
        (Action::Add(AddRequest::default()), Some("documents.added")),
        (Action::Remove(RemoveRequest::default()), Some("documents.removed")),
        (Action::CancelJob(id()), Some("job.cancelled")),
        (Action::ImportModel(ModelPath::default()), Some("model.imported")),
        (Action::Check(CheckRequest { repair: true, ..CheckRequest::default() }), Some("box.repaired")),
        (Action::ForceMode(ForceMode::default()), Some("mode.forced")),
        (Action::AutoMode, Some("mode.auto")),
        (Action::ForceBreaker(ForceBreaker::default()), Some("breaker.forced")),
        (Action::ReleaseBreaker(id()), Some("breaker.auto")),
        (Action::PauseQueue(Some(id())), Some("queue.paused")),
        (Action::PauseQueue(None), Some("queue.resumed")),
        (Action::RetryOperation(id()), Some("operation.retried")),
        (Action::EditOperation { id: id(), content_type: None, payload: vec![] }, Some("operation.edited")),
        (Action::PurgeOperations { id: None, reason: "old".into() }, Some("operation.purged")),
        (work(BackupWork::Create(None)), Some("backup.created")),
        (work(BackupWork::Prune(PruneBackups::default())), Some("backup.pruned")),
        (
            work(BackupWork::Restore { from: None, id: id(), force: true, key: None, reason: id() }),
            Some("backup.restored"),
        ),
        (work(BackupWork::Verify { from: None, id: None, repair: true }), Some("backup.repaired")),
        (Action::ScheduleBackups(Some(BackupSchedule::default())), Some("backup.scheduled")),
        (Action::ScheduleBackups(None), Some("backup.unscheduled")),
        (Action::Compact, Some("store.compacted")),
        (Action::EncryptStore(EncryptStore::default()), Some("store.encrypted")),
        (Action::RotateStore(RotateStore::default()), Some("store.rotated")),
        (Action::DecryptStore, Some("store.decrypted")),
        (set(false), Some("config.set")),
        (
            Action::Config(ConfigAction::Apply { request: ApplyConfig::default(), if_match: None }),
            Some("config.applied"),
        ),
        (
            Action::Config(ConfigAction::Rollback { request: RollbackConfig::default(), if_match: None }),
            Some("config.rolled_back"),
        ),
        (Action::Config(ConfigAction::Trial(CommitConfirm::default())), Some("config.trial")),
        (Action::Config(ConfigAction::Confirm), Some("config.confirmed")),
        (Action::Reload, Some("config.reloaded")),
        (Action::Audit(AuditAction::Erase { sequence: 0, reason: id() }), Some("audit.erased")),
        (Action::Audit(AuditAction::Anchor(AnchorAudit::default())), Some("audit.anchored")),
    ]
}

/// The same, of what waits for votes and of models.
fn governed() -> Vec<(Action, Option<&'static str>)> {
    let id = || "x".to_owned();
    vec![
        (Action::Approval(ApprovalAction::List(ApprovalQuery::default())), None),
        (
            Action::Approval(ApprovalAction::Approve {
                id: id(),
                word: ApprovalWord::default(),
                if_match: None,
            }),
            Some("approval.approved"),
        ),
        (Action::Registry(RegistryAction::At(0)), None),
        (Action::Registry(RegistryAction::Compare(CompareModels::default())), None),
        (Action::Registry(RegistryAction::Stage(id())), Some("model.staged")),
        (Action::Registry(RegistryAction::RollBack(ModelReason::default())), Some("model.rolled_back")),
        (Action::UseCase(UseCaseAction::List), None),
        (
            Action::UseCase(UseCaseAction::Deploy { name: id(), request: UseCaseReason::default() }),
            Some("use_case.deployed"),
        ),
    ]
}

/// The list of classes is complete because it does not compile otherwise; this says what it must say.
#[test]
fn what_changes_something_is_entered_and_nothing_else_is() {
    for (action, kind) in all().into_iter().chain(reviews()).chain(governed()) {
        assert_eq!(mutation(&action), kind, "{action:?}");
    }
}

#[test]
fn actors_are_ids() {
    assert_eq!(actor_in("uid 1000, pid 77"), ("uid:1000".to_owned(), None));
    assert_eq!(actor_in("grafana, token:1a"), ("grafana".to_owned(), Some("1a")));
    assert_eq!(actor_in("network"), ("network".to_owned(), None));
    assert_eq!(actor_in(""), ("box".to_owned(), None));
}

/// Rules over the log name kinds: one that is missing in the list would be refused there.
#[test]
fn every_kind_of_an_entry_is_in_the_list_of_kinds() {
    let list = crate::asset!("violations/kinds.txt");
    let known: Vec<&str> = list.lines().collect();
    assert!(known.is_sorted_by(|a, b| a < b), "in order, each once");
    for asked in crate::asset!("compliance/spud.toml").lines().filter(|line| line.starts_with("kinds = [")) {
        let mut kinds = asked.split('"').skip(1).step_by(2);
        assert!(kinds.all(|kind| known.contains(&kind)), "what a report counts can be: {asked}");
    }
    let firsts: std::collections::BTreeSet<&str> =
        known.iter().filter_map(|kind| kind.split('.').next()).collect();
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let settings = std::fs::read_to_string(top.join("config/schema.rs")).unwrap();
    let files = ["toml", "json", "pem", "pub", "csv", "sig", "safetensors", "part"];
    let (mut folders, mut found) = (vec![top.join("engine")], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.contains("test") {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for text in source.split('"') {
                let Some((first, last)) = text.split_once('.') else { continue };
                let word =
                    |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                let is_kind = word(first) && word(last) && (name == "class.rs" || firsts.contains(first));
                if is_kind && !files.contains(&last) && !settings.contains(&format!("\"{text}\"")) {
                    assert!(known.contains(&text), "{text} of {name} is not in the list");
                    found += 1;
                }
            }
        }
    }
    assert!(found > 90, "{found}");
    for act in ["opened", "reopened", "recurred", "ceased", "linked", "assigned", "noted", "mitigated"] {
        assert!(known.contains(&format!("incident.{act}").as_str()), "{act}");
    }
}
