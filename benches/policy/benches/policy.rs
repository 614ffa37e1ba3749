//! Decisions a second and their slowest hundredth, with 100 and 1,000 policies, beside cedar-policy and
//! casbin on the same requests in the same run. Goals: 100,000 rules a second and 100 us at the 99th percentile with 100 policies;
//! 20,000 decisions a second with 1,000.

use std::fmt::Write;
use std::str::FromStr;
use std::time::{Duration, Instant};

use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};
use serde::Serialize;
use serde_json::json;
use spud_policy_peers::policy::{Entities, PolicySet, Request, Source, Uid, Value, record};

const ACTIONS: usize = 25;
const ROLES: usize = 10;
const DECISIONS: usize = 20_000;

fn schema() -> String {
    let actions: Vec<String> = (0..ACTIONS).map(|n| format!("a{n}")).collect();
    format!(
        "entity Role;\nentity User in [Role] {{ age: Long, site: String }};\n\
         entity Thing {{ owner: User, impact: String }};\n\
         action {} appliesTo {{ principal: [User], resource: [Thing], context: {{ hour: Long, mode: String }} }};\n",
        actions.join(", ")
    )
}

fn policies(count: usize) -> String {
    (0..count).fold(String::new(), |mut out, n| {
        let (effect, role, action) = (if n % 10 == 9 { "forbid" } else { "permit" }, n % ROLES, n % ACTIONS);
        let _ = writeln!(
            out,
            "{effect} (principal in Role::\"r{role}\", action == Action::\"a{action}\", resource is Thing)\n\
             when {{ context.hour >= {} && principal.site like \"north-*\" && resource.impact != \"critical\" }}\n\
             unless {{ resource.owner != principal && principal.age < {} && context.mode == \"emergency\" }};",
            n % 24,
            n % 60,
        );
        out
    })
}

fn summary(name: &str, count: usize, mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    let total: Duration = took.iter().sum();
    let per_second = took.len() as f64 / total.as_secs_f64();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_nanos() as f64 / 1000.0;
    println!(
        "{name:<24} {count:>5} policies {per_second:>10.0} decisions/s {:>12.0} rules/s  p50 {:>8.2} us  p99 {:>8.2} us",
        per_second * count as f64,
        at(0.5),
        at(0.99)
    );
    per_second
}

fn main() {
    for count in [100, 1_000] {
        let text = policies(count);
        let source = |file: &str, text: &str| Source { file: file.into(), text: text.into() };
        let set = PolicySet::load(&source("s", &schema()), &[source("p", &text)]).unwrap();
        let user = record([("age", Value::Long(40)), ("site", Value::text("north-7"))]);
        let ann = Uid::new("User", "ann");
        let thing = record([("owner", Value::Entity(ann.clone())), ("impact", Value::text("low"))]);
        let made = || {
            let roles = (0..3).map(|n| Uid::new("Role", &format!("r{n}"))).collect();
            Entities::new([
                (ann.clone(), user.clone(), roles),
                (Uid::new("Thing", "t"), thing.clone(), Vec::new()),
            ])
        };
        let mut ours = Vec::new();
        let mut allowed = Vec::new();
        for n in 0..DECISIONS {
            let context = record([("hour", Value::Long((n % 24) as i64)), ("mode", Value::text("normal"))]);
            let action = Uid::new("Action", &format!("a{}", n % ACTIONS));
            let request =
                Request { principal: ann.clone(), action, resource: Uid::new("Thing", "t"), context };
            // What the box makes anew for every decision is part of it.
            let begun = Instant::now();
            let verdict = set.decide(&request, &made());
            ours.push(begun.elapsed());
            allowed.push(verdict.allowed);
        }
        let mine = summary("spud", count, ours);
        let peer = cedar(&text, count, &allowed);
        println!("{:<24} {count:>5} policies {:>10.1} times as many", "spud / cedar-policy", mine / peer);
        let peer = casbin(count, &allowed);
        println!("{:<24} {count:>5} policies {:>10.1} times as many", "spud / casbin", mine / peer);
    }
}

