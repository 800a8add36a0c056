//! How the platform's other services invoke a function: through the gateway, so that the call is recorded and meets its faults.

use crate::gateway::{Call, Caller, Gateway, protocol};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::Value;

/// Why an invocation gave no result, in the terms of a state machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {cause}")]
pub struct Failure {
    /// The error's name: the function's `errorType`, or `Lambda.…` if Lambda itself failed.
    pub error: String,
    /// What is known about it; for a failed function its whole answer as JSON.
    pub cause: String,
}

impl Failure {
    fn of_service(code: &str, message: &str) -> Self {
        Self {
            error: format!("Lambda.{code}"),
            cause: message.to_owned(),
        }
    }

    fn of_function(payload: &Bytes) -> Self {
        let value: Value = serde_json::from_slice(payload).unwrap_or_default();
        Self {
            error: value["errorType"]
                .as_str()
                .unwrap_or("Lambda.Unknown")
                .to_owned(),
            cause: String::from_utf8_lossy(payload).into_owned(),
        }
    }
}

/// Invokes `function`, a name or an ARN with or without a version, and waits for its result.
///
/// # Errors
/// When the function failed, or Lambda refused or lost the call.
pub async fn invoke(
    gateway: &Gateway,
    caller: Caller,
    function: &str,
    payload: Bytes,
) -> Result<Bytes, Failure> {
    let call = request(caller, function, payload)?;
    let answer = gateway
        .send(call)
        .await
        .map_err(|hangup| Failure::of_service("SdkClientException", &hangup.to_string()))?;
    if !answer.status().is_success() {
        let message = String::from_utf8_lossy(answer.body());
        return Err(Failure::of_service(
            &protocol::error_code(&answer),
            &message,
        ));
    }
    if answer.headers().contains_key("x-amz-function-error") {
        return Err(Failure::of_function(answer.body()));
    }
    Ok(answer.into_body())
}

fn request(caller: Caller, function: &str, payload: Bytes) -> Result<Call, Failure> {
    let uri: Uri = format!("/2015-03-31/functions/{function}/invocations")
        .parse()
        .map_err(|_| {
            Failure::of_service(
                "ValidationException",
                &format!("`{function}` names no function"),
            )
        })?;
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-amz-invocation-type",
        HeaderValue::from_static("RequestResponse"),
    );
    Ok(Call {
        caller,
        service: "lambda".to_owned(),
        operation: "Invoke".to_owned(),
        method: Method::POST,
        uri,
        headers,
        body: payload,
    })
}
