//! After the switchover: looks, and does the next thing until blue serves with everything that green took.

mod look;

use crate::Rollback;
use crate::crossing::{Crossed, Crossing};
use crate::green::let_green_in;
use crate::{blue, no_failback_of, old};
use domain::fence::Side;
use domain::plan::Way;
use domain::receipt::Receipt;
use domain::record::Phase;
use domain::reverse::Unavailable;
use domain::routes::Route;
use domain::steps::rollback::{BackAct, BackSeen, Output, Rest, back, restored};
use look::{see, writes_to_old};
use ports::{Error, Observation, Rds, World};
use std::time::Duration;
use steps::{Held, Servers, metrics};
use tracing::{info, warn};

/// What a call needs that begins the critical section.
const ENOUGH: Duration = Duration::from_secs(30);
/// What the end of a call needs.
const SPARE: Duration = Duration::from_secs(10);

impl<W: World> Rollback<'_, W> {
    pub(crate) async fn back(
        &mut self,
        held: &mut Held<'_, W>,
        servers: &Servers<'_, W>,
    ) -> Result<Output, Error> {
        held.change(|record| record.back.get_or_insert_default().tries += 1)
            .await?;
        // A call that died may have left green closed, and looking may take long.
        let arrived = held.record().back.as_ref().is_some_and(|back| back.arrived);
        if !arrived {
            let_green_in(held, servers).await?;
        }
        while !self.call.is_late() {
            let seen = see(self.call, servers, held.record()).await?;
            let act = back(held.record(), &seen);
            info!(?act, "decided");
            if let Some(output) = self.act_back(act, &seen, servers, held).await? {
                return Ok(output);
            }
        }
        Ok(self.later("this call's time is up"))
    }

    /// Does one thing; the output if the call ends with it.
    async fn act_back(
        &mut self,
        act: BackAct,
        seen: &BackSeen,
        servers: &Servers<'_, W>,
        held: &mut Held<'_, W>,
    ) -> Result<Option<Output>, Error> {
        let rds = self.call.world.rds();
        match act {
            BackAct::GiveUp(why) => return Err(self.give_up(held, servers, seen, why).await?),
            BackAct::AskPerson(why) => return Err(self.ask(held, &why).await),
            BackAct::Wait(why) => return Ok(Some(self.later(&why))),
            BackAct::DeleteRecord(deployment) => {
                // RDS's read-only goes with the record.
                if let Some(why) = old::left_open(held, servers).await? {
                    return Ok(Some(self.later(&why)));
                }
                held.verify().await?;
                rds.delete_deployment(&deployment, false).await?;
                self.actions
                    .push(format!("RDS's record of {deployment} is deleted."));
            }
            BackAct::PointWrites => self.point_writes(held, seen).await?,
            BackAct::Cross if self.call.remaining() < ENOUGH => {
                return Ok(Some(self.later("the failback needs a call of its own")));
            }
            BackAct::Cross => return self.cross(held, servers, seen).await,
            BackAct::Rename { from, to, .. } => {
                let mut renamed = seen.instances.iter().filter(|one| one.id == from);
                let host = renamed.next().and_then(|one| one.address.clone());
                held.change(|record| record.back.get_or_insert_default().renamed.extend(host))
                    .await?;
                held.verify().await?;
                rds.rename_instance(&from, &to).await?;
                self.actions.push(format!("{from} is called {to}."));
                return Ok(Some(self.later(&format!("{to} to have its name"))));
            }
            BackAct::OpenOld => self.open_old(held, servers, seen).await?,
            BackAct::RestoreReads => self.restore_reads(held, seen).await?,
            BackAct::End => return self.end_back(held, servers).await.map(Some),
        }
        Ok(None)
    }

    /// New connections reach old, which is still closed; sessions on new go on. After the TTL no client has the other answer.
    async fn point_writes(&mut self, held: &Held<'_, W>, seen: &BackSeen) -> Result<(), Error> {
        let Some(wanted) = writes_to_old(&held.record().plan, &seen.instances)? else {
            return Ok(());
        };
        if self.lead(held, seen, &wanted).await? {
            let name = wanted.name();
            self.actions.push(format!("{name} leads to old blue."));
            let kept = Duration::from_secs(wanted.kept_seconds().into());
            self.call.sleep(kept.min(SPARE)).await;
        }
        Ok(())
    }

    /// Makes a route as wanted; whether it was not so before.
    async fn lead(
        &self,
        held: &Held<'_, W>,
        seen: &BackSeen,
        wanted: &Route,
    ) -> Result<bool, Error> {
        let verify = async || held.verify().await;
        let deadline = self.call.invocation.last_call();
        let hosts = held.record().hosts(&seen.instances);
        let before = routes::apply(self.call.world, wanted, &hosts, deadline, verify).await?;
        Ok(!wanted.is_met_by(before.as_ref()))
    }

    async fn cross(
        &mut self,
        held: &mut Held<'_, W>,
        servers: &Servers<'_, W>,
        seen: &BackSeen,
    ) -> Result<Option<Output>, Error> {
        let crossing = Crossing::open(self.call, servers, held.record()).await?;
        held.change(|record| record.back.get_or_insert_default().crossings += 1)
            .await?;
        let mut receipt = Receipt::default();
        let time = self.call.remaining().saturating_sub(SPARE);
        match crossing.drain(held, &mut receipt, time).await? {
            Crossed::Late(why) => {
                self.actions.push(format!("Green goes on for now: {why}."));
                return Ok(Some(self.later(&why)));
            }
            Crossed::Arrived => {}
        }
        self.actions
            .push("Everything that green took is on blue.".to_owned());
        if held.record().plan.way() == Way::Route {
            self.open_with(held, &crossing, receipt, seen).await?;
        }
        Ok(None)
    }

    async fn open_old(
        &mut self,
        held: &mut Held<'_, W>,
        servers: &Servers<'_, W>,
        seen: &BackSeen,
    ) -> Result<(), Error> {
        let crossing = Crossing::open(self.call, servers, held.record()).await?;
        let back = held.record().back.clone().unwrap_or_default();
        held.verify().await?;
        // Minutes may have passed since.
        crossing.keep_new_closed(held.record()).await?;
        self.open_with(held, &crossing, back.receipt, seen).await
    }

    async fn open_with(
        &mut self,
        held: &mut Held<'_, W>,
        crossing: &Crossing<'_, W>,
        mut receipt: Receipt,
        seen: &BackSeen,
    ) -> Result<(), Error> {
        // Opened by a call whose record of it was lost: old has moved on since, and its sequences with it.
        let moment = !crossing.is_old_open(held.record()).await?;
        if moment {
            crossing.settle(&mut receipt).await?;
            crossing.hold_old().await?;
        }
        // What was waited for may have outlasted the lease, and another call may have gone on since.
        held.verify().await?;
        crossing.let_into_old(held, &mut receipt).await?;
        info!(ours_ms = receipt.ours_ms, "blue opened");
        self.opened(held, &receipt).await?;
        metrics::returned(held, &receipt);
        self.actions.push("Blue takes the writes again.".to_owned());
        // What takes longer, off the pause.
        if let Err(failed) = self.restore_reads(held, seen).await {
            warn!(%failed, "reads not restored yet");
        }
        let disarmed = async {
            held.verify().await?;
            crossing.disarm().await
        };
        if let Err(failed) = disarmed.await {
            warn!(%failed, "slots left on green for now");
        }
        if moment {
            crossing.compare(&mut receipt, SPARE).await;
        }
        let kept = receipt.clone();
        held.change(|record| record.back.get_or_insert_default().receipt = kept)
            .await
    }

    async fn opened(&self, held: &mut Held<'_, W>, receipt: &Receipt) -> Result<(), Error> {
        let kept = receipt.clone();
        held.change(|record| {
            record.fences.retain(|fence| fence.side != Side::Blue);
            record.back.get_or_insert_default().receipt = kept;
        })
        .await
    }

    async fn restore_reads(&mut self, held: &Held<'_, W>, seen: &BackSeen) -> Result<(), Error> {
        for wanted in restored(&held.record().plan, &seen.instances) {
            if self.lead(held, seen, &wanted).await? {
                metrics::observe(held, &Observation::Weight(0));
            }
            let name = wanted.name();
            self.actions
                .push(format!("All of `{name}` goes to blue again."));
        }
        Ok(())
    }

    async fn end_back(
        &mut self,
        held: &mut Held<'_, W>,
        servers: &Servers<'_, W>,
    ) -> Result<Output, Error> {
        let mut receipt = held.record().back.clone().unwrap_or_default().receipt;
        self.actions.extend(blue::verify(servers, held).await?);
        if let Err(failed) = self.disarm(held, servers).await {
            let left = format!("a part of the link is left behind: {failed}");
            receipt.complaints.push(left);
        }
        let mut arrived = receipt.databases.values();
        if arrived.any(|arrived| arrived.digest.is_none()) {
            let lost = "the moment of the opening is over; not all digests were taken";
            receipt.complaints.push(lost.to_owned());
        }
        if !receipt.wrong.is_empty() {
            let why = format!("blue serves, but {}", receipt.wrong.join("; "));
            return Err(self.ask(held, &why).await);
        }
        self.end_claim(held).await?;
        Ok(Output {
            summary: format!(
                "`{}` is served by blue with everything that green took: {} ms without a writer of ours; green is kept, closed.",
                self.input.database, receipt.ours_ms
            ),
            done: true,
            actions: std::mem::take(&mut self.actions),
            receipt: Some(receipt),
            rest: Some(Rest::Over),
            ..Output::default()
        })
    }

    /// Nothing of the link stays: its slot would fill green's disk, and its subscription is in the next upgrade's way.
    async fn disarm(&self, held: &Held<'_, W>, servers: &Servers<'_, W>) -> Result<(), Error> {
        let crossing = Crossing::open(self.call, servers, held.record()).await?;
        crossing.disarm().await
    }

    /// Green serves on: its fence is down, the route of the writes leads to it, and a person is called.
    async fn give_up(
        &self,
        held: &mut Held<'_, W>,
        servers: &Servers<'_, W>,
        seen: &BackSeen,
        why: Unavailable,
    ) -> Result<Error, Error> {
        let_green_in(held, servers).await?;
        let writes = held.record().plan.writes.iter();
        let by_name = writes.filter(|route| !route.has_addresses()).cloned();
        let mut routes: Vec<Route> = by_name.collect();
        routes.extend(held.record().crossed(&held.record().plan.hosts())?);
        let mut left = String::new();
        for route in routes {
            match self.lead(held, seen, &route).await {
                Err(refused) if !refused.is_transient() => {
                    left = format!(" {} is left as it is: {refused}.", route.title());
                }
                led => drop(led?),
            }
        }
        held.change(|record| {
            record.back = None;
            if let Some(reverse) = &mut record.reverse {
                reverse.unavailable = Some(why);
            }
        })
        .await?;
        let told = no_failback_of::<W>(held.record()) + &left;
        held.enter(Phase::After).await?;
        Ok(self.ask(held, &told).await)
    }
}
