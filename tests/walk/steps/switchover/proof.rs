//! Old is closed, and what it had committed is seen on new, before anybody is let in.

use super::super::{blue, green};
use super::link;
use crate::call::Call;
use crate::held::Held;
use crate::world::Fallible;
use domain::error::StepError;
use domain::ids::Lsn;
use domain::record::{Fence, Phase, Record};
use domain::reverse::Reverse;
use domain::switchover::{LOOSE, Proof, Standing, prove};
use std::collections::BTreeMap;

/// How often old is closed again if somebody opens it meanwhile.
const CLOSINGS: u32 = 20;

/// Both sides as they were seen behind the fences.
pub struct Seen {
    /// New.
    pub new: Standing,
    /// Old, if it was reached.
    pub old: Option<Standing>,
    /// The marker on new.
    marker: Option<i64>,
    /// The way back, as far as it could be armed.
    pub reverse: Option<Reverse>,
}

/// Closes old, looks at both sides, enters the phase after the switchover, and judges.
pub async fn prove_all(
    call: &Call,
    held: &mut Held,
    reached: bool,
) -> Fallible<Option<(Seen, Vec<String>)>> {
    let fence = old_fence(held)?;
    let record = held.record.clone();
    // The real step does both at once; here one comes first, whichever.
    let first = call.world.borrow_mut().dice.chance(5_000);
    let (entered, looked) = if first {
        let entered = enter(held).await;
        (entered, look(call, &record, &fence, reached).await)
    } else {
        let looked = look(call, &record, &fence, reached).await;
        (enter(held).await, looked)
    };
    entered?;
    let mut seen = looked?;
    let arrived: BTreeMap<_, _> = record
        .markers
        .keys()
        .map(|name| (name.clone(), seen.marker))
        .collect();
    let in_time = seen.new.open_roles.is_empty();
    for _ in 0..CLOSINGS {
        let loose = seen.old.as_ref().is_some_and(Standing::takes_writes);
        match prove(&record.markers, &arrived, &seen.new, seen.old.as_ref()) {
            Proof::Open { .. } if in_time && seen.old.is_none() && !kept(call, &record).await? => {
                return Ok(None);
            }
            Proof::Open { complaints } => return Ok(Some((seen, complaints))),
            Proof::CloseOld if in_time && loose && !kept(call, &record).await? => {
                return Err(StepError::failed(LOOSE));
            }
            Proof::CloseOld => seen.old = close_old(call, &fence, reached).await?,
            Proof::Withhold { why } => return Err(StepError::failed(why)),
        }
    }
    Ok(None)
}

/// Whether RDS keeps old read-only.
pub async fn kept(call: &Call, record: &Record) -> Fallible<bool> {
    let id = record.green.as_ref().map(|green| green.deployment.clone());
    let found = call.look("who keeps old", |world| {
        Ok(id.and_then(|id| world.deployment(&id)))
    });
    Ok(found.await?.is_some_and(|found| found.keeps_old()))
}

async fn enter(held: &mut Held) -> Fallible<()> {
    match held.record.phase {
        Phase::After => held.verify().await,
        _ => held.enter(Phase::After).await,
    }
}

async fn look(call: &Call, record: &Record, fence: &Fence, reached: bool) -> Fallible<Seen> {
    let first = call.world.borrow_mut().dice.chance(5_000);
    if first {
        let old = find_old(call, fence, reached).await?;
        return Ok(Seen {
            old,
            ..inside(call, record).await?
        });
    }
    let inside = inside(call, record).await?;
    Ok(Seen {
        old: find_old(call, fence, reached).await?,
        ..inside
    })
}

async fn inside(call: &Call, record: &Record) -> Fallible<Seen> {
    let id = green(record)?;
    let new = call
        .look("standing of green", |world| world.standing(&id))
        .await?;
    let marker = call
        .look("marker of green", |world| world.read_marker(&id))
        .await?;
    let wanted = record.markers.values().next().map(|marker| marker.number);
    let made: Result<Lsn, String> = if marker >= wanted {
        link::arm(call, record, &id, new.is_closed()).await
    } else {
        Err("the marker has not arrived".to_owned())
    };
    let databases = record.plan.databases.iter();
    let armed = databases.map(|name| (name.clone(), made.clone())).collect();
    Ok(Seen {
        new,
        old: None,
        marker,
        reverse: record.reverse.clone().map(|planned| planned.armed(armed)),
    })
}

/// As [`close_old`], but an old that takes writes is left as it is.
async fn find_old(call: &Call, stands: &Fence, reached: bool) -> Fallible<Option<Standing>> {
    if !reached {
        return Ok(None);
    }
    let old = &stands.resource_id;
    let found = call.look("old as found", |world| world.standing(old));
    let found = found.await?;
    if found.takes_writes() {
        return Ok(Some(found));
    }
    close_old(call, stands, reached).await
}

/// Old's roles closed, its sessions ended, and how it stands then; nothing if it can't be reached.
pub async fn close_old(call: &Call, stands: &Fence, reached: bool) -> Fallible<Option<Standing>> {
    if !reached {
        return Ok(None);
    }
    let old = &stands.resource_id;
    call.act("raise on old", |world| world.raise(stands))
        .await?;
    call.act("drain old", |world| world.drain(old)).await?;
    call.look("standing of old", |world| world.standing(old))
        .await
        .map(Some)
}

/// Recorded before the call.
pub fn old_fence(held: &Held) -> Fallible<Fence> {
    let id = blue(&held.record)?;
    let known = held
        .record
        .fences
        .iter()
        .find(|fence| fence.resource_id == id);
    known
        .cloned()
        .ok_or_else(|| StepError::failed(format!("the record has no fence for {id}")))
}
