//! The access view: what it looks like, that granting and revoking take a reason, that keys say what is missing.

use serde_json::json;

use super::fixtures::*;
use crate::api::types::Problem;
use crate::api::types::access::*;
use crate::tui::effect::{AccessRequest, Effect, Request};
use crate::tui::model::Model;
use crate::tui::msg::{AccessReply, Msg, Reply, Wire};
use crate::tui::update::update;

fn me(roles: &[&str], permissions: &[&str]) -> WhoAmI {
    let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    WhoAmI {
        principal: "uid:1000".into(),
        login: Some("ann".into()),
        via: "socket".into(),
        roles: texts(roles),
        permissions: texts(permissions),
        digest: "0123456789abcdef".repeat(4),
        ..WhoAmI::default()
    }
}

fn admin() -> WhoAmI {
    me(&["admin"], &["read-access", "read-decisions", "grant-roles", "review-roles", "force-mode"])
}

fn grants() -> Vec<AccessGrant> {
    let grant = |id: &str, to: &str, role: &str, state: &str, reason: &str| AccessGrant {
        id: id.into(),
        to: to.into(),
        role: role.into(),
        by: "uid:1000".into(),
        reason: reason.into(),
        at_ms: Some(NOW - 40 * DAY),
        used_ms: Some(NOW - 2 * DAY),
        state: state.into(),
        ..AccessGrant::default()
    };
    let own = AccessGrant {
        id: String::new(),
        at_ms: None,
        used_ms: None,
        ..grant("", "uid:0", "admin", "built in", "root, for emergencies")
    };
    vec![
        own,
        grant("1", "gid:100", "operator", "fine", "night shift"),
        grant("2", "grafana", "auditor", "not used for long", "dashboards"),
    ]
}

fn decisions() -> Vec<Decision> {
    vec![Decision {
        request: "19c0-7".into(),
        at_ms: NOW - 60_000,
        principal: "uid:1001".into(),
        roles: vec!["analyst".into()],
        permission: "remove-documents".into(),
        resource: "Collection::\"manuals\"".into(),
        needs: "the permission remove-documents, which the role operator or admin has".into(),
        ..Decision::default()
    }]
}

fn shown(size: (u16, u16), me: WhoAmI) -> Model {
    let mut model = full(size);
    keys(&mut model, "f12");
    reply(&mut model, Reply::Access(AccessReply::WhoAmI(Box::new(me))));
    reply(&mut model, Reply::Access(AccessReply::Grants(grants())));
    let principal = Principal {
        id: "grafana".into(),
        kind: "token".into(),
        about: "dashboards".into(),
        roles: vec!["auditor".into()],
        ..Principal::default()
    };
    reply(&mut model, Reply::Access(AccessReply::Principals(vec![principal])));
    let role = AccessRole {
        name: "analyst".into(),
        about: "asks and reads".into(),
        permissions: vec!["ask".into()],
    };
    reply(&mut model, Reply::Access(AccessReply::Roles(vec![role])));
    let forbid = Policy {
        id: "spud:out-of-hours".into(),
        effect: "forbid".into(),
        file: "site.cedar".into(),
        permissions: vec!["promote-models".into(), "restore-backups".into()],
        text: "forbid (principal, action, resource)\nwhen { context.hour < 6 };".into(),
        ..Policy::default()
    };
    let list = PolicyList { items: vec![forbid], ..PolicyList::default() };
    reply(&mut model, Reply::Access(AccessReply::Policies(list)));
    reply(&mut model, Reply::Access(AccessReply::Decisions(decisions())));
    model
}

fn requests(effects: &[Effect]) -> Vec<&AccessRequest> {
    let of_access = |effect: &'_ Effect| matches!(effect, Effect::Request(Request::Access(_)));
    let requests = effects.iter().filter(|effect| of_access(effect));
    requests
        .filter_map(
            |effect| if let Effect::Request(Request::Access(one)) = effect { Some(one) } else { None },
        )
        .collect()
}

