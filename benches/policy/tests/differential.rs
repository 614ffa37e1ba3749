//! Random policies and requests: spud decides as cedar-policy does, by the same policies, with the same errors.

use std::str::FromStr;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use spud_policy_peers::policy::{Entities, PolicySet, Request, Source, Uid, Value, record};

const SCHEMA: &str = r#"
entity Role;
entity User in [Role] { age: Long, site?: String, tags: Set<String>, boss?: User, home: { city: String, zip?: Long } };
entity Box, Shelf in [Box];
action reading;
action read, list in [reading] appliesTo {
  principal: [User], resource: [Box, Shelf], context: { hour: Long, mode?: String, ok: Bool },
};
action write appliesTo { principal: [User], resource: [Box, Shelf], context: { hour: Long, mode?: String, ok: Bool } };
"#;

/// Atoms of all types: what does not fit is an error of the policy, and must be one for both.
fn atom() -> impl Strategy<Value = String> {
    prop::sample::select(&[
        "principal", "resource", "action", "context", "principal.age", "principal.site", "principal.tags",
        "principal.boss", "principal.home", "principal.home.city", "principal.home.zip", "principal.boss.age",
        "context.hour", "context.mode", "context.ok", "User::\"ann\"", "User::\"bob\"", "User::\"eve\"",
        "Role::\"all\"", "Role::\"analyst\"", "Box::\"b\"", "Shelf::\"s\"", "Action::\"read\"", "Action::\"reading\"",
        "true", "false", "0", "1", "-1", "30", "9223372036854775807", "-9223372036854775808", "\"\"", "\"north-7\"",
        "\"a\"", "\"a*b\"", "[]", "[1, 2, 1]", "[\"a\", \"b\"]", "[Role::\"all\", Role::\"none\"]", "{a: 1}",
        "{\"a\": 1, b: [2]}", "User::\"bob\".age", "User::\"eve\".age", "principal[\"age\"]", "{a: {b: 2}}.a.b",
    ][..])
    .prop_map(str::to_owned)
}

fn expression() -> impl Strategy<Value = String> {
    atom().prop_recursive(5, 60, 4, |inner| {
        let two = |mark: &'static str| {
            (inner.clone(), inner.clone()).prop_map(move |(a, b)| format!("({a} {mark} {b})"))
        };
        prop_oneof![
            4 => two("&&"),
            4 => two("||"),
            3 => two("=="),
            1 => two("!="),
            2 => two("<"),
            1 => two("<="),
            1 => two(">"),
            1 => two(">="),
            2 => two("+"),
            1 => two("-"),
            1 => two("*"),
            3 => two("in"),
            2 => inner.clone().prop_map(|a| format!("!({a})")),
            1 => inner.clone().prop_map(|a| format!("-({a})")),
            2 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})")),
            2 => (inner.clone(), prop::sample::select(&["age", "site", "boss", "home", "home.zip", "home.city", "a.b", "\"mode\"", "mode", "hour"][..]))
                .prop_map(|(a, name)| format!("({a} has {name})")),
            1 => (inner.clone(), prop::sample::select(&["north-*", "*", "*7*", "", "a\\*b", "*-*-*"][..]))
                .prop_map(|(a, pattern)| format!("({a} like \"{pattern}\")")),
            1 => (inner.clone(), prop::sample::select(&["User", "Role", "Box", "Shelf"][..]))
                .prop_map(|(a, kind)| format!("({a} is {kind})")),
            1 => (inner.clone(), prop::sample::select(&["User", "Shelf"][..]), inner.clone())
                .prop_map(|(a, kind, b)| format!("({a} is {kind} in {b})")),
            1 => (inner.clone(), prop::sample::select(&["contains", "containsAll", "containsAny"][..]), inner.clone())
                .prop_map(|(a, method, b)| format!("({a}).{method}({b})")),
            1 => inner.clone().prop_map(|a| format!("({a}).isEmpty()")),
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(|all| format!("[{}]", all.join(", "))),
            1 => (inner.clone(), inner).prop_map(|(a, b)| format!("{{x: {a}, \"y z\": {b}}}.x")),
        ]
    })
}

fn head(name: &'static str) -> impl Strategy<Value = String> {
    prop::sample::select(&[
        "", "", " == User::\"ann\"", " in Role::\"all\"", " is User", " is User in Role::\"analyst\"", " == Shelf::\"s\"",
        " in Box::\"b\"", " is Shelf in Box::\"b\"", " is Box",
    ][..])
    .prop_map(move |rest| format!("{name}{rest}"))
}

fn policy() -> impl Strategy<Value = String> {
    let action = prop::sample::select(&[
        "action", "action", "action == Action::\"read\"", "action in Action::\"reading\"",
        "action in [Action::\"write\", Action::\"list\"]", "action in []",
    ][..]);
    let condition = (any::<bool>(), expression())
        .prop_map(|(when, text)| format!(" {} {{ {text} }}", if when { "when" } else { "unless" }));
    (
        prop::sample::select(&["permit", "forbid", "permit"][..]),
        head("principal"),
        action,
        head("resource"),
        prop::collection::vec(condition, 0..3),
    )
        .prop_map(|(effect, principal, action, resource, conditions)| {
            format!("{effect} ({principal}, {action}, {resource}){};", conditions.concat())
        })
}

