//! Who may do what: principals, roles, grants, tokens, policies, decisions.

use serde::{Deserialize, Serialize};

/// Who the asker is to this box.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WhoAmI {
    /// `uid:1000`, a name with tokens, or `network`.
    pub principal: String,
    /// Name of the user in `/etc/passwd`, where there is one.
    pub login: Option<String>,
    pub groups: Vec<u32>,
    /// `socket`, `token` or `network`.
    pub via: String,
    pub roles: Vec<String>,
    /// What is allowed on the box itself, here and now.
    pub permissions: Vec<String>,
    /// Of a token: what it is good for.
    pub scopes: Option<Vec<String>>,
    /// Emergency passes that are good now.
    pub passes: Vec<AccessPass>,
    /// Of the policies that say so.
    pub digest: String,
}

/// Somebody, with roles and tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Principal {
    pub id: String,
    pub login: Option<String>,
    pub about: String,
    /// `local`, `group`, `token` or `network`.
    pub kind: String,
    pub roles: Vec<String>,
    pub tokens: Vec<AccessToken>,
    /// SSH keys that were enrolled for it.
    pub keys: Vec<AccessKey>,
    /// Emergency passes that are good now.
    pub passes: Vec<AccessPass>,
    /// With a token it needs a code of an authenticator app for what does most harm.
    pub totp: bool,
    pub by: String,
    pub at_ms: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddPrincipal {
    /// Small letters, digits, `-`, `_`, `.`
    pub name: String,
    pub about: String,
}

/// An emergency pass: one permission for a short time, whatever the policies say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessPass {
    /// Number of the request that was agreed to.
    pub approval: String,
    pub permission: String,
    /// Who agreed.
    pub by: String,
    pub at_ms: u64,
    pub until_ms: u64,
}

impl AccessPass {
    /// In one line; `time` is how times are written.
    #[must_use]
    pub fn said(&self, time: fn(u64) -> String) -> String {
        let until = time(self.until_ms);
        format!("{} until {until} UTC, agreed to by {} (request {})", self.permission, self.by, self.approval)
    }
}

/// An enrolled SSH key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessKey {
    /// `SHA256:...` as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// Kind and base64.
    pub key: String,
    pub comment: String,
    pub by: String,
    pub at_ms: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AddKey {
    /// A line as it stands in a .pub file.
    pub key: String,
    pub reason: String,
}

/// A token without its secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessToken {
    pub id: String,
    pub principal: String,
    pub scopes: Vec<String>,
    pub by: String,
    pub at_ms: u64,
    pub until_ms: u64,
    pub used_ms: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateToken {
    /// Permissions; `*` for all that its owner has.
    pub scopes: Vec<String>,
    /// Seconds it is good for; at most a year.
    pub ttl_s: u64,
}

/// A token that was just made; nobody sees its secret again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewToken {
    pub token: AccessToken,
    /// Sent as `Authorization: Bearer ...`
    pub secret: String,
}

/// Somebody who is connected, with all connections of one process or one token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    pub id: String,
    /// `uid:1000`, `token:1a` or `network`.
    pub principal: String,
    pub login: Option<String>,
    /// `socket`, `token` or `network`.
    pub via: String,
    pub pid: Option<i32>,
    pub since_ms: u64,
    pub last_ms: u64,
    pub requests: u64,
    pub connections: u64,
}

/// A second factor that was just made; nobody sees its secret again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewTotp {
    pub principal: String,
    /// Base32, as it is typed into an authenticator app.
    pub secret: String,
    /// The same as a link.
    pub uri: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessRole {
    pub name: String,
    pub about: String,
    /// What it is allowed on the box itself, over the socket, now.
    pub permissions: Vec<String>,
}

/// A role for a principal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessGrant {
    /// Empty where the box gives it by itself.
    pub id: String,
    pub to: String,
    pub login: Option<String>,
    pub role: String,
    pub by: String,
    pub reason: String,
    pub at_ms: Option<u64>,
    pub until_ms: Option<u64>,
    pub confirmed_ms: Option<u64>,
    pub confirmed_by: Option<String>,
    pub used_ms: Option<u64>,
    /// `built in`, `fine`, `over`, `never used`, `not used for long` or `not confirmed for long`.
    pub state: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GrantRole {
    /// `uid:1000`, `gid:100`, a login name, or a principal.
    pub to: String,
    pub role: String,
    pub reason: String,
    /// Seconds it holds; absent, until it is revoked.
    pub ttl_s: Option<u64>,
}

/// A policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: String,
    pub file: String,
    pub built_in: bool,
    pub advice: Option<String>,
    /// Permissions that it can be about.
    pub permissions: Vec<String>,
    pub text: String,
}

