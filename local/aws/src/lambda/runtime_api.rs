//! The Runtime API, version 2018-06-01: what a function's process polls and answers.

use super::sandbox::{Sandbox, Work};
use super::{Lambda, Outcome};
use crate::gateway::Gateway;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use std::sync::Arc;

/// What a function may answer, in bytes.
const RESPONSE_LIMIT: usize = 6_291_556;

impl Lambda {
    /// The API that the functions' processes poll, to be nested at `/runtime`.
    pub fn runtime_api(&self) -> Router<Gateway> {
        let operations = Router::new()
            .route("/invocation/next", get(next))
            .route("/invocation/{id}/response", post(response))
            .route("/invocation/{id}/error", post(error))
            .route("/init/error", post(init_error));
        Router::new()
            .nest("/{process}/2018-06-01/runtime", operations)
            .layer(DefaultBodyLimit::disable())
            .with_state(self.clone())
    }
}

async fn next(State(lambda): State<Lambda>, Path(process): Path<String>) -> Response {
    let Some(sandbox) = lambda.sandbox(&process) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let work = sandbox.next().await;
    event(&sandbox, work)
}

async fn response(
    State(lambda): State<Lambda>,
    Path((process, id)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    if body.len() > RESPONSE_LIMIT {
        let outcome = Outcome::too_large(body.len(), RESPONSE_LIMIT);
        finish(&lambda, &process, &id, outcome);
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    finish(&lambda, &process, &id, Outcome::Returned(body))
}

async fn error(
    State(lambda): State<Lambda>,
    Path((process, id)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    finish(&lambda, &process, &id, Outcome::Failed(body))
}

async fn init_error(
    State(lambda): State<Lambda>,
    Path(process): Path<String>,
    body: Bytes,
) -> Response {
    let Some(sandbox) = lambda.sandbox(&process) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    sandbox.fail_init(body);
    StatusCode::ACCEPTED.into_response()
}

/// An answer to an invocation whose caller no longer waits is refused, as after a timeout.
fn finish(lambda: &Lambda, process: &str, id: &str, outcome: Outcome) -> Response {
    let sandbox = lambda.sandbox(process);
    if sandbox.is_some_and(|sandbox| sandbox.finish(id, outcome)) {
        StatusCode::ACCEPTED.into_response()
    } else {
        StatusCode::BAD_REQUEST.into_response()
    }
}

fn event(sandbox: &Arc<Sandbox>, work: Work) -> Response {
    let trace = format!(
        "Root=1-{:08x}-{};Sampled=0",
        work.deadline_ms / 1000,
        &sandbox.id()[..24]
    );
    let response = Response::builder()
        .header("Content-Type", "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", work.request_id)
        .header("Lambda-Runtime-Deadline-Ms", work.deadline_ms.to_string())
        .header("Lambda-Runtime-Invoked-Function-Arn", sandbox.arn())
        .header("Lambda-Runtime-Trace-Id", trace)
        .body(Body::from(work.payload));
    response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
