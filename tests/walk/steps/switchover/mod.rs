//! The critical section.

mod approach;
mod follow;
mod link;
mod opening;
pub mod proof;
mod retreat;

use super::holding;
use crate::call::Call;
use crate::held::Held;
use crate::world::{Fallible, refused};
use domain::error::StepError;
use domain::record::Phase;
use domain::switchover::{Input, Output, Receipt, Stage, stage};

/// Switches over, or goes on with a switchover that was begun.
pub async fn run(call: &Call, input: Input) -> Fallible<Output> {
    holding(call, &input.ticket, async |held| step(call, held).await).await
}

async fn step(call: &Call, held: &mut Held) -> Fallible<Output> {
    let green = held.record.green.clone();
    let green = green.ok_or_else(|| StepError::refused("there is no green; provision makes it"))?;
    let id = &green.deployment;
    let seen = call
        .look("deployment", |world| Ok(world.deployment(id)))
        .await?;
    match stage(held.record.phase, false, seen.as_ref()) {
        Stage::Begin => approach::begin(call, held).await,
        Stage::StartOver if !follow::is_idle(call, id).await? => {
            Ok(again("RDS may be about to switch"))
        }
        Stage::StartOver => {
            retreat::lift(call, held).await?;
            Ok(again("RDS has not switched; the fence is down"))
        }
        Stage::Follow => follow::follow(call, held).await,
        Stage::Finish if held.record.receipt.is_none() => foreign(held).await,
        Stage::Foreign => foreign(held).await,
        Stage::Finish => opening::finish(call, held).await,
        Stage::TakenBack { why } => Err(retreat::taken_back(call, held, &why).await?),
        Stage::Wait => Ok(again("somebody else is switching the deployment over")),
        Stage::Refuse { why } => refused(why),
    }
}

/// Green serves, and nothing of it can be vouched for.
async fn foreign(held: &mut Held) -> Fallible<Output> {
    if held.record.phase != Phase::After {
        held.enter(Phase::After).await?;
    }
    Err(StepError::failed(
        "somebody else has switched the deployment over",
    ))
}

/// Not done: the state machine calls again.
fn again(summary: &str) -> Output {
    Output {
        summary: summary.to_owned(),
        done: false,
        receipt: None,
    }
}

fn done(receipt: Receipt) -> Output {
    Output {
        summary: "green serves".to_owned(),
        done: true,
        receipt: Some(receipt),
    }
}
