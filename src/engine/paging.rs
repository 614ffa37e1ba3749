//! Pages and tags in the requests of the API: where a page begins, and whether a thing is still what the asker saw.

use super::EngineError;
use super::worker::invalid;

/// The number in `cursor`, after which a page goes on.
///
/// # Errors
/// It is none of ours.
pub(super) fn cursor(text: Option<&String>) -> Result<Option<u64>, EngineError> {
    let number = text.map(|text| text.parse()).transpose();
    number.map_err(|_| bad_cursor())
}

/// The items of a page and its `next`, of what was found: one more than `limit` where there is more. The number of the
/// last item is the cursor; a page that would be empty is not named.
pub(super) fn page_of<T>(
    mut found: Vec<T>,
    limit: usize,
    number: impl Fn(&T) -> u64,
) -> (Vec<T>, Option<String>) {
    let is_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| is_more).map(|last| number(last).to_string());
    (found, next)
}

/// Says so of a cursor that is more than a number, too.
pub(super) fn bad_cursor() -> EngineError {
    invalid("the cursor is not one of ours", "use `next` of the page before as it is")
}

/// Refuses where the thing is no longer at the revision that `If-Match` names (RFC 9110, 13.1.1).
///
/// # Errors
/// [`EngineError::Stale`] with `what` happened.
pub(super) fn unchanged(if_match: Option<&str>, revision: u64, what: &str) -> Result<(), EngineError> {
    let wanted = if_match.map(|tag| tag.trim().trim_matches('"'));
    if wanted.is_none_or(|wanted| wanted == "*" || wanted == revision.to_string()) {
        return Ok(());
    }
    let advice = "look at it again, then send its ETag as If-Match".into();
    Err(EngineError::Stale { what: what.to_owned(), advice })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_where_it_says_and_a_tag_holds_or_not() {
        assert_eq!(page_of(vec![9, 8, 7], 2, |n| *n), (vec![9, 8], Some("8".to_owned())));
        assert_eq!(page_of(vec![9, 8], 2, |n| *n), (vec![9, 8], None), "no page is empty");
        assert_eq!(page_of(Vec::new(), 2, |n: &u64| *n), (Vec::new(), None));
        assert_eq!(cursor(None).unwrap(), None);
        assert_eq!(cursor(Some(&"17".to_owned())).unwrap(), Some(17));
        assert!(matches!(cursor(Some(&"x".to_owned())), Err(EngineError::Invalid { .. })));
        for fine in [None, Some("\"3\""), Some(" 3 "), Some("*")] {
            assert!(unchanged(fine, 3, "moved").is_ok(), "{fine:?}");
        }
        assert!(
            matches!(unchanged(Some("\"2\""), 3, "moved"), Err(EngineError::Stale { what, .. }) if what == "moved")
        );
    }
}
