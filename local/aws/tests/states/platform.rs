//! A gateway with Step Functions and a Lambda that does as it is told.

use asl::interpreter::Outcome;
use async_trait::async_trait;
use local_aws::calls::CallLog;
use local_aws::clock::Clock;
use local_aws::faults::Faults;
use local_aws::gateway::client::{Client, Refused};
use local_aws::gateway::{Answer, Call, Caller, Gateway, Service};
use local_aws::states::{States, StatusChange};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A Lambda whose functions are: `echo` returns its payload, `fail` fails with it, `slow` never comes back.
struct Functions;

#[async_trait]
impl Service for Functions {
    async fn call(&self, call: Call) -> Answer {
        let mut answer = Answer::new(call.body.clone());
        match call.uri.path().split('/').nth(3).unwrap_or_default() {
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

/// Step Functions behind a gateway.
pub struct Platform {
    pub gateway: Gateway,
    pub states: States,
    pub changes: Arc<Mutex<Vec<StatusChange>>>,
}

impl Platform {
    pub fn new() -> Self {
        let gateway = Gateway::new(CallLog::default(), Faults::default());
        let states = States::new(gateway.clone(), Clock::scaled(1_000.0));
        gateway.route("states", Arc::new(states.clone()));
        gateway.route("lambda", Arc::new(Functions));
        let changes = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&changes);
        states.on_change(move |change| heard.lock().push(change.clone()));
        Self {
            gateway,
            states,
            changes,
        }
    }

    /// A machine of one task, or of any state `A`.
    pub fn machine(&self, name: &str, state: &Value) -> String {
        let text = json!({ "QueryLanguage": "JSONata", "StartAt": "A", "States": { "A": state } });
        let registered = self
            .states
            .register(name, &text.to_string(), &BTreeMap::new());
        registered.unwrap()
    }

    /// The answer, or the error's code.
    pub async fn ask(&self, operation: &str, request: Value) -> Result<Value, String> {
        let client = Client::new(self.gateway.clone(), Caller::Person);
        let target = format!("AWSStepFunctions.{operation}");
        let answer = client.json("states", &target, &request).await;
        answer.map_err(|why| why.downcast::<Refused>().unwrap().code)
    }

    /// The answer to what is not refused.
    pub async fn done(&self, operation: &str, request: Value) -> Value {
        self.ask(operation, request).await.unwrap()
    }

    /// Starts an execution and returns its ARN.
    pub fn start(&self, machine: &str, input: Value) -> String {
        self.states.start(machine, None, input).unwrap()
    }

    /// Waits for the end of an execution.
    pub async fn end(&self, arn: &str) -> Outcome {
        self.states.wait(arn).await.unwrap()
    }

    /// What an execution returns, which must succeed.
    pub async fn output(&self, arn: &str) -> Value {
        match self.end(arn).await {
            Outcome::Succeeded(output) => output,
            other => panic!("it did not succeed: {other:?}"),
        }
    }

    /// Waits until an execution waits for a token, and returns it.
    pub async fn token(&self, arn: &str) -> String {
        loop {
            let of = json!({ "executionArn": arn });
            let history = self.done("GetExecutionHistory", of).await;
            let events = history["events"].as_array().unwrap().clone();
            if let Some(event) = events.iter().find(|event| event["type"] == "TaskSubmitted") {
                let output = &event["taskSubmittedEventDetails"]["output"];
                let output: Value = serde_json::from_str(output.as_str().unwrap()).unwrap();
                return output["Payload"].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

pub fn invoke(function: &str, payload: &Value) -> Value {
    json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
        "Arguments": { "FunctionName": function, "Payload": payload },
    })
}

pub fn wait_for_token() -> Value {
    json!({
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": true,
        "Arguments": { "FunctionName": "echo", "Payload": "{% $states.context.Task.Token %}" },
    })
}
