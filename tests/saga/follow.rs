//! Follows a case until everything has come to rest, and does meanwhile what a person and the time would do.

use crate::machines::{ROLLBACK, UPGRADE, logical_id};
use crate::traps::Traps;
use crate::world::set_alarm;
use anyhow::{Context as _, Result, bail};
use asl::definition::Resource;
use asl::history::Fact;
use asl::interpreter::Execution;
use local::platform::Platform;
use local_aws::states::Observed;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep};

/// The longest that a case may take to come to rest.
const PATIENCE: Duration = Duration::from_mins(4);
/// How often it is looked.
const GLANCE: Duration = Duration::from_millis(50);
/// So many glances in a row must see everything at rest.
const STEADY: u32 = 6;

/// The state that waits for a person.
const APPROVAL: &str = "Approve";

/// Starts an execution of a machine, as a person.
pub async fn start(platform: &Platform, machine: &str, input: &Value) -> Result<String> {
    let machine = platform.template.machine(machine).context("a machine")?;
    let request = json!({"stateMachineArn": machine.arn, "input": input.to_string()});
    let client = platform.client();
    let started = client
        .json("states", "AWSStepFunctions.StartExecution", &request)
        .await?;
    Ok(started["executionArn"]
        .as_str()
        .context("an ARN")?
        .to_owned())
}

/// Until every execution has ended and no function runs, with everything that follows from an end by itself.
pub async fn to_rest(
    platform: &Platform,
    traps: &Traps,
    alarm: Option<(&str, &str)>,
) -> Result<()> {
    tokio::select! {
        ended = serve(platform, alarm) => ended,
        ended = traps.spring(platform) => ended,
        rested = rest(platform) => rested,
    }
}

async fn rest(platform: &Platform) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut steady = 0;
    while steady < STEADY {
        if Instant::now() > deadline {
            bail!("it does not come to rest: {}", states(platform).join(", "));
        }
        steady = if is_at_rest(platform) { steady + 1 } else { 0 };
        sleep(GLANCE).await;
    }
    Ok(())
}

/// Each execution, and how it is.
pub fn states(platform: &Platform) -> Vec<String> {
    let mut all = platform.states.executions();
    all.reverse();
    all.iter().map(told).collect()
}

fn told(execution: &Execution) -> String {
    let (machine, status) = (&execution.identity().machine_name, execution.status());
    let state = execution.state().unwrap_or("no state");
    let failure = execution.outcome().and_then(|outcome| outcome.failure());
    let cause = failure.and_then(|failure| failure.cause.as_deref());
    let cause = cause.unwrap_or_default().replace('\n', " ");
    let cause: String = cause.chars().take(500).collect();
    format!("{machine} {status} in {state} {cause}")
        .trim_end()
        .to_owned()
}

fn is_at_rest(platform: &Platform) -> bool {
    let all = platform.states.executions();
    let functions = &platform.template.functions;
    let running = |name: &str| platform.lambda.running(name) > 0;
    all.iter().all(|execution| execution.outcome().is_some())
        && !functions.iter().any(|function| running(&function.binary))
        && all.iter().all(|execution| is_followed(execution, &all))
}

/// An upgrade that did not end well is followed by a rollback that its end starts.
fn is_followed(execution: &Execution, all: &[Execution]) -> bool {
    let identity = execution.identity();
    if logical_id(&identity.machine_name) != UPGRADE || execution.status() == "SUCCEEDED" {
        return true;
    }
    all.iter().any(|other| {
        logical_id(&other.identity().machine_name) == ROLLBACK
            && other.input()["detail"]["executionArn"] == identity.arn
    })
}

/// Approves what waits for approval, and lets the time of a watch pass. Returns only when it can't go on.
async fn serve(platform: &Platform, alarm: Option<(&str, &str)>) -> Result<()> {
    let mut events = platform.states.watch();
    loop {
        match events.recv().await {
            Ok(seen) => react(platform, &seen, alarm).await?,
            Err(RecvError::Lagged(_)) => bail!("events were missed"),
            Err(RecvError::Closed) => bail!("there are no more events"),
        }
    }
}

async fn react(platform: &Platform, seen: &Observed, alarm: Option<(&str, &str)>) -> Result<()> {
    match &seen.event.fact {
        Fact::StateEntered { name, .. } => {
            if let Some((_, becomes)) = alarm.filter(|(state, _)| state == name) {
                set_alarm(platform, becomes).await?;
            }
            Ok(())
        }
        Fact::TaskSubmitted(Resource::LambdaToken | Resource::SnsToken, _) => {
            go_on(platform, &seen.execution_arn, seen.event.id).await
        }
        _ => Ok(()),
    }
}

/// Approves if that is what is waited for; otherwise the time of the wait is over.
async fn go_on(platform: &Platform, execution: &str, event: u64) -> Result<()> {
    let seen = platform.states.look(execution)?;
    // Something else may have ended the wait meanwhile.
    if seen.history().last().is_none_or(|last| last.id != event) {
        return Ok(());
    }
    if seen.state() != Some(APPROVAL) {
        platform.states.hurry(execution)?;
        return Ok(());
    }
    let approval = json!({"taskToken": token(&seen).context("no token")?, "output": "{}"});
    let client = platform.client();
    // The execution may have been stopped meanwhile.
    client
        .json("states", "AWSStepFunctions.SendTaskSuccess", &approval)
        .await
        .ok();
    Ok(())
}

/// The token that the last task was given.
fn token(execution: &Execution) -> Option<String> {
    let mut history = execution.history().iter().rev();
    let parameters = history.find_map(|event| match &event.fact {
        Fact::TaskScheduled { parameters, .. } => Some(parameters),
        _ => None,
    });
    let token = parameters?["Payload"]["token"].as_str();
    token.map(str::to_owned)
}
