//! The shipped functions.

use super::call::{Call, Invocation};
use domain::error::StepError;
use domain::ids::Millis;
use domain::steps::plan::{Outcome, Output};
use ports::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::pin::Pin;

/// What a function answers.
pub type Answer = Result<Value, StepError>;
/// A function that runs.
pub type Running = Pin<Box<dyn Future<Output = Answer>>>;

/// The functions by the names that the machines give them, and those of their binaries.
pub const FUNCTIONS: [(&str, &str); 16] = [
    ("Announce", "announce"),
    ("CheckLag", "check_lag"),
    ("Claim", "claim"),
    ("OnAlarm", "on_alarm"),
    ("OnGreen", "on_green"),
    ("Plan", "plan"),
    ("Prepare", "prepare"),
    ("Provision", "provision"),
    ("Retire", "retire"),
    ("Rollback", "rollback"),
    ("ShiftWeight", "shift_weight"),
    ("Sweep", "sweep"),
    ("Switchover", "switchover"),
    ("UpgradeInPlace", "upgrade_in_place"),
    ("Validate", "validate"),
    ("Watch", "watch"),
];

/// The function of that name, by the machines' word or by the binary's.
pub fn named(name: &str) -> &'static str {
    let mut all = FUNCTIONS.iter();
    let found = all.find(|(known, binary)| *known == name || *binary == name);
    found.map_or("?", |(known, _)| known)
}

/// Runs a step for a payload.
macro_rules! step {
    ($call:ident, $payload:ident, $step:path) => {
        Box::pin(async move {
            let call = steps::Call::from((&$call, invocation(&$call.me)));
            answer($step(&call, decode($payload)?).await)
        })
    };
}

/// Runs a function: the shipped step on the world's ports.
pub fn run(call: Call, payload: Value) -> Running {
    match call.me.step {
        "Announce" => step!(call, payload, announce::run),
        "CheckLag" => step!(call, payload, check_lag::run),
        "Claim" => step!(call, payload, claim::run),
        "OnAlarm" => step!(call, payload, on_alarm::run),
        "OnGreen" => step!(call, payload, on_green::run),
        "Plan" => Box::pin(async move {
            let call = steps::Call::from((&call, invocation(&call.me)));
            answer(plan::run(&call, decode(payload)?).await.map(trimmed))
        }),
        "Prepare" => step!(call, payload, prepare::run),
        "Provision" => step!(call, payload, provision::run),
        "Retire" => step!(call, payload, retire::run),
        "Rollback" => step!(call, payload, rollback::run),
        "ShiftWeight" => step!(call, payload, shift_weight::run),
        "Sweep" => step!(call, payload, sweep::run),
        "Switchover" => step!(call, payload, switchover::run),
        "UpgradeInPlace" => step!(call, payload, upgrade_in_place::run),
        "Validate" => step!(call, payload, validate::run),
        "Watch" => step!(call, payload, watch::run),
        other => panic!("there is no function {other}"),
    }
}

/// A plan that goes on without what is written for people alone: it is carried from state to state.
fn trimmed(mut output: Output) -> Output {
    if output.outcome == Outcome::Ready {
        (output.plan.checks, output.plan.steps) = (vec![], vec![]);
        output.text.clear();
    }
    output
}

fn invocation(me: &Invocation) -> ports::Invocation {
    ports::Invocation {
        request_id: me.id.clone(),
        deadline: Millis(me.deadline),
    }
}

fn decode<I: DeserializeOwned>(payload: Value) -> Result<I, StepError> {
    serde_json::from_value(payload).map_err(|unfit| StepError::invalid_input(unfit.to_string()))
}

fn answer<O: Serialize>(output: Result<O, Error>) -> Answer {
    serde_json::to_value(output?).map_err(|unfit| StepError::failed(unfit.to_string()))
}
