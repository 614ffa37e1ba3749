//! Conditional requests (RFC 9110, 13), for every resource in one place: an `ETag` on what is read, 304 for those who
//! have it already, 412 where a change was meant for something that looks different by now.
//!
//! Where the engine keeps revisions (approvals, use cases, incidents, settings, dashboards) their number is the tag,
//! and the engine compares once more in the transaction of the change. Elsewhere the tag is a digest in two parts:
//! of the thing, and of the thing with the figures that move by themselves. The first must match for a change, both
//! for a 304.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tokio::sync::RwLock;

use super::call::Call;
use super::fault::Fault;
use super::paging;
use super::route::Answer;

/// Figures that move while nobody decides anything: when it was used, how often it asked.
const MOVING: [&str; 5] =
    ["\"used_ms\":", "\"last_ms\":", "\"requests\":", "\"connections\":", "\"passages_missing\":"];
/// Hexadecimal digits of each digest.
const DIGITS: usize = 16;

/// Keeps a change away while somebody else's is compared and made: by resource, as far as their number goes.
#[derive(Default)]
pub(super) struct Changing([RwLock<()>; 16]);

impl Changing {
    fn of(&self, resource: &str) -> Option<&RwLock<()>> {
        let mut hasher = DefaultHasher::new();
        resource.hash(&mut hasher);
        let Self(all) = self;
        all.get(usize::try_from(hasher.finish() % 16).unwrap_or_default())
    }
}

/// What a change is compared with.
#[derive(Clone)]
pub(super) struct Resource {
    /// How many segments of a path are those of the resource.
    pub(super) segments: usize,
    pub(super) read: Answer,
}

/// Reads with a tag, a page at a time where the handler knows no pages.
pub(super) async fn read(mut call: Call, answer: &Answer, paged: bool) -> Result<Response, Fault> {
    let page = if paged { Some(paging::asked(&mut call)?) } else { None };
    let known = tags(&call.headers, &header::IF_NONE_MATCH);
    let response = tagged(answer(call).await, page.as_ref()).await?;
    let Some(tag) = response.headers().get(header::ETAG) else { return Ok(response) };
    // To have it already, a weak tag is enough: something between may have packed what we sent.
    let same = |known: &String| known == "*" || Some(known.trim_start_matches("W/")) == tag.to_str().ok();
    match known.iter().any(same) {
        true => Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag.clone())]).into_response()),
        false => Ok(response),
    }
}

/// The response with a tag, cut to the page.
async fn tagged(response: Response, page: Option<&paging::Asked>) -> Result<Response, Fault> {
    let finished = response.extensions().get::<Fault>().is_some();
    if finished || response.status() != StatusCode::OK {
        return Ok(response);
    }
    let has_tag = response.headers().contains_key(header::ETAG);
    if has_tag && page.is_none() {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let collected = body.collect().await;
    let mut body = collected.map_err(|error| Fault::internal(error.to_string()))?.to_bytes();
    if let Some(cut) = page.map(|page| paging::cut(&body, page)).transpose()?.flatten() {
        parts.headers.remove(header::CONTENT_LENGTH);
        body = cut.into();
    }
    if !has_tag && let Ok(tag) = HeaderValue::from_str(&tag_of(&body)) {
        parts.headers.insert(header::ETAG, tag);
    }
    Ok(Response::from_parts(parts, body.into()))
}

/// Changes, if the resource is still what `If-Match` says.
pub(super) async fn change(
    mut call: Call,
    answer: &Answer,
    resource: Option<&Resource>,
    long: bool,
) -> Result<Response, Fault> {
    let wanted = tags(&call.headers, &header::IF_MATCH);
    let Some(resource) = resource else {
        if wanted.is_empty() {
            return Ok(answer(call).await);
        }
        return Err(Fault::bad_request("nothing here has an ETag that If-Match could name")
            .advice("leave If-Match out; /v1/openapi.json tells where it is known"));
    };
    let app = call.app.clone();
    let Some(place) = app.changing.of(&call.first_segments(resource.segments)) else {
        return Ok(answer(call).await);
    };
    if wanted.is_empty() {
        // What takes minutes makes nobody wait: it is not what others compare with.
        let _others_wait = if long { None } else { Some(place.read().await) };
        return Ok(answer(call).await);
    }
    let _alone = place.write().await;
    let now = tagged((resource.read)(call.reading()).await, None).await?;
    let Some(tag) = now.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()) else {
        // It is not there, or not for this asker: that says more than a tag.
        return Ok(now);
    };
    let settled = |tag: &str| tag.split('.').next().map(str::to_owned);
    let is_it = |wanted: &&String| *wanted == "*" || settled(bare(wanted)) == settled(bare(tag));
    let Some(found) = wanted.iter().find(is_it) else {
        return Err(Fault::new(StatusCode::PRECONDITION_FAILED, "stale", "it is no longer as you saw it")
            .advice("look at it again, then send its ETag as If-Match"));
    };
    // The engine compares once more, with the one that was meant.
    if let Ok(found) = HeaderValue::from_str(found) {
        call.headers.insert(header::IF_MATCH, found);
    }
    Ok(answer(call).await)
}

