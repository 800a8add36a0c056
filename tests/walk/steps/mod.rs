//! The Lambdas, each as the real function does it: observe, let `domain` decide, act. What they say to PostgreSQL and AWS
//! is said to the [`World`](super::world::World).

mod announce;
mod before;
mod in_place;
mod reads;
mod retire;
mod rollback;
mod sweep;
mod switchover;
mod watch;

use super::call::Call;
use super::held::Held;
use super::world::Fallible;
use domain::error::{ErrorName, StepError};
use domain::ids::ResourceId;
use domain::record::{Green, Record, Ticket};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The functions by the names that the machines and rules call them, each with its timeout in seconds.
pub const FUNCTIONS: [(&str, i64); 16] = [
    ("Plan", 120),
    ("Claim", 60),
    ("UpgradeInPlace", 120),
    ("Provision", 120),
    ("Prepare", 300),
    ("CheckLag", 60),
    ("Validate", 900),
    ("ShiftWeight", 120),
    ("Watch", 30),
    ("Switchover", 60),
    ("Rollback", 120),
    ("Retire", 120),
    ("OnAlarm", 30),
    ("OnGreen", 30),
    ("Sweep", 50),
    ("Announce", 30),
];

/// Runs a function.
pub async fn run(call: Call, payload: Value) -> Fallible<Value> {
    let call = &call;
    match call.invocation.step {
        "Plan" => wire(before::plan(call, decode(payload)?).await),
        "Claim" => wire(before::claim(call, decode(payload)?).await),
        "UpgradeInPlace" => wire(in_place::run(call, decode(payload)?).await),
        "Provision" => wire(before::provision(call, decode(payload)?).await),
        "Prepare" => wire(before::prepare(call, decode(payload)?).await),
        "CheckLag" => wire(before::check_lag(call, decode(payload)?).await),
        "Validate" => wire(before::validate(call, decode(payload)?).await),
        "ShiftWeight" => wire(reads::shift_weight(call, decode(payload)?).await),
        "Watch" => wire(watch::run(call, decode(payload)?).await),
        "Switchover" => wire(switchover::run(call, decode(payload)?).await),
        "Rollback" => wire(rollback::run(call, decode(payload)?).await),
        "Retire" => wire(retire::run(call, decode(payload)?).await),
        "OnGreen" => wire(watch::on_green(call, decode(payload)?).await),
        "OnAlarm" => wire(watch::on_alarm(call, decode(payload)?).await),
        "Sweep" => wire(sweep::run(call).await),
        "Announce" => wire(announce::run(call, decode(payload)?).await),
        other => Err(StepError::failed(format!("there is no function {other}"))),
    }
}

fn decode<I: DeserializeOwned>(payload: Value) -> Fallible<I> {
    serde_json::from_value(payload).map_err(|unfit| StepError::invalid_input(unfit.to_string()))
}

fn wire<O: Serialize>(output: Fallible<O>) -> Fallible<Value> {
    serde_json::to_value(output?).map_err(|unfit| StepError::failed(unfit.to_string()))
}

/// Whether the same may succeed a moment later.
fn is_transient(failed: &StepError) -> bool {
    failed.name == ErrorName::Transient
}

/// Acts with the lease and gives it back.
async fn holding<T>(
    call: &Call,
    ticket: &Ticket,
    act: impl AsyncFnOnce(&mut Held) -> Fallible<T>,
) -> Fallible<T> {
    let mut held = Held::patiently(call, ticket).await?;
    let done = act(&mut held).await;
    held.release().await;
    done
}

/// Tries until it succeeds, or until `patience` is over, in milliseconds.
async fn patiently<T>(
    call: &Call,
    patience: i64,
    mut attempt: impl AsyncFnMut() -> Fallible<T>,
) -> Fallible<T> {
    let began = call.now();
    loop {
        match attempt().await {
            Err(_) if call.now().since(began) < patience => call.sleep(patience / 4).await,
            done => return done,
        }
    }
}

/// Waits until a marker is there, or until the bound; the last one that was seen.
async fn marker_wait(
    call: &Call,
    on: &ResourceId,
    number: i64,
    bound: i64,
) -> Fallible<Option<i64>> {
    let began = call.now();
    loop {
        let seen = call.look("marker", |world| world.read_marker(on)).await?;
        if seen.is_some_and(|seen| seen >= number) || call.now().since(began) >= bound {
            return Ok(seen);
        }
        call.sleep((bound / 8).max(20)).await;
    }
}

/// Blue's writer.
fn blue(record: &Record) -> Fallible<ResourceId> {
    let writer = record
        .plan
        .writer()
        .map(|writer| writer.resource_id.clone());
    writer.ok_or_else(|| StepError::refused("the plan has no writer"))
}

/// Green's writer.
fn green(record: &Record) -> Fallible<ResourceId> {
    let writer = record.green.as_ref().and_then(Green::writer);
    let writer = writer.map(|writer| writer.resource_id.clone());
    writer.ok_or_else(|| StepError::refused("there is no green; provision makes it"))
}
