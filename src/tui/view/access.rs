//! Who one is here, who may do what, and who was denied what.

use ratatui::layout::Rect;

use crate::api::types::access::ReviewItem;
use crate::tui::model::{AccessTab, Model};
use crate::tui::text::age;
use crate::tui::theme::Tone;
use crate::tui::view::{Pen, Piece, sieve, waiting};
use crate::tui::widgets::table::{self, Column, column, number};

const GRANTS: &[Column] = &[
    column("to", 20, 0),
    column("role", 8, 0),
    number("since", 6, 60),
    number("used", 6, 60),
    column("state", 13, 50),
    column("reason", 0, 0),
];
const PRINCIPALS: &[Column] =
    &[column("principal", 20, 0), column("kind", 7, 50), column("roles", 18, 0), column("about", 0, 60)];
const ROLES_SHOWN: &[Column] = &[column("role", 9, 0), number("may", 4, 0), column("about", 0, 0)];
const POLICIES: &[Column] =
    &[column("policy", 30, 0), column("effect", 7, 0), column("from", 14, 60), column("about", 0, 0)];
const SESSIONS: &[Column] = &[
    column("who", 20, 0),
    column("by", 7, 0),
    number("since", 6, 0),
    number("last", 6, 60),
    number("asked", 6, 50),
    column("session", 0, 60),
];
const REVIEW: &[Column] = &[
    column("to", 20, 0),
    column("role", 8, 0),
    column("verdict", 9, 0),
    number("since", 6, 60),
    number("used", 6, 60),
    column("by", 10, 70),
    column("reason", 0, 50),
];
const DECISIONS: &[Column] = &[
    number("age", 6, 0),
    column("principal", 12, 0),
    column("", 7, 50),
    column("permission", 18, 0),
    column("policies", 0, 60),
];

pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Option<(u16, u16)> {
    let Some(me) = &model.access.me else {
        pen.put(area.x, area.y, area.width, Tone::Quiet, &waiting(model, "read-self"));
        return None;
    };
    let login = me.login.as_ref().map_or_else(String::new, |login| format!(" ({login})"));
    let roles = if me.roles.is_empty() { "no role".to_owned() } else { me.roles.join(", ") };
    let digest: String = me.digest.chars().take(12).collect();
    let line: Vec<Piece> = vec![
        (Tone::Quiet, "You are ".to_owned()),
        (Tone::Strong, format!("{}{login}", me.principal)),
        (Tone::Text, format!(": {roles}")),
        (Tone::Quiet, format!("; policies {digest}")),
    ];
    pen.pieces(area.x, area.y, area.width, &line);
    let mut tabs: Vec<Piece> = Vec::new();
    // Where there is little room, from the one before that is shown.
    let at = AccessTab::ALL.iter().position(|tab| *tab == model.access.tab).unwrap_or(0);
    let from = if area.width < 64 { at.saturating_sub(1) } else { 0 };
    for tab in AccessTab::ALL.into_iter().skip(from) {
        let tone = if tab == model.access.tab { Tone::Accent } else { Tone::Quiet };
        tabs.push((tone, format!("{}  ", tab.title())));
    }
    pen.pieces(area.x, area.y + 1, area.width, &tabs);
    let (room, cursor) =
        sieve(pen, Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area }, model);
    let room = newer_files(pen, room, model);
    list(pen, room, model);
    cursor
}

