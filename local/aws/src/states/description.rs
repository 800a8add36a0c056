//! What the API says of an execution.

use asl::history::seconds;
use asl::interpreter::{Execution, Outcome};
use serde_json::{Map, Value, json};

/// What `DescribeExecution` says.
pub(super) fn describe(execution: &Execution) -> Value {
    let failure = execution.outcome().and_then(Outcome::failure);
    let mut description = brief(execution);
    let more = json!({
        "input": execution.input().to_string(),
        "inputDetails": { "included": true },
        "error": failure.and_then(|failure| failure.error.as_deref()),
        "cause": failure.and_then(|failure| failure.cause.as_deref()),
    });
    merge(&mut description, more);
    if let Some(Outcome::Succeeded(output)) = execution.outcome() {
        merge(
            &mut description,
            json!({ "output": output.to_string(), "outputDetails": { "included": true } }),
        );
    }
    compact(description)
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
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
pub(super) fn compact(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, v)| !v.is_null())
                .collect::<Map<_, _>>(),
        ),
        other => other,
    }
}
