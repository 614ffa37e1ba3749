//! `/v1/probes`: what the box looks at; `/api/v1/targets`: whose metrics it reads, as Prometheus lists them.

use axum::Json;
use serde_json::{Value, json};

use super::{Route, get, post};
use crate::api::call::{Call, unexpected};
use crate::api::fault::Fault;
use crate::api::types::{Probe, ProbeList};
use crate::base::format_second;
use crate::engine::{Action, ProbeAction, ProbeReply, Reply};

pub(super) static ROUTES: [Route; 3] = [
    Route::new("GET", "/v1/probes", "Probes and targets with how they stand", || get(list))
        .reply(200, "ProbeList"),
    Route::new("POST", "/v1/probes/{name}/test", "Look now; it counts as no result", || post(test))
        .reply(200, "Probe"),
    Route::new("GET", "/api/v1/targets", "Targets as Prometheus lists them", || get(targets))
        .query(&["state"])
        .reply(200, "MetricReply"),
];

async fn all(call: &Call) -> Result<ProbeList, Fault> {
    match call.ask(Action::Probe(ProbeAction::List)).await? {
        Reply::Probe(ProbeReply::List(list)) => Ok(list),
        other => unexpected(&other),
    }
}

async fn list(mut call: Call) -> Result<Json<ProbeList>, Fault> {
    call.query().finish()?;
    all(&call).await.map(Json)
}

async fn test(mut call: Call) -> Result<Json<Probe>, Fault> {
    call.query().finish()?;
    match call.ask(Action::Probe(ProbeAction::Test(call.param("name")))).await? {
        Reply::Probe(ProbeReply::One(probe)) => Ok(Json(*probe)),
        other => unexpected(&other),
    }
}

/// The words of <https://prometheus.io/docs/prometheus/latest/querying/api/#targets>; nothing is ever dropped here.
async fn targets(mut call: Call) -> Result<Json<Value>, Fault> {
    // Whatever else Prometheus' clients send does not matter.
    call.query().ignore();
    let list = all(&call).await?;
    let active = list.items.iter().filter(|probe| probe.kind == "scrape").map(target);
    let active: Vec<Value> = active.collect();
    Ok(Json(json!({"status": "success", "data": {"activeTargets": active, "droppedTargets": []}})))
}

#[allow(clippy::cast_precision_loss)] // microseconds of a scrape
fn target(probe: &Probe) -> Value {
    let instance = probe.what.strip_prefix("http://").unwrap_or(&probe.what);
    let instance = match instance.strip_prefix("unix:") {
        Some(_) => instance,
        None => instance.split('/').next().unwrap_or(instance),
    };
    let mut labels = probe.labels.clone();
    labels.extend(
        [("job", probe.name.as_str()), ("instance", instance)].map(|(k, v)| (k.to_owned(), v.to_owned())),
    );
    let last = probe.last_ms.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), format_second);
    json!({
        "discoveredLabels": {}, "labels": labels, "scrapePool": probe.name, "scrapeUrl": probe.what,
        "globalUrl": probe.what, "lastError": if probe.state == "down" { probe.detail.as_str() } else { "" },
        "lastScrape": last, "lastScrapeDuration": probe.took_us as f64 / 1e6, "health": probe.state,
        "scrapeInterval": format!("{}ms", probe.period_ms), "scrapeTimeout": format!("{}ms", probe.timeout_ms),
    })
}
