//! The language: what it decides, what it refuses and where it says so.

use proptest::prelude::*;

use super::*;

const SCHEMA: &str = r#"
entity Role;
entity User in [Role] { age: Long, site?: String, tags: Set<String>, boss?: User, home: { city: String, zip?: Long } };
entity Box, Shelf in [Box];
action reading;
action "read", list in [reading] appliesTo {
  principal: [User], resource: [Box, Shelf], context: { hour: Long, mode?: String, ok: Bool },
};
action write appliesTo { principal: [User], resource: [Box], context: { hour: Long } };
"#;

fn source(file: &str, text: &str) -> Source {
    Source { file: file.into(), text: text.into() }
}

fn load(policies: &str) -> Result<PolicySet, PolicyError> {
    PolicySet::load(&source("s.cedarschema", SCHEMA), &[source("site/p.cedar", policies)])
}

fn entities() -> Entities {
    let home = Value::record([("city", Value::text("Ulm"))]);
    let tags = Value::set(vec![Value::text("a"), Value::text("b")]);
    let user =
        record([("age", Value::Long(30)), ("site", Value::text("north-7")), ("tags", tags), ("home", home)]);
    Entities::new([
        (Uid::new("User", "ann"), user, vec![Uid::new("Role", "analyst")]),
        (Uid::new("Role", "analyst"), Record::new(), vec![Uid::new("Role", "all")]),
        (Uid::new("Shelf", "s"), Record::new(), vec![Uid::new("Box", "b")]),
    ])
}

fn request(action: &str, resource: &Uid) -> Request {
    let context = record([("hour", Value::Long(9)), ("ok", Value::Bool(true))]);
    let principal = Uid::new("User", "ann");
    Request { principal, action: Uid::new("Action", action), resource: resource.clone(), context }
}

/// What a condition says, without a schema's opinion of it.
fn truth(condition: &str) -> Result<bool, String> {
    let text = format!("permit(principal, action, resource) when {{ {condition} }};");
    let found = parse::policies("p", "p", &text).map_err(|fault| fault.what)?;
    let (request, known) = (request("read", &Uid::new("Shelf", "s")), entities());
    let schema = Schema::parse("s", SCHEMA).unwrap();
    let scene = evaluate::Scene::new(&request, &known, &schema.groups);
    scene.applies(&found[0]).map_err(|error| error.to_string())
}

#[test]
fn expressions_have_their_values() {
    for fine in [
        "1 + 2 * 3 - 1 == 6",
        "-9223372036854775808 < -9223372036854775807",
        "--5 == 5 && !!true",
        "principal.age >= 30 && principal.age <= 30 && !(principal.age > 30)",
        "principal in Role::\"all\" && principal in [Role::\"none\", Role::\"analyst\"]",
        "resource in Box::\"b\" && resource is Shelf && resource is Shelf in Box::\"b\" && !(resource is Box)",
        "action in Action::\"reading\" && action == Action::\"read\"",
        "principal.site like \"north-*\" && principal.site like \"*-*\" && !(principal.site like \"north\")",
        "\"a*b\" like \"a\\*b\" && !(\"axb\" like \"a\\*b\") && \"abcbd\" like \"a*b*bd\" && \"\" like \"*\"",
        "[1, 2, 2] == [2, 1] && [1, 2].contains(2) && [1, 2, 3].containsAll([3, 1]) && [1].containsAny([2, 1])",
        "[].isEmpty() && !principal.tags.isEmpty()",
        "{a: 1, \"b c\": 2} == {\"b c\": 2, a: 1} && {a: {b: 3}}.a[\"b\"] == 3",
        "principal has home.city && !(principal has home.zip) && !(principal has nothing.at.all)",
        "!(User::\"nobody\" has age)",
        "if context.hour < 12 then true else 1 + \"x\" == 2",
        "true || 1 < \"x\"",
        "!(false && 1 < \"x\")",
        "1 != \"1\" && User::\"a\" != Role::\"a\"",
        "\"\\u{1f954}\\x41\\n\" != \"\"",
    ] {
        assert_eq!(truth(fine), Ok(true), "{fine}");
    }
}

