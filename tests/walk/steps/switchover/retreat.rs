//! The way back as long as blue serves.

use super::super::{blue, green, patiently};
use crate::call::Call;
use crate::held::Held;
use crate::world::{Fallible, transient};
use domain::error::StepError;
use domain::record::{Fence, Phase};

const PATIENCE: i64 = 10_000;

/// Lifts what this step put up, and enters the phase before the switchover again.
pub async fn lift(call: &Call, held: &mut Held) -> Fallible<()> {
    let fences = held.record.fences.clone();
    if !fences.is_empty() {
        let (old, new) = (blue(&held.record)?, green(&held.record)?);
        patiently(call, PATIENCE, async || {
            call.look("connect", |world| {
                world.reach(&new)?;
                world.reach(&old).map(drop)
            })
            .await
        })
        .await?;
        held.verify().await?;
    }
    for stands in fences {
        call.act("lift", |world| world.lift(&stands)).await?;
        let open = call
            .look("open roles", |world| world.open_roles(&stands.resource_id))
            .await?;
        if open.len() < stands.roles.len() {
            return transient("still closed after the fence was lifted");
        }
        held.unfence(&stands.resource_id).await?;
    }
    held.change(|record| {
        record.phase = Phase::Before;
        record.receipt = None;
        record.markers.clear();
        record.reverse = None;
    })
    .await
}

/// What the state machine is told once RDS has taken the switchover back and the fence is down.
pub async fn taken_back(call: &Call, held: &mut Held, why: &str) -> Fallible<StepError> {
    lift(call, held).await?;
    Ok(StepError::refused(format!(
        "RDS took the switchover back: {why}"
    )))
}

/// The names of a fence's roles.
pub fn names(stands: &Fence) -> Vec<String> {
    stands.roles.iter().map(|role| role.name.clone()).collect()
}
