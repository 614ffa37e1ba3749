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
mod files;
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
use super::conditional::{self, Resource};
use super::fault::Fault;
use super::idempotency;

/// What answers a route. The router knows this one type: given each function by itself, it would be compiled anew
/// around every one.
pub(super) struct Handler {
    method: MethodFilter,
    answer: Answer,
}

/// What a route does with a call.
pub(super) type Answer = Arc<dyn Fn(Call) -> Answered + Send + Sync>;

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
    /// Its handler gives a whole list: `cursor` and `limit` are taken care of here.
    pub(super) pages: bool,
    /// Done once per `Idempotency-Key`.
    pub(super) once: bool,
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
            pages: false,
            once: false,
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

    const fn pages(mut self) -> Self {
        self.pages = true;
        self
    }

    const fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// True where what is read has an `ETag`: not what the network asks all the time, nor streams and files.
    pub(super) fn tagged(&self) -> bool {
        self.method == "GET" && !self.network && !["Event", "Exposition", "Payload"].contains(&self.reply)
    }

    /// Where to read what this one changes, for `If-Match`: the same path, or the nearest above it.
    pub(super) fn resource(&self) -> Option<&'static Self> {
        let mut path = (self.method != "GET").then_some(self.path);
        while let Some(at) = path {
            if let Some(found) = table().find(|route| route.path == at && route.tagged()) {
                return Some(found);
            }
            path = at.rsplit_once('/').map(|(above, _)| above);
        }
        None
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
    let all: [&[Route]; 34] = [
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
        &files::ROUTES,
        &compliance::ROUTES,
    ];
    all.into_iter().flatten()
}

/// A route with what is done for all of them alike.
struct Way {
    route: &'static Route,
    answer: Answer,
    resource: Option<Resource>,
}

impl Way {
    fn new(route: &'static Route, answer: Answer) -> Self {
        let resource = route.resource().map(|found| Resource {
            segments: found.path.split('/').count(),
            read: (found.handler)().answer,
        });
        Self { route, answer, resource }
    }

    async fn pass(self: Arc<Self>, call: Call) -> Result<Response, Fault> {
        if self.route.tagged() {
            return conditional::read(call, &self.answer, self.route.pages).await;
        }
        if self.route.method == "GET" {
            return Ok((self.answer)(call).await);
        }
        let way = Arc::clone(&self);
        let change = async move |call: Call| {
            let changed = conditional::change(call, &way.answer, way.resource.as_ref(), way.route.long).await;
            changed.into_response()
        };
        if self.route.once {
            return idempotency::once(call, change).await;
        }
        // A second token or factor would be made in silence.
        let secret = ["NewToken", "NewTotp"].contains(&self.route.reply);
        if secret && call.headers.contains_key("idempotency-key") {
            return Err(Fault::invalid(
                "what this makes is told once, whatever its Idempotency-Key".to_owned(),
            )
            .advice("send it without the header; where its answer was lost, revoke what was made"));
        }
        Ok(change(call).await)
    }
}

/// The router made from the table.
pub(super) fn router(app: App) -> Router {
    let mut router = Router::new();
    for route in table() {
        let Handler { method, answer } = (route.handler)();
        let way = Arc::new(Way::new(route, answer));
        router = router.route(route.path, on(method, move |call: Call| Arc::clone(&way).pass(call)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::client::WHOLE;

    #[test]
    fn lists_in_pages_are_followed_by_the_client() {
        let paged: Vec<&str> = table().filter(|route| route.pages).map(|route| route.path).collect();
        assert!(paged.iter().all(|path| path.contains('{') || WHOLE.contains(path)), "{paged:?}");
        assert!(WHOLE.iter().all(|path| paged.contains(path)));
    }

    #[test]
    fn changes_are_compared_with_what_they_change() {
        let of = |method: &str, path: &str| {
            let route = table().find(|route| (route.method, route.path) == (method, path)).unwrap();
            route.resource().map(|resource| resource.path)
        };
        assert_eq!(of("POST", "/v1/registry/{model}/promote"), Some("/v1/registry/{model}"));
        assert_eq!(of("DELETE", "/v1/roles/grants/{id}"), Some("/v1/roles/grants/{id}"));
        assert_eq!(of("POST", "/v1/policies/reload"), Some("/v1/policies"));
        assert_eq!(of("POST", "/v1/search"), None);
        assert_eq!(of("GET", "/v1/policies"), None);
    }
}
