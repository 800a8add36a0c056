//! The critical section of a failback: new is closed, its last write is proven on old, and old is opened. It only goes
//! forward, so a repeated call continues where the last one stopped.

use domain::error::StepError;
use domain::fence::{Fence, Side};
use domain::ids::{Millis, ResourceId};
use domain::marker::Marker;
use domain::receipt::{Arrived, Receipt};
use domain::record::Record;
use domain::reverse::Link;
use domain::steps::rollback::{fences, is_quiet};
use futures_util::future::{try_join, try_join_all, try_join3};
use ports::{Access, Error, Session, SessionOf, World, WrittenMarker};
use std::collections::BTreeMap;
use std::time::Duration;
use steps::fencing::{self, DRAIN};
use steps::moment::{self, Moment};
use steps::{Call, Held, Laps, Servers, reverse};
use tracing::{info, warn};

/// How long the fence of a failback that stops midway may stand before it is lifted by another step, in milliseconds.
const STANDS: i64 = 120_000;
/// How often a quiet moment is looked for: whatever writes past the fence leaves none.
const ROUNDS: u32 = 20;

/// Both sides, with a session in each database, opened before the pause.
pub(crate) struct Crossing<'c, W: World> {
    call: &'c Call<'c, W>,
    old: ResourceId,
    new: ResourceId,
    /// On new, whatever its default.
    roles: SessionOf<W>,
    lanes: Vec<Lane<SessionOf<W>>>,
    opener: SessionOf<W>,
}

/// One database of the server.
struct Lane<S> {
    database: String,
    link: Link,
    new: S,
    old: S,
    /// On old, to see what it was when it was opened.
    moment: S,
}

/// The result of draining new.
pub(crate) enum Crossed {
    /// Everything that new took is on old; new is closed for good.
    Arrived,
    /// Not within the time that a pause may take; new serves again.
    Late(String),
}

