//! Every refusal as a problem document (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::types::Problem;
use crate::engine::EngineError;

/// A refusal on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault(pub(super) Box<Problem>);

impl Fault {
    /// `kind` is the stable end of the problem's type.
    pub(super) fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem {
            kind: format!("urn:spud:problem:{kind}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            ..Problem::default()
        }))
    }

    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    pub(super) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// The whole response as bytes, where no server renders it; the connection ends with it.
    pub(super) fn wire(mut self, request: &str) -> Vec<u8> {
        self.0.instance = Some(request.to_owned());
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let retry = self.0.retry_after.map_or_else(String::new, |s| format!("retry-after: {s}\r\n"));
        let head = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: application/problem+json\r\n{retry}x-request-id: {request}\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n",
            self.0.status,
            self.0.title,
            body.len()
        );
        [head.into_bytes(), body].concat()
    }

    /// The finished response, with the request's id.
    pub(super) fn render(mut self, request: &str) -> Response {
        self.0.instance = Some(request.to_owned());
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = Response::new(axum::body::Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Some(id) = &self.0.approval
            && let Ok(place) = HeaderValue::from_str(&format!("/v1/approvals/{id}"))
        {
            response.headers_mut().insert(header::LOCATION, place);
        }
        if let Some(seconds) = self.0.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The body is rendered by the server, which knows the request's id; until then the fault rides along.
impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(self);
        response
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        let said = error.to_string();
        match error {
            EngineError::Invalid { advice, .. } => Self::invalid(said).advice(advice),
            EngineError::NotFound { advice, .. } => {
                Self::new(StatusCode::NOT_FOUND, "not-found", said).advice(advice)
            }
            EngineError::Conflict { advice, .. } => {
                Self::new(StatusCode::CONFLICT, "conflict", said).advice(advice)
            }
            EngineError::Waits { id, .. } => {
                let mut fault = Self::new(StatusCode::ACCEPTED, "waits-for-votes", said);
                fault.0.approval = Some(id.to_string());
                fault.advice(format!("others decide it: spud approval show {id}"))
            }
            EngineError::Stale { advice, .. } => {
                Self::new(StatusCode::PRECONDITION_FAILED, "stale", said).advice(advice)
            }
            EngineError::Busy { retry_after_s } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", said).retry_after(retry_after_s.max(1))
            }
            EngineError::QueueFull { advice, .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "queue-full", said).advice(advice).retry_after(30)
            }
            EngineError::Damaged { advice, .. } => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "damaged", said).advice(advice)
            }
            EngineError::DiskFull { .. } => Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", said)
                .advice("free some space on the data folder's disk, then try again"),
            EngineError::Locked { advice, .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "locked", said).advice(advice).retry_after(1)
            }
            EngineError::Degraded { advice, retry_after_s, .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "degraded", said)
                    .advice(advice)
                    .retry_after(retry_after_s.clamp(1, 3600))
            }
            EngineError::StoreFailed { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-failed", said)
                    .advice(
                        "it is opened again by itself; check the disk if this stays (`spud mode explain`)",
                    )
                    .retry_after(5)
            }
            EngineError::Stopping => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", said).retry_after(2)
            }
            EngineError::Denied(problem) => Self(Box::new(Problem {
                kind: "urn:spud:problem:denied".to_owned(),
                title: "Forbidden".to_owned(),
                status: StatusCode::FORBIDDEN.as_u16(),
                ..*problem
            })),
            EngineError::Unknown { advice, .. } => {
                Self::new(StatusCode::UNAUTHORIZED, "unknown-token", said).advice(advice)
            }
            EngineError::Internal(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", said)
                .advice("see `spud log --level error`; the instance field is the request's id there"),
        }
    }
}