#[test]
fn what_has_no_value_is_an_error() {
    for (text, said) in [
        ("9223372036854775807 + 1 == 0", "64 bits"),
        ("-(-9223372036854775808) == 0", "64 bits"),
        ("4611686018427387904 * 2 == 0", "64 bits"),
        ("1 < \"x\"", "a long"),
        ("principal.nothing == 1", "no attribute 'nothing'"),
        ("User::\"nobody\".age == 1", "nothing is known of User::\"nobody\""),
        ("principal in [1]", "an entity"),
        ("1 in principal", "an entity"),
        ("1 && true", "a bool"),
        ("\"x\".contains(1)", "a set"),
        ("1 like \"x\"", "a string"),
    ] {
        let error = truth(text).unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn forbid_beats_permit_and_nothing_is_allowed_by_itself() {
    let set = load(
        r#"@id("readers") permit (principal in Role::"analyst", action in Action::"reading", resource);
           @id("also") permit (principal, action == Action::"read", resource in Box::"b");
           @id("broken") permit (principal, action == Action::"list", resource) when { principal.age + 9223372036854775807 > 0 };
           @id("early") @advice("wait until seven")
           forbid (principal, action, resource) when { context.hour < 7 };"#,
    )
    .unwrap();
    let shelf = Uid::new("Shelf", "s");
    let decide = |request: &Request| {
        let verdict = set.decide(request, &entities());
        let ids: Vec<String> = verdict.by.iter().map(|at| set.at(*at).unwrap().id.to_string()).collect();
        (verdict.allowed, ids.join(" "), verdict.errors.len())
    };
    assert_eq!(decide(&request("read", &shelf)), (true, "readers also".into(), 0));
    assert_eq!(decide(&request("list", &shelf)), (true, "readers".into(), 1));
    assert_eq!(decide(&request("write", &Uid::new("Box", "b"))), (false, String::new(), 0));
    assert_eq!(decide(&request("unheard", &shelf)), (false, String::new(), 0));
    let mut early = request("read", &shelf);
    early.context.insert("hour".into(), Value::Long(3));
    assert_eq!(decide(&early), (false, "early".into(), 0));
    assert_eq!(set.policies()[3].annotation("advice"), Some("wait until seven"));
}

#[test]
fn mistakes_are_placed_and_guessed_at() {
    for (text, said) in [
        (
            "permit (principal, action, resource)\n  when { principal.aeg > 3 };",
            "2:10: User has no attribute 'aeg'; did you mean 'age'?",
        ),
        (
            "permit (principal, action == Action::\"raed\", resource);",
            "1:20: there is no action \"raed\"; did you mean 'read'?",
        ),
        (
            "permit (principal is Usr, action, resource);",
            "1:9: there is no entity type 'Usr'; did you mean 'User'?",
        ),
        (
            "permit (principal, action, resource) when { principal.site == \"x\" };",
            "'site' may be absent: ask with `has site`",
        ),
        (
            "permit (principal, action, resource) when { principal.age == \"x\" };",
            "Long is never equal to String",
        ),
        (
            "permit (principal, action, resource) when { principal.age };",
            "this is Long, where Bool is wanted",
        ),
        (
            "permit (principal, action, resource) when { context.mode == \"x\" };",
            "a record has no attribute 'mode'",
        ),
        (
            "permit (principal, action, resource) when { principal.tags.contains(3) };",
            "where String is wanted",
        ),
        ("permit (principal, action, resource) when { [] == [] };", "an empty set has no type"),
        (
            "permit (principal, action, resource) when { if context.hour > 1 then 1 else \"x\" };",
            "one branch is Long",
        ),
        ("permit (principal is Role, action, resource);", "can never apply"),
        ("permit (principal == ?principal, action, resource);", "no templates"),
        ("permit (principal, action, resource) when { ip(\"1.1.1.1\") == 3 };", "is an extension"),
        ("permit (principal, action, resource) when { principle.age == 3 };", "did you mean 'principal'?"),
        (
            "permit (principal, action, resource) when { principal.tags.contain(\"a\") };",
            "did you mean 'contains'?",
        ),
        ("permit (principal, action, resource)", "';' is wanted here, not the end"),
        ("permit (principal, action, resource) when { \"abc };", "has no end"),
        ("allow (principal, action, resource);", "'permit' or 'forbid' is wanted"),
        (
            "@id(\"x\") permit (principal, action, resource);@id(\"x\") permit (principal, action, resource);",
            "taken already",
        ),
        ("permit (principal, action, resource) when { 9223372036854775808 > 1 };", "64 bits"),
    ] {
        let error = load(text).unwrap_err().to_string();
        assert!(error.starts_with("site/p.cedar:") && error.contains(said), "{text}\n{error}");
    }
}

#[test]
fn what_is_asked_for_before_is_known_to_be_there() {
    for fine in [
        "principal has site && principal.site == \"x\"",
        "if principal has site then principal.site like \"n*\" else false",
        "principal has home.zip && principal.home.zip > 3",
        "principal has boss && principal.boss has site && principal.boss.site == \"x\"",
        "(principal has site || false) && principal.site == \"x\"",
        "resource is Shelf || resource in Box::\"b\"",
        "action == Action::\"write\" || context.ok",
        "action in Action::\"reading\" && context.ok",
    ] {
        let text = format!("permit (principal, action in Action::\"reading\", resource) when {{ {fine} }};");
        assert!(load(&text).is_ok(), "{fine}: {}", load(&text).unwrap_err());
    }
    let unsure =
        "permit (principal, action, resource) when { principal has site || principal.site == \"x\" };";
    assert!(load(unsure).is_err());
    let after =
        "permit (principal, action, resource) when { principal has site } when { principal.site == \"x\" };";
    assert!(load(after).is_ok());
}

#[test]
fn a_schema_names_only_what_there_is() {
    for (text, said) in [
        ("entity A in [B];", "s:1:14: there is no entity type 'B'"),
        ("action a in [b];", "there is no action 'b'"),
        ("entity A { x: ipaddr };", "extension type"),
        ("entity A; entity A;", "twice"),
        ("type X = Long;", "not supported"),
        ("entity A { x: Strin };", "no entity type 'Strin'"),
    ] {
        let error = Schema::parse("s", text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn the_deepest_nesting_fits_a_small_stack() {
    let deep = |open: &str, close: &str, n: usize| format!("{}1{} == 1", open.repeat(n), close.repeat(n));
    let work = move || {
        for (open, close) in
            [("(", ")"), ("[", "]"), ("{a: ", "}"), ("if true then (", ") else 2"), ("-(", ")")]
        {
            for n in [15, 30_000] {
                let said = truth(&deep(open, close, n));
                assert_eq!(said.is_err_and(|error| error.contains("nested more than")), n > 100, "{open}");
            }
        }
        assert!(truth(&format!("context{} == 1", ".a".repeat(90_000))).unwrap_err().contains("nested"));
        assert_eq!(truth(&format!("true{}", " && true".repeat(50_000))), Ok(true));
        assert_eq!(truth(&format!("1{} > 0", " + 1".repeat(50_000))), Ok(true));
        assert!(Schema::parse("s", &format!("entity A {{ x: {} }};", "{ y: ".repeat(90_000))).is_err());
    };
    std::thread::Builder::new().stack_size(512 << 10).spawn(work).unwrap().join().unwrap();
}

#[test]
fn the_built_in_set_is_valid() {
    let schema = source("spud.cedarschema", include_str!("../../../assets/policies/spud.cedarschema"));
    let policies = source("default.cedar", include_str!("../../../assets/policies/default.cedar"));
    let set = PolicySet::load(&schema, &[policies]).unwrap_or_else(|error| panic!("{error}"));
    assert!(set.schema().actions().count() >= 20);
    assert_eq!(set.digest().len(), 64);
}

const PARTS: [&str; 44] = [
    "permit",
    "forbid",
    "(",
    ")",
    "principal",
    "action",
    "resource",
    ",",
    "==",
    "in",
    "is",
    "User",
    "::",
    "\"a\"",
    "Action::\"read\"",
    "Role::\"x\"",
    "[",
    "]",
    ";",
    "when",
    "unless",
    "{",
    "}",
    ".",
    "age",
    "site",
    "has",
    "like",
    "\"*\"",
    "&&",
    "||",
    "!",
    "-",
    "+",
    "*",
    "<",
    "1",
    "9223372036854775807",
    "if",
    "then",
    "else",
    "@id(\"q\")",
    "entity",
    "?",
];

proptest! {
    #[test]
    fn jumbled_words_never_panic(parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 0..60)) {
        let text = parts.join(" ");
        let _ = load(&text);
        let _ = truth(&text);
        let _ = Schema::parse("s", &text);
    }

    #[test]
    fn any_text_never_panics(text in any::<String>()) {
        let _ = load(&text);
        let _ = load(&format!("permit (principal, action, resource) when {{ {text} }};"));
        let _ = Schema::parse("s", &text);
    }

    #[test]
    fn patterns_match_as_their_regex_would(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
        // The plain definition: a star is nothing, or one character and the star again.
        fn naive(pattern: &[char], text: &[char]) -> bool {
            match (pattern.split_first(), text.split_first()) {
                (None, None) => true,
                (Some(('*', rest)), _) if naive(rest, text) => true,
                (Some(('*', _)), Some((_, tail))) => naive(pattern, tail),
                (Some((p, rest)), Some((t, tail))) => p == t && naive(rest, tail),
                _ => false,
            }
        }
        let chars = |text: &str| text.chars().collect::<Vec<char>>();
        let wanted = naive(&chars(&pattern), &chars(&text));
        prop_assert_eq!(truth(&format!("\"{text}\" like \"{pattern}\"")), Ok(wanted));
    }
}
