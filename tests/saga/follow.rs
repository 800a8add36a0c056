//! Follows a case until everything has come to rest, and does meanwhile what a person and the time would do.

use crate::machines::{ROLLBACK, UPGRADE};
use crate::traps::Traps;
use anyhow::{Context as _, Result, bail};
use local::platform::Platform;
use local::states::Observed;
use local::states::core::Execution;
use local::states::definition::Resource;
use local::states::history::Fact;
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
pub async fn to_rest(platform: &Platform, traps: &Traps) -> Result<()> {
    tokio::select! {
        ended = serve(platform) => ended,
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
    let told = all.iter().map(|execution| {
        let (machine, status) = (&execution.identity().machine_name, execution.status());
        format!(
            "{machine} {status} in {}",
            execution.state().unwrap_or("no state")
        )
    });
    told.collect()
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
    if identity.machine_name != UPGRADE || execution.status() == "SUCCEEDED" {
        return true;
    }
    all.iter().any(|other| {
        other.identity().machine_name == ROLLBACK
            && other.input()["detail"]["executionArn"] == identity.arn
    })
}

/// Approves what waits for approval, and lets the time of a watch pass. Returns only when it can't go on.
async fn serve(platform: &Platform) -> Result<()> {
    let mut events = platform.states.watch();
    loop {
        match events.recv().await {
            Ok(seen) => react(platform, &seen).await?,
            Err(RecvError::Lagged(_)) => bail!("events were missed"),
            Err(RecvError::Closed) => bail!("there are no more events"),
        }
    }
}

async fn react(platform: &Platform, seen: &Observed) -> Result<()> {
    match seen.event.fact {
        Fact::TaskSubmitted(Resource::LambdaToken, _) => {
            platform.states.hurry(&seen.execution_arn)?;
        }
        Fact::TaskSubmitted(Resource::SnsToken, _) => {
            let execution = platform.states.look(&seen.execution_arn)?;
            let token = token(&execution).context("a message without a token")?;
            let approval = json!({"taskToken": token, "output": "{}"});
            let client = platform.client();
            // The execution may have been stopped meanwhile.
            client
                .json("states", "AWSStepFunctions.SendTaskSuccess", &approval)
                .await
                .ok();
        }
        _ => {}
    }
    Ok(())
}

/// The token in the last message that asks for approval.
fn token(execution: &Execution) -> Option<String> {
    let asked = |fact: &Fact| match fact {
        Fact::TaskScheduled {
            resource: Resource::SnsToken,
            parameters,
            ..
        } => parameters["Message"].as_str().map(str::to_owned),
        _ => None,
    };
    let mut history = execution.history().iter().rev();
    let message = history.find_map(|event| asked(&event.fact))?;
    let (_, rest) = message.split_once("--task-token ")?;
    rest.split_whitespace().next().map(str::to_owned)
}
