//! Who may do what, and what waits for votes, in the OpenAPI document.

use serde_json::{Map, Value};

use super::add;
use crate::api::types::access as words;
use crate::api::types::approval;

pub(super) fn describe(all: &mut Map<String, Value>) {
    let token = words::AccessToken::default();
    let problems = vec![words::PolicyProblem::default()];
    let (policy, case) = (words::Policy::default(), words::PolicyCase::default());
    add(all, "WhoAmI", &words::WhoAmI::default());
    let keys = vec![words::AccessKey::default()];
    let principal = words::Principal { tokens: vec![token.clone()], keys, ..words::Principal::default() };
    add(all, "Session", &words::Session::default());
    add(all, "NewTotp", &words::NewTotp::default());
    add(all, "AddKey", &words::AddKey::default());
    add(all, "Principal", &principal);
    add(all, "AddPrincipal", &words::AddPrincipal::default());
    add(all, "CreateToken", &words::CreateToken::default());
    add(all, "NewToken", &words::NewToken { token, ..words::NewToken::default() });
    add(all, "AccessRole", &words::AccessRole::default());
    add(all, "AccessGrant", &words::AccessGrant::default());
    add(all, "GrantRole", &words::GrantRole::default());
    add(all, "Policy", &policy);
    let items = vec![policy];
    add(all, "PolicyList", &words::PolicyList { items, problems: problems.clone(), ..Default::default() });
    let files = vec![words::PolicyFile::default()];
    add(all, "CheckPolicies", &words::CheckPolicies { files: files.clone() });
    add(all, "PolicyCheck", &words::PolicyCheck { problems: problems.clone(), ..Default::default() });
    add(all, "PolicyCase", &case);
    add(all, "TestPolicies", &words::TestPolicies { files, cases: vec![case] });
    let results = vec![words::PolicyTestResult::default()];
    add(all, "PolicyTestReport", &words::PolicyTestReport { results, ..Default::default() });
    add(all, "PolicyDiff", &words::PolicyDiff { problems, ..words::PolicyDiff::default() });
    add(all, "Decision", &words::Decision::default());
    approvals(all);
}

fn approvals(all: &mut Map<String, Value>) {
    let request = approval::Approval {
        history: vec![Default::default()],
        gates: vec![Default::default()],
        ..approval::Approval::default()
    };
    add(all, "Approval", &request);
    add(all, "ApprovalWord", &approval::ApprovalWord::default());
    add(all, "BreakGlass", &approval::BreakGlass::default());
    add(all, "SignVote", &approval::SignVote::default());
    add(all, "ApprovalDocument", &approval::ApprovalDocument::default());
    add(all, "SignedVote", &approval::SignedVote::default());
    add(all, "DelegateVote", &approval::DelegateVote::default());
}
