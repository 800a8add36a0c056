//! Part 6: old is closed, and what it had committed is seen on new, before anybody is let in.

use crate::sides::{Sides, opened};
use crate::{Bridge, link};
use domain::error::StepError;
use domain::ids::Lsn;
use domain::record::{Fence, Phase, Record};
use domain::reverse::Reverse;
use domain::switchover::{LOOSE, Proof, Standing, prove};
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::{fence, marker, sessions, standing};
use futures_util::future::{join, try_join, try_join_all};
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::info;

/// How often old is closed again if somebody opens it meanwhile.
const CLOSINGS: u32 = 20;
/// How long sessions on old may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// Both sides as they were seen behind the fences.
pub(crate) struct Seen {
    pub(crate) new: Standing,
    pub(crate) old: Option<Standing>,
    pub(crate) arrived: BTreeMap<String, Option<i64>>,
    /// The way back, armed as far as it could be; nothing where none is wanted.
    pub(crate) reverse: Option<Reverse>,
}

/// Closes old, looks at both sides, enters the phase after the switchover, and judges. Nothing if old can't be closed.
pub(crate) async fn prove_all(
    bridge: &Bridge,
    held: &mut Held<'_>,
    sides: &Sides,
) -> Result<Option<(Seen, Vec<String>)>, Error> {
    let fence = old_fence(held, sides)?;
    let names = held.record().plan.application_roles.clone();
    let markers = held.record().markers.clone();
    let (entered, looked) = {
        let record = held.record().clone();
        join(enter(held), look(sides, &record, &fence, &names)).await
    };
    entered?;
    let mut seen = looked?;
    // Once new lets the application in, old is closed whatever it is.
    let in_time = seen.new.open_roles.is_empty();
    for _ in 0..CLOSINGS {
        match prove(&markers, &seen.arrived, &seen.new, seen.old.as_ref()) {
            Proof::Open { .. } if in_time && seen.old.is_none() && !kept(bridge, held).await? => {
                return Ok(None);
            }
            Proof::Open { complaints } => return Ok(Some((seen, complaints))),
            Proof::CloseOld if in_time && seen.is_old_loose() && !kept(bridge, held).await? => {
                return Err(StepError::failed(LOOSE).into());
            }
            Proof::CloseOld => seen.old = close_old(sides, &fence, &names).await?,
            Proof::Withhold { why } => return Err(StepError::failed(why).into()),
        }
    }
    Ok(None)
}

impl Seen {
    fn is_old_loose(&self) -> bool {
        self.old.as_ref().is_some_and(Standing::takes_writes)
    }
}

/// Whether RDS keeps old read-only.
async fn kept(bridge: &Bridge, held: &Held<'_>) -> Result<bool, Error> {
    let Some(green) = &held.record().green else {
        return Ok(false);
    };
    let found = bridge.deployments.describe(&green.deployment).await?;
    Ok(found.is_some_and(|found| found.keeps_old()))
}

/// The write is conditional on owner, epoch and lease, so it verifies them as well.
async fn enter(held: &mut Held<'_>) -> Result<(), Error> {
    match held.record().phase {
        Phase::After => held.verify().await,
        _ => held.enter(Phase::After).await,
    }
}

async fn look(
    sides: &Sides,
    record: &Record,
    fence: &Fence,
    names: &[String],
) -> Result<Seen, Error> {
    let (old, (new, inside)) =
        try_join(find_old(sides, fence, names), inside(sides, record, names)).await?;
    let mut arrived = BTreeMap::new();
    let mut armed = vec![];
    for (database, found) in inside {
        arrived.insert(database.clone(), found.marker);
        armed.push((database, found.armed));
    }
    Ok(Seen {
        new,
        old,
        arrived,
        reverse: record.reverse.clone().map(|planned| planned.armed(armed)),
    })
}

/// One database of new.
struct Inside {
    marker: Option<i64>,
    /// Where the way back's slot begins, or why there is none.
    armed: Result<Lsn, String>,
}

/// New as a whole is seen before anything is made in it, since a slot that is made after the application came back would
/// miss what it wrote; then, in each database, the way back, and the moment that the digests are taken of.
async fn inside(
    sides: &Sides,
    record: &Record,
    names: &[String],
) -> Result<(Standing, Vec<(String, Inside)>), Error> {
    let sessions = sides.new_inside.iter().map(|slot| opened(slot.as_ref()));
    let sessions = sessions.collect::<Result<Vec<_>, _>>()?;
    let markers = try_join_all(sessions.iter().map(|session| marker::read(session)));
    let new = standing::read(opened(sides.new_roles.as_ref())?, names);
    let (new, markers) = try_join(new, markers).await?;
    let is_closed = new.is_closed();
    let rooms = sides.databases.iter().zip(sessions).zip(markers);
    let looked = rooms.map(|((database, session), seen)| async move {
        let wanted = record.markers.get(database).map(|marker| marker.number);
        let marker = seen.map(|seen| seen.number);
        let armed = if marker >= wanted {
            link::arm(sides, record, database, session, is_closed).await
        } else {
            Err("the marker has not arrived".to_owned())
        };
        standing::freeze(session).await?;
        Ok::<_, Error>((database.clone(), Inside { marker, armed }))
    });
    let inside = try_join_all(looked).await?;
    Ok((new, inside))
}

/// As [`close_old`], but an old that takes writes is left as it is: whether it may be closed is asked first.
async fn find_old(
    sides: &Sides,
    stands: &Fence,
    names: &[String],
) -> Result<Option<Standing>, Error> {
    let Some(session) = &sides.old_roles else {
        return Ok(None);
    };
    let found = standing::read(session, names).await?;
    if found.takes_writes() {
        return Ok(Some(found));
    }
    close_old(sides, stands, names).await
}

/// Old's roles closed, its application sessions ended, and how it stands then; nothing if it can't be reached.
pub(crate) async fn close_old(
    sides: &Sides,
    stands: &Fence,
    names: &[String],
) -> Result<Option<Standing>, Error> {
    let Some(session) = &sides.old_roles else {
        return Ok(None);
    };
    fence::raise(session, stands).await?;
    let drained = sessions::drain(session, names, DRAIN).await?;
    if drained.ended > 0 {
        info!(sessions = drained.ended, "sessions ended on old");
    }
    standing::read(session, names).await.map(Some)
}

/// Recorded before the call, in the same write as the call itself.
pub(crate) fn old_fence(held: &Held<'_>, sides: &Sides) -> Result<Fence, StepError> {
    let id = &sides.old.resource_id;
    let fences = &held.record().fences;
    let known = fences.iter().find(|fence| fence.resource_id == *id);
    let lost = || StepError::failed(format!("the record has no fence for {id}"));
    known.cloned().ok_or_else(lost)
}