/// Says above the policies what is wrong with newer files of the site; gives the room that is left.
fn newer_files(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Rect {
    let policies = model.access.tab == AccessTab::Policies;
    let Some(one) = model.access.policies.problems.first().filter(|_| policies) else { return area };
    let text =
        format!("Newer files are not in force: {}:{}:{}: {}", one.file, one.line, one.column, one.what);
    pen.put(area.x, area.y, area.width, Tone::Warn, &text);
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

/// How the newest review stands, above its items.
fn standing(pen: &mut Pen<'_>, area: Rect, model: &Model) -> Rect {
    let Some(one) = &model.access.review else { return area };
    let tone = match one.state.as_str() {
        "closed" => Tone::Quiet,
        "overdue" => Tone::Bad,
        _ => Tone::Accent,
    };
    let counts = format!("; {} undecided, {} revoked", one.undecided, one.revoked);
    let line = [
        (tone, format!("Review {} is {}", one.id, one.state)),
        (Tone::Text, counts),
        (Tone::Quiet, format!("; opened {} ago by {}", age(model.now_ms, one.opened_ms), one.by)),
    ];
    pen.pieces(area.x, area.y, area.width, &line);
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

fn list(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let access = &model.access;
    let rows = access.rows();
    let area = if access.tab == AccessTab::Review { standing(pen, area, model) } else { area };
    if rows.is_empty() {
        let text = match access.tab {
            AccessTab::Denials if access.lacks("read-decisions") => {
                "This needs the permission read-decisions."
            }
            AccessTab::Policies if access.lacks("read-policies") => {
                "This needs the permission read-policies."
            }
            AccessTab::Denials => "Nothing was denied or changed lately.",
            _ if access.lacks("read-access") => "This needs the permission read-access.",
            _ if !access.words.is_empty() => "No such row; esc shows all.",
            AccessTab::Review => "There was no review yet: o opens one.",
            _ => "Nothing here.",
        };
        pen.put(area.x, area.y, area.width, Tone::Quiet, text);
        return;
    }
    let columns = match access.tab {
        AccessTab::Grants => GRANTS,
        AccessTab::Principals => PRINCIPALS,
        AccessTab::Roles => ROLES_SHOWN,
        AccessTab::Policies => POLICIES,
        AccessTab::Denials => DECISIONS,
        AccessTab::Sessions => SESSIONS,
        AccessTab::Review => REVIEW,
    };
    table::draw(pen, area, columns, (rows.len(), access.selected), |at| {
        rows.get(at).and_then(|at| cells(model, *at)).unwrap_or_default()
    });
}

fn cells(model: &Model, at: usize) -> Option<Vec<Piece>> {
    let (access, now) = (&model.access, model.now_ms);
    let ago = |ms: Option<u64>| (Tone::Quiet, ms.map_or_else(|| "-".to_owned(), |ms| age(now, ms)));
    let named = |id: &str, login: &Option<String>| login.clone().unwrap_or_else(|| id.to_owned());
    Some(match access.tab {
        AccessTab::Grants => {
            let one = access.grants.get(at)?;
            let tone =
                if matches!(one.state.as_str(), "fine" | "built in") { Tone::Quiet } else { Tone::Warn };
            vec![
                (Tone::Text, named(&one.to, &one.login)),
                (Tone::Strong, one.role.clone()),
                ago(one.at_ms),
                ago(one.used_ms),
                (tone, one.state.clone()),
                (Tone::Text, one.reason.clone()),
            ]
        }
        AccessTab::Principals => {
            let one = access.principals.get(at)?;
            vec![
                (Tone::Text, named(&one.id, &one.login)),
                (Tone::Quiet, one.kind.clone()),
                (Tone::Strong, one.roles.join(", ")),
                (Tone::Quiet, one.about.clone()),
            ]
        }
        AccessTab::Roles => {
            let one = access.roles.get(at)?;
            vec![
                (Tone::Strong, one.name.clone()),
                (Tone::Text, one.permissions.len().to_string()),
                (Tone::Quiet, one.about.clone()),
            ]
        }
        AccessTab::Policies => {
            let one = access.policies.items.get(at)?;
            let tone = if one.effect == "forbid" { Tone::Warn } else { Tone::Good };
            let from = if one.built_in { "built in" } else { &one.file };
            vec![
                (Tone::Strong, one.id.clone()),
                (tone, one.effect.clone()),
                (Tone::Quiet, from.to_owned()),
                (Tone::Text, one.permissions.join(" ")),
            ]
        }
        AccessTab::Sessions => {
            let one = access.sessions.get(at)?;
            vec![
                (Tone::Text, named(&one.principal, &one.login)),
                (Tone::Strong, one.via.clone()),
                ago(Some(one.since_ms)),
                ago(Some(one.last_ms)),
                (Tone::Text, one.requests.to_string()),
                (Tone::Quiet, one.id.clone()),
            ]
        }
        AccessTab::Review => item_cells(access.items().get(at)?, now),
        AccessTab::Denials => {
            let one = access.decisions.get(at)?;
            let (tone, word) = if one.allowed { (Tone::Good, "allowed") } else { (Tone::Bad, "denied") };
            vec![
                ago(Some(one.at_ms)),
                (Tone::Text, one.principal.clone()),
                (tone, word.to_owned()),
                (Tone::Text, one.permission.clone()),
                (Tone::Quiet, one.policies.join(", ")),
            ]
        }
    })
}

fn item_cells(one: &ReviewItem, now_ms: u64) -> Vec<Piece> {
    let ago = |ms: Option<u64>| (Tone::Quiet, ms.map_or_else(|| "-".to_owned(), |ms| age(now_ms, ms)));
    let tone = match one.verdict.as_str() {
        "undecided" => Tone::Warn,
        "confirmed" => Tone::Good,
        "revoked" => Tone::Bad,
        _ => Tone::Quiet,
    };
    vec![
        (Tone::Text, one.login.clone().unwrap_or_else(|| one.to.clone())),
        (Tone::Strong, one.role.clone()),
        (tone, one.verdict.clone()),
        ago(Some(one.at_ms)),
        ago(one.used_ms),
        (Tone::Quiet, one.decided_by.clone().unwrap_or_default()),
        (Tone::Text, one.decided_reason.clone().unwrap_or_else(|| one.reason.clone())),
    ]
}
