//! While RDS switches.

use super::{again, opening, retreat};
use crate::call::Call;
use crate::held::Held;
use crate::world::{Fallible, refused};
use domain::error::StepError;
use domain::ids::DeploymentId;
use domain::record::Phase;
use domain::switchover::{Output, Stage, stage};

/// What the opening needs; with less, the next call opens.
const RESERVE: i64 = 20_000;
/// RDS bounds its own switchover by less.
const OVERDUE: i64 = 900_000;
/// How many observations in a row tell that RDS has taken it back.
const TAKEN_BACK: u32 = 3;

/// Looks until RDS is through, or has taken it back, or the call's time is up.
pub async fn follow(call: &Call, held: &mut Held) -> Fallible<Output> {
    let id = held
        .record
        .green
        .as_ref()
        .map(|green| green.deployment.clone());
    let id = id.ok_or_else(|| StepError::refused("there is no green; provision makes it"))?;
    let mut back = 0;
    while call.remaining() > RESERVE {
        let seen = match call.look("follow", |world| Ok(world.deployment(&id))).await {
            Ok(seen) => stage(Phase::Switching, true, seen.as_ref()),
            Err(_) => Stage::Follow,
        };
        match seen {
            Stage::Finish => {
                call.sleep(100).await;
                return opening::finish(call, held).await;
            }
            Stage::TakenBack { why } if back + 1 == TAKEN_BACK => {
                return Err(retreat::taken_back(call, held, &why).await?);
            }
            Stage::TakenBack { .. } => back += 1,
            Stage::Refuse { why } => return refused(why),
            _ => back = 0,
        }
        call.sleep(500).await;
    }
    let called = held
        .record
        .receipt
        .as_ref()
        .and_then(|receipt| receipt.called_at);
    if called.is_some_and(|called| call.now().since(called) > OVERDUE) {
        return Err(StepError::failed("RDS has not ended its switchover"));
    }
    Ok(again("RDS is still switching over"))
}

/// Whether RDS leaves blue the writes, by as many observations as it takes to believe it.
pub async fn is_idle(call: &Call, id: &DeploymentId) -> Fallible<bool> {
    for look in 0..TAKEN_BACK {
        if look > 0 {
            call.sleep(500).await;
        }
        let seen = call
            .look("is it idle", |world| Ok(world.deployment(id)))
            .await?;
        if !matches!(
            stage(Phase::Switching, true, seen.as_ref()),
            Stage::TakenBack { .. }
        ) {
            return Ok(false);
        }
    }
    Ok(true)
}
