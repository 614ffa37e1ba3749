//! One request as the handlers see it: who, path parameters, query parameters, body.

use std::sync::Arc;
use std::time::Duration;

use axum::RequestExt;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Query, RawPathParams, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::app::App;
use super::auth::Peer;
use super::fault::Fault;
use super::types::from_json;
use crate::engine::{AccessAction, AccessReply, Action, Caller, Criticality, Origin, Reply, Seat, Trace};

/// `/v1/embeddings` may carry so many times what the settings (`api.body`) allow others.
const EMBEDDINGS_TIMES: usize = 4;
/// A body must have arrived by then.
const BODY_TIME: Duration = Duration::from_secs(20);

/// The request's id, put beside the request by the server.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

/// One request, read in full.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) headers: HeaderMap,
    path: String,
    params: Vec<(String, String)>,
    query: Vec<(String, String)>,
    /// Names of parameters that were taken already.
    known: Vec<&'static str>,
    body: Bytes,
}

impl FromRequest<App> for Call {
    type Rejection = Fault;

    async fn from_request(mut request: Request, app: &App) -> Result<Self, Fault> {
        let peer = request.extensions().get::<Peer>().cloned().unwrap_or(Peer::Network);
        let id = request.extensions().get::<RequestId>().map_or_else(|| app.request_id(), |id| id.0.clone());
        let params = match request.extract_parts::<RawPathParams>().await {
            Ok(params) => params.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            Err(_) => return Err(Fault::bad_request("the path is not valid UTF-8 when decoded")),
        };
        let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(request.uri())
            .map_err(|error| Fault::bad_request(format!("the query string cannot be read: {error}")))?;
        let path = request.uri().path().to_owned();
        let (parts, body) = request.into_parts();
        let body = read_body(&parts.headers, &path, body, app.limits().body).await?;
        let caller = Caller {
            criticality: criticality(&parts.headers)?,
            trace: parts.extensions.get::<Trace>().cloned(),
            ..peer.caller(id, &parts.headers)
        };
        if let Some(seat) = parts.extensions.get::<Arc<Seat>>() {
            seat.asked(&caller);
        }
        let known = Vec::new();
        Ok(Self { app: app.clone(), caller, headers: parts.headers, path, params, query, known, body })
    }
}

/// How much the request matters, as its sender says.
fn criticality(headers: &HeaderMap) -> Result<Criticality, Fault> {
    let Some(value) = headers.get("x-criticality") else { return Ok(Criticality::default()) };
    value.to_str().ok().and_then(Criticality::parse).ok_or_else(|| {
        Fault::bad_request("X-Criticality is none of critical, default, sheddable, batch")
            .advice("leave it out where a person waits for the answer")
    })
}

async fn read_body(headers: &HeaderMap, path: &str, body: Body, usual: usize) -> Result<Bytes, Fault> {
    let limit = if path == "/v1/embeddings" { usual.saturating_mul(EMBEDDINGS_TIMES) } else { usual };
    let too_large = || {
        Fault::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            format!("the body has more than {limit} bytes"),
        )
        .advice("send less at once; files are named by path, not sent")
    };
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > limit) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIME, Limited::new(body, limit).collect()).await {
        Ok(Ok(all)) => Ok(all.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large()),
        Ok(Err(error)) => Err(Fault::bad_request(format!("the body cannot be read: {error}"))),
        Err(_) => Err(Fault::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not arrive in time")),
    }
}