impl<'c, W: World> Crossing<'c, W> {
    /// Opens every session. Changes nothing.
    pub(crate) async fn open(
        call: &'c Call<'c, W>,
        servers: &Servers<'_, W>,
        record: &Record,
    ) -> Result<Self, Error> {
        let (old, new) = reverse::ends(record)?;
        let lanes = reverse::links(record).map(|(database, link)| async {
            let sessions = try_join3(
                servers.on(&new, database, Access::Write),
                servers.on(&old, database, Access::AsServed),
                servers.on(&old, database, Access::AsServed),
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
            servers.anywhere_on(&new, Access::Write),
            servers.anywhere_on(&old, Access::Write),
        )
        .await?;
        let lanes = try_join_all(lanes).await?;
        Ok(Self {
            call,
            old,
            new,
            roles,
            lanes,
            opener,
        })
    }

    /// Fences new, proves that nothing is left there, and waits until old has everything; takes the fence down again if that
    /// takes longer than a pause may, or than this call has time for.
    pub(crate) async fn drain(
        &self,
        held: &mut Held<'_, W>,
        receipt: &mut Receipt,
        time: Duration,
    ) -> Result<Crossed, Error> {
        let stands = self.fence(held).await?;
        let began = self.call.now();
        let budget = u64::from(held.record().plan.request.max_write_pause_ms);
        let bound = Duration::from_millis(budget).min(time);
        let closed = self.close(&stands, DRAIN.min(bound), receipt).await;
        let arrived = match closed {
            Ok(()) => {
                let spent = Duration::from_millis(self.call.elapsed(began));
                let left = bound.saturating_sub(spent);
                self.arrive(&receipt.roles, left).await
            }
            Err(failed) => Err(failed),
        };
        match arrived {
            Ok(markers) => {
                receipt.databases = arrived_as(&markers);
                let took = self.call.elapsed(began);
                receipt.phases.push(("drain".to_owned(), took));
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
    async fn fence(&self, held: &mut Held<'_, W>) -> Result<Fence, Error> {
        let deadline = Millis(self.call.now().0 + STANDS);
        let place = (Side::Green, &self.new);
        let stands = fencing::plan(held.record(), &self.roles, place, deadline).await?;
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
        let mut laps = Laps::begin(self.call);
        let names = stands.role_names();
        let closed = fencing::close(&self.roles, stands, &names, bound).await?;
        receipt.fenced_at.get_or_insert(laps.began());
        let seen = closed.standing;
        if !seen.is_closed() || !seen.prepared.is_empty() {
            let left = format!(
                "green is not closed: {} sessions, prepared {:?}",
                seen.sessions, seen.prepared
            );
            return Err(StepError::transient(left).into());
        }
        info!(sessions = closed.ended, "green fenced");
        receipt.sessions_drained += closed.ended;
        receipt.roles = names;
        receipt.left_closed = true;
        laps.lap(self.call, "fence");
        receipt.phases.append(&mut laps.parts);
        Ok(())
    }

    /// The markers, once old has them and nothing was committed on new since.
    async fn arrive(
        &self,
        names: &[String],
        bound: Duration,
    ) -> Result<BTreeMap<String, Marker>, Error> {
        let began = self.call.now();
        for _ in 0..ROUNDS {
            let left = bound.saturating_sub(Duration::from_millis(self.call.elapsed(began)));
            let markers = self.lanes.iter().map(|lane| lane.marker(left));
            let written = try_join_all(markers).await?;
            let first = written.iter().map(|written| written.transaction).min();
            let writing = self.roles.long_transactions(Duration::ZERO).await?;
            let next = self.roles.next_transaction().await?;
            // The server's own work takes ids as well, at times; then there is another round.
            let quiet = is_quiet(first.unwrap_or(0), written.len() as u64, next);
            if quiet && writing.is_empty() {
                self.look_again(names).await?;
                let pairs = self.lanes.iter().zip(written);
                return Ok(pairs
                    .map(|(lane, written)| (lane.database.clone(), written.marker))
                    .collect());
            }
        }
        Err(StepError::transient("a session goes on writing on green past the fence").into())
    }

    /// Checks again behind the fence: a session that was logging in while the roles were closed shows late, and a table that
    /// was created since is not in the publication.
    async fn look_again(&self, names: &[String]) -> Result<(), Error> {
        let shapes = self.lanes.iter().map(|lane| lane.new.shape());
        let standing = self.roles.standing(names);
        let (shapes, seen) = try_join(try_join_all(shapes), standing).await?;
        if !seen.is_closed() || !seen.prepared.is_empty() {
            return Err(StepError::transient("a session got past green's fence").into());
        }
        let mut lanes = self.lanes.iter().zip(shapes);
        match lanes.find(|(lane, shape)| *shape != lane.link.tables) {
            Some((lane, _)) => Err(StepError::transient(format!(
                "the tables of `{}` were changed on green",
                lane.database
            ))
            .into()),
            None => Ok(()),
        }
    }

    /// Closes new once more, as it was recorded.
    pub(crate) async fn keep_new_closed(&self, record: &Record) -> Result<(), Error> {
        let stands = fences(record, Side::Green).find(|one| one.resource_id == self.new);
        let stands = stands.ok_or_else(|| StepError::failed("green's fence is not recorded"))?;
        self.close(stands, DRAIN, &mut Receipt::default()).await
    }

    /// The point of no return: new stays closed, whatever goes on from here.
    async fn keep_closed(
        &self,
        held: &mut Held<'_, W>,
        stands: Fence,
        receipt: &Receipt,
    ) -> Result<(), Error> {
        let kept = receipt.clone();
        held.change(|record| {
            let back = record.back.get_or_insert_default();
            back.arrived = true;
            back.receipt = kept;
            record.put_fence(Fence {
                deadline: Fence::FOR_GOOD,
                ..stands
            });
        })
        .await
    }

    async fn let_in(&self, held: &mut Held<'_, W>, stands: &Fence) -> Result<(), Error> {
        held.verify().await?;
        self.roles.lift(stands).await?;
        held.unfence(&stands.resource_id).await
    }

    /// Old's fence, as it was recorded.
    fn old_fence<'r>(&self, record: &'r Record) -> Option<&'r Fence> {
        fences(record, Side::Blue).find(|one| one.resource_id == self.old)
    }

    /// Whether a call whose record of it was lost has let the application into old.
    pub(crate) async fn is_old_open(&self, record: &Record) -> Result<bool, Error> {
        let Some(stands) = self.old_fence(record) else {
            return Ok(true);
        };
        let open = self.opener.open_roles(&stands.role_names()).await?;
        Ok(!open.is_empty())
    }

    /// Stops the link and brings the sequences over; old has everything and is still closed.
    pub(crate) async fn settle(&self, receipt: &mut Receipt) -> Result<(), Error> {
        let mut laps = Laps::begin(self.call);
        let lanes = self.lanes.iter().map(|lane| async move {
            lane.old.disable(&lane.link.name).await?;
            lane.old.carry_sequences(&lane.new).await
        });
        for complaint in try_join_all(lanes).await?.into_iter().flatten() {
            warn!(complaint, "a sequence of old's is behind");
        }
        laps.lap(self.call, "link");
        receipt.phases.append(&mut laps.parts);
        Ok(())
    }

    /// Lets the application into old, and sees that a write lands.
    pub(crate) async fn let_into_old(
        &self,
        held: &Held<'_, W>,
        receipt: &mut Receipt,
    ) -> Result<(), Error> {
        let mut laps = Laps::begin(self.call);
        if let Some(stands) = self.old_fence(held.record()) {
            self.opener.lift(stands).await?;
        }
        if let Some(lane) = self.lanes.first() {
            lane.old.write_marker().await?;
        }
        receipt.opened_at = Some(self.call.now());
        let fenced = receipt.fenced_at.zip(receipt.opened_at);
        let span = fenced.map_or(0, |(fenced, opened)| opened.since(fenced));
        receipt.ours_ms = u64::try_from(span).unwrap_or(0);
        laps.lap(self.call, "opening");
        receipt.phases.append(&mut laps.parts);
        Ok(())
    }

    /// Freezes a view of old as it is before it is opened.
    pub(crate) async fn hold_old(&self) -> Result<(), Error> {
        let lanes = self.lanes.iter();
        try_join_all(lanes.map(|lane| lane.moment.freeze())).await?;
        Ok(())
    }

    /// Compares new, which stands still, with old as it was when it was opened.
    pub(crate) async fn compare(&self, receipt: &mut Receipt, spare: Duration) {
        let moments: Vec<Moment<'_, SessionOf<W>>> = self
            .lanes
            .iter()
            .map(|lane| Moment {
                database: &lane.database,
                left: Ok(&lane.new),
                opened: Ok(&lane.moment),
            })
            .collect();
        moment::compare(self.call, &moments, receipt, spare).await;
    }

    /// Removes what is left of the link from both sides.
    pub(crate) async fn disarm(&self) -> Result<(), Error> {
        let ends = self.lanes.iter();
        let ends = ends.map(|lane| (&lane.old, &lane.new, lane.link.name.as_str()));
        reverse::remove(ends).await
    }
}

impl<S: Session> Lane<S> {
    /// Writes a marker on new and waits until old shows it: every commit before it is there, too.
    async fn marker(&self, bound: Duration) -> Result<WrittenMarker, Error> {
        let written = self.new.write_marker().await?;
        let number = written.marker.number;
        let seen = self.old.await_marker(number, bound).await?;
        if seen.is_some_and(|seen| seen.number >= number) {
            return Ok(written);
        }
        let why = format!(
            "old blue does not catch up in `{}` within the budget of the write pause",
            self.database
        );
        Err(StepError::transient(why).into())
    }
}

fn arrived_as(markers: &BTreeMap<String, Marker>) -> BTreeMap<String, Arrived> {
    let arrived = markers.iter().map(|(database, marker)| {
        let arrived = Arrived {
            marker: marker.number,
            old_position: Some(marker.position.clone()),
            rows: None,
            digest: None,
        };
        (database.clone(), arrived)
    });
    arrived.collect()
}
