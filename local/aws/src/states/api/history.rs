//! `GetExecutionHistory`.

use super::page::page;
use crate::REGION;
use crate::states::description::compact;
use crate::states::error::Refusal;
use crate::states::service::States;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Get {
    execution_arn: String,
    #[serde(default)]
    reverse_order: bool,
    #[serde(default = "yes")]
    include_execution_data: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

fn yes() -> bool {
    true
}

pub(super) fn get(states: &States, request: &Get) -> Result<Value, Refusal> {
    let running = states.execution(&request.execution_arn)?;
    let mut history = running.look(|execution| execution.history().to_vec());
    if request.reverse_order {
        history.reverse();
    }
    let (events, next) = page(history, request.next_token.as_deref(), request.max_results)?;
    let events = events.iter().map(|event| {
        let mut event = event.to_json(REGION);
        if !request.include_execution_data {
            remove_data(&mut event);
        }
        event
    });
    let events: Vec<Value> = events.collect();
    Ok(compact(json!({ "events": events, "nextToken": next })))
}

fn remove_data(event: &mut Value) {
    let members = event.as_object_mut().into_iter().flatten();
    for details in members.filter_map(|(_, details)| details.as_object_mut()) {
        for payload in ["input", "output", "parameters", "assignedVariables"] {
            details.remove(payload);
        }
    }
}
