//! The crossing of the way back: new is closed, its last write is proven on old, and old is opened ([`opening`]). What it
//! makes is only ever a step further, so that a call that comes again goes on from there.

mod opening;

use crate::servers::{Servers, roles_of};
use domain::error::StepError;
use domain::ids::{Millis, ResourceId};
use domain::record::{Fence, Green, Marker, Record, Side};
use domain::reverse::Link;
use domain::rollback::{fences, is_quiet};
use domain::switchover::{Arrived, Receipt};
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::{Access, Session, fence, marker, reverse, roles, sessions, standing};
use effects::step::now;
use futures_util::future::{try_join, try_join_all, try_join3};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tracing::info;

/// How long new's sessions may take to end.
const DRAIN: Duration = Duration::from_secs(5);
/// How long a fence of a crossing that stops midway may stand before somebody else lifts it, in milliseconds.
const STANDS: i64 = 120_000;
/// How often a quiet moment is looked for: whoever writes past the fence leaves none.
const ROUNDS: u32 = 20;

/// Both sides, with a session in each database, opened before the pause.
pub struct Crossing {
    old: ResourceId,
    new: ResourceId,
    /// On new, whatever its default.
    roles: Session,
    lanes: Vec<Lane>,
    opener: Session,
}

/// One database of the server.
struct Lane {
    database: String,
    link: Link,
    new: Session,
    old: Session,
    /// On old, to see what it was when it was opened.
    moment: Session,
}

/// What came of trying to cross.
pub enum Crossed {
    /// Everything that new took is on old; new is closed for good.
    Arrived,
    /// Not within the time that a pause may take; new serves again.
    Late(String),
}

impl Crossing {
    /// Opens every session. Changes nothing.
    pub async fn open(servers: &Servers<'_>, record: &Record) -> Result<Self, Error> {
        let old = servers.plan.writer().map(|old| old.resource_id.clone());
        let old = old.ok_or_else(|| StepError::failed("the plan has no writer"))?;
        let new = record.green.as_ref().and_then(Green::writer);
        let new = new.ok_or_else(|| StepError::failed("there is no green"))?;
        let new = new.resource_id.clone();
        let links = record.reverse.iter().flat_map(|reverse| &reverse.links);
        let lanes = links.map(|(database, link)| async {
            let sessions = try_join3(
                servers.session(&new, database, Access::Write),
                servers.session(&old, database, Access::AsServed),
                servers.session(&old, database, Access::AsServed),
            );
            let (on_new, on_old, moment) = Box::pin(sessions).await?;
            Ok::<_, Error>(Lane {
                database: database.clone(),
                link: link.clone(),
                new: on_new,
                old: on_old,
                moment,
            })
        });
        let (roles, opener) = try_join(
            servers.any_session(&new, Access::Write),
            servers.any_session(&old, Access::Write),
        )
        .await?;
        let lanes = try_join_all(lanes).await?;
        Ok(Self {
            old,
            new,
            roles,
            lanes,
            opener,
        })
    }

    /// Fences new, proves that nobody is left there, and waits until old has everything; takes the fence down again if that
    /// takes longer than a pause may, or than this call has time for.
    pub async fn drain(
        &self,
        held: &mut Held<'_>,
        receipt: &mut Receipt,
        time: Duration,
    ) -> Result<Crossed, Error> {
        let stands = self.fence(held).await?;
        let began = Instant::now();
        let budget = u64::from(held.record().plan.request.max_write_pause_ms);
        let bound = Duration::from_millis(budget).min(time);
        let closed = self.close(&stands, DRAIN.min(bound), receipt).await;
        let arrived = match closed {
            Ok(()) => {
                let left = bound.saturating_sub(began.elapsed());
                self.arrive(&receipt.roles, left).await
            }
            Err(failed) => Err(failed),
        };
        match arrived {
            Ok(markers) => {
                receipt.databases = arrived_as(&markers);
                receipt.phases.push(("drain".to_owned(), elapsed(began)));
                self.keep_closed(held, stands, receipt).await?;
                Ok(Crossed::Arrived)
            }
            Err(failed) => {
                self.let_in(held, &stands).await?;
                Ok(Crossed::Late(failed.to_string()))
            }
        }
    }

    /// Recorded before it stands.
    async fn fence(&self, held: &mut Held<'_>) -> Result<Fence, Error> {
        let seen = roles::read(&self.roles, &held.record().plan.application_roles).await?;
        let earlier = fences(held.record(), Side::Green).find(|one| one.resource_id == self.new);
        let stands = Fence {
            side: Side::Green,
            resource_id: self.new.clone(),
            owner: held.ticket().owner.clone(),
            deadline: Millis(now().0 + STANDS),
            roles: fence::restoring(seen, earlier),
        };
        held.fence(stands.clone()).await?;
        held.verify().await?;
        Ok(stands)
    }

