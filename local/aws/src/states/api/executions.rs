//! Starting, stopping, describing and listing executions.

use super::page::page;
use crate::states::description::{brief, compact, describe};
use crate::states::error::Refusal;
use crate::states::service::States;
use asl::history::{Failure, seconds};
use asl::interpreter::Execution;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    state_machine_arn: String,
    name: Option<String>,
    input: Option<String>,
}

pub(super) fn start(states: &States, request: &Start) -> Result<Value, Refusal> {
    let text = request.input.as_deref().unwrap_or("{}");
    let input = serde_json::from_str(text).map_err(|error| {
        let message = format!("Invalid State Machine Execution Input: '{error}'");
        Refusal::new("InvalidExecutionInput", message)
    })?;
    let arn = states.start(&request.state_machine_arn, request.name.as_deref(), input)?;
    let started = states.execution(&arn)?.look(Execution::started_at);
    Ok(json!({ "executionArn": arn, "startDate": seconds(started) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stop {
    execution_arn: String,
    error: Option<String>,
    cause: Option<String>,
}

pub(super) fn stop(states: &States, request: Stop) -> Result<Value, Refusal> {
    let (arn, error, cause) = (request.execution_arn, request.error, request.cause);
    states.stop(&arn, Failure { error, cause })?;
    let stopped = states.execution(&arn)?.look(Execution::ended_at);
    Ok(compact(json!({ "stopDate": stopped.map(seconds) })))
}

/// A request about one execution.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Which {
    pub(super) execution_arn: String,
}

pub(super) fn describe_execution(states: &States, request: &Which) -> Result<Value, Refusal> {
    Ok(states.execution(&request.execution_arn)?.look(describe))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    state_machine_arn: String,
    status_filter: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn list(states: &States, request: &List) -> Result<Value, Refusal> {
    let machine = states.machine(&request.state_machine_arn)?;
    let mut found = states.executions();
    found.retain(|execution| {
        let filter = request.status_filter.as_deref();
        execution.identity().machine_arn == machine.arn
            && filter.is_none_or(|filter| filter == execution.status())
    });
    let (found, next) = page(found, request.next_token.as_deref(), request.max_results)?;
    let found: Vec<Value> = found.iter().map(|it| compact(brief(it))).collect();
    Ok(compact(json!({ "executions": found, "nextToken": next })))
}
