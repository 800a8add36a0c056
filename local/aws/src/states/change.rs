//! What EventBridge hears of executions.

use asl::interpreter::{Execution, Outcome};
use serde_json::{Value, json};

/// An execution began or ended.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusChange {
    /// The execution.
    pub execution_arn: String,
    /// Its machine, without version or alias.
    pub state_machine_arn: String,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: &'static str,
    /// The event's `detail`.
    pub detail: Value,
}

impl StatusChange {
    /// The source of these events.
    pub const SOURCE: &'static str = "aws.states";
    /// Their detail type.
    pub const DETAIL_TYPE: &'static str = "Step Functions Execution Status Change";

    pub(super) fn of(execution: &Execution) -> Self {
        let who = execution.identity();
        let failure = execution.outcome().and_then(Outcome::failure);
        let output = match execution.outcome() {
            Some(Outcome::Succeeded(output)) => json!(output.to_string()),
            _ => Value::Null,
        };
        let status = execution.status();
        let detail = json!({
            "executionArn": who.arn,
            "stateMachineArn": who.machine_arn,
            "name": who.name,
            "status": status,
            "startDate": execution.started_at(),
            "stopDate": execution.ended_at(),
            "input": execution.input().to_string(),
            "inputDetails": { "included": true },
            "output": output,
            "outputDetails": if output.is_null() { Value::Null } else { json!({ "included": true }) },
            "error": failure.and_then(|failure| failure.error.as_deref()),
            "cause": failure.and_then(|failure| failure.cause.as_deref()),
            "redriveCount": 0,
        });
        Self {
            execution_arn: who.arn.clone(),
            state_machine_arn: who.machine_arn.clone(),
            status,
            detail,
        }
    }
}
