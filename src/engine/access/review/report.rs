//! A review in the API's words, and its report as Markdown: of what is kept, so that it is the same whenever it is made.

use crate::api::types::access::{AccessReview, ReviewItem as ItemWords};
use crate::base::{format_time, is_hidden, to_hex};
use crate::engine::access::people::People;
use crate::engine::trail;
use crate::governance::access::{Book, Name, Review, ReviewItem, Verdict};

/// Roles hold over the whole box.
const NAMESPACE: &str = "box";
/// Undecided ones that a summary names.
const NAMED: usize = 100;

fn verdict(item: &ReviewItem, review: &Review, book: &Book, now_ms: u64) -> &'static str {
    match &item.decided {
        Some(decided) => decided.verdict.name(),
        None if review.closed.is_none() && !item.stands(book, now_ms) => Verdict::Gone.name(),
        None => "undecided",
    }
}

pub(super) fn words(one: &Review, book: &Book, people: &People, now_ms: u64) -> AccessReview {
    let item = |item: &ReviewItem| ItemWords {
        grant: item.grant.to_string(),
        to: item.to.clone(),
        login: Name::parse(&item.to).ok().and_then(|name| people.login(&name)),
        role: item.role().to_owned(),
        namespace: NAMESPACE.to_owned(),
        by: item.by.clone(),
        reason: item.why.clone(),
        at_ms: item.at_ms,
        until_ms: item.until_ms,
        used_ms: item.used_ms,
        verdict: verdict(item, one, book, now_ms).to_owned(),
        decided_by: item.decided.as_ref().map(|decided| decided.by.clone()),
        decided_ms: item.decided.as_ref().map(|decided| decided.at_ms),
        decided_reason: item.decided.as_ref().map(|decided| decided.reason.clone()),
    };
    let items: Vec<ItemWords> = one.items.iter().map(item).collect();
    let count = |name: &str| items.iter().filter(|item| item.verdict == name).count();
    let closed = one.closed.as_ref();
    AccessReview {
        id: one.id.to_string(),
        state: state(one, now_ms).to_owned(),
        by: one.by.clone(),
        reason: one.reason.clone(),
        opened_ms: one.opened_ms,
        due_ms: one.due_ms,
        closed_ms: closed.map(|closed| closed.at_ms),
        closed_by: closed.map(|closed| closed.by.clone()),
        closed_reason: closed.map(|closed| closed.reason.clone()),
        undecided: count("undecided"),
        confirmed: count("confirmed"),
        revoked: count("revoked"),
        gone: count("gone"),
        sha256: closed.map(|_| to_hex(&trail::digest(markdown(one, book, now_ms).as_bytes()))),
        items,
    }
}

fn state(one: &Review, now_ms: u64) -> &'static str {
    match (&one.closed, one.is_late(now_ms)) {
        (Some(_), _) => "closed",
        (None, true) => "overdue",
        (None, false) => "open",
    }
}

/// What was decided, in a line for the audit log.
pub(super) fn summary(one: &Review) -> String {
    let open: Vec<String> =
        one.items.iter().filter(|item| item.decided.is_none()).map(|item| item.grant.to_string()).collect();
    let counts = [Verdict::Confirmed, Verdict::Revoked, Verdict::Gone].map(|verdict| one.count(verdict));
    let [confirmed, revoked, gone] = counts;
    let mut text = format!(
        "{} grants: {confirmed} confirmed, {revoked} revoked, {gone} gone, {} undecided",
        one.items.len(),
        open.len()
    );
    if !open.is_empty() {
        let named: Vec<&str> = open.iter().take(NAMED).map(String::as_str).collect();
        text += &format!(" (grant {}{})", named.join(", "), if open.len() > NAMED { ", ..." } else { "" });
    }
    text
}

/// A cell of a table: a bar would end it, after a backslash of its own, too, and a line break the table; what hides or
/// turns would deceive.
fn cell(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars().filter(|c| c.is_control() || !is_hidden(*c)) {
        if matches!(c, '|' | '\\') {
            shown.push('\\');
        }
        shown.push(if c.is_control() { ' ' } else { c });
    }
    shown
}

pub(super) fn markdown(one: &Review, book: &Book, now_ms: u64) -> String {
    let time = |ms: u64| format!("{} UTC", format_time(ms));
    let mut out = format!("# Access review {}\n\n", one.id);
    out += &format!("Opened {} by {}: {}\n", time(one.opened_ms), one.by, cell(&one.reason));
    out += &format!("To be done by {}\n", time(one.due_ms));
    match &one.closed {
        Some(end) => {
            out += &format!("Closed {} by {}: {}\n", time(end.at_ms), end.by, cell(&end.reason));
            out += &format!("{}\n", summary(one));
            if let Some(erased_ms) = one.erased_ms {
                let when = time(erased_ms);
                out += &format!(
                    "Words of it were erased {when}, after it was closed: review.closed in the audit log names the \
                     SHA-256 of the report as it was before\n"
                );
            }
        }
        None => out += &format!("It is {}: not a final report\n", state(one, now_ms)),
    }
    out += "\n| Grant | Principal | Role | Namespace | Since | By | Why | Last used | Verdict | Decided by | Reason |\n";
    out += "|---|---|---|---|---|---|---|---|---|---|---|\n";
    for item in &one.items {
        let used = item.used_ms.map_or_else(|| "never known".to_owned(), time);
        let (by, reason) = match &item.decided {
            Some(decided) => (format!("{} at {}", decided.by, time(decided.at_ms)), cell(&decided.reason)),
            None => (String::new(), String::new()),
        };
        let cells = [
            item.grant.to_string(),
            item.to.clone(),
            item.role().to_owned(),
            NAMESPACE.to_owned(),
            time(item.at_ms),
            item.by.clone(),
            cell(&item.why),
            used,
            verdict(item, one, book, now_ms).to_owned(),
            by,
            reason,
        ];
        out += &format!("| {} |\n", cells.join(" | "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn no_text_ends_its_cell() {
        assert_eq!(cell("a | b"), r"a \| b");
        assert_eq!(cell(r"on shift\| confirmed | uid:7"), r"on shift\\\| confirmed \| uid:7");
        assert_eq!(cell("a\nb\u{202e}"), "a b");
    }
}
