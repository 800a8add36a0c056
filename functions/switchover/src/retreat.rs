//! Undoes an unfinished switchover while blue serves: fences down, phase before.

use crate::sides::Sides;
use domain::error::StepError;
use domain::record::Phase;
use ports::{Error, World};
use std::time::Duration;
use steps::{Held, fencing};

/// How long a side that lets nothing in is asked again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lifts what this step put up, sees that it is gone, and enters the phase before the switchover again.
pub(crate) async fn lift<W: World>(
    held: &mut Held<'_, W>,
    sides: &mut Sides<'_, W>,
) -> Result<(), Error> {
    let fences = held.record().fences.clone();
    if !fences.is_empty() {
        let call = held.call;
        call.patiently(PATIENCE, async || sides.connect().await)
            .await?;
    }
    for stands in fences {
        let on_old = stands.resource_id == sides.old.resource_id;
        let session = if on_old {
            sides.on_old()
        } else {
            sides.on_new()
        };
        fencing::lift(held, session?, &stands).await?;
    }
    // What the call left in the record belongs to it; another call writes its own.
    held.change(|record| {
        record.phase = Phase::Before;
        record.receipt = None;
        record.markers.clear();
        record.reverse = None;
    })
    .await
}

/// Lifts the fences after RDS has taken the switchover back; the error with which the step ends.
pub(crate) async fn taken_back<W: World>(
    held: &mut Held<'_, W>,
    sides: &mut Sides<'_, W>,
    why: &str,
) -> Result<StepError, Error> {
    lift(held, sides).await?;
    Ok(StepError::refused(format!(
        "RDS took the switchover back: {why}; blue goes on serving, the fence is down"
    )))
}
