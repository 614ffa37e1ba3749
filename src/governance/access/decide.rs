//! The decision: who wants what of what, turned into a request of the policies, and what they say of it. Pure.

use std::sync::Arc;

use super::{Book, Name, Pass, Permission, Role};
use crate::base::InOrder;
use crate::governance::policy::{Effect, Entities, PolicySet, Record, Request, Uid, Value, Verdict, record};

/// How somebody reached the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    Socket,
    Token,
    Network,
}

impl Via {
    /// As policies name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Token => "token",
            Self::Network => "network",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Socket, Self::Token, Self::Network].into_iter().find(|via| via.name() == text)
    }
}

/// Somebody who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    pub name: Name,
    /// Groups, as the kernel says.
    pub groups: Arc<[u32]>,
    pub via: Via,
    /// Of a token: what it is good for.
    pub token: Option<u64>,
    pub scopes: Option<Arc<[String]>>,
}

impl Subject {
    /// A user of this box, over the socket.
    #[must_use]
    pub fn local(uid: u32, groups: &[u32]) -> Self {
        Self { name: Name::Uid(uid), groups: groups.into(), via: Via::Socket, token: None, scopes: None }
    }
}

/// What an action is done to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    /// A type of the schema: `Box`, `Collection`, `User`, `Model`, ...
    pub kind: &'static str,
    /// Empty for the box itself.
    pub name: String,
    /// Of an approval request.
    pub facts: Option<Arc<ApprovalFacts>>,
}

/// What policies may ask about an approval request. The lists are sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ApprovalFacts {
    pub submitter: String,
    /// Kind of what is changed.
    pub subject: String,
    pub impact: String,
    /// Who voted, and whose vote was cast for them.
    pub voters: Vec<String>,
    /// To whom votes were given.
    pub delegates: Vec<String>,
    /// Those of them to whom the submitter gave one.
    pub bound: Vec<String>,
}

impl ApprovalFacts {
    fn add_to(&self, thing: &mut Record) {
        let set = |all: &[String]| Value::set(all.iter().map(|one| Value::text(one)).collect());
        thing.insert("submitter".into(), Value::text(&self.submitter));
        thing.insert("subject".into(), Value::text(&self.subject));
        thing.insert("impact".into(), Value::text(&self.impact));
        thing.insert("voters".into(), set(&self.voters));
        thing.insert("delegates".into(), set(&self.delegates));
        thing.insert("bound".into(), set(&self.bound));
    }
}

impl Resource {
    /// The box itself.
    pub const BOX: Self = Self { kind: "Box", name: String::new(), facts: None };

    #[must_use]
    pub fn new(kind: &'static str, name: impl Into<String>) -> Self {
        Self { kind, name: name.into(), facts: None }
    }

    /// As policies write it.
    #[must_use]
    pub fn shown(&self) -> String {
        self.uid().to_string()
    }

    fn uid(&self) -> Uid {
        Uid::new(self.kind, if self.kind == "Box" { "this" } else { &self.name })
    }

    /// Reads `Collection::"manuals"`, or `Collection::manuals`; nothing is the box.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const KINDS: [&str; 10] = [
            "Box",
            "Collection",
            "User",
            "Model",
            "UseCase",
            "Operation",
            "Setting",
            "Backup",
            "Policy",
            "Approval",
        ];
        if text.is_empty() {
            return Some(Self::BOX);
        }
        let (kind, name) = text.split_once("::").unwrap_or((text, ""));
        let kind = KINDS.into_iter().find(|known| *known == kind)?;
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        Some(if kind == "Box" { Self::BOX } else { Self::new(kind, name) })
    }
}

/// What an action needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Need {
    pub permission: Permission,
    pub resource: Resource,
    /// The role that is granted or taken.
    pub role: Option<Role>,
}

impl Need {
    /// Of the box itself.
    #[must_use]
    pub fn of_box(permission: Permission) -> Self {
        Self { permission, resource: Resource::BOX, role: None }
    }

    #[must_use]
    pub fn of(permission: Permission, kind: &'static str, name: impl Into<String>) -> Self {
        Self { permission, resource: Resource::new(kind, name), role: None }
    }
}

/// What else policies may ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    pub now_ms: u64,
    /// As `spud mode` names it.
    pub mode: String,
    /// What the box is used for, such as `production`.
    pub environment: String,
}

impl Circumstances {
    /// Hour of the day, 0 to 23, UTC.
    #[must_use]
    pub fn hour(&self) -> u64 {
        self.now_ms / 3_600_000 % 24
    }

