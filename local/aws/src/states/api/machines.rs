//! Making, changing, describing and listing state machines.

use super::executions::Which;
use crate::states::arn;
use crate::states::error::Refusal;
use crate::states::machine::StateMachine;
use crate::states::service::States;
use asl::definition::Definition;
use asl::history::seconds;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Create {
    name: String,
    definition: String,
    role_arn: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

pub(super) fn create(states: &States, request: Create) -> Result<Value, Refusal> {
    if request.kind.is_some_and(|kind| kind != "STANDARD") {
        return Err(Refusal::new(
            "StateMachineTypeNotSupported",
            "only STANDARD is implemented here",
        ));
    }
    let arn = arn::machine(&request.name);
    if let Ok(known) = states.machine(&arn) {
        if known.text == request.definition && known.role_arn == request.role_arn {
            return Ok(created(&known));
        }
        let message = format!("State Machine Already Exists: '{arn}'");
        return Err(Refusal::new("StateMachineAlreadyExists", message));
    }
    let machine = states.define(&request.name, request.definition, request.role_arn)?;
    Ok(created(&machine))
}

fn created(machine: &StateMachine) -> Value {
    json!({ "stateMachineArn": machine.arn, "creationDate": seconds(machine.created_at) })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Update {
    state_machine_arn: String,
    definition: Option<String>,
    role_arn: Option<String>,
}

pub(super) fn update(states: &States, request: Update) -> Result<Value, Refusal> {
    let machine = states.machine(&request.state_machine_arn)?;
    if request.definition.is_none() && request.role_arn.is_none() {
        let message = "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified";
        return Err(Refusal::new("MissingRequiredParameter", message));
    }
    let text = request.definition.unwrap_or(machine.text);
    let role = request.role_arn.unwrap_or(machine.role_arn);
    let changed = states.define(&machine.name, text, role)?;
    Ok(json!({ "updateDate": seconds(changed.updated_at) }))
}

pub(super) fn list(states: &States) -> Value {
    let machines = states.machines().into_iter().map(|machine| {
        json!({
            "stateMachineArn": machine.arn, "name": machine.name, "type": "STANDARD",
            "creationDate": seconds(machine.created_at),
        })
    });
    json!({ "stateMachines": machines.collect::<Vec<_>>() })
}

/// A request about one machine.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WhichMachine {
    state_machine_arn: String,
}

pub(super) fn describe(states: &States, request: &WhichMachine) -> Result<Value, Refusal> {
    let machine = states.machine(&request.state_machine_arn)?;
    let mut description = described(&machine);
    description["status"] = json!("ACTIVE");
    description["type"] = json!("STANDARD");
    description["creationDate"] = json!(seconds(machine.created_at));
    Ok(description)
}

/// The machine of an execution, as it was when the execution began.
pub(super) fn describe_for_execution(states: &States, request: &Which) -> Result<Value, Refusal> {
    let running = states.execution(&request.execution_arn)?;
    let mut description = described(&running.machine);
    description["updateDate"] = json!(seconds(running.machine.updated_at));
    Ok(description)
}

fn described(machine: &StateMachine) -> Value {
    json!({
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "definition": machine.text,
        "roleArn": machine.role_arn,
        "loggingConfiguration": { "level": "OFF", "includeExecutionData": false },
        "tracingConfiguration": { "enabled": false },
    })
}

#[derive(Deserialize)]
pub(super) struct Validate {
    definition: String,
}

pub(super) fn validate(request: &Validate) -> Value {
    let faults = Definition::parse(&request.definition).err();
    let diagnostics = faults.unwrap_or_default().into_iter().map(|fault| {
        json!({
            "severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED",
            "message": fault.message, "location": fault.path,
        })
    });
    let diagnostics: Vec<Value> = diagnostics.collect();
    let result = if diagnostics.is_empty() { "OK" } else { "FAIL" };
    json!({ "result": result, "diagnostics": diagnostics })
}
