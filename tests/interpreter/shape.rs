//! The history as the API returns it, member by member, against what AWS was seen to return.

use super::script::{Happening, World};
use serde_json::{Value, json};

#[test]
fn a_history_has_the_services_own_shape() {
    let machine = json!({
        "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Task", "Resource": "arn:aws:states:::sns:publish.waitForTaskToken",
                "Arguments": { "TopicArn": "t", "Message": "m" },
                "TimeoutSeconds": 600, "HeartbeatSeconds": 60,
                "Assign": { "answer": "{% $states.result %}" },
                "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "No" }],
                "Next": "Never",
            },
            "No": { "Type": "Fail", "Error": "E", "Cause": "c" },
            "Never": { "Type": "Succeed" },
        },
    });
    let mut world = World::begin(&machine, json!({ "x": 1 }));
    world.play(Happening::Returns(json!({ "MessageId": "1" })));
    world.play(Happening::Fails(
        "Failure error".to_owned(),
        "Failure cause".to_owned(),
    ));
    let events: Vec<Value> = world
        .execution
        .history()
        .iter()
        .map(|event| event.to_json("eu-west-1"))
        .collect();
    let input = json!({ "input": "{\"x\":1}", "inputDetails": { "truncated": false } });
    let called = json!({ "resourceType": "sns", "resource": "publish.waitForTaskToken" });
    let error = "{\"Error\":\"Failure error\",\"Cause\":\"Failure cause\"}";
    let expected = [
        (
            0,
            "ExecutionStarted",
            "executionStarted",
            with(
                &input,
                json!({ "roleArn": "arn:aws:iam::123456789012:role/machine" }),
            ),
        ),
        (
            0,
            "TaskStateEntered",
            "stateEntered",
            with(&input, json!({ "name": "Ask" })),
        ),
        (
            2,
            "TaskScheduled",
            "taskScheduled",
            with(
                &called,
                json!({
                    "region": "eu-west-1", "parameters": "{\"TopicArn\":\"t\",\"Message\":\"m\"}",
                    "timeoutInSeconds": 600, "heartbeatInSeconds": 60,
                }),
            ),
        ),
        (3, "TaskStarted", "taskStarted", called.clone()),
        (
            4,
            "TaskSubmitted",
            "taskSubmitted",
            with(
                &called,
                json!({
                    "output": "{\"MessageId\":\"1\"}", "outputDetails": { "truncated": false },
                }),
            ),
        ),
        (
            5,
            "TaskFailed",
            "taskFailed",
            with(
                &called,
                json!({ "error": "Failure error", "cause": "Failure cause" }),
            ),
        ),
        (
            6,
            "TaskStateExited",
            "stateExited",
            json!({
                "name": "Ask", "output": error, "outputDetails": { "truncated": false },
            }),
        ),
        (
            7,
            "FailStateEntered",
            "stateEntered",
            json!({
                "name": "No", "input": error, "inputDetails": { "truncated": false },
            }),
        ),
        (
            8,
            "ExecutionFailed",
            "executionFailed",
            json!({ "error": "E", "cause": "c" }),
        ),
    ];
    assert_eq!(events.len(), expected.len());
    for (i, (event, (previous, kind, details, content))) in events.iter().zip(expected).enumerate()
    {
        let whole = json!({
            "id": i + 1, "previousEventId": previous, "timestamp": 1_767_225_600.0, "type": kind,
            format!("{details}EventDetails"): content,
        });
        assert_eq!(*event, whole);
    }
}

#[test]
fn assigned_variables_travel_as_text() {
    let machine = json!({
        "StartAt": "A",
        "States": { "A": { "Type": "Pass", "Assign": { "n": 1, "s": "x" }, "End": true } },
    });
    let world = World::begin(&machine, json!({}));
    let exited = world.execution.history()[2].to_json("eu-west-1");
    let details = &exited["stateExitedEventDetails"];
    assert_eq!(
        details["assignedVariables"],
        json!({ "n": "1", "s": "\"x\"" })
    );
    assert_eq!(
        details["assignedVariablesDetails"],
        json!({ "truncated": false })
    );
}

fn with(one: &Value, other: Value) -> Value {
    let mut whole = one.clone();
    if let (Value::Object(whole), Value::Object(other)) = (&mut whole, other) {
        whole.extend(other);
    }
    whole
}