#[test]
fn views() {
    for size in [(80, 24), (40, 10)] {
        let name = |what: &str| format!("access_{what}_{}x{}", size.0, size.1);
        let mut m = shown(size, admin());
        keys(&mut m, "down");
        insta::assert_snapshot!(name("grants"), shot(&m));
        keys(&mut m, "l");
        insta::assert_snapshot!(name("principals"), shot(&m));
        keys(&mut m, "l l");
        insta::assert_snapshot!(name("policies"), shot(&m));
        keys(&mut m, "l");
        insta::assert_snapshot!(name("decisions"), shot(&m));
        keys(&mut m, "enter");
        insta::assert_snapshot!(name("decision"), shot(&m));
        let mut m = shown(size, admin());
        keys(&mut m, "n");
        insta::assert_snapshot!(name("grant"), shot(&m));
    }
}

#[test]
fn a_role_is_granted_with_a_reason_and_by_the_button_only() {
    let mut m = shown((80, 24), admin());
    // Whom, role, reason, time: enter moves on and comes to Cancel.
    assert!(orders(&keys(&mut m, "n u i d : 9 enter right enter enter enter")).is_empty());
    assert!(orders(&keys(&mut m, "enter")).is_empty(), "Cancel has the focus");
    assert!(orders(&keys(&mut m, "n u i d : 9 enter enter enter enter right enter")).is_empty());
    assert!(shot(&m).contains("A reason is needed"), "{}", shot(&m));
    let sent = keys(&mut m, "w h y enter 3 0 d enter right enter");
    let grant = json!({"to": "uid:9", "role": "operator", "reason": "why", "ttl_s": 30 * 86_400});
    assert_eq!(orders(&sent), [("POST /v1/roles/grants".into(), grant)]);
    assert!(requests(&done(&mut m, "uid:9 is operator now.")).contains(&&AccessRequest::Grants));
    assert!(shot(&m).contains("uid:9 is operator now."));
}

#[test]
fn only_what_was_granted_is_revoked_or_confirmed() {
    let mut m = shown((80, 24), admin());
    assert!(orders(&keys(&mut m, "d")).is_empty());
    assert!(m.overlay.is_none(), "what the box gives by itself stays");
    keys(&mut m, "down d");
    assert!(shot(&m).contains("operator of gid:100"), "{}", shot(&m));
    let sent = keys(&mut m, "l e f t enter right enter");
    assert_eq!(orders(&sent), [("DELETE /v1/roles/grants/1?reason=left".into(), json!(null))]);
    let sent = keys(&mut m, "c tab enter");
    assert_eq!(orders(&sent), [("POST /v1/roles/grants/1/confirm".into(), json!(null))]);
    assert_eq!(keys(&mut m, "y"), [Effect::Copy("gid:100".into())]);
}

#[test]
fn policies_are_read_checked_and_asked() {
    let mut m = shown((80, 24), admin());
    keys(&mut m, "l l l enter");
    assert!(shot(&m).contains("when { context.hour < 6 };"), "{}", shot(&m));
    keys(&mut m, "esc");
    let (file, what) = ("site.cedar".into(), "unexpected token".into());
    m.access.policies.problems = vec![PolicyProblem { file, line: 3, column: 7, what }];
    assert!(shot(&m).contains("not in force: site.cedar:3:7: unexpected token"), "{}", shot(&m));
    assert_eq!(orders(&keys(&mut m, "v")), [("POST /v1/policies/check".into(), json!(null))]);
    assert_eq!(orders(&keys(&mut m, "=")), [("GET /v1/policies/diff".into(), json!(null))]);
    assert!(orders(&keys(&mut m, "w tab tab tab tab tab tab tab enter")).is_empty());
    assert!(shot(&m).contains("Name a permission"), "{}", shot(&m));
    let sent = keys(&mut m, "a s k tab u i d : 9 tab tab tab tab 2 3 tab tab enter");
    let case = json!({"permission": "ask", "principal": "uid:9", "hour": 23});
    assert_eq!(orders(&sent), [("POST /v1/policies/explain".into(), case)]);
}

