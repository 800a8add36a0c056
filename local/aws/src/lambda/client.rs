//! How the platform's other services invoke a function: through the gateway, so that the call is recorded and meets its faults.

use crate::gateway::{Call, Caller, Gateway, protocol};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

/// Whether an invocation is waited for.
pub(super) const INVOCATION_TYPE: HeaderName = HeaderName::from_static("x-amz-invocation-type");

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
        let error = value["errorType"].as_str();
        Self {
            error: error.unwrap_or("Lambda.Unknown").to_owned(),
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
    let call = request(caller, "RequestResponse", function, payload).ok_or_else(|| {
        let message = format!("`{function}` names no function");
        Failure::of_service("ValidationException", &message)
    })?;
    let answer = gateway.send(call).await;
    let answer =
        answer.map_err(|hangup| Failure::of_service("SdkClientException", &hangup.to_string()))?;
    if !answer.status().is_success() {
        let message = String::from_utf8_lossy(answer.body());
        let code = protocol::error_code(&answer);
        return Err(Failure::of_service(&code, &message));
    }
    if answer.headers().contains_key("x-amz-function-error") {
        return Err(Failure::of_function(answer.body()));
    }
    Ok(answer.into_body())
}

/// The call that invokes `function` in this way; `None` if that can be no function's name.
pub(crate) fn request(
    caller: Caller,
    kind: &'static str,
    function: &str,
    payload: Bytes,
) -> Option<Call> {
    let uri = format!("/2015-03-31/functions/{function}/invocations");
    let kind = HeaderValue::from_static(kind);
    Some(Call {
        caller,
        service: "lambda".to_owned(),
        operation: "Invoke".to_owned(),
        method: Method::POST,
        uri: uri.parse().ok()?,
        headers: HeaderMap::from_iter([(INVOCATION_TYPE, kind)]),
        body: payload,
    })
}
