//! The routes: one list, from which the router and the OpenAPI document are made.

mod body;
mod client;
mod execute;
mod guard;
mod openapi;
mod page;
mod stream;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

use crate::keys::Scope;
use crate::languages::{Language, Languages};
use crate::problem::{Kind, Problem};
use crate::rates::{KeyRates, Rate};
use crate::runs::{Runs, unavailable};
use crate::settings::Settings;
use crate::store::{Store, Tenant, Usage, until_tomorrow};

pub(crate) use self::client::Peer;
pub use self::openapi::document;

/// What every handler may use.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<Store>,
    pub(crate) runs: Arc<Runs>,
    pub(crate) languages: Arc<dyn Languages>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) addresses: Rate<std::net::IpAddr>,
    pub(crate) wrong_keys: Rate<std::net::IpAddr>,
    pub(crate) keys: KeyRates,
    pub(crate) draining: AtomicBool,
    /// Whether anybody but this machine can reach the address that is listened on.
    pub(crate) reachable: bool,
}

impl App {
    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// The service, without its listener.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/api/v1/execute", post(execute::execute))
        .route("/api/v1/languages", get(languages))
        .route("/api/v1/usage", get(usage))
        .route("/api/v1/openapi.json", get(openapi))
        .route("/healthz", get(health))
        .route("/metrics", get(prometheus))
        .route("/problems/{id}", get(problem))
        .merge(page::routes())
        .fallback(|| async { Problem::new(Kind::NotFound, "no such path") })
        .method_not_allowed_fallback(|| async { Problem::new(Kind::MethodNotAllowed, "no such method here") })
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard::guard))
        .with_state(app)
}

/// A JSON answer.
fn json(value: &impl Serialize) -> Response<Body> {
    let mut response = Response::new(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn text(kind: &'static str, text: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(text.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The languages that requests may name.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct LanguageList {
    languages: Vec<Language>,
}

async fn languages(State(app): State<Arc<App>>) -> Response<Body> {
    json(&LanguageList { languages: app.languages.list() })
}

/// What a tenant has used today, and what it may.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct UsageAnswer {
    /// The tenant, its quotas and whether it is in quarantine.
    tenant: Tenant,
    /// Used since midnight, UTC.
    today: Usage,
    /// Seconds until the quotas begin anew.
    resets_in: u64,
}

async fn usage(State(app): State<Arc<App>>, request: Request) -> Result<Response<Body>, Problem> {
    let client = client::identify(&app, &request, Scope::Run).await?;
    let store = Arc::clone(&app.store);
    let name = client.tenant.name.clone();
    let today = blocking(move || store.usage(&name).map_err(|error| unavailable(&error))).await??;
    Ok(json(&UsageAnswer { tenant: client.tenant, today, resets_in: until_tomorrow() }))
}

/// Does what waits for a database on a thread that may wait.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Problem::new(Kind::StoreUnavailable, "nothing was run").retry_after(5))
}

async fn openapi() -> Response<Body> {
    json(&document())
}

/// Whether the service takes runs.
#[derive(Debug, Serialize, schemars::JsonSchema)]
struct Health {
    /// `ok`; a service that is shutting down answers with the problem `draining`.
    status: &'static str,
    /// Runs now.
    running: usize,
    /// Runs that wait.
    waiting: usize,
}

async fn health(State(app): State<Arc<App>>) -> Result<Response<Body>, Problem> {
    if app.draining() {
        return Err(Problem::new(Kind::Draining, "no further runs are taken").retry_after(5));
    }
    let (running, waiting) = app.runs.load();
    Ok(json(&Health { status: "ok", running, waiting }))
}

async fn prometheus(State(app): State<Arc<App>>, request: Request) -> Result<Response<Body>, Problem> {
    client::identify(&app, &request, Scope::Metrics).await?;
    let (running, waiting) = app.runs.load();
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and there are never 2^52 runs")]
    {
        metrics::gauge!("gauntlet_serve_running").set(running as f64);
        metrics::gauge!("gauntlet_serve_waiting").set(waiting as f64);
    }
    app.metrics.run_upkeep();
    Ok(text("text/plain; version=0.0.4", app.metrics.render()))
}

async fn problem(Path(id): Path<String>) -> Response<Body> {
    match Kind::ALL.iter().find(|kind| kind.id() == id) {
        Some(kind) => {
            let page = format!("{} ({})\n\n{}.\n\n{}\n", kind.id(), kind.status(), kind.title(), kind.advice());
            text("text/plain; charset=utf-8", page)
        }
        None => Problem::new(Kind::NotFound, "no such problem").into_response(),
    }
}

/// An answer without a body.
fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
