//! Route 53: shares of the reads, and the record of the writes.

use super::{holding, is_transient};
use crate::call::Call;
use crate::setting::TTL;
use crate::world::Fallible;
use domain::ids::Millis;
use domain::routes::{Weighted, changes};
use domain::shift_weight::{Input, Output, nothing_to_shift, output, wanted};
use domain::writes::Pointer;

/// Moves a share of the reads.
pub async fn shift_weight(call: &Call, input: Input) -> Fallible<Output> {
    holding(call, &input.ticket, async |held| {
        let Some(route) = held.record.plan.reads.clone() else {
            return Ok(nothing_to_shift(input.percent));
        };
        let wanted = wanted(&held.record, &route.records, input.percent, TTL)?;
        let verify = async || held.verify().await;
        let before = apply(call, &wanted, call.last_call(), verify).await?;
        Ok(output(input.percent, &before, &wanted, &route.records))
    })
    .await
}

/// Makes the weighted records as wanted and returns them as they were before.
pub async fn apply(
    call: &Call,
    wanted: &[Weighted],
    deadline: Millis,
    verify: impl AsyncFn() -> Fallible<()>,
) -> Fallible<Vec<Weighted>> {
    let before = call.look("reads", |world| Ok(world.reads.clone())).await?;
    let mut current = before.clone();
    while !changes(&current, wanted).is_empty() {
        verify().await?;
        let changed = call.act_free("change reads", |world| {
            world.reroute(wanted);
            Ok(())
        });
        match changed.await {
            Err(failed) if is_transient(&failed) && call.now() < deadline => {
                call.sleep(1_000).await;
            }
            done => done?,
        }
        current = call.look("reads", |world| Ok(world.reads.clone())).await?;
    }
    Ok(before)
}

/// Lets the record of the writes lead where it shall. Whether anything was changed.
pub async fn point(
    call: &Call,
    wanted: &Pointer,
    verify: impl AsyncFn() -> Fallible<()>,
) -> Fallible<bool> {
    let now = call
        .look("pointer", |world| Ok(world.pointer.clone()))
        .await?;
    if now.as_ref() == Some(wanted) {
        return Ok(false);
    }
    verify().await?;
    call.act_free("change pointer", |world| {
        world.pointer = Some(wanted.clone());
        Ok(())
    })
    .await?;
    Ok(true)
}