    /// 1 for Monday to 7, UTC.
    #[must_use]
    pub fn weekday(&self) -> u64 {
        // The first of January 1970 was a Thursday.
        (self.now_ms / 86_400_000 + 3) % 7 + 1
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub at_ms: u64,
    pub request: String,
    pub principal: String,
    pub via: Via,
    pub roles: Vec<Role>,
    pub permission: Permission,
    pub resource: String,
    pub allowed: bool,
    /// Ids of the policies that decided; none where nothing permits.
    pub policies: Vec<String>,
    /// Policies that had no value, with why.
    pub errors: Vec<String>,
    /// What would be needed; empty where it was allowed.
    pub needs: String,
    pub mode: String,
    /// Of the policies.
    pub digest: String,
    /// The emergency pass that allows it where they deny, with the request that it was agreed to with.
    pub pass: Option<(u64, Pass)>,
}

/// Asks the policies. `roles` are those that the subject has now.
#[must_use]
pub fn decide(
    set: &PolicySet,
    book: &Book,
    (subject, roles): (&Subject, &[Role]),
    need: &Need,
    around: &Circumstances,
) -> Decision {
    let verdict = ask(set, book, (subject, roles), need, around);
    let id = |place: &u32| set.at(*place).map(|policy| policy.id.to_string());
    let error = |(place, error): &(u32, crate::governance::policy::EvaluateError)| {
        Some(format!("{}: {error}", id(place)?))
    };
    let needs = match verdict.allowed {
        true => String::new(),
        false => needed(set, book, subject, need, around, &verdict),
    };
    let mut shown: Vec<Role> = roles.to_vec();
    shown.order();
    shown.dedup();
    Decision {
        at_ms: around.now_ms,
        request: String::new(),
        principal: subject.name.to_string(),
        via: subject.via,
        roles: shown,
        permission: need.permission,
        resource: need.resource.shown(),
        allowed: verdict.allowed,
        policies: verdict.by.iter().filter_map(id).collect(),
        errors: verdict.errors.iter().filter_map(error).collect(),
        needs,
        mode: around.mode.clone(),
        digest: set.digest().to_owned(),
        pass: None,
    }
}

/// Roles that would be allowed this.
#[must_use]
pub fn would_allow(
    set: &PolicySet,
    book: &Book,
    subject: &Subject,
    need: &Need,
    around: &Circumstances,
) -> Vec<Role> {
    let allowed = |role: &Role| ask(set, book, (subject, &[*role]), need, around).allowed;
    Role::ALL.into_iter().filter(allowed).collect()
}

fn ask(
    set: &PolicySet,
    book: &Book,
    (subject, roles): (&Subject, &[Role]),
    need: &Need,
    around: &Circumstances,
) -> Verdict {
    let principal = Uid::new("User", &subject.name.to_string());
    let resource = need.resource.uid();
    let mut known = vec![(principal.clone(), user(book, &subject.name, &subject.groups), memberships(roles))];
    let environment = Value::text(&around.environment);
    if resource != principal {
        known.push((resource.clone(), thing(book, &need.resource, &environment), above(&resource)));
    }
    if need.resource.kind != "Box" {
        known.push((Resource::BOX.uid(), record([("environment", environment)]), Vec::new()));
    }
    let request = Request {
        principal,
        action: Uid::new("Action", need.permission.name()),
        resource,
        context: context(subject, need, around),
    };
    set.decide(&request, &Entities::new(known))
}

fn memberships(roles: &[Role]) -> Vec<Uid> {
    roles.iter().map(|role| Uid::new("Role", role.name())).collect()
}

fn user(book: &Book, name: &Name, groups: &[u32]) -> Record {
    let mut user = record([
        ("name", Value::text(&name.to_string())),
        ("kind", Value::text(name.kind())),
        ("groups", Value::set(groups.iter().map(|gid| Value::Long(i64::from(*gid))).collect())),
        ("owner", Value::Bool(*name == Name::Uid(book.owner))),
    ]);
    if let Name::Uid(uid) = name {
        user.insert("uid".into(), Value::Long(i64::from(*uid)));
    }
    user
}

fn thing(book: &Book, resource: &Resource, environment: &Value) -> Record {
    match resource.kind {
        "Box" => record([("environment", environment.clone())]),
        "User" => match Name::parse(&resource.name) {
            Ok(name) => user(book, &name, &[]),
            Err(_) => Record::new(),
        },
        kind => {
            let mut thing =
                record([("name", Value::text(&resource.name)), ("environment", environment.clone())]);
            if kind == "Collection" {
                let namespace = resource.name.split_once('.').map_or("", |(namespace, _)| namespace);
                thing.insert("namespace".into(), Value::text(namespace));
            }
            if kind == "Approval" {
                resource.facts.as_deref().cloned().unwrap_or_default().add_to(&mut thing);
            }
            thing
        }
    }
}

fn above(resource: &Uid) -> Vec<Uid> {
    match &*resource.kind {
        "Box" | "User" => Vec::new(),
        _ => vec![Resource::BOX.uid()],
    }
}

fn context(subject: &Subject, need: &Need, around: &Circumstances) -> Record {
    let number = |number: u64| Value::Long(i64::try_from(number).unwrap_or(0));
    let mut context = record([
        ("permission", Value::text(need.permission.name())),
        ("via", Value::text(subject.via.name())),
        ("mode", Value::text(&around.mode)),
        ("hour", number(around.hour())),
        ("weekday", number(around.weekday())),
    ]);
    if let Some(scopes) = &subject.scopes {
        let scopes = scopes.iter().map(|scope| Value::text(scope)).collect();
        context.insert("scopes".into(), Value::set(scopes));
    }
    if let Some(role) = need.role {
        context.insert("role".into(), Value::text(role.name()));
    }
    context
}

/// What would be needed, in one sentence.
fn needed(
    set: &PolicySet,
    book: &Book,
    subject: &Subject,
    need: &Need,
    around: &Circumstances,
    verdict: &Verdict,
) -> String {
    let forbids = verdict.by.iter().filter_map(|place| set.at(*place));
    if let Some(policy) = forbids.clone().find(|policy| policy.effect == Effect::Forbid) {
        let advice = policy.annotation("advice").unwrap_or("see it with `spud policy show`");
        return format!("the policy {} must not apply: {advice}", policy.id);
    }
    let permission = need.permission.name();
    let roles: Vec<&str> =
        would_allow(set, book, subject, need, around).iter().map(|role| role.name()).collect();
    let Some(first) = roles.first() else {
        return format!("the permission {permission}, which no role has here: a site policy must permit it");
    };
    let who = &subject.name;
    match who {
        Name::Network => format!("a token with the permission {permission}, or the Unix socket"),
        _ => format!(
            "the permission {permission}, which the role {} has: spud role grant {who} {first} --reason WHY",
            roles.join(" or ")
        ),
    }
}