fn ours() -> Entities {
    let text = |text: &str| Value::text(text);
    let ann = record([
        ("age", Value::Long(30)),
        ("site", text("north-7")),
        ("tags", Value::set(vec![text("a"), text("b")])),
        ("boss", Value::Entity(Uid::new("User", "bob"))),
        ("home", Value::record([("city", text("Ulm"))])),
    ]);
    let bob = record([
        ("age", Value::Long(i64::MAX)),
        ("tags", Value::set(Vec::new())),
        ("home", Value::record([("city", text("a*b")), ("zip", Value::Long(7))])),
    ]);
    Entities::new([
        (Uid::new("User", "ann"), ann, vec![Uid::new("Role", "analyst")]),
        (Uid::new("User", "bob"), bob, vec![]),
        (Uid::new("Role", "analyst"), record([]), vec![Uid::new("Role", "all")]),
        (Uid::new("Role", "all"), record([]), vec![]),
        (Uid::new("Shelf", "s"), record([]), vec![Uid::new("Box", "b")]),
        (Uid::new("Box", "b"), record([]), vec![]),
    ])
}

fn theirs() -> cedar_policy::Entities {
    let uid = |kind: &str, id: &str| json!({"type": kind, "id": id});
    let entity = |kind: &str, id: &str, attrs: Json, parents: Vec<Json>| {
        json!({"uid": uid(kind, id), "attrs": attrs, "parents": parents})
    };
    let ann = json!({"age": 30, "site": "north-7", "tags": ["a", "b"], "home": {"city": "Ulm"},
        "boss": {"__entity": uid("User", "bob")}});
    let bob = json!({"age": i64::MAX, "tags": [], "home": {"city": "a*b", "zip": 7}});
    let none = || json!({});
    let all = json!([
        entity("User", "ann", ann, vec![uid("Role", "analyst")]),
        entity("User", "bob", bob, vec![]),
        entity("Role", "analyst", none(), vec![uid("Role", "all")]),
        entity("Role", "all", none(), vec![]),
        entity("Shelf", "s", none(), vec![uid("Box", "b")]),
        entity("Box", "b", none(), vec![]),
        entity("Action", "read", none(), vec![uid("Action", "reading")]),
        entity("Action", "list", none(), vec![uid("Action", "reading")]),
        entity("Action", "write", none(), vec![]),
        entity("Action", "reading", none(), vec![]),
    ]);
    cedar_policy::Entities::from_json_value(all, None).unwrap()
}

type Told = (bool, Vec<String>, Vec<String>);

fn our_answer(text: &str, request: &Request) -> Told {
    let source = |file: &str, text: &str| Source { file: file.into(), text: text.into() };
    let set = PolicySet::load_unchecked(&source("s", SCHEMA), &[source("p", text)])
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let verdict = set.decide(request, &ours());
    let id = |place: &u32| format!("policy{place}");
    let mut by: Vec<String> = verdict.by.iter().map(id).collect();
    let mut errors: Vec<String> = verdict.errors.iter().map(|(place, _)| id(place)).collect();
    by.sort();
    errors.sort();
    (verdict.allowed, by, errors)
}

fn their_answer(set: &cedar_policy::PolicySet, request: &Request) -> Told {
    let uid = |uid: &Uid| cedar_policy::EntityUid::from_str(&uid.to_string()).unwrap();
    let context = json!({"hour": 9, "ok": true});
    let context = cedar_policy::Context::from_json_value(context, None).unwrap();
    let (principal, action, resource) = (uid(&request.principal), uid(&request.action), uid(&request.resource));
    let asked = cedar_policy::Request::new(principal, action, resource, context, None).unwrap();
    let answer = cedar_policy::Authorizer::new().is_authorized(&asked, set, &theirs());
    let mut by: Vec<String> = answer.diagnostics().reason().map(ToString::to_string).collect();
    let mut errors: Vec<String> = answer
        .diagnostics()
        .errors()
        .map(|error| match error {
            cedar_policy::AuthorizationError::PolicyEvaluationError(error) => error.policy_id().to_string(),
        })
        .collect();
    by.sort();
    errors.sort();
    (answer.decision() == cedar_policy::Decision::Allow, by, errors)
}

fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    for principal in ["ann", "bob", "eve"] {
        for action in ["read", "list", "write"] {
            for resource in [Uid::new("Shelf", "s"), Uid::new("Box", "b"), Uid::new("Box", "unheard of")] {
                let context = record([("hour", Value::Long(9)), ("ok", Value::Bool(true))]);
                let (principal, action) = (Uid::new("User", principal), Uid::new("Action", action));
                all.push(Request { principal, action, resource, context });
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 400_000, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn spud_decides_as_cedar_does(policies in prop::collection::vec(policy(), 1..6), at in 0usize..27) {
        let text = policies.join("\n");
        let set = cedar_policy::PolicySet::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let request = &requests()[at];
        prop_assert_eq!(our_answer(&text, request), their_answer(&set, request), "{}", text);
    }

    /// What spud finds valid, cedar's strict validator finds valid, too.
    #[test]
    fn spud_is_at_least_as_strict(policy in policy()) {
        let source = |file: &str, text: &str| Source { file: file.into(), text: text.into() };
        prop_assume!(PolicySet::load(&source("s", SCHEMA), &[source("p", &policy)]).is_ok());
        let (schema, _) = cedar_policy::Schema::from_cedarschema_str(SCHEMA).unwrap();
        let set = cedar_policy::PolicySet::from_str(&policy).unwrap();
        let found = cedar_policy::Validator::new(schema).validate(&set, cedar_policy::ValidationMode::Strict);
        let errors: Vec<String> = found.validation_errors().map(ToString::to_string).collect();
        prop_assert!(errors.is_empty(), "{}\n{}", policy, errors.join("\n"));
    }
}
