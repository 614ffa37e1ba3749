//! Everything that can be permitted: the actions of the policies.

macro_rules! permissions {
    ($($name:ident $word:literal $about:literal),+ $(,)?) => {
        /// What an action needs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $($name),+
        }

        impl Permission {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// As policies name it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $word),+
                }
            }

            #[must_use]
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$name => $about),+
                }
            }
        }
    };
}

permissions! {
    ReadHealth "read-health" "see that the box lives",
    ReadMetrics "read-metrics" "read the box's metrics",
    Search "search" "find passages",
    Ask "ask" "ask for an answer",
    ReadDocuments "read-documents" "list and read documents",
    Embed "embed" "turn texts into vectors",
    ReadSelf "read-self" "see who one is to the box",
    ReadStatus "read-status" "see what the box does and what it is",
    ReadJobs "read-jobs" "see background jobs",
    ReadModels "read-models" "list models",
    ReadUseCases "read-use-cases" "see what the box may be asked for",
    ReadMode "read-mode" "see the mode and what led to it",
    ReadAlerts "read-alerts" "see alerts, rules and silences",
    ReadEvents "read-events" "follow what happens",
    ReadLogs "read-logs" "read the log",
    ReadTraces "read-traces" "see traces, and failures in groups",
    ReadConfig "read-config" "see settings",
    ReadQueue "read-queue" "see the operation queue",
    ReadPayloads "read-payloads" "read what an operation carries",
    ReadBackups "read-backups" "list backups",
    ReadStore "read-store" "see how the stores are kept",
    ReadAccess "read-access" "see principals, roles and grants",
    ReadDecisions "read-decisions" "see who was denied what",
    ReadPolicies "read-policies" "read, check and test policies",
    ReadAudit "read-audit" "read, prove and verify the audit log",
    ReadIncidents "read-incidents" "see incidents",
    ReadApprovals "read-approvals" "see what waits for votes",
    CheckBox "check-box" "verify every segment and record",
    AddDocuments "add-documents" "add documents",
    RemoveDocuments "remove-documents" "remove documents",
    CreateCollection "create-collection" "make a collection",
    RemoveCollection "remove-collection" "remove a collection",
    Reindex "reindex" "index a collection again",
    CancelJobs "cancel-jobs" "cancel background jobs",
    RepairBox "repair-box" "rebuild what is damaged",
    Evaluate "evaluate" "measure search on a judged collection",
    InspectModels "inspect-models" "look into a model's file",
    ImportModels "import-models" "bring a model in and use it",
    JudgeAnswers "judge-answers" "say what answers a question",
    RegisterModels "register-models" "register a model, and ask for its approval",
    StageModels "stage-models" "make a model's vectors, and measure its gates",
    PromoteModels "promote-models" "let an approved model answer, or hold promotions",
    RollBackModels "roll-back-models" "go back to the model that answered before",
    ArchiveModels "archive-models" "put a model away",
    WriteUseCases "write-use-cases" "write use cases, and ask for their approval",
    DeployUseCases "deploy-use-cases" "deploy approved use cases, deprecate and retire them",
    ForceMode "force-mode" "force a mode, or give it back",
    PostOperations "post-operations" "queue operations for the upstream",
    PauseQueue "pause-queue" "stop deliveries and let them go on",
    EditLetters "edit-letters" "edit and retry dead letters",
    PurgeLetters "purge-letters" "throw dead letters away",
    SilenceAlerts "silence-alerts" "silence alerts, and end silences",
    AcknowledgeAlerts "acknowledge-alerts" "say that an alert was seen",
    PushMetrics "push-metrics" "tell the box what a program measures",
    PushLogs "push-logs" "add a program's lines to the log",
    WriteDashboards "write-dashboards" "change what is shown of metrics, logs and alerts",
    TestProbes "test-probes" "let a probe look now",
    TestNotifications "test-notifications" "send a notice to see whether it arrives",
    OpenIncidents "open-incidents" "tell of an incident",
    HandleIncidents "handle-incidents" "work on incidents: notes, owner, severity, state",
    CloseIncidents "close-incidents" "close incidents with what was learnt, and reopen them",
    MakeBackups "make-backups" "make a backup",
    VerifyBackups "verify-backups" "verify backups and try a restore",
    Compact "compact" "make the stores small",
    Reload "reload" "read the settings again",
    SignAudit "sign-audit" "sign the audit log, and take cosignatures in",
    EraseAudit "erase-audit" "erase texts of the audit log",
    WriteConfig "write-config" "change settings",
    ScheduleBackups "schedule-backups" "schedule backups",
    PruneBackups "prune-backups" "remove old backups",
    RestoreBackups "restore-backups" "restore a backup",
    ManageEncryption "manage-encryption" "encrypt, decrypt, turn keys",
    DiscussApprovals "discuss-approvals" "comment on requests, and withdraw one's own",
    VoteApprovals "vote-approvals" "approve or reject what others submitted",
    GrantRoles "grant-roles" "grant and revoke roles",
    ReviewRoles "review-roles" "confirm grants in a review",
    ManagePrincipals "manage-principals" "add and revoke principals",
    ManageTokens "manage-tokens" "make and revoke tokens",
}

impl Permission {
    /// True for what does most harm where a token falls into the wrong hands.
    #[must_use]
    pub fn is_grave(self) -> bool {
        matches!(
            self,
            Self::RemoveCollection
                | Self::RepairBox
                | Self::ImportModels
                | Self::PromoteModels
                | Self::RollBackModels
                | Self::ArchiveModels
                | Self::DeployUseCases
                | Self::ForceMode
                | Self::PurgeLetters
                | Self::SignAudit
                | Self::EraseAudit
                | Self::WriteConfig
                | Self::ScheduleBackups
                | Self::PruneBackups
                | Self::RestoreBackups
                | Self::ManageEncryption
                | Self::DiscussApprovals
                | Self::VoteApprovals
                | Self::GrantRoles
                | Self::ReviewRoles
                | Self::ManagePrincipals
                | Self::ManageTokens
        )
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|permission| permission.name() == text)
    }
}
