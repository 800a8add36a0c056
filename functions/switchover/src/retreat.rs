//! The way back as long as blue serves: fences down, phase before.

use crate::sides::{Sides, opened, patiently};
use domain::error::StepError;
use domain::record::{Fence, Phase};
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::{fence, roles};
use std::time::Duration;
use tracing::info;

/// How long a side that lets nobody in is asked again.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lifts what this step put up, sees that it is gone, and enters the phase before the switchover again.
pub(crate) async fn lift(held: &mut Held<'_>, sides: &mut Sides) -> Result<(), Error> {
    let fences = held.record().fences.clone();
    if !fences.is_empty() {
        patiently(PATIENCE, async || sides.connect().await).await?;
        held.verify().await?;
    }
    for stands in fences {
        let on_old = stands.resource_id == sides.old.resource_id;
        let session = if on_old {
            &sides.old_roles
        } else {
            &sides.new_roles
        };
        let session = opened(session.as_ref())?;
        fence::lift(session, &stands).await?;
        seen_open(&roles::open(session, &names(&stands)).await?, &stands)?;
        held.unfence(&stands.resource_id).await?;
        info!(side = ?stands.side, "fence lifted");
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

/// What the state machine is told once RDS has taken the switchover back and the fence is down.
pub(crate) async fn taken_back(
    held: &mut Held<'_>,
    sides: &mut Sides,
    why: &str,
) -> Result<StepError, Error> {
    lift(held, sides).await?;
    Ok(StepError::refused(format!(
        "RDS took the switchover back: {why}; blue goes on serving, the fence is down"
    )))
}

pub(crate) fn names(stands: &Fence) -> Vec<String> {
    stands.roles.iter().map(|role| role.name.clone()).collect()
}

fn seen_open(open: &[String], stands: &Fence) -> Result<(), StepError> {
    let closed: Vec<String> = names(stands)
        .into_iter()
        .filter(|name| !open.contains(name))
        .collect();
    if closed.is_empty() {
        Ok(())
    } else {
        Err(StepError::transient(format!(
            "still closed after the fence was lifted: {}",
            closed.join(", ")
        )))
    }
}