impl Call {
    /// A path parameter by name.
    pub(super) fn param(&self, name: &str) -> String {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Takes the query parameters; what is left over at [`Params::finish`] is refused.
    pub(super) fn query(&mut self) -> Params {
        Params { left: std::mem::take(&mut self.query), known: std::mem::take(&mut self.known) }
    }

    /// Gives back what was left over, for the next one who takes.
    pub(super) fn put_back(&mut self, params: Params) {
        (self.query, self.known) = (params.left, params.known);
    }

    /// The same asker with nothing but the question what is there.
    pub(super) fn reading(&self) -> Self {
        Self { query: Vec::new(), body: Bytes::new(), ..self.clone() }
    }

    /// So many segments of the path, the empty one before the first slash included.
    pub(super) fn first_segments(&self, segments: usize) -> String {
        self.path.split('/').take(segments).collect::<Vec<_>>().join("/")
    }

    /// What keeps requests with the same `Idempotency-Key` apart from others.
    pub(super) fn same(&self) -> (&str, &[u8]) {
        (&self.path, &self.body)
    }

    /// Whose request this is; none where nobody in particular asks.
    pub(super) async fn principal(&self) -> Result<Option<String>, Fault> {
        match self.caller.origin {
            Origin::Local => Ok(Some(format!("uid:{}", self.caller.uid))),
            Origin::Network => Ok(None),
            // Tokens share a user id, and a token may be revoked meanwhile: whose it is the engine knows.
            Origin::Bearer(_) => match self.ask(Action::Access(AccessAction::WhoAmI)).await? {
                Reply::Access(AccessReply::WhoAmI(one)) => Ok(Some(one.principal)),
                other => unexpected(&other),
            },
        }
    }

    /// Query parameters together with those of a body that is a form (`application/x-www-form-urlencoded`).
    pub(super) fn form(&mut self) -> Result<Params, Fault> {
        let kind =
            self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_form =
            kind.split(';').next().unwrap_or_default().trim() == "application/x-www-form-urlencoded";
        let mut params = Params { left: std::mem::take(&mut self.query), known: Vec::new() };
        if is_form && !self.body.is_empty() {
            let bad = || Fault::bad_request("the form in the body cannot be read");
            let text = std::str::from_utf8(&self.body).map_err(|_| bad())?;
            let uri = format!("/?{text}").parse().map_err(|_| bad())?;
            let Query(form) = Query::<Vec<(String, String)>>::try_from_uri(&uri).map_err(|_| bad())?;
            params.left.extend(form);
        }
        Ok(params)
    }

    /// The body as JSON of this type.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let kind =
            self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !(kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")) {
            let said =
                if kind.is_empty() { "no Content-Type".to_owned() } else { format!("Content-Type {kind}") };
            return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", said)
                .advice("send Content-Type: application/json"));
        }
        from_json(&self.body).map_err(|error| {
            // serde_json ends its messages with "at line L column C".
            let said = format!("the body cannot be understood: {error}");
            if error.is_data() { Fault::invalid(said) } else { Fault::bad_request(said) }
        })
    }

    /// The body as it came.
    pub(super) fn body(&self) -> Vec<u8> {
        self.body.to_vec()
    }

    /// A header as text; empty where there is none.
    pub(super) fn header(&self, name: &str) -> Result<&str, Fault> {
        let Some(value) = self.headers.get(name) else { return Ok("") };
        value.to_str().map_err(|_| Fault::bad_request(format!("the header {name} is not plain ASCII")))
    }

    /// The body as JSON, or the default where there is none.
    pub(super) fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Fault> {
        if self.body.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// Asks the engine.
    pub(super) async fn ask(&self, action: Action) -> Result<Reply, Fault> {
        self.app.ask(self.caller.clone(), action).await
    }

    /// Asks the engine to make something.
    pub(super) async fn create(
        &self,
        action: Action,
        answer: impl FnOnce(Reply) -> Result<Made, Fault>,
    ) -> Result<Response, Fault> {
        answer(self.ask(action).await?).map(Made::respond)
    }
}

/// Something that was made, and where it is now.
pub(super) struct Made {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    pub(super) location: Option<String>,
}

impl Made {
    fn respond(self) -> Response {
        let mut response = (self.status, axum::Json(self.body)).into_response();
        if let Some(location) = self.location.and_then(|location| location.parse().ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// A value on its way out, as JSON.
pub(super) fn value<T: Serialize>(item: &T) -> Result<Value, Fault> {
    serde_json::to_value(item).map_err(|error| Fault::internal(error.to_string()))
}

/// The engine gave another reply than the action promises.
pub(super) fn unexpected<T>(_reply: &Reply) -> Result<T, Fault> {
    Err(Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the engine gave a reply of another kind"))
}

/// Items of one page at most.
pub(super) const PAGE_MOST: usize = 1000;

/// Refuses a page that is larger than any may be.
pub(super) fn within_page(limit: usize) -> Result<(), Fault> {
    if limit > PAGE_MOST {
        return Err(Fault::invalid(format!("limit: {limit} is more than {PAGE_MOST}")));
    }
    Ok(())
}

/// Query parameters, each taken once.
pub(super) struct Params {
    left: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Params {
    /// Every value of this name.
    pub(super) fn all(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let mut found = Vec::new();
        self.left.retain_mut(|(key, value)| {
            let taken = key == name;
            if taken {
                found.push(std::mem::take(value));
            }
            !taken
        });
        found
    }

    /// The value of this name; the last one where there are several.
    pub(super) fn one(&mut self, name: &'static str) -> Option<String> {
        self.all(name).pop().filter(|value| !value.is_empty())
    }

    pub(super) fn number(&mut self, name: &'static str) -> Result<usize, Fault> {
        let Some(text) = self.one(name) else { return Ok(0) };
        text.parse().map_err(|_| Fault::invalid(format!("{name}: '{text}' is not a whole number")))
    }

    /// True for `1`, `true`, `yes` and for the name alone.
    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, Fault> {
        match self.all(name).pop().as_deref() {
            None | Some("0" | "false" | "no") => Ok(false),
            Some("" | "1" | "true" | "yes") => Ok(true),
            Some(other) => Err(Fault::invalid(format!("{name}: '{other}' is neither true nor false"))),
        }
    }

    /// Milliseconds since 1970, a date, or a date with time (UTC).
    pub(super) fn time(&mut self, name: &'static str) -> Result<Option<u64>, Fault> {
        let Some(text) = self.one(name) else { return Ok(None) };
        crate::base::parse_time(&text).map(Some).ok_or_else(|| {
            Fault::invalid(format!("{name}: '{text}' is no time"))
                .advice("2026-03-01, 2026-03-01T08:00:00Z, or ms since 1970")
        })
    }

    /// Whatever else is there does not matter: clients of another program's API send what that one knows.
    pub(super) fn ignore(mut self) {
        self.left.clear();
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self) -> Result<(), Fault> {
        let Some((name, _)) = self.left.first() else { return Ok(()) };
        let known = if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") };
        let shown: String = name.chars().take(60).collect();
        Err(Fault::invalid(format!("unknown query parameter '{shown}'"))
            .advice(format!("known here: {known}")))
    }
}
