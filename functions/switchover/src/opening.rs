//! Parts 6, 8 and 9: close old, prove, open new, and keep the receipt.

use crate::sides::{PATIENCE, Sides, opened, patiently};
use crate::{Bridge, again, digests, done};
use domain::error::StepError;
use domain::ids::Millis;
use domain::record::{Fence, Phase};
use domain::switchover::{Arrived, Output, Proof, Receipt, Standing, prove};
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::{fence, marker, roles, sessions, standing};
use effects::step::{Invocation, now};
use futures_util::future::{join, try_join_all, try_join3};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// How often old is closed again if somebody opens it meanwhile.
const CLOSINGS: u32 = 20;
/// How long sessions on old may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// When RDS was seen to be through, by both of our clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    instant: Instant,
    time: Millis,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            instant: Instant::now(),
            time: now(),
        }
    }
}

/// Both sides as they were seen behind the fences.
struct Seen {
    new: Standing,
    old: Option<Standing>,
    arrived: BTreeMap<String, Option<i64>>,
}

impl Bridge {
    /// RDS is through. Opens new, unless an earlier call has done so.
    pub(crate) async fn finish(
        &self,
        held: &mut Held<'_>,
        sides: &mut Sides,
        invocation: &Invocation,
        through: Moment,
    ) -> Result<Output, Error> {
        let began = through.instant;
        let mut receipt = held.record().receipt.clone().unwrap_or_default();
        if receipt.opened_at.is_some() {
            return self.seen_open(held, sides, receipt).await;
        }
        receipt.rds_ms = receipt
            .called_at
            .map_or(0, |called| millis(through.time.since(called)));
        patiently(PATIENCE, async || sides.connect_new().await).await?;
        if let Err(failed) = sides.reach_old(self).await {
            warn!(%failed, "old not reached");
        }
        receipt.phases.push(("sessions".to_owned(), elapsed(began)));
        let looking = Instant::now();
        let Some((seen, complaints)) = prove_all(held, sides).await? else {
            return Ok(again("old can't be closed; green stays closed until it is"));
        };
        receipt.complaints.extend(complaints);
        receipt.old_closed = seen.old.is_some();
        // Opened by a call whose record of it was lost: new has moved on since.
        let moment = seen.new.open_roles.is_empty();
        receipt.databases = databases(held, &seen);
        receipt.phases.push(("proof".to_owned(), elapsed(looking)));
        let opening = Instant::now();
        open(held, sides).await?;
        receipt.opened_at = Some(now());
        receipt
            .phases
            .push(("opening".to_owned(), elapsed(opening)));
        receipt.ours_ms = elapsed(began);
        info!(
            rds_ms = receipt.rds_ms,
            ours_ms = receipt.ours_ms,
            "green opened"
        );
        let new = sides.new.resource_id.clone();
        let kept = receipt.clone();
        held.change(|record| {
            record.fences.retain(|fence| fence.resource_id != new);
            record.receipt = Some(kept);
        })
        .await?;
        if !moment {
            return self.seen_open(held, sides, receipt).await;
        }
        self.complete(held, sides, invocation, receipt).await
    }

    /// An earlier call has opened green; what it could not finish can't be made up for, but for closing old.
    async fn seen_open(
        &self,
        held: &mut Held<'_>,
        sides: &mut Sides,
        mut receipt: Receipt,
    ) -> Result<Output, Error> {
        patiently(PATIENCE, async || sides.connect_new().await).await?;
        let session = opened(sides.new_write.as_ref())?;
        marker::write(session).await?;
        if receipt
            .databases
            .values()
            .any(|arrived| arrived.digest.is_none())
        {
            let lost = "the moment of the opening is over; its digests were not taken";
            receipt.complaints.push(lost.to_owned());
        }
        self.conclude(held, sides, receipt).await
    }

    /// Part 9: what takes longer, off the pause.
    async fn complete(
        &self,
        held: &mut Held<'_>,
        sides: &mut Sides,
        invocation: &Invocation,
        mut receipt: Receipt,
    ) -> Result<Output, Error> {
        let began = Instant::now();
        receipt.wrong = closed(sides, &receipt.roles).await?;
        let found = digests::compare(sides, invocation).await;
        for (database, compared) in found {
            let arrived = receipt.databases.get_mut(&database);
            match (compared, arrived) {
                (digests::Compared::Alike { rows, digest }, Some(arrived)) => {
                    (arrived.rows, arrived.digest) = (Some(rows), Some(digest));
                }
                (digests::Compared::Alike { .. }, None) => {}
                (digests::Compared::Unlike(lines), _) => receipt.wrong.extend(lines),
                (digests::Compared::Unknown(why), _) => receipt.complaints.push(why),
            }
        }
        receipt.phases.push(("digests".to_owned(), elapsed(began)));
        self.conclude(held, sides, receipt).await
    }

    /// Keeps the receipt first, so that another call comes to the same end.
    async fn conclude(
        &self,
        held: &mut Held<'_>,
        sides: &mut Sides,
        mut receipt: Receipt,
    ) -> Result<Output, Error> {
        keep(held, &receipt).await?;
        if !receipt.old_closed {
            receipt.old_closed = self.close_old_late(held, sides).await?;
            keep(held, &receipt).await?;
        }
        let mut wrong = receipt.wrong.clone();
        if !receipt.old_closed {
            let resource_id = &sides.old.resource_id;
            wrong.push(format!("old blue, {resource_id}, can't be reached, so that nobody has seen its roles closed; RDS keeps it read-only"));
        }
        if wrong.is_empty() {
            return Ok(done(receipt));
        }
        Err(StepError::failed(format!("green serves, but {}", wrong.join("; "))).into())
    }

