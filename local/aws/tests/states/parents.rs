//! Executions that start executions.

use super::platform::{Platform, wait_for_token};
use serde_json::{Value, json};
use std::time::Duration;

fn child_of(machine: &str) -> Value {
    json!({
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": true,
        "Arguments": { "StateMachineArn": machine, "Input": { "from": "parent" } },
    })
}

#[tokio::test]
async fn a_parent_gets_its_childs_output_and_its_failure() {
    let platform = Platform::new();
    let succeed = json!({ "Type": "Succeed", "Output": { "serving": "blue" } });
    let good = platform.machine("good", &succeed);
    let parent = platform.machine("parent", &child_of(&good));
    let arn = platform.start(&parent, json!({}));
    let result = platform.output(&arn).await;
    assert_eq!(result["Output"], json!({ "serving": "blue" }));
    assert_eq!(
        (&result["Status"], &result["Input"]),
        (&json!("SUCCEEDED"), &json!({ "from": "parent" }))
    );

    let fail = json!({ "Type": "Fail", "Error": "E", "Cause": "c" });
    let bad = platform.machine("bad", &fail);
    let parent = platform.machine("parent", &child_of(&bad));
    let arn = platform.start(&parent, json!({}));
    let outcome = platform.end(&arn).await;
    let failure = outcome.failure().unwrap();
    assert_eq!(failure.error.as_deref(), Some("States.TaskFailed"));
    let cause: Value = serde_json::from_str(failure.cause.as_deref().unwrap()).unwrap();
    assert_eq!(
        (&cause["Status"], &cause["Error"], &cause["Cause"]),
        (&json!("FAILED"), &json!("E"), &json!("c"))
    );
}

#[tokio::test]
async fn a_stopped_parent_takes_its_child_along() {
    let platform = Platform::new();
    let child = platform.machine("child", &wait_for_token());
    let parent = platform.machine("parent", &child_of(&child));
    let arn = platform.start(&parent, json!({}));
    let child_arn = loop {
        let of = json!({ "stateMachineArn": child });
        let listed = platform.done("ListExecutions", of).await;
        if let Some(arn) = listed["executions"][0]["executionArn"].as_str() {
            break arn.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    platform.token(&child_arn).await;
    let stop = json!({ "executionArn": arn, "error": "Operator" });
    platform.done("StopExecution", stop).await;
    assert_eq!(platform.end(&child_arn).await.status(), "ABORTED");
    let of = json!({ "executionArn": arn });
    let described = platform.done("DescribeExecution", of).await;
    assert_eq!(
        (&described["status"], &described["error"]),
        (&json!("ABORTED"), &json!("Operator"))
    );
}
