//! Executions that start executions.

use super::platform::{Platform, wait_for_token};
use asl::interpreter::Outcome;
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
    let good = platform.machine(
        "good",
        &json!({ "Type": "Succeed", "Output": { "serving": "blue" } }),
    );
    let parent = platform.machine("parent", &child_of(&good));
    let arn = platform.states.start(&parent, None, json!({})).unwrap();
    let Outcome::Succeeded(result) = platform.states.wait(&arn).await.unwrap() else {
        panic!("it did not succeed");
    };
    assert_eq!(result["Output"], json!({ "serving": "blue" }));
    assert_eq!(
        (&result["Status"], &result["Input"]),
        (&json!("SUCCEEDED"), &json!({ "from": "parent" }))
    );

    let bad = platform.machine(
        "bad",
        &json!({ "Type": "Fail", "Error": "E", "Cause": "c" }),
    );
    let parent = platform.machine("parent", &child_of(&bad));
    let arn = platform.states.start(&parent, None, json!({})).unwrap();
    let outcome = platform.states.wait(&arn).await.unwrap();
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
    let arn = platform.states.start(&parent, None, json!({})).unwrap();
    let child_arn = loop {
        let listed = platform
            .ask("ListExecutions", json!({ "stateMachineArn": child }))
            .await
            .unwrap();
        if let Some(arn) = listed["executions"][0]["executionArn"].as_str() {
            break arn.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    platform.token(&child_arn).await;
    platform
        .ask(
            "StopExecution",
            json!({ "executionArn": arn, "error": "Operator" }),
        )
        .await
        .unwrap();
    assert_eq!(
        platform.states.wait(&child_arn).await.unwrap().status(),
        "ABORTED"
    );
    let described = platform
        .ask("DescribeExecution", json!({ "executionArn": arn }))
        .await
        .unwrap();
    assert_eq!(
        (&described["status"], &described["error"]),
        (&json!("ABORTED"), &json!("Operator"))
    );
}
