//! `/metrics`: every metric of the box as it stands, for Prometheus and whoever reads its format.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::{Route, get};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::engine::{Action, MetricAction, MetricReply, Reply};

pub(super) static ROUTES: [Route; 1] =
    [Route::new("GET", "/metrics", "Every metric now: Prometheus text or OpenMetrics, by Accept", || {
        get(exposition)
    })
    .query(&["format"])
    .reply(200, "Exposition")
    .network()];

async fn exposition(mut call: Call) -> Result<Response, Fault> {
    let mut query = call.query();
    let wanted = query.one("format");
    query.finish()?;
    let accept = match wanted.as_deref() {
        None => call.header("accept")?.to_owned(),
        Some("prometheus") => "text/plain".to_owned(),
        Some("openmetrics") => "application/openmetrics-text".to_owned(),
        Some(other) => {
            return Err(Fault::invalid(format!("format: '{other}' is neither prometheus nor openmetrics")));
        }
    };
    match call.ask(Action::Metric(MetricAction::Exposition { accept })).await? {
        Reply::Metric(MetricReply::Exposition { content_type, text }) => {
            let mut response = Response::new(Body::from(text));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            Ok(response)
        }
        other => unexpected(&other),
    }
}
