//! Pages of lists that the engine gives whole: `limit` and `cursor` in, a part of `items` and `next` out.
//!
//! A cursor names the last item of its page and where that stood: should the item be gone, the next page begins at
//! that place. Where several have the name, it is the one nearest to that place, at or after it first: lists grow at
//! their head.

use std::borrow::Cow;

use serde_json::Value;

use super::call::{Call, PAGE_MOST, within_page};
use super::fault::Fault;

/// What names an item, the first of these that it has.
const NAMES: [&str; 5] = ["id", "sha256", "request", "name", "revision"];
/// No item is shorter, so that a short list need not be read to know that it fits.
const SHORTEST: usize = 12;

/// Which page.
#[derive(Debug, Default)]
pub(super) struct Asked {
    cursor: Option<String>,
    /// 0 is as much as there may be.
    limit: usize,
}

/// Takes the page out of the query, so that the handler does not meet it.
pub(super) fn asked(call: &mut Call) -> Result<Asked, Fault> {
    let mut query = call.query();
    let asked = Asked { cursor: query.one("cursor"), limit: query.number("limit")? };
    call.put_back(query);
    within_page(asked.limit)?;
    Ok(asked)
}

/// The page of a list as JSON; `None` where it is the whole list.
pub(super) fn cut(body: &[u8], asked: &Asked) -> Result<Option<Vec<u8>>, Fault> {
    let limit = if asked.limit == 0 { PAGE_MOST } else { asked.limit };
    if asked.cursor.is_none() && body.len() < limit.saturating_mul(SHORTEST) {
        return Ok(None);
    }
    let mut whole: Value =
        serde_json::from_slice(body).map_err(|error| Fault::internal(error.to_string()))?;
    let Some(items) = whole.get_mut("items").and_then(Value::as_array_mut) else { return Ok(None) };
    let from = match &asked.cursor {
        Some(cursor) => after(items, cursor).ok_or_else(|| {
            Fault::invalid("the cursor is not one of ours").advice("use `next` of the page before as it is")
        })?,
        None => 0,
    };
    let until = from.saturating_add(limit).min(items.len());
    let more = until < items.len();
    items.truncate(until);
    items.drain(..from.min(until));
    let last =
        items.last().filter(|_| more).map(|last| format!("{}~{}", until.saturating_sub(1), name(last)));
    whole["next"] = last.into();
    Ok(Some(whole.to_string().into_bytes()))
}

/// Where the page after this cursor begins.
fn after(items: &[Value], cursor: &str) -> Option<usize> {
    let (place, last) = cursor.split_once('~')?;
    let place: usize = place.parse().ok()?;
    let next = |at: usize| at.saturating_add(1);
    if last.is_empty() {
        return Some(next(place));
    }
    let (head, rest) = items.split_at(place.min(items.len()));
    let is_last = |item: &Value| name(item) == last;
    let after = rest.iter().position(is_last).map(|at| head.len().saturating_add(at));
    Some(after.or_else(|| head.iter().rposition(is_last)).map_or(place, next))
}

fn name(item: &Value) -> Cow<'_, str> {
    let one = |name: &&str| match item.get(name)? {
        Value::String(text) => Some(Cow::Borrowed(text.as_str())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    };
    NAMES.iter().find_map(one).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<u8> {
        let items: Vec<Value> = names.iter().map(|name| serde_json::json!({"name": name})).collect();
        serde_json::json!({"items": items, "next": null, "digest": "d"}).to_string().into_bytes()
    }

    fn page(list: &[u8], cursor: Option<&str>, limit: usize) -> (Vec<String>, Option<String>) {
        let asked = Asked { cursor: cursor.map(str::to_owned), limit };
        let cut = cut(list, &asked).unwrap();
        let page: Value = serde_json::from_slice(cut.as_deref().unwrap_or(list)).unwrap();
        assert_eq!(page["digest"], "d");
        let items = page["items"].as_array().unwrap().iter().map(|item| name(item).into_owned()).collect();
        (items, page["next"].as_str().map(str::to_owned))
    }

    #[test]
    fn pages_hold_everything_once_whatever_comes_and_goes() {
        let all = ["a", "b", "c", "d", "e"];
        let (first, next) = page(&list(&all), None, 2);
        assert_eq!(first, ["a", "b"]);
        let next = next.unwrap();
        assert_eq!(page(&list(&all), Some(&next), 2).0, ["c", "d"]);
        assert_eq!(page(&list(&["new", "a", "b", "c"]), Some(&next), 2), (vec!["c".to_owned()], None));
        assert_eq!(page(&list(&["a", "c", "d"]), Some(&next), 2).0, ["c", "d"], "what it named is gone");
        assert_eq!(page(&list(&all), None, 0), (all.map(str::to_owned).to_vec(), None));
        assert_eq!(page(&list(&["a"]), Some(&next), 2), (vec![], None));
        for wrong in ["b", "x~b", "~"] {
            let asked = Asked { cursor: Some(wrong.to_owned()), limit: 2 };
            assert_eq!(cut(&list(&all), &asked).unwrap_err().0.status, 422, "{wrong}");
        }
    }

    #[test]
    fn a_name_that_several_have_is_the_one_that_was_shown() {
        // Denials of one request, newest first, and new ones before them.
        let next = page(&list(&["a", "b", "b", "b", "c"]), None, 3).1.unwrap();
        assert_eq!(next, "2~b");
        let grown = ["n", "a", "b", "b", "b", "c"];
        assert_eq!(page(&list(&grown), Some(&next), 9).0, ["b", "b", "c"], "none is left out");
        let far = ["b", "n", "m", "a", "b", "c"];
        assert_eq!(page(&list(&far), Some(&next), 9).0, ["c"], "not from the first that has the name");
        assert_eq!(page(&list(&["b", "c"]), Some(&next), 9).0, ["c"], "gone from its place, found before it");
        // Revisions have a number and no name.
        let revisions = |numbers: &[u64]| {
            let items: Vec<Value> = numbers.iter().map(|n| serde_json::json!({"revision": n})).collect();
            serde_json::json!({"items": items, "digest": "d"}).to_string().into_bytes()
        };
        let next = page(&revisions(&[3, 2, 1]), None, 2).1.unwrap();
        assert_eq!(page(&revisions(&[4, 3, 2, 1]), Some(&next), 2).0, ["1"]);
    }

    #[test]
    fn nothing_is_given_without_a_limit_of_its_own() {
        let names: Vec<String> = (0..=PAGE_MOST).map(|n| format!("somebody with number {n:020}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (items, next) = page(&list(&names), None, 0);
        assert_eq!((items.len(), next.is_some()), (PAGE_MOST, true));
    }
}
