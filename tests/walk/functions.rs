//! The shipped functions.

use super::call::{Call, Invocation};
use domain::error::StepError;
use domain::ids::Millis;
use domain::steps::plan::{Input, Outcome, Output};
use ports::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::pin::Pin;

/// What a function answers.
pub type Answer = Result<Value, StepError>;
/// A function that runs.
pub type Running = Pin<Box<dyn Future<Output = Answer>>>;
/// Runs a function for a payload: the shipped step on the world's ports.
type Run = fn(Call, Value) -> Running;

macro_rules! step {
    ($step:path) => {
        |call, payload| {
            Box::pin(async move {
                let call = steps::Call::from((&call, invocation(&call.me)));
                answer($step(&call, decode(payload)?).await)
            })
        }
    };
}

/// The functions by the names that the machines give them, and those of their binaries.
pub const FUNCTIONS: [(&str, &str, Run); 16] = [
    ("Announce", "announce", step!(announce::run)),
    ("CheckLag", "check_lag", step!(check_lag::run)),
    ("Claim", "claim", step!(claim::run)),
    ("OnAlarm", "on_alarm", step!(on_alarm::run)),
    ("OnGreen", "on_green", step!(on_green::run)),
    ("Plan", "plan", step!(trimmed_plan)),
    ("Prepare", "prepare", step!(prepare::run)),
    ("Provision", "provision", step!(provision::run)),
    ("Retire", "retire", step!(retire::run)),
    ("Rollback", "rollback", step!(rollback::run)),
    ("ShiftWeight", "shift_weight", step!(shift_weight::run)),
    ("Sweep", "sweep", step!(sweep::run)),
    ("Switchover", "switchover", step!(switchover::run)),
    (
        "UpgradeInPlace",
        "upgrade_in_place",
        step!(upgrade_in_place::run),
    ),
    ("Validate", "validate", step!(validate::run)),
    ("Watch", "watch", step!(watch::run)),
];

/// The function of that name, by the machines' word or by the binary's.
pub fn named(name: &str) -> &'static str {
    let mut all = FUNCTIONS.iter();
    let found = all.find(|(known, binary, _)| *known == name || *binary == name);
    found.map_or("?", |(known, ..)| known)
}

/// Runs the function that is called.
pub fn run(call: Call, payload: Value) -> Running {
    let mut all = FUNCTIONS.iter();
    let found = all.find(|(name, ..)| *name == call.me.step);
    let (_, _, run) = found.unwrap_or_else(|| panic!("there is no function {}", call.me.step));
    run(call, payload)
}

/// A plan that goes on without what is written for people alone: it is carried from state to state.
async fn trimmed_plan(call: &steps::Call<'_, Call>, input: Input) -> Result<Output, Error> {
    let mut output = plan::run(call, input).await?;
    if output.outcome == Outcome::Ready {
        (output.plan.checks, output.plan.steps) = (vec![], vec![]);
        output.text.clear();
    }
    Ok(output)
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