    /// Old, which could not be closed before green was opened.
    async fn close_old_late(&self, held: &Held<'_>, sides: &mut Sides) -> Result<bool, Error> {
        if let Err(failed) = sides.reach_old(self).await {
            warn!(%failed, "old still not reached");
            return Ok(false);
        }
        let fence = old_fence(held, sides)?;
        let names = &held.record().plan.application_roles;
        let old = close_old(sides, &fence, names).await?;
        Ok(old.is_some_and(|old| old.is_closed()))
    }
}

/// Closes old, looks at both sides, enters the phase after the switchover, and judges. Nothing if old can't be closed.
async fn prove_all(
    held: &mut Held<'_>,
    sides: &Sides,
) -> Result<Option<(Seen, Vec<String>)>, Error> {
    let fence = old_fence(held, sides)?;
    let names = held.record().plan.application_roles.clone();
    let markers = held.record().markers.clone();
    let (entered, looked) = join(enter(held), look(sides, &fence, &names)).await;
    entered?;
    let mut seen = looked?;
    for _ in 0..CLOSINGS {
        match prove(&markers, &seen.arrived, &seen.new, seen.old.as_ref()) {
            Proof::Open { complaints } => return Ok(Some((seen, complaints))),
            Proof::CloseOld => seen.old = close_old(sides, &fence, &names).await?,
            Proof::Withhold { why } => return Err(StepError::failed(why).into()),
        }
    }
    Ok(None)
}

/// The write is conditional on owner, epoch and lease, so it verifies them as well.
async fn enter(held: &mut Held<'_>) -> Result<(), Error> {
    match held.record().phase {
        Phase::After => held.verify().await,
        _ => held.enter(Phase::After).await,
    }
}

async fn look(sides: &Sides, fence: &Fence, names: &[String]) -> Result<Seen, Error> {
    let inside = sides.databases.iter().zip(&sides.new_inside);
    let frozen = inside.map(|(database, session)| async move {
        let seen = standing::freeze(opened(session.as_ref())?).await?;
        Ok::<_, Error>((database.clone(), seen.map(|seen| seen.number)))
    });
    let new = async { standing::read(opened(sides.new_roles.as_ref())?, names).await };
    let (old, new, arrived) =
        try_join3(close_old(sides, fence, names), new, try_join_all(frozen)).await?;
    Ok(Seen {
        new,
        old,
        arrived: arrived.into_iter().collect(),
    })
}

/// Old's roles closed, its application sessions ended, and how it stands then; nothing if it can't be reached.
async fn close_old(
    sides: &Sides,
    stands: &Fence,
    names: &[String],
) -> Result<Option<Standing>, Error> {
    let (Some(session), Some(look)) = (&sides.old_roles, &sides.old_look) else {
        return Ok(None);
    };
    fence::raise(session, stands).await?;
    let drained = sessions::drain(session, names, DRAIN).await?;
    if drained.ended > 0 {
        info!(sessions = drained.ended, "sessions ended on old");
    }
    standing::read(look, names).await.map(Some)
}

/// Recorded before the call, in the same write as the call itself.
fn old_fence(held: &Held<'_>, sides: &Sides) -> Result<Fence, StepError> {
    let id = &sides.old.resource_id;
    let fences = &held.record().fences;
    let known = fences.iter().find(|fence| fence.resource_id == *id);
    let lost = || StepError::failed(format!("the record has no fence for {id}"));
    known.cloned().ok_or_else(lost)
}

/// Keeps the receipt in the record.
async fn keep(held: &mut Held<'_>, receipt: &Receipt) -> Result<(), Error> {
    let kept = receipt.clone();
    held.change(|record| record.receipt = Some(kept)).await
}

/// Part 8: login as recorded, and a write that lands.
async fn open(held: &Held<'_>, sides: &Sides) -> Result<(), Error> {
    let id = &sides.new.resource_id;
    let stands = held
        .record()
        .fences
        .iter()
        .find(|fence| fence.resource_id == *id);
    if let Some(stands) = stands {
        fence::lift(opened(sides.new_roles.as_ref())?, stands).await?;
    }
    marker::write(opened(sides.new_write.as_ref())?).await?;
    Ok(())
}

/// Roles of new that are closed although they were to be opened.
async fn closed(sides: &Sides, names: &[String]) -> Result<Vec<String>, Error> {
    let open = roles::open(opened(sides.new_roles.as_ref())?, names).await?;
    let closed = names.iter().filter(|name| !open.contains(name));
    Ok(closed
        .map(|name| format!("`{name}` can't log in to green"))
        .collect())
}

fn databases(held: &Held<'_>, seen: &Seen) -> BTreeMap<String, Arrived> {
    let markers = held.record().markers.iter();
    let arrived = |(database, marker): (&String, &domain::record::Marker)| {
        let arrived = Arrived {
            marker: marker.number,
            old_position: seen.old.as_ref().map(|old| old.position),
            rows: None,
            digest: None,
        };
        (database.clone(), arrived)
    };
    markers.map(arrived).collect()
}

fn elapsed(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn millis(span: i64) -> u64 {
    u64::try_from(span).unwrap_or(0)
}
