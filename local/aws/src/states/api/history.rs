//! `GetExecutionHistory`.

use super::page::page;
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
    let mut history = states
        .execution(&request.execution_arn)?
        .look(|execution| execution.history().to_vec());
    if request.reverse_order {
        history.reverse();
    }
    let (events, next) = page(history, request.next_token.as_deref(), request.max_results)?;
    let events: Vec<Value> = events
        .iter()
        .map(|event| event.to_json(states.region()))
        .map(|event| {
            if request.include_execution_data {
                event
            } else {
                without_data(event)
            }
        })
        .collect();
    Ok(compact(json!({ "events": events, "nextToken": next })))
}

fn without_data(mut event: Value) -> Value {
    for details in event
        .as_object_mut()
        .into_iter()
        .flat_map(|map| map.values_mut())
    {
        if let Some(details) = details.as_object_mut() {
            for payload in ["input", "output", "parameters", "assignedVariables"] {
                details.remove(payload);
            }
        }
    }
    event
}
