//! What an invocation comes to, in the words that Lambda uses.

use axum::body::Bytes;
use serde_json::json;
use std::process::ExitStatus;
use std::time::Duration;

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The function returned this.
    Returned(Bytes),
    /// The function failed; the payload has `errorType` and `errorMessage`.
    Failed(Bytes),
}

impl Outcome {
    /// The process was still at it when its time was over, and was killed.
    #[must_use]
    pub fn timed_out(request_id: &str, timeout: Duration) -> Self {
        let message = format!("Task timed out after {:.2} seconds", timeout.as_secs_f64());
        Self::of_platform("Sandbox.Timedout", request_id, &message)
    }

    /// The process ended without an answer.
    #[must_use]
    pub fn exited(request_id: &str, status: Option<ExitStatus>) -> Self {
        let message = format!("Runtime exited with error: {}", describe(status));
        Self::of_platform("Runtime.ExitError", request_id, &message)
    }

    /// The process never came to ask for work.
    #[must_use]
    pub fn init_failed(request_id: &str, error: &anyhow::Error) -> Self {
        let message = format!("{error:#}");
        Self::of_platform("Runtime.InvalidEntrypoint", request_id, &message)
    }

    /// The function answered more than Lambda transports.
    #[must_use]
    pub fn too_large(size: usize, limit: usize) -> Self {
        let message = format!(
            "Response payload size ({size} bytes) exceeded maximum allowed payload size ({limit} bytes)."
        );
        Self::error("Function.ResponseSizeTooLarge", &message)
    }

    fn of_platform(kind: &str, request_id: &str, message: &str) -> Self {
        Self::error(kind, &format!("RequestId: {request_id} Error: {message}"))
    }

    fn error(kind: &str, message: &str) -> Self {
        let payload = json!({"errorType": kind, "errorMessage": message});
        Self::Failed(Bytes::from(payload.to_string()))
    }
}

fn describe(status: Option<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    let Some(status) = status else {
        return "unknown".to_owned();
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(9)) => "signal: killed".to_owned(),
        (None, Some(signal)) => format!("signal: {signal}"),
        (None, None) => "unknown".to_owned(),
    }
}
