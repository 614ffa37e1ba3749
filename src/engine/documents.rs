//! Documents and their passages, in the words of the API.

use super::EngineError;
use super::paging::bad_cursor;
use super::run::Inner;
use super::worker::parse_id;
use crate::api::types::{Document, DocumentQuery, Page, Passage, PassageQuery, Place};
use crate::base::to_hex;
use crate::knowledge::DocumentRecord;

/// A document in the API's words.
fn words(id: u64, collection: &str, record: &DocumentRecord) -> Document {
    Document {
        id: id.to_string(),
        collection: collection.to_owned(),
        path: String::from_utf8_lossy(&record.path).into_owned(),
        title: record.title.clone(),
        kind: record.kind.clone(),
        language: record.language.clone(),
        bytes: record.bytes,
        pages: record.pages,
        chunks: record.chunks,
        modified_ms: record.modified_ms,
        indexed_ms: record.indexed_ms,
        sha256: to_hex(&record.sha256),
    }
}

/// Cursor: `collection:id` of the last document of the page.
pub(super) fn listed(inner: &Inner, query: &DocumentQuery) -> Result<Page<Document>, EngineError> {
    let limit = if query.limit == 0 { 100 } else { query.limit.min(1000) };
    let (from, mut after) = match &query.cursor {
        Some(cursor) => {
            let (name, id) = cursor.rsplit_once(':').ok_or_else(bad_cursor)?;
            (Some(name.to_owned()), id.parse::<u64>().map_err(|_| bad_cursor())?)
        }
        None => (None, 0),
    };
    if let Some(name) = &query.collection {
        inner.library.collection(name)?;
    }
    let needle = query.contains.as_ref().map(|text| text.to_lowercase());
    let keep = |record: &DocumentRecord| {
        query.kind.as_ref().is_none_or(|kind| *kind == record.kind)
            && needle.as_ref().is_none_or(|needle| {
                record.title.to_lowercase().contains(needle)
                    || String::from_utf8_lossy(&record.path).to_lowercase().contains(needle)
            })
    };
    let mut items = Vec::new();
    for name in inner.library.snapshot().collections.keys() {
        let before = from.as_ref().is_some_and(|from| name < from);
        if before || query.collection.as_ref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        if from.as_ref() != Some(name) {
            after = 0;
        }
        for (id, record) in inner.library.documents(name, after, limit - items.len(), &keep)? {
            items.push(words(id, name, &record));
        }
        if items.len() == limit {
            break;
        }
    }
    let next = items.last().filter(|_| items.len() == limit).map(|d| format!("{}:{}", d.collection, d.id));
    Ok(Page { items, next })
}

pub(super) fn one(inner: &Inner, id: &str) -> Result<Document, EngineError> {
    let id = parse_id("document", id)?;
    let (collection, record) = inner.library.document(id)?;
    Ok(words(id, &collection, &record))
}

/// `segment:chunk`, as results name a passage.
pub(super) fn chunk_id(segment: u64, chunk: u32) -> String {
    format!("{segment}:{chunk}")
}

pub(super) fn place_words(place: &crate::knowledge::extract::Place) -> Place {
    Place {
        line_start: place.lines.map(|l| l.0),
        line_end: place.lines.map(|l| l.1),
        page: place.pages.map(|p| p.0),
        page_end: place.pages.map(|p| p.1).filter(|end| place.pages.is_some_and(|p| p.0 != *end)),
        record: place.record.clone(),
    }
}

pub(super) fn passages(inner: &Inner, query: &PassageQuery) -> Result<Vec<Passage>, EngineError> {
    let id = parse_id("document", &query.document)?;
    let around = query.around.as_ref().and_then(|place| {
        let (segment, chunk) = place.split_once(':')?;
        Some((segment.parse().ok()?, chunk.parse().ok()?))
    });
    let found = inner.library.passages(id, around, query.before.min(200), query.after.min(200))?;
    Ok(found
        .into_iter()
        .map(|p| Passage {
            chunk: chunk_id(p.segment, p.chunk),
            heading: p.heading,
            place: place_words(&p.place),
            text: p.text,
        })
        .collect())
}
