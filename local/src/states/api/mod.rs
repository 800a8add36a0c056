//! The API of Step Functions, awsJson 1.0.

mod executions;
mod history;
mod machines;
mod tokens;

pub(super) use executions::describe;

use super::error::Refusal;
use super::service::States;
use crate::gateway::{Answer, Call, Service, protocol};
use async_trait::async_trait;
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

#[async_trait]
impl Service for States {
    async fn call(&self, call: Call) -> Answer {
        match answer(self, &call) {
            Ok(value) => protocol::answer(
                StatusCode::OK,
                "application/x-amz-json-1.0",
                value.to_string(),
            ),
            Err(refusal) => protocol::error(
                &call,
                StatusCode::BAD_REQUEST,
                refusal.code,
                &refusal.message,
            ),
        }
    }
}

fn answer(states: &States, call: &Call) -> Result<Value, Refusal> {
    let body = &call.body;
    match call.operation.as_str() {
        "StartExecution" => executions::start(states, &read(body)?),
        "StopExecution" => executions::stop(states, read(body)?),
        "DescribeExecution" => executions::describe_execution(states, &read(body)?),
        "ListExecutions" => executions::list(states, &read(body)?),
        "GetExecutionHistory" => history::get(states, &read(body)?),
        "SendTaskSuccess" => tokens::success(states, &read(body)?),
        "SendTaskFailure" => tokens::failure(states, read(body)?),
        "SendTaskHeartbeat" => tokens::heartbeat(states, read(body)?),
        "ListStateMachines" => Ok(machines::list(states)),
        "DescribeStateMachine" => machines::describe(states, &read(body)?),
        "DescribeStateMachineForExecution" => {
            machines::describe_for_execution(states, &read(body)?)
        }
        "CreateStateMachine" => machines::create(states, read(body)?),
        "UpdateStateMachine" => machines::update(states, read(body)?),
        "ValidateStateMachineDefinition" => Ok(machines::validate(&read(body)?)),
        other => Err(Refusal::new(
            "UnknownOperationException",
            format!("the local Step Functions has no operation `{other}`"),
        )),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| Refusal::new("ValidationException", error.to_string()))
}

/// An object without the members that are null: awsJson leaves them out.
fn compact(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, v)| !v.is_null())
                .collect::<Map<_, _>>(),
        ),
        other => other,
    }
}

/// One page of `items`, and the token of the next one.
fn page<T>(
    items: Vec<T>,
    token: Option<&str>,
    size: Option<usize>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    const USUAL: usize = 100;
    const MOST: usize = 1_000;
    let size = size.filter(|n| *n > 0).unwrap_or(USUAL);
    if size > MOST {
        let message = format!(
            "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000"
        );
        return Err(Refusal::new("ValidationException", message));
    }
    let first = match token {
        None => 0,
        Some(token) => token
            .parse::<usize>()
            .map_err(|_| Refusal::new("InvalidToken", "Invalid Token: 'Invalid token'"))?,
    };
    let next = (first + size < items.len()).then(|| (first + size).to_string());
    Ok((items.into_iter().skip(first).take(size).collect(), next))
}