    async fn close(
        &self,
        stands: &Fence,
        bound: Duration,
        receipt: &mut Receipt,
    ) -> Result<(), Error> {
        let began = Instant::now();
        let names = roles_of(stands);
        fence::raise(&self.roles, stands).await?;
        receipt.fenced_at = Some(now());
        let drained = sessions::drain(&self.roles, &names, bound).await?;
        let seen = standing::read(&self.roles, &names).await?;
        if !seen.is_closed() || !seen.prepared.is_empty() {
            let left = format!(
                "green is not closed: {} sessions, prepared {:?}",
                seen.sessions, seen.prepared
            );
            return Err(StepError::transient(left).into());
        }
        info!(sessions = drained.ended, "green fenced");
        receipt.sessions_drained += drained.ended;
        receipt.roles = names;
        receipt.left_closed = true;
        receipt.phases.push(("fence".to_owned(), elapsed(began)));
        Ok(())
    }

    /// The markers, once old has them and nobody has committed anything on new since.
    async fn arrive(
        &self,
        names: &[String],
        bound: Duration,
    ) -> Result<BTreeMap<String, Marker>, Error> {
        let began = Instant::now();
        for _ in 0..ROUNDS {
            let lanes = self.lanes.iter();
            let markers = lanes.map(|lane| lane.marker(bound.saturating_sub(began.elapsed())));
            let written = try_join_all(markers).await?;
            let first = written.iter().map(|(_, _, transaction)| *transaction).min();
            let writing = sessions::long_transactions(&self.roles, Duration::ZERO).await?;
            let next = reverse::next_transaction(&self.roles).await?;
            // The server's own work takes ids as well, at times; then there is another round.
            let quiet = is_quiet(first.unwrap_or(0), written.len() as u64, next);
            if quiet && writing.is_empty() {
                self.look_again(names).await?;
                let pairs = written.into_iter();
                return Ok(pairs
                    .map(|(database, marker, _)| (database, marker))
                    .collect());
            }
        }
        Err(StepError::transient("somebody goes on writing on green past the fence").into())
    }

    /// What was true before the fence may not be any more behind it: a session that was logging in as the roles were closed
    /// shows late, and a table that was made since is not in the publication.
    async fn look_again(&self, names: &[String]) -> Result<(), Error> {
        let shapes = self.lanes.iter().map(|lane| reverse::shape(&lane.new));
        let (shapes, seen) =
            try_join(try_join_all(shapes), standing::read(&self.roles, names)).await?;
        if !seen.is_closed() || !seen.prepared.is_empty() {
            return Err(StepError::transient("somebody came past green's fence").into());
        }
        let changed = self
            .lanes
            .iter()
            .zip(shapes)
            .find(|(lane, shape)| *shape != lane.link.tables);
        match changed {
            Some((lane, _)) => Err(StepError::transient(format!(
                "the tables of `{}` were changed on green",
                lane.database
            ))
            .into()),
            None => Ok(()),
        }
    }

    /// Closes new once more, as it was recorded.
    pub async fn keep_new_closed(&self, record: &Record) -> Result<(), Error> {
        let stands = fences(record, Side::Green).find(|one| one.resource_id == self.new);
        let stands = stands.ok_or_else(|| StepError::failed("green's fence is not recorded"))?;
        self.close(stands, DRAIN, &mut Receipt::default()).await
    }

    /// The point of no return: new stays closed, whoever goes on from here.
    async fn keep_closed(
        &self,
        held: &mut Held<'_>,
        stands: Fence,
        receipt: &Receipt,
    ) -> Result<(), Error> {
        let kept = receipt.clone();
        held.change(|record| {
            let back = record.back.get_or_insert_default();
            back.arrived = true;
            back.receipt = kept;
            record
                .fences
                .retain(|fence| fence.resource_id != stands.resource_id);
            record.fences.push(Fence {
                deadline: Fence::FOR_GOOD,
                ..stands
            });
        })
        .await
    }

    async fn let_in(&self, held: &mut Held<'_>, stands: &Fence) -> Result<(), Error> {
        held.verify().await?;
        fence::lift(&self.roles, stands).await?;
        held.unfence(&stands.resource_id).await
    }
}

impl Lane {
    /// Writes a marker on new and waits until old shows it: every commit before it is there, too.
    async fn marker(&self, bound: Duration) -> Result<(String, Marker, u64), Error> {
        let (written, transaction) = marker::write_traced(&self.new).await?;
        let seen = marker::wait(&self.old, written.number, bound).await?;
        if seen.is_some_and(|seen| seen.number >= written.number) {
            return Ok((self.database.clone(), written, transaction));
        }
        let why = format!(
            "old blue does not come level in `{}` within the budget of the write pause",
            self.database
        );
        Err(StepError::transient(why).into())
    }
}

fn arrived_as(markers: &BTreeMap<String, Marker>) -> BTreeMap<String, Arrived> {
    let arrived = markers.iter().map(|(database, marker)| {
        let arrived = Arrived {
            marker: marker.number,
            old_position: Some(marker.position),
            rows: None,
            digest: None,
        };
        (database.clone(), arrived)
    });
    arrived.collect()
}

/// Milliseconds since a moment.
fn elapsed(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
