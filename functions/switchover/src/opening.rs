//! Parts 6, 8 and 9: close old, prove, open new, and keep the receipt.

use crate::proof::{Seen, close_old, old_fence, prove_all};
use crate::sides::{PATIENCE, Sides, opened, patiently};
use crate::{Bridge, again, done};
use domain::error::StepError;
use domain::ids::Millis;
use domain::switchover::{Arrived, Output, Receipt};
use effects::claims::Held;
use effects::error::Error;
use effects::metrics;
use effects::postgres::moment::{self, Moment as Pair};
use effects::postgres::{Access, Session, fence, marker, roles, standing};
use effects::step::{Invocation, now};
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// What the end of the invocation needs.
const SPARE: Duration = Duration::from_secs(6);
/// Clients come back before anything is compared.
const BREATH: Duration = Duration::from_secs(1);

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
        let Some((seen, complaints)) = prove_all(self, held, sides).await? else {
            return Ok(again("old can't be closed; green stays closed until it is"));
        };
        receipt.complaints.extend(complaints);
        receipt.left_closed = seen.old.is_some();
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
            record.reverse = seen.reverse;
        })
        .await?;
        metrics::switched(held.ticket(), &receipt);
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
        let session = opened(sides.new_roles.as_ref())?;
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
        let old = hold_old(sides).await;
        self.follow_back(held, sides).await?;
        tokio::time::sleep(BREATH).await;
        let pairs = sides.databases.iter().zip(&old).zip(&sides.new_inside);
        let lost = StepError::transient("a session that was open is not").into();
        let moments: Vec<Pair<'_>> = pairs
            .map(|((database, left), opened)| Pair {
                database,
                left: left.as_ref(),
                opened: opened.as_ref().ok_or(&lost),
            })
            .collect();
        let time = || invocation.remaining().saturating_sub(SPARE);
        moment::compare(&moments, &mut receipt, time).await;
        for session in sides.new_inside.iter().flatten() {
            standing::release(session).await?;
        }
        let took = elapsed(began);
        receipt.phases.push(("digests".to_owned(), took));
        metrics::switchover_phase(held.ticket(), "digests", took);
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
        if !receipt.left_closed {
            receipt.left_closed = self.close_old_late(held, sides).await?;
            keep(held, &receipt).await?;
        }
        self.follow_back(held, sides).await?;
        let mut wrong = receipt.wrong.clone();
        if !receipt.left_closed {
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

/// Old as it is before it follows new, and moves on.
async fn hold_old(sides: &Sides) -> Vec<Result<Session, Error>> {
    let held = sides.databases.iter().map(|database| async {
        let session = sides.old.open(database, Access::AsServed).await?;
        moment::hold(session).await
    });
    join_all(held).await
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
    marker::write(opened(sides.new_roles.as_ref())?).await?;
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
