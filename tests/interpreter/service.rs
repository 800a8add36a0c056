//! The service as its clients meet it: through the gateway, with a Lambda that does as it is told.

use async_trait::async_trait;
use local::calls::CallLog;
use local::clock::Clock;
use local::faults::{Fault, Faults, Target};
use local::gateway::{Answer, Call, Caller, Gateway, Service};
use local::states::core::Outcome;
use local::states::history::Failure;
use local::states::{States, StatusChange};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A Lambda whose functions are: `echo` returns its payload, `fail` fails with it, `slow` never comes back.
struct Functions;

#[async_trait]
impl Service for Functions {
    async fn call(&self, call: Call) -> Answer {
        let name = call
            .uri
            .path()
            .split('/')
            .nth(3)
            .unwrap_or_default()
            .to_owned();
        let mut answer = Answer::new(call.body.clone());
        match name.as_str() {
            "fail" => {
                let header = "Unhandled".parse().unwrap();
                answer.headers_mut().insert("x-amz-function-error", header);
            }
            "slow" => std::future::pending().await,
            _ => {}
        }
        answer
    }
}

struct Platform {
    gateway: Gateway,
    states: States,
    changes: Arc<Mutex<Vec<StatusChange>>>,
}

impl Platform {
    fn new() -> Self {
        let gateway = Gateway::new(CallLog::default(), Faults::default());
        let states = States::new(
            gateway.clone(),
            Clock::scaled(1_000.0),
            local::REGION,
            local::ACCOUNT,
        );
        gateway.route("states", Arc::new(states.clone()));
        gateway.route("lambda", Arc::new(Functions));
        let changes = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&changes);
        states.on_change(move |change| heard.lock().unwrap().push(change.clone()));
        Self {
            gateway,
            states,
            changes,
        }
    }

    /// A machine of one task, or of any state `A`.
    fn machine(&self, name: &str, state: &Value) -> String {
        let text = json!({ "QueryLanguage": "JSONata", "StartAt": "A", "States": { "A": state } });
        self.states
            .register(name, &text.to_string(), &BTreeMap::new())
            .unwrap()
    }

    /// The answer, or the error's code.
    async fn ask(&self, operation: &str, request: Value) -> Result<Value, String> {
        let call = Call {
            caller: Caller::Person,
            service: "states".to_owned(),
            operation: operation.to_owned(),
            method: "POST".parse().unwrap(),
            uri: "/".parse().unwrap(),
            headers: [(
                "x-amz-target".parse().unwrap(),
                format!("AWSStepFunctions.{operation}").parse().unwrap(),
            )]
            .into_iter()
            .collect(),
            body: request.to_string().into(),
        };
        let answer = self.gateway.send(call).await.unwrap();
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        if answer.status().is_success() {
            return Ok(body);
        }
        Err(body["__type"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until an execution waits for a token, and returns it.
    async fn token(&self, arn: &str) -> String {
        loop {
            let history = self
                .ask("GetExecutionHistory", json!({ "executionArn": arn }))
                .await
                .unwrap();
            let events = history["events"].as_array().unwrap().clone();
            if let Some(event) = events.iter().find(|event| event["type"] == "TaskSubmitted") {
                let output = event["taskSubmittedEventDetails"]["output"]
                    .as_str()
                    .unwrap();
                let output: Value = serde_json::from_str(output).unwrap();
                return output["Payload"].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn invoke(function: &str, payload: &Value) -> Value {
    json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
        "Arguments": { "FunctionName": function, "Payload": payload },
    })
}

fn wait_for_token() -> Value {
    json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": true,
        "Arguments": { "FunctionName": "echo", "Payload": "{% $states.context.Task.Token %}" },
    })
}

fn child_of(machine: &str) -> Value {
    json!({
        "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": true,
        "Arguments": { "StateMachineArn": machine, "Input": { "from": "parent" } },
    })
}

#[tokio::test]
async fn a_name_is_one_execution() {
    let platform = Platform::new();
    let machine = platform.machine(
        "m",
        &json!({ "Type": "Wait", "Seconds": 90_000, "End": true }),
    );
    let request = |input: &str| json!({ "stateMachineArn": machine, "name": "n", "input": input });
    let first = platform
        .ask("StartExecution", request("{\"a\":1}"))
        .await
        .unwrap();
    let again = platform
        .ask("StartExecution", request("{\"a\": 1}"))
        .await
        .unwrap();
    assert_eq!(first["executionArn"], again["executionArn"]);
    assert_eq!(
        first["executionArn"],
        "arn:aws:states:eu-west-1:123456789012:execution:m:n"
    );
    let other = platform.ask("StartExecution", request("{}")).await;
    assert_eq!(other.unwrap_err(), "ExecutionAlreadyExists");
    let arn = first["executionArn"].as_str().unwrap();
    platform.states.stop(arn, Failure::default()).unwrap();
    let late = platform.ask("StartExecution", request("{\"a\":1}")).await;
    assert_eq!(late.unwrap_err(), "ExecutionAlreadyExists");
}

#[tokio::test]
async fn what_is_not_there_is_refused_by_its_own_code() {
    let platform = Platform::new();
    let machine = platform.machine("m", &json!({ "Type": "Succeed" }));
    let execution = "arn:aws:states:eu-west-1:123456789012:execution:m:none";
    let cases = [
        (
            "StartExecution",
            json!({ "stateMachineArn": "m" }),
            "InvalidArn",
        ),
        (
            "StartExecution",
            json!({ "stateMachineArn": format!("{machine}x") }),
            "StateMachineDoesNotExist",
        ),
        (
            "StartExecution",
            json!({ "stateMachineArn": machine, "input": "x" }),
            "InvalidExecutionInput",
        ),
        (
            "StartExecution",
            json!({ "stateMachineArn": machine, "name": "a b" }),
            "InvalidName",
        ),
        ("StartExecution", json!({}), "ValidationException"),
        (
            "DescribeExecution",
            json!({ "executionArn": execution }),
            "ExecutionDoesNotExist",
        ),
        (
            "StopExecution",
            json!({ "executionArn": execution }),
            "ExecutionDoesNotExist",
        ),
        (
            "GetExecutionHistory",
            json!({ "executionArn": machine }),
            "InvalidArn",
        ),
        (
            "SendTaskSuccess",
            json!({ "taskToken": "AQCE1", "output": "{}" }),
            "TaskDoesNotExist",
        ),
        (
            "SendTaskSuccess",
            json!({ "taskToken": "?", "output": "{}" }),
            "InvalidToken",
        ),
        (
            "SendTaskSuccess",
            json!({ "taskToken": "AQCE1", "output": "{" }),
            "InvalidOutput",
        ),
        (
            "CreateStateMachine",
            json!({ "name": "x", "roleArn": "r", "definition": "{}" }),
            "InvalidDefinition",
        ),
        (
            "CreateStateMachine",
            json!({ "name": "m", "roleArn": "r", "definition": "{}" }),
            "StateMachineAlreadyExists",
        ),
        (
            "UpdateStateMachine",
            json!({ "stateMachineArn": machine }),
            "MissingRequiredParameter",
        ),
        ("RedriveExecution", json!({}), "UnknownOperationException"),
    ];
    for (operation, request, code) in cases {
        let answer = platform.ask(operation, request.clone()).await;
        assert_eq!(answer.unwrap_err(), code, "{operation} {request}");
    }
}

#[tokio::test]
async fn a_function_answers_fails_and_gets_lost() {
    let platform = Platform::new();
    let echo = platform.machine("echo", &invoke("echo", &json!("{% $states.input %}")));
    let arn = platform
        .states
        .start(&echo, None, json!({ "x": 1 }))
        .unwrap();
    let Outcome::Succeeded(output) = platform.states.wait(&arn).await.unwrap() else {
        panic!("it did not succeed");
    };
    assert_eq!(
        (&output["Payload"], &output["StatusCode"]),
        (&json!({ "x": 1 }), &json!(200))
    );

    let error = json!({ "errorType": "Upgrade.Refused", "errorMessage": "no" });
    let fail = platform.machine("fail", &invoke("fail", &error));
    let arn = platform.states.start(&fail, None, json!({})).unwrap();
    let failure = Failure::new("Upgrade.Refused", error.to_string());
    assert_eq!(
        platform.states.wait(&arn).await.unwrap(),
        Outcome::Failed(failure)
    );

    let lost = platform.gateway.faults().plant(
        Target::first("lambda", "Invoke").by("states"),
        Fault::LoseAnswer,
    );
    let arn = platform.states.start(&echo, None, json!({})).unwrap();
    let outcome = platform.states.wait(&arn).await.unwrap();
    assert_eq!(
        outcome.failure().unwrap().error.as_deref(),
        Some("Lambda.SdkClientException")
    );
    assert_eq!(lost.fired(), 1);
}

#[tokio::test]
async fn a_token_ends_its_wait_once() {
    let platform = Platform::new();
    let machine = platform.machine("m", &wait_for_token());
    let arn = platform.states.start(&machine, None, json!({})).unwrap();
    let token = platform.token(&arn).await;
    platform
        .ask("SendTaskHeartbeat", json!({ "taskToken": token }))
        .await
        .unwrap();
    let success = json!({ "taskToken": token, "output": "{\"ok\":true}" });
    platform
        .ask("SendTaskSuccess", success.clone())
        .await
        .unwrap();
    assert_eq!(
        platform.states.wait(&arn).await.unwrap(),
        Outcome::Succeeded(json!({ "ok": true }))
    );
    assert_eq!(
        platform.ask("SendTaskSuccess", success).await.unwrap_err(),
        "TaskTimedOut"
    );

    let arn = platform.states.start(&machine, None, json!({})).unwrap();
    let token = platform.token(&arn).await;
    let failure = json!({ "taskToken": token, "error": "Upgrade.AlarmRaised", "cause": "it rang" });
    platform.ask("SendTaskFailure", failure).await.unwrap();
    let expected = Failure::new("Upgrade.AlarmRaised", "it rang");
    assert_eq!(
        platform.states.wait(&arn).await.unwrap(),
        Outcome::Failed(expected)
    );
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

#[tokio::test]
async fn an_execution_is_stopped_while_its_function_runs() {
    let platform = Platform::new();
    let machine = platform.machine("m", &invoke("slow", &json!({})));
    let arn = platform.states.start(&machine, None, json!({})).unwrap();
    platform
        .states
        .stop(&arn, Failure::named("Operator"))
        .unwrap();
    assert_eq!(
        platform.states.wait(&arn).await.unwrap().status(),
        "ABORTED"
    );
}

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
    let first = platform
        .ask("GetExecutionHistory", page.clone())
        .await
        .unwrap();
    let types = |page: &Value| -> Vec<String> {
        let events = page["events"].as_array().unwrap();
        events
            .iter()
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
    let second = platform.ask("GetExecutionHistory", second).await.unwrap();
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
    let arn = platform.states.start(&machine, None, json!({})).unwrap();
    platform.states.wait(&arn).await.unwrap();
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
    let stopped = platform.states.start(&machine, None, json!({})).unwrap();
    platform.states.stop(&stopped, Failure::default()).unwrap();
    let changes = platform.changes.lock().unwrap();
    let statuses: Vec<_> = changes.iter().map(|change| change.status).collect();
    assert_eq!(statuses, ["RUNNING", "SUCCEEDED", "RUNNING", "ABORTED"]);
    assert_eq!(changes[3].detail["stateMachineArn"], machine.as_str());
    assert_eq!(changes[3].detail["input"], "{}");
}

#[tokio::test]
async fn a_machine_is_described_as_it_was_when_the_execution_began() {
    let platform = Platform::new();
    let text = |seconds: u64| {
        json!({
            "QueryLanguage": "JSONata", "StartAt": "A",
            "States": { "A": { "Type": "Wait", "Seconds": seconds, "End": true } },
        })
        .to_string()
    };
    let create = json!({ "name": "m", "roleArn": "r", "definition": text(90_000) });
    let created = platform.ask("CreateStateMachine", create).await.unwrap();
    let machine = created["stateMachineArn"].clone();
    let started = platform
        .ask("StartExecution", json!({ "stateMachineArn": machine }))
        .await
        .unwrap();
    let update = json!({ "stateMachineArn": machine, "definition": text(1) });
    platform.ask("UpdateStateMachine", update).await.unwrap();
    let now = platform
        .ask(
            "DescribeStateMachine",
            json!({ "stateMachineArn": machine }),
        )
        .await
        .unwrap();
    assert_eq!(now["definition"], text(1).as_str());
    let then = platform
        .ask(
            "DescribeStateMachineForExecution",
            json!({ "executionArn": started["executionArn"] }),
        )
        .await;
    assert_eq!(then.unwrap()["definition"], text(90_000).as_str());
    let invalid = platform
        .ask(
            "ValidateStateMachineDefinition",
            json!({ "definition": "{}" }),
        )
        .await
        .unwrap();
    assert_eq!(invalid["result"], "FAIL");
}
