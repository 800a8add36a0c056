//! Making a task's call, through the gateway, so that it is recorded and meets its faults like any other.

use crate::gateway::client::{Client, Refused};
use crate::gateway::{Caller, Gateway};
use crate::{lambda, xml};
use asl::definition::Resource;
use asl::history::Failure;
use asl::interpreter::CallId;
use axum::body::Bytes;
use serde_json::{Value, json};

/// What starts an execution.
pub(crate) const START_EXECUTION: &str = "AWSStepFunctions.StartExecution";

/// The whole answer of the API, as a task of this machine sees it.
pub(super) async fn call(
    gateway: &Gateway,
    machine: &str,
    resource: Resource,
    arguments: &Value,
    id: CallId,
) -> Result<Value, Failure> {
    tracing::debug!(resource = resource.action(), call = id.0, "task called");
    let caller = Caller::Machine(machine.to_owned());
    let client = Client::new(gateway.clone(), caller.clone());
    match resource {
        Resource::Lambda | Resource::LambdaToken => invoke(gateway, caller, arguments).await,
        Resource::Sns | Resource::SnsToken => publish(&client, arguments).await,
        Resource::Child => start(&client, arguments).await,
    }
}

async fn invoke(gateway: &Gateway, caller: Caller, arguments: &Value) -> Result<Value, Failure> {
    let function = text(arguments, "FunctionName")?;
    let payload = arguments.get("Payload").cloned();
    let payload = Bytes::from(payload.unwrap_or_else(|| json!({})).to_string());
    let answer = lambda::client::invoke(gateway, caller, function, payload).await;
    let answer = answer.map_err(|failure| Failure::new(failure.error, failure.cause))?;
    let payload: Value = serde_json::from_slice(&answer).unwrap_or_default();
    Ok(json!({ "ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200 }))
}

async fn publish(client: &Client, arguments: &Value) -> Result<Value, Failure> {
    let answer = client.form("sns", message(arguments)?).await;
    let answer = answer.map_err(|why| failure("SNS", why))?;
    Ok(json!({ "MessageId": xml::first(&answer, "MessageId") }))
}

/// The form of `Publish`.
fn message(arguments: &Value) -> Result<String, Failure> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "Publish");
    form.append_pair("Version", "2010-03-31");
    form.append_pair("TopicArn", text(arguments, "TopicArn")?);
    for name in ["Message", "Subject", "MessageStructure"] {
        match arguments.get(name) {
            None => {}
            Some(Value::String(text)) => drop(form.append_pair(name, text)),
            Some(other) => drop(form.append_pair(name, &other.to_string())),
        }
    }
    let attributes = arguments["MessageAttributes"].as_object();
    for (i, (name, attribute)) in attributes.into_iter().flatten().enumerate() {
        let entry = format!("MessageAttributes.entry.{}", i + 1);
        form.append_pair(&format!("{entry}.Name"), name);
        for part in ["DataType", "StringValue"] {
            if let Some(text) = attribute[part].as_str() {
                form.append_pair(&format!("{entry}.Value.{part}"), text);
            }
        }
    }
    Ok(form.finish())
}

async fn start(client: &Client, arguments: &Value) -> Result<Value, Failure> {
    let input = arguments.get("Input").cloned().unwrap_or_else(|| json!({}));
    let mut request = json!({
        "stateMachineArn": text(arguments, "StateMachineArn")?,
        "input": input.to_string(),
    });
    if let Some(name) = arguments.get("Name") {
        request["name"] = name.clone();
    }
    let started = client.json("states", START_EXECUTION, &request).await;
    let started = started.map_err(|why| failure("StepFunctions", why))?;
    Ok(json!({ "ExecutionArn": started["executionArn"], "StartDate": started["startDate"] }))
}

fn text<'a>(arguments: &'a Value, name: &str) -> Result<&'a str, Failure> {
    arguments[name].as_str().ok_or_else(|| {
        let cause = format!("The argument '{name}' must be a string");
        Failure::new("States.Runtime", cause)
    })
}

/// Why a call brought nothing; `prefix` is how the names of the service's errors begin.
fn failure(prefix: &str, why: anyhow::Error) -> Failure {
    match why.downcast::<Refused>() {
        Ok(Refused { code, answer, .. }) => {
            let code = code.strip_suffix("Exception").unwrap_or(&code);
            Failure::new(format!("{prefix}.{code}Exception"), answer)
        }
        Err(lost) => {
            let error = format!("{prefix}.SdkClientException");
            Failure::new(error, lost.root_cause().to_string())
        }
    }
}
