//! `POST /api/v1/execute`: one run, answered when it is over, or as it goes.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, header};

use super::{App, body, client, json, stream};
use crate::keys::Scope;
use crate::problem::{Kind, Problem};

pub(super) async fn execute(State(app): State<Arc<App>>, request: Request) -> Result<Response<Body>, Problem> {
    if app.draining() {
        return Err(Problem::new(Kind::Draining, "no further runs are taken").retry_after(5));
    }
    let client = client::identify(&app, &request, Scope::Run).await?;
    let live = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.split(',').any(|kind| kind.trim().starts_with("text/event-stream")));
    let asked = body::read(&app, request).await?;
    let order = body::order(&app, client.tenant, asked, live)?;
    let mut begun = app.runs.begin(order).await?;
    if live {
        return Ok(stream::events(begun));
    }
    // A client that goes away drops this future, which ends the run.
    match (&mut begun.answer).await {
        Ok(answer) => Ok(json(&answer?)),
        Err(_) => {
            Err(Problem::new(Kind::RunFailed, "the executor or this host failed").with("run", begun.run.to_string()))
        }
    }
}
