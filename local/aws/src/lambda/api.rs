//! The API that invokes functions, as the SDKs and the `aws` CLI speak it.

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
/// When Lambda tries an asynchronous invocation again.
const EVENT_RETRIES: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];

#[async_trait]
impl Service for Lambda {
    async fn call(&self, call: Call) -> Answer {
        let done = match call.operation.as_str() {
            "Invoke" => self.invocation(&call).await,
            "GetFunction" => self.described(&call),
            "ListFunctions" => Ok(self.list()),
            other => {
                let message = format!("the local Lambda has no operation `{other}`");
                return error(
                    &call,
                    StatusCode::NOT_FOUND,
                    "InvalidRequestContentException",
                    &message,
                );
            }
        };
        done.unwrap_or_else(|missing| {
            error(
                &call,
                StatusCode::NOT_FOUND,
                "ResourceNotFoundException",
                &missing.to_string(),
            )
        })
    }
}

impl Lambda {
    async fn invocation(&self, call: &Call) -> Result<Answer, NotFound> {
        let function = self.function(&invoked(call))?;
        let kind = header(call, "x-amz-invocation-type");
        let limit = if kind == "Event" {
            EVENT_LIMIT
        } else {
            REQUEST_LIMIT
        };
        if let Some(refusal) = unfit(call, limit) {
            return Ok(refusal);
        }
        match kind {
            "DryRun" => Ok(accepted(StatusCode::NO_CONTENT)),
            "Event" => {
                tokio::spawn(
                    self.clone()
                        .deliver(function.name.clone(), call.body.clone()),
                );
                Ok(accepted(StatusCode::ACCEPTED))
            }
            _ => Ok(result(
                self.invoke(&function.name, call.body.clone()).await?,
            )),
        }
    }

    /// Runs a function that nobody waits for: at least once, and again when it fails.
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

    fn described(&self, call: &Call) -> Result<Answer, NotFound> {
        let function = self.function(&invoked(call))?;
        Ok(json_answer(
            &json!({"Configuration": configuration(&function)}),
        ))
    }

    fn list(&self) -> Answer {
        let mut functions: Vec<_> = self.inner.functions.values().collect();
        functions.sort_by_key(|function| &function.name);
        let configurations: Vec<Value> = functions
            .into_iter()
            .map(|function| configuration(function))
            .collect();
        json_answer(&json!({"Functions": configurations}))
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

fn header<'a>(call: &'a Call, name: &str) -> &'a str {
    call.headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn unfit(call: &Call, limit: usize) -> Option<Answer> {
    let size = call.body.len();
    if size > limit {
        let message =
            format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
        return Some(error(
            call,
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLargeException",
            &message,
        ));
    }
    let json = size == 0 || serde_json::from_slice::<Value>(&call.body).is_ok();
    let message = "Could not parse request body into json: the payload is no JSON";
    (!json).then(|| {
        error(
            call,
            StatusCode::BAD_REQUEST,
            "InvalidRequestContentException",
            message,
        )
    })
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
        headers.insert(
            "x-amz-function-error",
            HeaderValue::from_static("Unhandled"),
        );
    }
    answer
}

fn accepted(status: StatusCode) -> Answer {
    answer(status, "application/json", Bytes::new())
}

fn json_answer(value: &Value) -> Answer {
    answer(StatusCode::OK, "application/json", value.to_string())
}
