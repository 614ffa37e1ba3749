//! `/v1/search` and `/v1/ask`.

use axum::Json;

use super::{Route, get, post};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{AskResponse, SearchRequest, SearchResponse};
use crate::engine::{Action, Reply};

const QUERY: &[&str] = &["q", "n", "collection", "path", "kind", "after", "before", "explain", "use_case"];

pub(super) static ROUTES: [Route; 4] = [
    Route::new("GET", "/v1/search", "Find passages", || get(search_get))
        .query(QUERY)
        .reply(200, "SearchResponse")
        .network(),
    Route::new("POST", "/v1/search", "Find passages", || post(search_post))
        .body("SearchRequest")
        .reply(200, "SearchResponse")
        .network(),
    Route::new("GET", "/v1/ask", "Answer with citations", || get(ask_get))
        .query(QUERY)
        .reply(200, "AskResponse")
        .network(),
    Route::new("POST", "/v1/ask", "Answer with citations", || post(ask_post))
        .body("SearchRequest")
        .reply(200, "AskResponse")
        .network(),
];

async fn search_get(mut call: Call) -> Result<Json<SearchResponse>, Fault> {
    let request = from_query(&mut call)?;
    search(call, request).await
}

async fn search_post(call: Call) -> Result<Json<SearchResponse>, Fault> {
    let request = call.json()?;
    search(call, request).await
}

async fn ask_get(mut call: Call) -> Result<Json<AskResponse>, Fault> {
    let request = from_query(&mut call)?;
    ask(call, request).await
}

async fn ask_post(call: Call) -> Result<Json<AskResponse>, Fault> {
    let request = call.json()?;
    ask(call, request).await
}

async fn search(call: Call, request: SearchRequest) -> Result<Json<SearchResponse>, Fault> {
    match call.ask(Action::Search(checked(request)?)).await? {
        Reply::Search(found) => Ok(Json(found)),
        other => unexpected(&other),
    }
}

async fn ask(call: Call, request: SearchRequest) -> Result<Json<AskResponse>, Fault> {
    match call.ask(Action::Ask(checked(request)?)).await? {
        Reply::Ask(found) => Ok(Json(found)),
        other => unexpected(&other),
    }
}

fn from_query(call: &mut Call) -> Result<SearchRequest, Fault> {
    let mut query = call.query();
    let request = SearchRequest {
        q: query.one("q").unwrap_or_default(),
        n: query.number("n")?,
        collections: query.all("collection"),
        path: query.one("path"),
        kind: query.one("kind"),
        after_ms: query.time("after")?,
        before_ms: query.time("before")?,
        explain: query.flag("explain")?,
        use_case: query.one("use_case"),
    };
    query.finish()?;
    Ok(request)
}

fn checked(request: SearchRequest) -> Result<SearchRequest, Fault> {
    if request.q.trim().is_empty() {
        return Err(Fault::invalid("the question is empty").advice("give it as q"));
    }
    if request.n > 100 {
        return Err(Fault::invalid(format!("n: {} is more than 100", request.n)));
    }
    Ok(request)
}
