//! How others learn what happens: history, watchers, listeners.

use super::platform::Platform;
use asl::history::Failure;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn waits_are_hurried_and_history_comes_in_pages() {
    let platform = Platform::new();
    let machine = platform.machine("m", &json!({ "Type": "Wait", "Seconds": 20, "End": true }));
    let arn = platform
        .states
        .start(&machine, Some("n"), json!({ "x": 1 }))
        .unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(15), platform.states.wait(&arn)).await;
    assert_eq!(waited.unwrap().unwrap().status(), "SUCCEEDED");

    let page = json!({ "executionArn": arn, "maxResults": 3, "reverseOrder": true });
    let first = platform.done("GetExecutionHistory", page.clone()).await;
    let types = |page: &Value| -> Vec<String> {
        let events = page["events"].as_array().unwrap().iter();
        events
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        types(&first),
        ["ExecutionSucceeded", "WaitStateExited", "WaitStateEntered"]
    );
    assert_eq!(
        first["events"][2]["stateEnteredEventDetails"]["input"],
        "{\"x\":1}"
    );
    let mut second = page;
    second["nextToken"] = first["nextToken"].clone();
    second["includeExecutionData"] = json!(false);
    let second = platform.done("GetExecutionHistory", second).await;
    assert_eq!(types(&second), ["ExecutionStarted"]);
    assert_eq!(
        second["events"][0]["executionStartedEventDetails"]["input"],
        Value::Null
    );
    assert_eq!(second["nextToken"], Value::Null);
}

#[tokio::test]
async fn watchers_see_every_event_and_listeners_every_change() {
    let platform = Platform::new();
    let mut watcher = platform.states.watch();
    let machine = platform.machine("m", &json!({ "Type": "Wait", "Seconds": 1, "End": true }));
    let arn = platform.start(&machine, json!({}));
    platform.end(&arn).await;
    let mut seen = Vec::new();
    while let Ok(observed) = watcher.try_recv() {
        seen.push(observed.event.fact.type_name());
    }
    assert_eq!(
        seen,
        [
            "ExecutionStarted",
            "WaitStateEntered",
            "WaitStateExited",
            "ExecutionSucceeded"
        ]
    );
    let stopped = platform.start(&machine, json!({}));
    platform.states.stop(&stopped, Failure::default()).unwrap();
    let changes = platform.changes.lock();
    let statuses: Vec<_> = changes.iter().map(|change| change.status).collect();
    assert_eq!(statuses, ["RUNNING", "SUCCEEDED", "RUNNING", "ABORTED"]);
    assert_eq!(changes[3].detail["stateMachineArn"], machine.as_str());
    assert_eq!(changes[3].detail["input"], "{}");
}