#[test]
fn an_emergency_pass_is_named_wherever_it_counts() {
    let mut m = shown((80, 24), admin());
    let pass = AccessPass {
        approval: "3".into(),
        permission: "compact".into(),
        by: "uid:2001".into(),
        at_ms: NOW,
        until_ms: NOW + 900_000,
    };
    let line = pass.said(crate::base::format_time);
    assert!(line.starts_with("compact until ") && line.ends_with("uid:2001 (request 3)"), "{line}");
    let one = Principal { id: "uid:7".into(), passes: vec![pass.clone()], ..Principal::default() };
    reply(&mut m, Reply::Access(AccessReply::Principals(vec![one])));
    keys(&mut m, "l enter");
    let has_it = |m: &Model| shot(m).contains("compact until ") && shot(m).contains("(request 3)");
    assert!(has_it(&m), "{}", shot(&m));
    let by_pass = Decision { allowed: true, pass: Some(pass), ..decisions().remove(0) };
    reply(&mut m, Reply::Access(AccessReply::Decisions(vec![by_pass.clone()])));
    keys(&mut m, "esc l l l enter");
    assert!(has_it(&m), "{}", shot(&m));
    // What would be decided is told as the box says it.
    keys(&mut m, "esc h w c o m p a c t");
    let sent = keys(&mut m, "tab tab tab tab tab tab tab enter");
    assert_eq!(orders(&sent), [("POST /v1/policies/explain".into(), json!({"permission": "compact"}))]);
    let told = crate::tui::effect::listed(&serde_json::to_value(&by_pass).unwrap());
    let has = |name: &str, text: &str| told.iter().any(|(one, said)| one == name && said.contains(text));
    assert!(has("until", "UTC") && has("by", "uid:2001") && has("allowed", "true"), "{told:?}");
}

#[test]
fn a_principal_loses_everything_only_by_its_name_and_its_tokens_at_once() {
    let mut m = shown((80, 24), me(&["admin"], &["read-access", "grant-roles", "manage-tokens"]));
    keys(&mut m, "l");
    keys(&mut m, "X");
    assert!(m.overlay.is_none() && shot(&m).contains("it has no token"), "{}", shot(&m));
    assert!(orders(&keys(&mut m, "d x tab tab enter")).is_empty(), "that is not its name");
    assert!(shot(&m).contains("grafana loses all roles, tokens and keys"), "{}", shot(&m));
    keys(&mut m, "esc");
    let sent = keys(&mut m, "d g r a f a n a tab tab enter");
    assert_eq!(orders(&sent), [("DELETE /v1/principals/grafana".into(), json!(null))]);
    let token = |id: &str| AccessToken { id: id.into(), ..AccessToken::default() };
    let id = "grafana".into();
    let one = Principal { id, tokens: vec![token("1a"), token("2b")], ..Principal::default() };
    reply(&mut m, Reply::Access(AccessReply::Principals(vec![one])));
    let paths: Vec<String> = orders(&keys(&mut m, "X tab enter")).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["DELETE /v1/tokens/1a", "DELETE /v1/tokens/2b"]);
}

#[test]
fn keys_say_which_permission_is_missing() {
    let mut m = shown((160, 24), me(&["analyst"], &["ask", "search"]));
    assert!(shot(&m).contains("grant (needs grant-roles)"), "{}", shot(&m));
    keys(&mut m, "n");
    assert!(m.overlay.is_none());
    assert!(shot(&m).contains("Grant a role, with a reason: needs grant-roles."), "{}", shot(&m));
    // Who may not look is not made to ask.
    assert_eq!(requests(&keys(&mut m, "r")), [&AccessRequest::WhoAmI]);
}

#[test]
fn after_a_denial_the_box_is_asked_who_one_is() {
    let mut m = full((80, 24));
    let problem = Problem {
        status: 403,
        detail: "uid:9 may not force a mode, or give it back on Box::\"this\": no policy permits it".into(),
        advice: Some("this needs the permission force-mode".into()),
        ..Problem::default()
    };
    let refused = Msg::Refused(Box::new(Request::AutoMode), Box::new(problem), Wire::default());
    assert_eq!(requests(&update(&mut m, refused)), [&AccessRequest::WhoAmI]);
    assert!(shot(&m).contains("may not force a mode"), "{}", shot(&m));
    reply(&mut m, Reply::Access(AccessReply::WhoAmI(Box::new(me(&["analyst"], &["ask"])))));
    keys(&mut m, "f1 M");
    assert!(m.overlay.is_none() && shot(&m).contains("needs force-mode"), "{}", shot(&m));
}

