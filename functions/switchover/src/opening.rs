//! Parts 6, 8 and 9: close old, prove, open new, and keep the receipt.

use crate::failback::follow_back;
use crate::proof::{Seen, close_old, prove_all};
use crate::sides::Sides;
use crate::{again, done};
use domain::error::StepError;
use domain::ids::Millis;
use domain::marker::Marker;
use domain::receipt::{Arrived, Receipt};
use domain::steps::switchover::Output;
use futures_util::future::join_all;
use ports::{Access, Error, Session, SessionOf, World};
use std::collections::BTreeMap;
use std::time::Duration;
use steps::moment::{Moment, compare};
use steps::{Call, Held, Laps, metrics};
use tracing::{info, warn};

/// What the end of the call needs.
const SPARE: Duration = Duration::from_secs(6);
/// How long old is asked for the sessions in which it is compared.
const OLD_ANSWERS: Duration = Duration::from_secs(10);
/// Clients reconnect before anything is compared.
const BREATH: Duration = Duration::from_secs(1);

/// RDS is through, as was seen at `through`. Opens new, unless an earlier call has done so.
pub(crate) async fn finish<W: World>(
    held: &mut Held<'_, W>,
    sides: &mut Sides<'_, W>,
    through: Millis,
) -> Result<Output, Error> {
    let call = held.call;
    let mut receipt = held.record().receipt.clone().unwrap_or_default();
    if receipt.opened_at.is_some() {
        return seen_open(held, sides, receipt).await;
    }
    receipt.rds_ms = receipt
        .called_at
        .map_or(0, |called| millis(through.since(called)));
    let mut laps = Laps::begin(call);
    sides.reach_new().await?;
    if let Err(failed) = sides.reach_old().await {
        warn!(%failed, "old not reached");
    }
    laps.lap(call, "sessions");
    let Some((seen, complaints)) = prove_all(held, sides).await? else {
        return Ok(again("old can't be closed; green stays closed until it is"));
    };
    receipt.complaints.extend(complaints);
    receipt.left_closed = seen.old.is_some();
    // Opened by a call whose record of it was lost: new has moved on since.
    let moment = seen.new.open_roles.is_empty();
    receipt.databases = databases(held, &seen);
    laps.lap(call, "proof");
    open(held, sides).await?;
    receipt.opened_at = Some(call.now());
    laps.lap(call, "opening");
    receipt.phases.append(&mut laps.parts);
    receipt.ours_ms = call.elapsed(through);
    let (rds_ms, ours_ms) = (receipt.rds_ms, receipt.ours_ms);
    info!(rds_ms, ours_ms, "green opened");
    let new = sides.new.resource_id.clone();
    let kept = receipt.clone();
    held.change(|record| {
        record.fences.retain(|fence| fence.resource_id != new);
        record.receipt = Some(kept);
        record.reverse = seen.reverse;
    })
    .await?;
    metrics::switched(held, &receipt);
    // Tried again at the end: the moment in which rows can be compared is not to be lost for it.
    if let Err(failed) = lead_to_new(held).await {
        warn!(%failed, "routes not moved yet");
    }
    if !moment {
        return seen_open(held, sides, receipt).await;
    }
    complete(held, sides, receipt).await
}

/// An earlier call has opened green. Of what it left undone only the closing of old can be made up for.
async fn seen_open<W: World>(
    held: &mut Held<'_, W>,
    sides: &mut Sides<'_, W>,
    mut receipt: Receipt,
) -> Result<Output, Error> {
    sides.reach_new().await?;
    held.verify().await?;
    sides.on_new()?.write_marker().await?;
    let mut arrived = receipt.databases.values();
    if arrived.any(|arrived| arrived.digest.is_none()) {
        let lost = "the moment of the opening is over; its digests were not taken";
        receipt.complaints.push(lost.to_owned());
    }
    conclude(held, sides, receipt).await
}

/// Part 9: what takes longer, off the pause.
async fn complete<W: World>(
    held: &mut Held<'_, W>,
    sides: &mut Sides<'_, W>,
    mut receipt: Receipt,
) -> Result<Output, Error> {
    let call = held.call;
    let mut laps = Laps::begin(call);
    receipt.wrong = closed(sides, &receipt.roles).await?;
    let old = hold_old(call, sides).await;
    follow_back(held, sides).await?;
    call.sleep(BREATH).await;
    let pairs = sides.databases.iter().zip(&old).zip(&sides.new_inside);
    let lost = StepError::transient("a session that was open is not").into();
    let moments: Vec<Moment<'_, SessionOf<W>>> = pairs
        .map(|((database, left), opened)| Moment {
            database,
            left: left.as_ref(),
            opened: opened.as_ref().ok_or(&lost),
        })
        .collect();
    compare(call, &moments, &mut receipt, SPARE).await;
    for session in sides.new_inside.iter().flatten() {
        session.release().await?;
    }
    laps.lap(call, "digests");
    metrics::phases(held, "switchover", &laps.parts);
    receipt.phases.append(&mut laps.parts);
    conclude(held, sides, receipt).await
}