/// The tags of a header, each with its quotes; one that was typed without gets them, but for the `*` of any.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let all = values.flat_map(|value| value.split(',')).map(str::trim).filter(|tag| !tag.is_empty());
    let quoted = |tag: &str| match tag == "*" || tag.ends_with('"') {
        true => tag.to_owned(),
        false => format!("\"{tag}\""),
    };
    all.map(quoted).collect()
}

/// Without quotes. A weak tag names nothing for sure: it stays one that nothing has.
fn bare(tag: &str) -> &str {
    tag.trim_matches('"')
}

fn tag_of(body: &[u8]) -> String {
    let digest = |bytes: &[u8]| crate::engine::sha256(bytes).chars().take(DIGITS).collect::<String>();
    format!("\"{}.{}\"", digest(&settled(body)), digest(body))
}

/// The JSON without the figures that move. A quote within a text is escaped there, so that names of fields are found
/// without reading the whole.
fn settled(body: &[u8]) -> Vec<u8> {
    let mut left = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        let moving = MOVING.iter().find(|name| *first == b'"' && rest.starts_with(name.as_bytes()));
        match moving.and_then(|name| rest.get(name.len()..)) {
            Some(value) => {
                let end = value.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(value.len());
                rest = value.get(end..).unwrap_or_default();
            }
            None => {
                left.push(*first);
                rest = after;
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_tells_changes_from_figures_that_move() {
        let parts = |body: &str| {
            let tag = tag_of(body.as_bytes());
            let (one, other) = bare(&tag).split_once('.').unwrap();
            (one.to_owned(), other.to_owned())
        };
        let (settled, whole) = parts(r#"{"role":"admin","used_ms":17,"state":"fine"}"#);
        let used = parts(r#"{"role":"admin","used_ms":null,"state":"fine"}"#);
        assert_eq!(used.0, settled);
        assert_ne!(used.1, whole);
        assert_ne!(parts(r#"{"role":"auditor","used_ms":17,"state":"fine"}"#).0, settled);
        let said = parts(r#"{"reason":"\"used_ms\":17"}"#);
        assert_ne!(said.0, parts(r#"{"reason":"\"used_ms\":18"}"#).0, "in a text it is a word like others");
    }

    #[test]
    fn tags_are_read_as_they_are_sent() {
        let mut headers = HeaderMap::new();
        assert!(tags(&headers, &header::IF_MATCH).is_empty());
        headers.append(header::IF_MATCH, "\"a.b\", 3".parse().unwrap());
        headers.append(header::IF_MATCH, "W/\"c\"".parse().unwrap());
        headers.append(header::IF_MATCH, "\"*\", *".parse().unwrap());
        let read = tags(&headers, &header::IF_MATCH);
        assert_eq!(read, [r#""a.b""#, r#""3""#, r#"W/"c""#, r#""*""#, "*"], "not every asterisk is any");
        assert_eq!((bare(r#""a.b""#), bare(r#"W/"c""#)), ("a.b", r#"W/"c"#));
    }
}
