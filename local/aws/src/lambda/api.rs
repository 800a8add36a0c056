//! The API that invokes functions, as the SDKs and the `aws` CLI speak it.

use super::client::INVOCATION_TYPE;
use super::names::invoked;
use super::{Function, Lambda, NotFound, Outcome};
use crate::gateway::protocol::{answer, error};
use crate::gateway::{Answer, Call, Service};
use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// What an invocation that is waited for may carry, in bytes.
const REQUEST_LIMIT: usize = 6_291_456;
/// What one that is not waited for may carry.
const EVENT_LIMIT: usize = 1_048_576;
/// The code for requests that make no sense.
const INVALID: &str = "InvalidRequestContentException";
/// When Lambda tries an asynchronous invocation again.
const EVENT_RETRIES: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];

/// A status, an error code and a message.
type Refusal = (StatusCode, &'static str, String);

impl From<NotFound> for Refusal {
    fn from(missing: NotFound) -> Self {
        let code = "ResourceNotFoundException";
        (StatusCode::NOT_FOUND, code, missing.to_string())
    }
}

#[async_trait]
impl Service for Lambda {
    async fn call(&self, call: Call) -> Answer {
        let done = match call.operation.as_str() {
            "Invoke" => self.invocation(&call).await,
            "GetFunction" => self.described(&call),
            "ListFunctions" => Ok(self.list()),
            other => {
                let message = format!("the local Lambda has no operation `{other}`");
                Err((StatusCode::NOT_FOUND, INVALID, message))
            }
        };
        done.unwrap_or_else(|(status, code, message)| error(&call, status, code, &message))
    }
}

impl Lambda {
    async fn invocation(&self, call: &Call) -> Result<Answer, Refusal> {
        let function = self.function(&invoked(call))?;
        let (name, payload) = (function.name.clone(), call.body.clone());
        let kind = call.headers.get(INVOCATION_TYPE);
        let kind = kind.and_then(|value| value.to_str().ok());
        let is_event = kind == Some("Event");
        check(call, if is_event { EVENT_LIMIT } else { REQUEST_LIMIT })?;
        match kind {
            Some("DryRun") => Ok(accepted(StatusCode::NO_CONTENT)),
            Some("Event") => {
                tokio::spawn(self.clone().deliver(name, payload));
                Ok(accepted(StatusCode::ACCEPTED))
            }
            _ => Ok(result(self.invoke(&name, payload).await?)),
        }
    }

    /// Runs a function for whose answer no caller waits: at least once, and again when it fails.
    pub async fn deliver(self, name: String, payload: Bytes) {
        for wait in EVENT_RETRIES.into_iter().map(Some).chain([None]) {
            match self.invoke(&name, payload.clone()).await {
                Ok(Outcome::Returned(_)) | Err(NotFound(_)) => return,
                Ok(Outcome::Failed(why)) => {
                    let why = String::from_utf8_lossy(&why);
                    tracing::warn!(function = name, %why, "asynchronous invocation failed");
                }
            }
            let Some(wait) = wait else { return };
            tokio::time::sleep(self.inner.clock.real(wait)).await;
        }
    }

    fn described(&self, call: &Call) -> Result<Answer, Refusal> {
        let configuration = configuration(&*self.function(&invoked(call))?);
        Ok(json_answer(&json!({"Configuration": configuration})))
    }

    fn list(&self) -> Answer {
        let mut functions: Vec<_> = self.inner.functions.values().collect();
        functions.sort_by_key(|function| &function.name);
        let functions = functions.into_iter().map(|it| configuration(it));
        json_answer(&json!({"Functions": functions.collect::<Vec<_>>()}))
    }
}

fn configuration(function: &Function) -> Value {
    json!({
        "FunctionName": function.name,
        "FunctionArn": function.arn(),
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Timeout": function.timeout.as_secs(),
        "MemorySize": function.memory_mb,
        "Version": "1",
        "State": "Active",
    })
}

/// Refuses a request that is too long, or no JSON.
fn check(call: &Call, limit: usize) -> Result<(), Refusal> {
    let size = call.body.len();
    if size > limit {
        let code = "RequestTooLargeException";
        let message =
            format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
        return Err((StatusCode::PAYLOAD_TOO_LARGE, code, message));
    }
    if size > 0 && serde_json::from_slice::<Value>(&call.body).is_err() {
        let message = "Could not parse request body into json: the payload is no JSON";
        return Err((StatusCode::BAD_REQUEST, INVALID, message.to_owned()));
    }
    Ok(())
}

fn result(outcome: Outcome) -> Answer {
    let (failed, payload) = match outcome {
        Outcome::Returned(payload) => (false, payload),
        Outcome::Failed(payload) => (true, payload),
    };
    let mut answer = answer(StatusCode::OK, "application/json", payload);
    let headers = answer.headers_mut();
    headers.insert("x-amz-executed-version", HeaderValue::from_static("1"));
    if failed {
        let unhandled = HeaderValue::from_static("Unhandled");
        headers.insert("x-amz-function-error", unhandled);
    }
    answer
}

fn accepted(status: StatusCode) -> Answer {
    answer(status, "application/json", Bytes::new())
}

fn json_answer(value: &Value) -> Answer {
    answer(StatusCode::OK, "application/json", value.to_string())
}
