//! The table of routes: what can be asked for, one file per resource.
//!
//! Invariant: router and OpenAPI document come from the same table, so that neither can lie.

mod access;
mod alerts;
mod approvals;
mod audit;
mod backups;
mod collections;
mod compliance;
mod config;
mod dashboards;
mod documents;
mod embeddings;
mod events;
mod evidence;
mod health;
mod incidents;
mod jobs;
mod metrics;
mod mode;
mod models;
mod probes;
mod prometheus;
mod prometheus_rules;
mod queue;
mod redaction;
mod registry;
mod reviews;
mod search;
mod sla;
mod status;
mod store;
mod traces;
mod upkeep;
mod use_cases;
mod violations;

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};

use super::app::App;
use super::call::Call;
use super::fault::Fault;

/// What answers a route. The router knows this one type: given each function by itself, it would be compiled anew
/// around every one.
pub(super) struct Handler {
    method: MethodFilter,
    answer: Arc<dyn Fn(Call) -> Answered + Send + Sync>,
}

type Answered = Pin<Box<dyn Future<Output = Response> + Send>>;

impl Handler {
    fn new<F, A>(method: MethodFilter, answer: F) -> Self
    where
        F: Fn(Call) -> A + Send + Sync + 'static,
        A: Future<Output: IntoResponse> + Send + 'static,
    {
        let answer = move |call| -> Answered {
            let answered = answer(call);
            Box::pin(async move { answered.await.into_response() })
        };
        Self { method, answer: Arc::new(answer) }
    }
}

/// One function for each method: `get(list)`.
macro_rules! methods {
    ($($name:ident $filter:ident),*) => {
        $(fn $name<F, A>(answer: F) -> Handler
        where
            F: Fn(Call) -> A + Send + Sync + 'static,
            A: Future<Output: IntoResponse> + Send + 'static,
        {
            Handler::new(MethodFilter::$filter, answer)
        })*
    };
}

methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);

/// One thing that can be asked for.
pub(super) struct Route {
    pub(super) method: &'static str,
    /// With `{name}` for parameters.
    pub(super) path: &'static str,
    pub(super) about: &'static str,
    /// Names of query parameters.
    pub(super) query: &'static [&'static str],
    /// Name of the body's schema; empty for none.
    pub(super) body: &'static str,
    /// Status and schema of success.
    pub(super) status: u16,
    pub(super) reply: &'static str,
    /// Also served on the loopback network.
    pub(super) network: bool,
    /// May take minutes.
    pub(super) long: bool,
    pub(super) handler: fn() -> Handler,
}

impl Route {
    const fn new(
        method: &'static str,
        path: &'static str,
        about: &'static str,
        handler: fn() -> Handler,
    ) -> Self {
        Self {
            method,
            path,
            about,
            query: &[],
            body: "",
            status: 200,
            reply: "",
            network: false,
            long: false,
            handler,
        }
    }

    const fn query(mut self, names: &'static [&'static str]) -> Self {
        self.query = names;
        self
    }

    const fn body(mut self, schema: &'static str) -> Self {
        self.body = schema;
        self
    }

    const fn reply(mut self, status: u16, schema: &'static str) -> Self {
        self.status = status;
        self.reply = schema;
        self
    }

    const fn network(mut self) -> Self {
        self.network = true;
        self
    }

    const fn long(mut self) -> Self {
        self.long = true;
        self
    }

    /// True when this route serves the path; parameters match any one segment.
    pub(super) fn serves(&self, method: &str, path: &str) -> bool {
        let same = |(want, have): (&str, &str)| want.starts_with('{') && !have.is_empty() || want == have;
        let method = if method == "HEAD" { "GET" } else { method };
        self.method == method
            && self.path.split('/').count() == path.split('/').count()
            && self.path.split('/').zip(path.split('/')).all(same)
    }
}

/// Every route, resource by resource.
pub(super) fn table() -> impl Iterator<Item = &'static Route> {
    let all: [&[Route]; 33] = [
        &search::ROUTES,
        &status::ROUTES,
        &mode::ROUTES,
        &queue::ROUTES,
        &collections::ROUTES,
        &documents::ROUTES,
        &jobs::ROUTES,
        &embeddings::ROUTES,
        &models::ROUTES,
        &upkeep::ROUTES,
        &backups::ROUTES,
        &events::ROUTES,
        &health::ROUTES,
        &config::ROUTES,
        &store::ROUTES,
        &access::ROUTES,
        &reviews::ROUTES,
        &approvals::ROUTES,
        &registry::ROUTES,
        &use_cases::ROUTES,
        &audit::ROUTES,
        &metrics::ROUTES,
        &prometheus::ROUTES,
        &alerts::ROUTES,
        &traces::ROUTES,
        &probes::ROUTES,
        &dashboards::ROUTES,
        &incidents::ROUTES,
        &sla::ROUTES,
        &violations::ROUTES,
        &evidence::ROUTES,
        &redaction::ROUTES,
        &compliance::ROUTES,
    ];
    all.into_iter().flatten()
}

/// The router made from the table.
pub(super) fn router(app: App) -> Router {
    let mut router = Router::new();
    for route in table() {
        let Handler { method, answer } = (route.handler)();
        router = router.route(route.path, on(method, move |call: Call| answer(call)));
    }
    router
        .method_not_allowed_fallback(async || {
            Fault::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "this resource does not know that method",
            )
            .advice("the Allow header lists the methods; /v1/openapi.json describes them")
        })
        .fallback(async || {
            Fault::new(StatusCode::NOT_FOUND, "not-found", "there is no such resource")
                .advice("/v1/openapi.json lists what there is")
        })
        .with_state(app)
}
