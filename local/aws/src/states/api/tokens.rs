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
    let output = serde_json::from_str(&request.output).ok();
    let output = output.filter(|_| request.output.len() <= MAX_BYTES);
    let output = output.ok_or_else(|| {
        let message = "Invalid Output: 'the output is no JSON, or too large'";
        Refusal::new("InvalidOutput", message)
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
    let (token, error, cause) = (request.task_token, request.error, request.cause);
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
    let (code, message) = match states.holder(token) {
        Some((running, Token::Awaited)) => return Ok(running),
        Some(_) => {
            let message = "Task Timed Out: 'Provided task does not exist anymore'";
            ("TaskTimedOut", message)
        }
        None if well_formed(token) => ("TaskDoesNotExist", "Task does not exist"),
        None => ("InvalidToken", "Invalid Token: 'Invalid token'"),
    };
    Err(Refusal::new(code, message))
}

fn well_formed(token: &str) -> bool {
    (1..=2048).contains(&token.len())
        && token.starts_with("AQ")
        && token.bytes().all(|b| b.is_ascii_alphanumeric())
}
