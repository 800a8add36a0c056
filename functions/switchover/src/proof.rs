//! Part 6: old is closed, and what it had committed is seen on new, before anything is let in.

use crate::failback;
use crate::sides::{Sides, opened};
use domain::error::StepError;
use domain::fence::Fence;
use domain::ids::Position;
use domain::proof::{OLD_UNFENCED, Proof, Standing, prove};
use domain::record::{Phase, Record};
use domain::reverse::Reverse;
use futures_util::future::{join, try_join, try_join_all};
use ports::{Error, Session, World};
use std::collections::BTreeMap;
use steps::Held;
use steps::fencing::{self, DRAIN};

/// How often old is closed again if something opens it meanwhile.
const CLOSINGS: u32 = 20;

/// Both sides as they were seen behind the fences.
pub(crate) struct Seen {
    pub(crate) new: Standing,
    pub(crate) old: Option<Standing>,
    arrived: BTreeMap<String, Option<i64>>,
    /// Reverse replication, armed as far as possible; `None` where no failback is wanted.
    pub(crate) reverse: Option<Reverse>,
}

/// Closes old, looks at both sides, enters the phase after the switchover, and judges. `None` if old can't be closed.
pub(crate) async fn prove_all<W: World>(
    held: &mut Held<'_, W>,
    sides: &Sides<'_, W>,
) -> Result<Option<(Seen, Vec<String>)>, Error> {
    let record = held.record().clone();
    let fence = record.fence_on(&sides.old.resource_id)?;
    let names = &record.plan.application_roles;
    let (entered, looked) = join(enter(held), look(sides, &record, fence)).await;
    entered?;
    let mut seen = looked?;
    // Once new lets the application in, old is closed whatever it is.
    let in_time = seen.new.open_roles.is_empty();
    for _ in 0..CLOSINGS {
        match prove(&record.markers, &seen.arrived, &seen.new, seen.old.as_ref()) {
            Proof::Open { .. } if in_time && seen.old.is_none() && !is_kept(held).await? => {
                return Ok(None);
            }
            Proof::Open { .. } if in_time && seen.could_write() && !is_kept(held).await? => {
                return Err(StepError::failed(OLD_UNFENCED).into());
            }
            Proof::Open { complaints } => return Ok(Some((seen, complaints))),
            Proof::CloseOld if in_time && seen.is_old_unfenced() && !is_kept(held).await? => {
                return Err(StepError::failed(OLD_UNFENCED).into());
            }
            Proof::CloseOld => seen.old = close_old(sides, fence, names).await?,
            Proof::Withhold { why } => return Err(StepError::failed(why).into()),
        }
    }
    Ok(None)
}

impl Seen {
    /// Whether a session that is gone could have written on old.
    fn could_write(&self) -> bool {
        self.old.as_ref().is_some_and(|old| !old.read_only)
    }

    fn is_old_unfenced(&self) -> bool {
        self.old.as_ref().is_some_and(Standing::takes_writes)
    }
}

async fn is_kept<W: World>(held: &Held<'_, W>) -> Result<bool, Error> {
    fencing::is_kept(held.call.world, held.record()).await
}

/// The write is conditional on owner, epoch and lease, so it verifies them as well.
async fn enter<W: World>(held: &mut Held<'_, W>) -> Result<(), Error> {
    match held.record().phase {
        Phase::After => held.verify().await,
        _ => held.enter(Phase::After).await,
    }
}

async fn look<W: World>(
    sides: &Sides<'_, W>,
    record: &Record,
    fence: &Fence,
) -> Result<Seen, Error> {
    let names = &record.plan.application_roles;
    let old = find_old(sides, fence, names);
    let (old, (new, inside)) = try_join(old, inside(sides, record, names)).await?;
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
    /// Where the failback's slot begins, or why there is none.
    armed: Result<Position, String>,
}

/// New as a whole is seen before anything is made in it, since a slot that is made after the application came back would
/// miss what it wrote; then, in each database, the failback's slot, and the moment that the digests are taken of.
async fn inside<W: World>(
    sides: &Sides<'_, W>,
    record: &Record,
    names: &[String],
) -> Result<(Standing, Vec<(String, Inside)>), Error> {
    let sessions = sides.new_inside.iter().map(|slot| opened(slot.as_ref()));
    let sessions = sessions.collect::<Result<Vec<_>, _>>()?;
    let markers = try_join_all(sessions.iter().map(|session| session.read_marker()));
    let (new, markers) = try_join(sides.on_new()?.standing(names), markers).await?;
    let is_closed = new.is_closed();
    let rooms = sides.databases.iter().zip(sessions).zip(markers);
    let looked = rooms.map(|((database, session), seen)| async move {
        let wanted = record.markers.get(database).map(|marker| marker.number);
        let marker = seen.map(|seen| seen.number);
        let armed = if marker >= wanted {
            failback::arm(sides, record, database, session, is_closed).await
        } else {
            Err("the marker has not arrived".to_owned())
        };
        session.freeze().await?;
        Ok::<_, Error>((database.clone(), Inside { marker, armed }))
    });
    let inside = try_join_all(looked).await?;
    Ok((new, inside))
}

/// As [`close_old`], but an old that takes writes is left as it is: whether it may be closed is asked first.
async fn find_old<W: World>(
    sides: &Sides<'_, W>,
    stands: &Fence,
    names: &[String],
) -> Result<Option<Standing>, Error> {
    let Some(session) = &sides.old_roles else {
        return Ok(None);
    };
    let found = session.standing(names).await?;
    if found.takes_writes() {
        return Ok(Some(found));
    }
    close_old(sides, stands, names).await
}

/// Old's roles closed, its application sessions ended, and how it stands then; `None` if it can't be reached.
pub(crate) async fn close_old<W: World>(
    sides: &Sides<'_, W>,
    stands: &Fence,
    names: &[String],
) -> Result<Option<Standing>, Error> {
    let Some(session) = &sides.old_roles else {
        return Ok(None);
    };
    let closed = fencing::close(session, stands, names, DRAIN).await?;
    Ok(Some(closed.standing))
}