/// Keeps the receipt first, so that another call comes to the same end.
async fn conclude<W: World>(
    held: &mut Held<'_, W>,
    sides: &mut Sides<'_, W>,
    mut receipt: Receipt,
) -> Result<Output, Error> {
    keep(held, &receipt).await?;
    if !receipt.left_closed {
        receipt.left_closed = close_old_late(held, sides).await?;
        keep(held, &receipt).await?;
    }
    follow_back(held, sides).await?;
    lead_to_new(held).await?;
    let mut wrong = receipt.wrong.clone();
    if !receipt.left_closed {
        let resource_id = &sides.old.resource_id;
        wrong.push(format!("old blue, {resource_id}, can't be reached, so its roles are not known to be closed; RDS keeps it read-only"));
    }
    if wrong.is_empty() {
        return Ok(done(receipt));
    }
    Err(StepError::failed(format!("green serves, but {}", wrong.join("; "))).into())
}

/// Routes that lead to addresses do not follow the names. Green's own are gone; what was registered by them stays. One that can't be
/// led is in no other's way.
async fn lead_to_new<W: World>(held: &Held<'_, W>) -> Result<(), Error> {
    let record = held.record();
    let deadline = held.call.invocation.last_call();
    let hosts = record.hosts(&[]);
    let mut led = Ok(());
    for route in record.crossed(&record.greens())? {
        let verify = async || held.verify().await;
        let applied = routes::apply(held.call.world, &route, &hosts, deadline, verify).await;
        led = led.and(applied.map(drop));
    }
    led
}

/// Old, which could not be closed before green was opened.
async fn close_old_late<W: World>(
    held: &Held<'_, W>,
    sides: &mut Sides<'_, W>,
) -> Result<bool, Error> {
    if let Err(failed) = sides.reach_old().await {
        warn!(%failed, "old still not reached");
        return Ok(false);
    }
    let fence = held.record().fence_on(&sides.old.resource_id)?;
    let names = &held.record().plan.application_roles;
    let old = close_old(sides, fence, names).await?;
    Ok(old.is_some_and(|old| old.is_closed()))
}

/// Frozen sessions on old, as it is before it follows new. Old waits for nothing but this, so it is asked for a while.
async fn hold_old<W: World>(
    call: &Call<'_, W>,
    sides: &Sides<'_, W>,
) -> Vec<Result<SessionOf<W>, Error>> {
    let held = sides.databases.iter().map(|database| async move {
        let open = async || sides.old.open(database, Access::AsServed).await;
        let session = call.patiently(OLD_ANSWERS, open).await?;
        session.freeze().await?;
        Ok(session)
    });
    join_all(held).await
}

/// Keeps the receipt in the record.
async fn keep<W: World>(held: &mut Held<'_, W>, receipt: &Receipt) -> Result<(), Error> {
    let kept = receipt.clone();
    held.change(|record| record.receipt = Some(kept)).await
}

/// Part 8: login as recorded, and a write that lands.
async fn open<W: World>(held: &Held<'_, W>, sides: &Sides<'_, W>) -> Result<(), Error> {
    let id = &sides.new.resource_id;
    let mut fences = held.record().fences.iter();
    let session = sides.on_new()?;
    if let Some(stands) = fences.find(|fence| fence.resource_id == *id) {
        session.lift(stands).await?;
    }
    session.write_marker().await.map(drop)
}

/// Roles of new that are closed although they were to be opened.
async fn closed<W: World>(sides: &Sides<'_, W>, names: &[String]) -> Result<Vec<String>, Error> {
    let open = sides.on_new()?.open_roles(names).await?;
    let closed = names.iter().filter(|name| !open.contains(name));
    Ok(closed
        .map(|name| format!("`{name}` can't log in to green"))
        .collect())
}

fn databases<W: World>(held: &Held<'_, W>, seen: &Seen) -> BTreeMap<String, Arrived> {
    let markers = held.record().markers.iter();
    let arrived = |(database, marker): (&String, &Marker)| {
        let arrived = Arrived {
            marker: marker.number,
            old_position: seen.old.as_ref().map(|old| old.position.clone()),
            rows: None,
            digest: None,
        };
        (database.clone(), arrived)
    };
    markers.map(arrived).collect()
}

fn millis(span: i64) -> u64 {
    u64::try_from(span).unwrap_or(0)
}
