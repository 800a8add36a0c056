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
        Router::new()
            .route("/{process}/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/{process}/2018-06-01/runtime/invocation/{id}/response",
                post(response),
            )
            .route(
                "/{process}/2018-06-01/runtime/invocation/{id}/error",
                post(error),
            )
            .route("/{process}/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::disable())
            .with_state(self.clone())
    }
}

async fn next(State(lambda): State<Lambda>, Path(process): Path<String>) -> Response {
    let Some(sandbox) = lambda.sandbox(&process) else {
        return status(StatusCode::FORBIDDEN);
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
        finish(
            &lambda,
            &process,
            &id,
            Outcome::too_large(body.len(), RESPONSE_LIMIT),
        );
        return status(StatusCode::PAYLOAD_TOO_LARGE);
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
        return status(StatusCode::FORBIDDEN);
    };
    sandbox.fail_init(body);
    status(StatusCode::ACCEPTED)
}

/// An answer to an invocation that nobody waits for any more is refused, as after a timeout.
fn finish(lambda: &Lambda, process: &str, id: &str, outcome: Outcome) -> Response {
    let sandbox = lambda.sandbox(process);
    if sandbox.is_some_and(|sandbox| sandbox.finish(id, outcome)) {
        status(StatusCode::ACCEPTED)
    } else {
        status(StatusCode::BAD_REQUEST)
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
    response.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

fn status(status: StatusCode) -> Response {
    status.into_response()
}