/// The policies in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyList {
    /// SHA-256 of the schema and all files.
    pub digest: String,
    /// Folders of the site's policies.
    pub folders: Vec<String>,
    /// Why the site's files, as they are now, are not in force.
    pub problems: Vec<PolicyProblem>,
    pub items: Vec<Policy>,
    /// Ask again with this as `cursor`; absent on the last page.
    pub next: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyProblem {
    pub file: String,
    pub line: usize,
    pub column: usize,
    pub what: String,
}

/// A file of policies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyFile {
    pub name: String,
    pub text: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckPolicies {
    /// In place of the site's files; empty means those as they are on disk.
    pub files: Vec<PolicyFile>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyCheck {
    pub ok: bool,
    /// Policies in all, built-in ones included.
    pub policies: usize,
    pub digest: Option<String>,
    pub problems: Vec<PolicyProblem>,
}

/// One question to the policies, that nobody asked in earnest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyCase {
    pub name: String,
    /// Absent: whoever asks now.
    pub principal: Option<String>,
    /// Absent: those that the principal has.
    pub roles: Option<Vec<String>>,
    pub groups: Vec<u32>,
    pub permission: String,
    /// Such as `Collection::"manuals"`; absent, the box.
    pub resource: Option<String>,
    /// The role that would be granted.
    pub role: Option<String>,
    pub mode: Option<String>,
    /// 0 to 23, UTC; absent, now.
    pub hour: Option<u64>,
    /// 1 for Monday to 7; absent, now.
    pub weekday: Option<u64>,
    /// `socket`, `token` or `network`.
    pub via: Option<String>,
    pub scopes: Option<Vec<String>>,
    /// `allow` or `deny`; for tests.
    pub expect: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TestPolicies {
    /// In place of the site's files; empty means those that are in force.
    pub files: Vec<PolicyFile>,
    #[serde(alias = "case")]
    pub cases: Vec<PolicyCase>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyTestReport {
    pub passed: usize,
    pub failed: usize,
    pub results: Vec<PolicyTestResult>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyTestResult {
    pub name: String,
    pub passed: bool,
    pub decision: Decision,
}

/// What differs between the policies in force and the files as they are now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyDiff {
    pub digest: String,
    /// Of the files as they are; absent where they are wrong.
    pub digest_of_files: Option<String>,
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
    pub problems: Vec<PolicyProblem>,
}

/// The site's files as they are shall hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TakePolicies {
    pub reason: String,
    /// Only where the files still have it; absent: as they are.
    pub digest: Option<String>,
}

/// Who was allowed or denied what, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Decision {
    /// Id of the request, as in the log.
    pub request: String,
    pub at_ms: u64,
    pub principal: String,
    pub via: String,
    pub roles: Vec<String>,
    pub permission: String,
    pub resource: String,
    pub allowed: bool,
    /// Those that decided; none where nothing permits.
    pub policies: Vec<String>,
    /// Policies that had no value, with why.
    pub errors: Vec<String>,
    /// What would be needed; empty where it was allowed.
    pub needs: String,
    pub mode: String,
    pub digest: String,
    /// The emergency pass that allows it where the policies deny.
    pub pass: Option<AccessPass>,
}

/// A review of who has which role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessReview {
    pub id: String,
    /// `open`, `overdue` or `closed`.
    pub state: String,
    /// `box` where its time had come.
    pub by: String,
    pub reason: String,
    pub opened_ms: u64,
    pub due_ms: u64,
    pub closed_ms: Option<u64>,
    pub closed_by: Option<String>,
    pub closed_reason: Option<String>,
    pub undecided: usize,
    pub confirmed: usize,
    pub revoked: usize,
    /// Ended or changed before anybody decided.
    pub gone: usize,
    /// Of its report as Markdown, where it is closed: the evidence of its end names it.
    pub sha256: Option<String>,
    /// As they were when it was opened; in lists, of the newest review only.
    pub items: Vec<ReviewItem>,
}

/// A grant in a review.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReviewItem {
    pub grant: String,
    pub to: String,
    pub login: Option<String>,
    pub role: String,
    /// Where the role holds: `box`, over all its collections.
    pub namespace: String,
    pub by: String,
    pub reason: String,
    pub at_ms: u64,
    pub until_ms: Option<u64>,
    pub used_ms: Option<u64>,
    /// `undecided`, `confirmed`, `revoked` or `gone`.
    pub verdict: String,
    pub decided_by: Option<String>,
    pub decided_ms: Option<u64>,
    pub decided_reason: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenReview {
    /// Why now.
    pub reason: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecideReview {
    /// `confirm` or `revoke`.
    pub verdict: String,
    pub reason: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CloseReview {
    /// Needed where something is not decided.
    pub reason: String,
    /// Numbers of all grants that nobody decided.
    pub undecided: Vec<String>,
}
