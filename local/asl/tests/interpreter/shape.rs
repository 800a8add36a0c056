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
    let (error, cause) = ("Failure error".to_owned(), "Failure cause".to_owned());
    world.play(Happening::Fails(error, cause));
    let history = world.execution.history().iter();
    let events: Vec<Value> = history.map(|it| it.to_json("eu-west-1")).collect();
    let expected: Vec<Value> = serde_json::from_str(include_str!("cases/shape.json")).unwrap();
    assert_eq!(events, expected);
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
    let (assigned, whole) = (
        json!({ "n": "1", "s": "\"x\"" }),
        json!({ "truncated": false }),
    );
    assert_eq!(details["assignedVariables"], assigned);
    assert_eq!(details["assignedVariablesDetails"], whole);
}
