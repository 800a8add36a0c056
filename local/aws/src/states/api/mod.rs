//! The API of Step Functions, awsJson 1.0.

mod executions;
mod history;
mod machines;
mod page;
mod tokens;

use super::error::Refusal;
use super::service::States;
use crate::gateway::{Answer, Call, Service, protocol};
use async_trait::async_trait;
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[async_trait]
impl Service for States {
    async fn call(&self, call: Call) -> Answer {
        let kind = "application/x-amz-json-1.0";
        match answer(self, &call) {
            Ok(value) => protocol::answer(StatusCode::OK, kind, value.to_string()),
            Err(Refusal { code, message }) => {
                protocol::error(&call, StatusCode::BAD_REQUEST, code, &message)
            }
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
