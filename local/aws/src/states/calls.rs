//! Making a task's call, through the gateway, so that it is recorded and meets its faults like any other.

use crate::gateway::{Answer, Call, Caller, Gateway, protocol};
use crate::{REGION, lambda, xml};
use asl::definition::Resource;
use asl::history::Failure;
use asl::interpreter::CallId;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use serde_json::{Value, json};

/// The key with which these calls are signed.
const KEY: &str = "states";

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
    match resource {
        Resource::Lambda | Resource::LambdaToken => invoke(gateway, caller, arguments).await,
        Resource::Sns | Resource::SnsToken => publish(gateway, caller, arguments).await,
        Resource::Child => start(gateway, caller, arguments).await,
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

async fn publish(gateway: &Gateway, caller: Caller, arguments: &Value) -> Result<Value, Failure> {
    let kind = "application/x-www-form-urlencoded";
    let call = request(caller, "sns", "Publish", kind, message(arguments)?);
    let answer = send(gateway, "SNS", call).await?;
    let answer = String::from_utf8_lossy(answer.body());
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

async fn start(gateway: &Gateway, caller: Caller, arguments: &Value) -> Result<Value, Failure> {
    let input = arguments.get("Input").cloned().unwrap_or_else(|| json!({}));
    let mut request = json!({
        "stateMachineArn": text(arguments, "StateMachineArn")?,
        "input": input.to_string(),
    });
    if let Some(name) = arguments.get("Name") {
        request["name"] = name.clone();
    }
    let answer = send(gateway, "StepFunctions", start_execution(caller, &request)).await?;
    let started: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    Ok(json!({ "ExecutionArn": started["executionArn"], "StartDate": started["startDate"] }))
}

fn text<'a>(arguments: &'a Value, name: &str) -> Result<&'a str, Failure> {
    arguments[name].as_str().ok_or_else(|| {
        let cause = format!("The argument '{name}' must be a string");
        Failure::new("States.Runtime", cause)
    })
}

/// Sends a call; `prefix` is how the names of the service's errors begin.
async fn send(gateway: &Gateway, prefix: &str, call: Call) -> Result<Answer, Failure> {
    let lost = format!("{prefix}.SdkClientException");
    let answer = gateway.send(call).await;
    let answer = answer.map_err(|hangup| Failure::new(lost, hangup.to_string()))?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let code = protocol::error_code(&answer);
    let code = code.strip_suffix("Exception").unwrap_or(&code);
    let cause = String::from_utf8_lossy(answer.body()).into_owned();
    Err(Failure::new(format!("{prefix}.{code}Exception"), cause))
}

/// A call of `StartExecution`.
pub(crate) fn start_execution(caller: Caller, input: &Value) -> Call {
    let kind = "application/x-amz-json-1.0";
    let (operation, body) = ("StartExecution", input.to_string());
    let mut call = request(caller, "states", operation, kind, body);
    let target = HeaderValue::from_static("AWSStepFunctions.StartExecution");
    call.headers.insert("x-amz-target", target);
    call
}

fn request(
    caller: Caller,
    service: &str,
    operation: &str,
    content_type: &'static str,
    body: String,
) -> Call {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20000101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    if let Ok(value) = HeaderValue::from_str(&scope) {
        headers.insert(header::AUTHORIZATION, value);
    }
    Call {
        caller,
        service: service.to_owned(),
        operation: operation.to_owned(),
        method: Method::POST,
        uri: Uri::from_static("/"),
        headers,
        body: Bytes::from(body),
    }
}
