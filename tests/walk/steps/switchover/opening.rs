//! Close old, prove, open new, and keep the receipt.

use super::super::{blue, green, patiently};
use super::proof::{Seen, close_old, old_fence, prove_all};
use super::{again, done, link};
use crate::call::Call;
use crate::held::Held;
use crate::world::Fallible;
use domain::error::StepError;
use domain::ids::ResourceId;
use domain::switchover::{Arrived, Output, Receipt};
use std::collections::BTreeMap;

const PATIENCE: i64 = 5_000;

async fn reach(call: &Call, id: &ResourceId, patience: i64) -> Fallible<()> {
    patiently(call, patience, async || {
        call.look("connect", |world| world.reach(id).map(drop))
            .await
    })
    .await
}

/// RDS is through. Opens new, unless an earlier call has done so.
pub async fn finish(call: &Call, held: &mut Held) -> Fallible<Output> {
    let mut receipt = held.record.receipt.clone().unwrap_or_default();
    if receipt.opened_at.is_some() {
        return seen_open(call, held, receipt).await;
    }
    let (old, new) = (blue(&held.record)?, green(&held.record)?);
    reach(call, &new, PATIENCE).await?;
    let reached = reach(call, &old, 2 * PATIENCE).await.is_ok();
    let Some((seen, complaints)) = prove_all(call, held, reached).await? else {
        return Ok(again("old can't be closed; green stays closed until it is"));
    };
    receipt.complaints.extend(complaints);
    receipt.left_closed = seen.old.is_some();
    let moment = seen.new.open_roles.is_empty();
    receipt.databases = databases(held, &seen);
    open(call, held, &new).await?;
    receipt.opened_at = Some(call.now());
    let kept = receipt.clone();
    held.change(|record| {
        record.fences.retain(|fence| fence.resource_id != new);
        record.receipt = Some(kept);
        record.reverse = seen.reverse;
    })
    .await?;
    if !moment {
        return seen_open(call, held, receipt).await;
    }
    complete(call, held, receipt).await
}

/// An earlier call has opened green.
async fn seen_open(call: &Call, held: &mut Held, receipt: Receipt) -> Fallible<Output> {
    let new = green(&held.record)?;
    reach(call, &new, PATIENCE).await?;
    call.act("write marker on green", |world| {
        world.write_marker(&new, true)
    })
    .await?;
    conclude(call, held, receipt).await
}

/// What takes longer, off the pause.
async fn complete(call: &Call, held: &mut Held, mut receipt: Receipt) -> Fallible<Output> {
    let new = green(&held.record)?;
    let open = call
        .look("open roles of green", |world| world.open_roles(&new))
        .await?;
    let closed = receipt.roles.iter().filter(|name| !open.contains(name));
    receipt.wrong = closed
        .map(|name| format!("`{name}` can't log in to green"))
        .collect();
    link::follow_back(call, held).await?;
    call.sleep(1_000).await;
    let compared = call
        .look("compare", |world| Ok(world.dice.chance(8_500)))
        .await
        .unwrap_or(false);
    for arrived in receipt.databases.values_mut() {
        arrived.digest = compared.then(|| "same".to_owned());
    }
    conclude(call, held, receipt).await
}

/// Keeps the receipt first, so that another call comes to the same end.
async fn conclude(call: &Call, held: &mut Held, mut receipt: Receipt) -> Fallible<Output> {
    keep(held, &receipt).await?;
    if !receipt.left_closed {
        receipt.left_closed = close_old_late(call, held).await?;
        keep(held, &receipt).await?;
    }
    link::follow_back(call, held).await?;
    let mut wrong = receipt.wrong.clone();
    if !receipt.left_closed {
        wrong.push("old blue can't be reached".to_owned());
    }
    if wrong.is_empty() {
        return Ok(done(receipt));
    }
    Err(StepError::failed(format!(
        "green serves, but {}",
        wrong.join("; ")
    )))
}

async fn close_old_late(call: &Call, held: &Held) -> Fallible<bool> {
    let old = blue(&held.record)?;
    if reach(call, &old, 2 * PATIENCE).await.is_err() {
        return Ok(false);
    }
    let old = close_old(call, &old_fence(held)?, true).await?;
    Ok(old.is_some_and(|old| old.is_closed()))
}

async fn keep(held: &mut Held, receipt: &Receipt) -> Fallible<()> {
    let kept = receipt.clone();
    held.change(|record| record.receipt = Some(kept)).await
}

async fn open(call: &Call, held: &Held, new: &ResourceId) -> Fallible<()> {
    let stands = held
        .record
        .fences
        .iter()
        .find(|fence| fence.resource_id == *new);
    if let Some(stands) = stands.cloned() {
        call.act("open green", |world| world.lift(&stands)).await?;
    }
    call.act("write marker on green", |world| {
        world.write_marker(new, true)
    })
    .await?;
    Ok(())
}

fn databases(held: &Held, seen: &Seen) -> BTreeMap<String, Arrived> {
    let arrived = |marker: &domain::record::Marker| Arrived {
        marker: marker.number,
        old_position: seen.old.as_ref().map(|old| old.position),
        rows: None,
        digest: None,
    };
    let markers = held.record.markers.iter();
    markers
        .map(|(name, marker)| (name.clone(), arrived(marker)))
        .collect()
}