#[test]
fn a_session_is_ended_after_a_question_that_says_what_it_means() {
    let mut m = shown((80, 24), admin());
    let session = |id: &str, principal: &str, via: &str| Session {
        id: id.into(),
        principal: principal.into(),
        via: via.into(),
        since_ms: NOW - DAY,
        last_ms: NOW - 1000,
        requests: 7,
        connections: 2,
        ..Session::default()
    };
    let all = vec![session("1001-77", "uid:1001", "socket"), session("token-1a", "token:1a", "token")];
    reply(&mut m, Reply::Access(AccessReply::Sessions(all)));
    keys(&mut m, "l l l l l");
    assert!(shot(&m).contains("uid:1001") && shot(&m).contains("token-1a"), "{}", shot(&m));
    keys(&mut m, "d");
    assert!(shot(&m).contains("it can come again"), "{}", shot(&m));
    keys(&mut m, "esc down d");
    assert!(shot(&m).contains("revoked for good"), "{}", shot(&m));
    let sent = keys(&mut m, "tab enter");
    assert_eq!(orders(&sent), [("DELETE /v1/sessions/token-1a".into(), json!(null))]);
    keys(&mut m, "/ 1 0 0 1 enter");
    assert_eq!(m.access.session().unwrap().id, "1001-77");
}

fn review() -> AccessReview {
    let item = |grant: &str, to: &str, role: &str, verdict: &str| ReviewItem {
        grant: grant.into(),
        to: to.into(),
        role: role.into(),
        namespace: "box".into(),
        by: "uid:1000".into(),
        reason: "night shift".into(),
        at_ms: NOW - 40 * DAY,
        used_ms: Some(NOW - 2 * DAY),
        verdict: verdict.into(),
        ..ReviewItem::default()
    };
    let confirmed = ReviewItem {
        decided_by: Some("uid:1001".into()),
        decided_ms: Some(NOW - DAY),
        decided_reason: Some("still on the shift".into()),
        ..item("1", "gid:100", "operator", "confirmed")
    };
    AccessReview {
        id: "3".into(),
        state: "overdue".into(),
        by: "box".into(),
        reason: "its time has come".into(),
        opened_ms: NOW - 20 * DAY,
        due_ms: NOW - 6 * DAY,
        undecided: 2,
        confirmed: 1,
        items: vec![
            confirmed,
            item("2", "grafana", "auditor", "undecided"),
            item("7", "uid:1004", "approver", "undecided"),
        ],
        ..AccessReview::default()
    }
}

#[test]
fn the_open_review_is_decided_item_by_item_with_a_reason() {
    for size in [(80, 24), (40, 10)] {
        let mut m = shown(size, admin());
        reply(&mut m, Reply::Access(AccessReply::Reviews(vec![review()])));
        keys(&mut m, "l l l l l l down");
        insta::assert_snapshot!(format!("access_review_{}x{}", size.0, size.1), shot(&m));
    }
    let mut m = shown((80, 24), admin());
    let sent = keys(&mut m, "o d u e enter right enter");
    assert_eq!(orders(&sent), [("POST /v1/access/reviews".into(), json!({"reason": "due"}))]);
    reply(&mut m, Reply::Access(AccessReply::Reviews(vec![review()])));
    keys(&mut m, "esc l l l l l l down");
    let sent = keys(&mut m, "c enter right enter");
    assert!(orders(&sent).is_empty() && shot(&m).contains("A reason is needed"), "{}", shot(&m));
    keys(&mut m, "esc");
    let sent = keys(&mut m, "c o k enter right enter");
    let confirm = json!({"reason": "ok", "verdict": "confirm"});
    assert_eq!(orders(&sent), [("POST /v1/access/reviews/open/grants/2".into(), confirm)]);
    let sent = keys(&mut m, "esc down d l e f t enter right enter");
    let revoke = json!({"reason": "left", "verdict": "revoke"});
    assert_eq!(orders(&sent), [("POST /v1/access/reviews/open/grants/7".into(), revoke)]);
    // A second one is not opened beside it; closing names what nobody decided.
    assert!(orders(&keys(&mut m, "esc o")).is_empty() && m.overlay.is_none());
    let sent = keys(&mut m, "x l a t e enter right enter");
    let close = json!({"reason": "late", "undecided": ["2", "7"]});
    assert_eq!(orders(&sent), [("POST /v1/access/reviews/open/close".into(), close)]);
    keys(&mut m, "esc up enter");
    assert!(shot(&m).contains("auditor") && shot(&m).contains("last used"), "{}", shot(&m));
    // What is closed is only looked at.
    keys(&mut m, "esc");
    let closed = AccessReview { state: "closed".into(), ..review() };
    reply(&mut m, Reply::Access(AccessReply::Reviews(vec![closed])));
    assert!(orders(&keys(&mut m, "c d x")).is_empty() && m.overlay.is_none());
}
