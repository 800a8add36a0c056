//! Making a task's call, through the gateway, so that it is recorded and meets its faults like any other.

use crate::gateway::{Answer, Call, Caller, Gateway, protocol};
use crate::lambda;
use asl::definition::Resource;
use asl::history::Failure;
use asl::interpreter::CallId;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use serde_json::{Value, json};
use std::fmt::Write as _;

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
    let payload = arguments
        .get("Payload")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let answer =
        lambda::client::invoke(gateway, caller, function, Bytes::from(payload.to_string()))
            .await
            .map_err(|failure| Failure::new(failure.error, failure.cause))?;
    let payload: Value = serde_json::from_slice(&answer).unwrap_or_default();
    Ok(json!({ "ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200 }))
}

async fn publish(gateway: &Gateway, caller: Caller, arguments: &Value) -> Result<Value, Failure> {
    let mut form = vec![
        ("Action".to_owned(), "Publish".to_owned()),
        ("Version".to_owned(), "2010-03-31".to_owned()),
    ];
    form.push((
        "TopicArn".to_owned(),
        text(arguments, "TopicArn")?.to_owned(),
    ));
    for name in ["Message", "Subject", "MessageStructure"] {
        match arguments.get(name) {
            None => {}
            Some(Value::String(text)) => form.push((name.to_owned(), text.clone())),
            Some(other) => form.push((name.to_owned(), other.to_string())),
        }
    }
    attributes(arguments, &mut form);
    let body: Vec<String> = form
        .iter()
        .map(|(key, value)| format!("{key}={}", percent(value)))
        .collect();
    let answer = send(
        gateway,
        caller,
        "sns",
        "Publish",
        "application/x-www-form-urlencoded",
        body.join("&"),
    )
    .await?;
    let xml = String::from_utf8_lossy(answer.body());
    Ok(json!({ "MessageId": element(&xml, "MessageId") }))
}

fn attributes(arguments: &Value, form: &mut Vec<(String, String)>) {
    let given = arguments
        .get("MessageAttributes")
        .and_then(Value::as_object);
    for (i, (name, attribute)) in given.into_iter().flatten().enumerate() {
        let entry = format!("MessageAttributes.entry.{}", i + 1);
        form.push((format!("{entry}.Name"), name.clone()));
        for part in ["DataType", "StringValue"] {
            if let Some(text) = attribute.get(part).and_then(Value::as_str) {
                form.push((format!("{entry}.Value.{part}"), text.to_owned()));
            }
        }
    }
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
    let answer = send(
        gateway,
        caller,
        "states",
        "StartExecution",
        "application/x-amz-json-1.0",
        request.to_string(),
    )
    .await?;
    let started: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    Ok(json!({ "ExecutionArn": started["executionArn"], "StartDate": started["startDate"] }))
}

fn text<'a>(arguments: &'a Value, name: &str) -> Result<&'a str, Failure> {
    arguments.get(name).and_then(Value::as_str).ok_or_else(|| {
        Failure::new(
            "States.Runtime",
            format!("The argument '{name}' must be a string"),
        )
    })
}

async fn send(
    gateway: &Gateway,
    caller: Caller,
    service: &'static str,
    operation: &str,
    content_type: &'static str,
    body: String,
) -> Result<Answer, Failure> {
    let call = Call {
        caller,
        service: service.to_owned(),
        operation: operation.to_owned(),
        method: Method::POST,
        uri: Uri::from_static("/"),
        headers: headers(service, operation, content_type),
        body: Bytes::from(body),
    };
    let prefix = if service == "sns" {
        "SNS"
    } else {
        "StepFunctions"
    };
    let answer = gateway.send(call).await.map_err(|hangup| {
        Failure::new(format!("{prefix}.SdkClientException"), hangup.to_string())
    })?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let code = protocol::error_code(&answer);
    let suffix = if code.ends_with("Exception") {
        ""
    } else {
        "Exception"
    };
    let cause = String::from_utf8_lossy(answer.body()).into_owned();
    Err(Failure::new(format!("{prefix}.{code}{suffix}"), cause))
}

fn headers(service: &str, operation: &str, content_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20000101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let target = format!("AWSStepFunctions.{operation}");
    if let Ok(value) = HeaderValue::from_str(&scope) {
        headers.insert(header::AUTHORIZATION, value);
    }
    if service == "states"
        && let Ok(value) = HeaderValue::from_str(&target)
    {
        headers.insert("x-amz-target", value);
    }
    headers
}

fn percent(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            done.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(done, "%{byte:02X}");
        }
    }
    done
}

fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once('<').map(|(found, _)| found.to_owned())
}
