//! What the API says of an execution.

use asl::history::seconds;
use asl::interpreter::{Execution, Outcome};
use serde_json::{Value, json};

/// What `DescribeExecution` says.
pub(super) fn describe(execution: &Execution) -> Value {
    let failure = execution.outcome().and_then(Outcome::failure);
    let mut description = brief(execution);
    let included = json!({ "included": true });
    description["input"] = json!(execution.input().to_string());
    description["inputDetails"] = included.clone();
    description["error"] = json!(failure.and_then(|failure| failure.error.as_deref()));
    description["cause"] = json!(failure.and_then(|failure| failure.cause.as_deref()));
    if let Some(Outcome::Succeeded(output)) = execution.outcome() {
        description["output"] = json!(output.to_string());
        description["outputDetails"] = included;
    }
    compact(description)
}

/// What `ListExecutions` says.
pub(super) fn brief(execution: &Execution) -> Value {
    let who = execution.identity();
    json!({
        "executionArn": who.arn,
        "stateMachineArn": who.machine_arn,
        "name": who.name,
        "status": execution.status(),
        "startDate": seconds(execution.started_at()),
        "stopDate": execution.ended_at().map(seconds),
        "redriveCount": 0,
    })
}

/// An object without the members that are null: awsJson leaves them out.
pub(super) fn compact(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
    }
    value
}
