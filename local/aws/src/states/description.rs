//! What the API says of an execution.

use asl::history::seconds;
use asl::interpreter::{Execution, Outcome};
use serde_json::{Value, json};

/// What `DescribeExecution` says.
pub(super) fn describe(execution: &Execution) -> Value {
    compact(whole(execution))
}

/// All that there is to say, with null for what there isn't.
pub(super) fn whole(execution: &Execution) -> Value {
    let outcome = execution.outcome();
    let failure = outcome.and_then(Outcome::failure);
    let output = match outcome {
        Some(Outcome::Succeeded(output)) => Some(output.to_string()),
        _ => None,
    };
    let included = json!({ "included": true });
    let mut whole = brief(execution);
    whole["input"] = json!(execution.input().to_string());
    whole["inputDetails"] = included.clone();
    whole["outputDetails"] = json!(output.as_ref().map(|_| included));
    whole["output"] = json!(output);
    whole["error"] = json!(failure.and_then(|failure| failure.error.as_deref()));
    whole["cause"] = json!(failure.and_then(|failure| failure.cause.as_deref()));
    whole
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