fn cedar(text: &str, count: usize, wanted: &[bool]) -> f64 {
    let set = cedar_policy::PolicySet::from_str(text).unwrap();
    let uid = |text: &str| cedar_policy::EntityUid::from_str(text).unwrap();
    let parents: Vec<_> = (0..3).map(|n| json!({"type": "Role", "id": format!("r{n}")})).collect();
    let entities = cedar_policy::Entities::from_json_value(
        json!([
            {"uid": {"type": "User", "id": "ann"}, "attrs": {"age": 40, "site": "north-7"}, "parents": parents},
            {"uid": {"type": "Thing", "id": "t"}, "parents": [],
             "attrs": {"owner": {"__entity": {"type": "User", "id": "ann"}}, "impact": "low"}},
        ]),
        None,
    )
    .unwrap();
    let authorizer = cedar_policy::Authorizer::new();
    let mut took = Vec::new();
    // Slower by far: fewer are enough for a stable figure.
    for (n, wanted) in wanted.iter().enumerate().take(DECISIONS / 10) {
        let context = json!({"hour": n % 24, "mode": "normal"});
        let context = cedar_policy::Context::from_json_value(context, None).unwrap();
        let action = uid(&format!("Action::\"a{}\"", n % ACTIONS));
        let request =
            cedar_policy::Request::new(uid("User::\"ann\""), action, uid("Thing::\"t\""), context, None)
                .unwrap();
        let begun = Instant::now();
        let answer = authorizer.is_authorized(&request, &set, &entities);
        took.push(begun.elapsed());
        assert_eq!(answer.decision() == cedar_policy::Decision::Allow, *wanted, "request {n}");
    }
    summary("cedar-policy", count, took)
}

/// The same rules: what differs from one to the next in the policy, what is alike in the matcher. Its policies are texts,
/// so numbers are two digits, which order as the numbers do.
const CASBIN: &str = "[request_definition]\nr = sub, act, obj, ctx\n[policy_definition]\np = id, role, act, hour, age, eft\n\
    [role_definition]\ng = _, _\n[policy_effect]\ne = some(where (p.eft == allow)) && !some(where (p.eft == deny))\n\
    [matchers]\nm = r.act == p.act && g(r.sub.name, p.role) && r.ctx.hour >= p.hour && keyMatch(r.sub.site, \"north-*\") \
    && r.obj.impact != \"critical\" && !(r.obj.owner != r.sub.name && r.sub.age < p.age && r.ctx.mode == \"emergency\")\n";

#[derive(Clone, Serialize, Hash)]
struct Subject {
    name: String,
    age: String,
    site: String,
}

#[derive(Clone, Serialize, Hash)]
struct Thing {
    owner: String,
    impact: String,
}

#[derive(Clone, Serialize, Hash)]
struct Circumstances {
    hour: String,
    mode: String,
}

fn casbin(count: usize, wanted: &[bool]) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let enforcer = runtime.block_on(async {
        let model = DefaultModel::from_str(CASBIN).await.unwrap();
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await.unwrap();
        let rule = |n: usize| {
            let effect = if n % 10 == 9 { "deny" } else { "allow" };
            let (role, action) = (format!("r{}", n % ROLES), format!("a{}", n % ACTIONS));
            // Without a name of its own, one that is like another would be dropped.
            vec![
                n.to_string(),
                role,
                action,
                format!("{:02}", n % 24),
                format!("{:02}", n % 60),
                effect.to_owned(),
            ]
        };
        assert!(enforcer.add_policies((0..count).map(rule).collect()).await.unwrap());
        let roles = (0..3).map(|n| vec!["ann".to_owned(), format!("r{n}")]).collect();
        assert!(enforcer.add_grouping_policies(roles).await.unwrap());
        enforcer
    });
    let subject = Subject { name: "ann".into(), age: "40".into(), site: "north-7".into() };
    let thing = Thing { owner: "ann".into(), impact: "low".into() };
    let mut took = Vec::new();
    for (n, wanted) in wanted.iter().enumerate().take(DECISIONS / 100) {
        let circumstances = Circumstances { hour: format!("{:02}", n % 24), mode: "normal".into() };
        let request = (subject.clone(), format!("a{}", n % ACTIONS), thing.clone(), circumstances);
        let begun = Instant::now();
        let allowed = enforcer.enforce(request).unwrap();
        took.push(begun.elapsed());
        assert_eq!(allowed, *wanted, "request {n}");
    }
    summary("casbin", count, took)
}
