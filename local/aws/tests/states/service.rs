//! The API: names, refusals, histories, tokens.

use super::platform::{Platform, invoke, wait_for_token};
use asl::history::Failure;
use asl::interpreter::Outcome;
use local_aws::faults::{Fault, Target};
use serde_json::json;

#[tokio::test]
async fn a_name_is_one_execution() {
    let platform = Platform::new();
    let wait = json!({ "Type": "Wait", "Seconds": 90_000, "End": true });
    let machine = platform.machine("m", &wait);
    let request = |input: &str| json!({ "stateMachineArn": machine, "name": "n", "input": input });
    let first = platform.done("StartExecution", request("{\"a\":1}")).await;
    let again = platform.done("StartExecution", request("{\"a\": 1}")).await;
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
    let cases = json!([
        ["StartExecution", { "stateMachineArn": "m" }, "InvalidArn"],
        ["StartExecution", { "stateMachineArn": format!("{machine}x") }, "StateMachineDoesNotExist"],
        ["StartExecution", { "stateMachineArn": machine, "input": "x" }, "InvalidExecutionInput"],
        ["StartExecution", { "stateMachineArn": machine, "name": "a b" }, "InvalidName"],
        ["StartExecution", {}, "ValidationException"],
        ["DescribeExecution", { "executionArn": execution }, "ExecutionDoesNotExist"],
        ["StopExecution", { "executionArn": execution }, "ExecutionDoesNotExist"],
        ["GetExecutionHistory", { "executionArn": machine }, "InvalidArn"],
        ["SendTaskSuccess", { "taskToken": "AQCE1", "output": "{}" }, "TaskDoesNotExist"],
        ["SendTaskSuccess", { "taskToken": "?", "output": "{}" }, "InvalidToken"],
        ["SendTaskSuccess", { "taskToken": "AQCE1", "output": "{" }, "InvalidOutput"],
        ["CreateStateMachine", { "name": "x", "roleArn": "r", "definition": "{}" }, "InvalidDefinition"],
        ["CreateStateMachine", { "name": "m", "roleArn": "r", "definition": "{}" }, "StateMachineAlreadyExists"],
        ["UpdateStateMachine", { "stateMachineArn": machine }, "MissingRequiredParameter"],
        ["RedriveExecution", {}, "UnknownOperationException"],
    ]);
    for case in cases.as_array().unwrap() {
        let (operation, request, code) = (case[0].as_str().unwrap(), &case[1], &case[2]);
        let answer = platform.ask(operation, request.clone()).await;
        assert_eq!(answer.unwrap_err(), *code, "{operation} {request}");
    }
}

#[tokio::test]
async fn a_function_answers_fails_and_gets_lost() {
    let platform = Platform::new();
    let echo = platform.machine("echo", &invoke("echo", &json!("{% $states.input %}")));
    let arn = platform.start(&echo, json!({ "x": 1 }));
    let output = platform.output(&arn).await;
    assert_eq!(
        (&output["Payload"], &output["StatusCode"]),
        (&json!({ "x": 1 }), &json!(200))
    );

    let error = json!({ "errorType": "Upgrade.Refused", "errorMessage": "no" });
    let fail = platform.machine("fail", &invoke("fail", &error));
    let arn = platform.start(&fail, json!({}));
    let failure = Failure::new("Upgrade.Refused", error.to_string());
    assert_eq!(platform.end(&arn).await, Outcome::Failed(failure));

    let invocation = Target::first("lambda", "Invoke").by("states");
    let faults = &platform.gateway.faults;
    let lost = faults.plant(invocation, Fault::LoseAnswer);
    let arn = platform.start(&echo, json!({}));
    let outcome = platform.end(&arn).await;
    let error = outcome.failure().unwrap().error.as_deref();
    assert_eq!(error, Some("Lambda.SdkClientException"));
    assert_eq!(lost.fired(), 1);
}

#[tokio::test]
async fn a_token_ends_its_wait_once() {
    let platform = Platform::new();
    let machine = platform.machine("m", &wait_for_token());
    let arn = platform.start(&machine, json!({}));
    let token = platform.token(&arn).await;
    let beat = json!({ "taskToken": token });
    platform.done("SendTaskHeartbeat", beat).await;
    let success = json!({ "taskToken": token, "output": "{\"ok\":true}" });
    platform.done("SendTaskSuccess", success.clone()).await;
    assert_eq!(platform.output(&arn).await, json!({ "ok": true }));
    let late = platform.ask("SendTaskSuccess", success).await;
    assert_eq!(late.unwrap_err(), "TaskTimedOut");

    let arn = platform.start(&machine, json!({}));
    let token = platform.token(&arn).await;
    let failure = json!({ "taskToken": token, "error": "Upgrade.AlarmRaised", "cause": "it rang" });
    platform.done("SendTaskFailure", failure).await;
    let expected = Failure::new("Upgrade.AlarmRaised", "it rang");
    assert_eq!(platform.end(&arn).await, Outcome::Failed(expected));
}

#[tokio::test]
async fn an_execution_is_stopped_while_its_function_runs() {
    let platform = Platform::new();
    let machine = platform.machine("m", &invoke("slow", &json!({})));
    let arn = platform.start(&machine, json!({}));
    let stopped = platform.states.stop(&arn, Failure::named("Operator"));
    stopped.unwrap();
    assert_eq!(platform.end(&arn).await.status(), "ABORTED");
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
    let created = platform.done("CreateStateMachine", create).await;
    let machine = created["stateMachineArn"].clone();
    let of = json!({ "stateMachineArn": machine });
    let started = platform.done("StartExecution", of.clone()).await;
    let update = json!({ "stateMachineArn": machine, "definition": text(1) });
    platform.done("UpdateStateMachine", update).await;
    let now = platform.done("DescribeStateMachine", of).await;
    assert_eq!(now["definition"], text(1).as_str());
    let of = json!({ "executionArn": started["executionArn"] });
    let then = platform.done("DescribeStateMachineForExecution", of).await;
    assert_eq!(then["definition"], text(90_000).as_str());
    let empty = json!({ "definition": "{}" });
    let invalid = platform.done("ValidateStateMachineDefinition", empty).await;
    assert_eq!(invalid["result"], "FAIL");
}
