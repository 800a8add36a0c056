//! What the holders of task tokens send.

use crate::states::error::Refusal;
use crate::states::running::Running;
use crate::states::service::States;
use asl::history::Failure;
use asl::interpreter::{Event, MAX_BYTES, Token};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Success {
    task_token: String,
    output: String,
}

pub(super) fn success(states: &States, request: &Success) -> Result<Value, Refusal> {
    let output = serde_json::from_str(&request.output)
        .ok()
        .filter(|_| request.output.len() <= MAX_BYTES)
        .ok_or_else(|| {
            Refusal::new(
                "InvalidOutput",
                "Invalid Output: 'the output is no JSON, or too large'",
            )
        })?;
    let token = request.task_token.clone();
    awaited(states, &token)?.deliver(Event::TokenSucceeded { token, output });
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failed {
    task_token: String,
    error: Option<String>,
    cause: Option<String>,
}

pub(super) fn failure(states: &States, request: Failed) -> Result<Value, Refusal> {
    let Failed {
        task_token: token,
        error,
        cause,
    } = request;
    let failure = Failure { error, cause };
    awaited(states, &token)?.deliver(Event::TokenFailed { token, failure });
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Heartbeat {
    task_token: String,
}

pub(super) fn heartbeat(states: &States, request: Heartbeat) -> Result<Value, Refusal> {
    let token = request.task_token;
    awaited(states, &token)?.deliver(Event::TokenHeartbeat { token });
    Ok(json!({}))
}

/// The execution that waits for a token.
fn awaited(states: &States, token: &str) -> Result<Arc<Running>, Refusal> {
    match states.holder(token) {
        Some((running, Token::Awaited)) => Ok(running),
        Some(_) => Err(Refusal::new(
            "TaskTimedOut",
            "Task Timed Out: 'Provided task does not exist anymore'",
        )),
        None if well_formed(token) => Err(Refusal::new("TaskDoesNotExist", "Task does not exist")),
        None => Err(Refusal::new(
            "InvalidToken",
            "Invalid Token: 'Invalid token'",
        )),
    }
}

fn well_formed(token: &str) -> bool {
    (1..=2048).contains(&token.len())
        && token.starts_with("AQ")
        && token.bytes().all(|b| b.is_ascii_alphanumeric())
}
