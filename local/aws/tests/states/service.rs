//! The API: names, refusals, histories, tokens.

use super::platform::{Platform, invoke, wait_for_token};
use asl::history::Failure;
use asl::interpreter::Outcome;
use local_aws::faults::{Fault, Target};
use serde_json::json;

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
