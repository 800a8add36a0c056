//! After the switchover: looks, and does the next thing until blue serves with everything that green took.

use super::super::reads::{apply, point};
use super::super::{blue, green};
use super::crossing::Crossing;
use super::{Rollback, lift};
use crate::call::Call;
use crate::held::Held;
use crate::world::{Fallible, World};
use domain::error::StepError;
use domain::rds::Instance;
use domain::record::{Fence, Phase, Record, Side};
use domain::reverse::{Health, Unavailable, health, limit, worst};
use domain::rollback::{
    BackAct, BackSeen, Output, Rest, back, fences, identities, is_closed, no_way_back, reads,
};
use domain::routes::changes;
use domain::switchover::Receipt;
use domain::writes::{Pointer, Way, way};

/// What a call needs that begins the crossing.
const ENOUGH: i64 = 30_000;
/// What the end of a call needs.
const SPARE: i64 = 10_000;

impl Rollback<'_> {
    pub(super) async fn back(&mut self, held: &mut Held) -> Fallible<Output> {
        held.change(|record| record.back.get_or_insert_default().tries += 1)
            .await?;
        if !has_arrived(&held.record) {
            let_green_in(self.call, held).await?;
        }
        while self.call.now() < self.call.last_call() {
            let seen = see(self.call, &held.record).await?;
            let act = back(&held.record, &seen);
            self.call
                .world
                .borrow_mut()
                .note(|| format!("  decided {act:?}"));
            if let Some(output) = self.act_back(act, &seen, held).await? {
                return Ok(output);
            }
        }
        Ok(self.later("this call's time is up"))
    }

    async fn act_back(
        &mut self,
        act: BackAct,
        seen: &BackSeen,
        held: &mut Held,
    ) -> Fallible<Option<Output>> {
        match act {
            BackAct::GiveUp(why) => return Err(self.give_up(held, why).await?),
            BackAct::AskPerson(why) => return Err(self.ask(held, &why).await),
            BackAct::Wait(why) => return Ok(Some(self.later(&why))),
            BackAct::DeleteRecord(id) => {
                if let Some(why) = super::green::left_open(self.call, held).await? {
                    return Ok(Some(self.later(&why)));
                }
                held.verify().await?;
                self.call
                    .act("delete record", |world| world.delete_deployment(&id, false))
                    .await?;
                self.actions.push("RDS's record is deleted.".to_owned());
            }
            BackAct::PointWrites => self.point_writes(held, seen).await?,
            BackAct::Cross if self.call.remaining() < ENOUGH => {
                return Ok(Some(self.later("the crossing needs a call of its own")));
            }
            BackAct::Cross => return self.cross(held, seen).await,
            BackAct::Rename { from, to, .. } => {
                held.verify().await?;
                self.call
                    .act("rename", |world| world.rename(&from, &to))
                    .await?;
                self.actions.push("renamed".to_owned());
                return Ok(Some(self.later("it to have its name")));
            }
            BackAct::OpenOld => self.open_old(held, seen).await?,
            BackAct::RestoreReads => self.restore_reads(held, seen).await?,
            BackAct::End => return self.end_back(held).await.map(Some),
        }
        Ok(None)
    }

    async fn point_writes(&mut self, held: &Held, seen: &BackSeen) -> Fallible<()> {
        let Some(pointer) = pointer_to_old(&held.record, &seen.instances)? else {
            return Ok(());
        };
        if point(self.call, &pointer, async || held.verify().await).await? {
            self.actions
                .push("the writes' record leads to old.".to_owned());
            self.call.sleep(i64::from(pointer.ttl) * 1_000).await;
        }
        Ok(())
    }

    async fn open_old(&mut self, held: &mut Held, seen: &BackSeen) -> Fallible<()> {
        let crossing = Crossing::open(self.call, held).await?;
        let receipt = held.record.back.clone().unwrap_or_default().receipt;
        held.verify().await?;
        crossing.keep_new_closed(self.call, &held.record).await?;
        self.open_with(held, &crossing, receipt, seen).await
    }

    async fn open_with(
        &mut self,
        held: &mut Held,
        crossing: &Crossing,
        mut receipt: Receipt,
        seen: &BackSeen,
    ) -> Fallible<()> {
        if !crossing.is_old_open(self.call, &held.record).await? {
            crossing.settle(self.call).await?;
        }
        held.verify().await?;
        crossing.let_into_old(self.call, held, &mut receipt).await?;
        let kept = receipt.clone();
        held.change(|record| {
            record.fences.retain(|fence| fence.side != Side::Blue);
            record.back.get_or_insert_default().receipt = kept;
        })
        .await?;
        self.actions.push("Blue takes the writes again.".to_owned());
        // What fails from here on is done by a later look.
        let _ = self.restore_reads(held, seen).await;
        let _ = crossing.disarm(self.call).await;
        held.change(|record| record.back.get_or_insert_default().receipt = receipt)
            .await
    }

    async fn cross(&mut self, held: &mut Held, seen: &BackSeen) -> Fallible<Option<Output>> {
        let crossing = Crossing::open(self.call, held).await?;
        held.change(|record| record.back.get_or_insert_default().crossings += 1)
            .await?;
        let mut receipt = Receipt::default();
        let time = self.call.remaining() - SPARE;
        let drained = crossing.drain(self.call, held, &mut receipt, time).await?;
        if let Err(why) = drained {
            self.actions.push("Green goes on for now.".to_owned());
            return Ok(Some(self.later(&why)));
        }
        let told = crossing.told(self.call);
        self.call.world.borrow_mut().note(|| told);
        self.actions
            .push("Everything that green took is on blue.".to_owned());
        if way(&held.record.plan) == Way::Record {
            self.open_with(held, &crossing, receipt, seen).await?;
        }
        Ok(None)
    }

    async fn restore_reads(&mut self, held: &Held, seen: &BackSeen) -> Fallible<()> {
        if held.record.plan.reads.is_none() {
            return Ok(());
        }
        let wanted = reads(&held.record.plan, &seen.instances);
        let verify = async || held.verify().await;
        apply(self.call, &wanted, self.call.last_call(), verify).await?;
        self.actions.push("All reads go to blue again.".to_owned());
        Ok(())
    }

    async fn end_back(&mut self, held: &mut Held) -> Fallible<Output> {
        let receipt = held.record.back.clone().unwrap_or_default().receipt;
        self.actions
            .extend(super::blue::verify(self.call, held).await?);
        if let Ok(crossing) = Crossing::open(self.call, held).await {
            let _ = crossing.disarm(self.call).await;
        }
        self.end_claim(held).await?;
        Ok(Output {
            summary: "served by blue with everything that green took".to_owned(),
            done: true,
            actions: std::mem::take(&mut self.actions),
            receipt: Some(receipt),
            rest: Some(Rest::Over),
            ..Output::default()
        })
    }

    /// Green serves on: its fence is down, the record of the writes leads to it, and a person is called.
    async fn give_up(&self, held: &mut Held, why: Unavailable) -> Fallible<StepError> {
        let_green_in(self.call, held).await?;
        if let Some(pointer) = held.record.plan.writes.clone() {
            point(self.call, &pointer, async || held.verify().await).await?;
        }
        held.change(|record| {
            record.back = None;
            if let Some(reverse) = &mut record.reverse {
                reverse.unavailable = Some(why);
            }
        })
        .await?;
        let told = no_way_back(&held.record);
        held.enter(Phase::After).await?;
        Ok(self.ask(held, &told).await)
    }
}

/// Takes down what a crossing has left standing on green, which serves.
async fn let_green_in(call: &Call, held: &mut Held) -> Fallible<()> {
    let standing: Vec<Fence> = fences(&held.record, Side::Green).cloned().collect();
    for stands in standing {
        lift(call, held, &stands).await?;
    }
    Ok(())
}

fn has_arrived(record: &Record) -> bool {
    record.back.as_ref().is_some_and(|back| back.arrived)
}

async fn see(call: &Call, record: &Record) -> Fallible<BackSeen> {
    let instances = call
        .look("instances", |world| Ok(instances(world, record)))
        .await?;
    let arrived = has_arrived(record);
    let (old, new) = (blue(record)?, green(record)?);
    let deployment = record
        .green
        .as_ref()
        .filter(|_| !arrived)
        .map(|green| green.deployment.clone());
    let deployment = call.look("deployment", |world| {
        Ok(deployment.and_then(|id| world.deployment(&id)))
    });
    let deployment = deployment.await?;
    let link = if arrived {
        Health::Well
    } else {
        link(call, record, &old, &new).await
    };
    let old_read_only = match arrived {
        true => Some(false),
        false => call
            .look("old", |world| Ok(world.reach(&old)?.read_only))
            .await
            .ok(),
    };
    let pointer = match arrived {
        true => None,
        false => pointer_to_old(record, &instances)?,
    };
    let (writes, shares) = call
        .look("routes", |world| {
            Ok((world.pointer.clone(), world.reads.clone()))
        })
        .await?;
    let reads_away = record.plan.reads.is_some()
        && !(arrived && is_closed(record))
        && !changes(&shares, &reads(&record.plan, &instances)).is_empty();
    Ok(BackSeen {
        link,
        deployment,
        old_read_only,
        writes_away: pointer.is_some_and(|wanted| writes.as_ref() != Some(&wanted)),
        reads_away,
        instances,
    })
}

fn instances(world: &World, record: &Record) -> Vec<Instance> {
    let greens = identities(record.green.as_ref());
    let members = &record.plan.members;
    let ours = |one: &Instance| {
        let blue = members
            .iter()
            .any(|member| member.resource_id == one.resource_id || member.instance == one.id);
        blue || greens.contains(&one.resource_id)
    };
    let all = world
        .servers
        .iter()
        .map(super::super::super::world::servers::Server::instance);
    all.filter(ours).collect()
}

async fn link(
    call: &Call,
    record: &Record,
    old: &domain::ids::ResourceId,
    new: &domain::ids::ResourceId,
) -> Health {
    let Some(reverse) = &record.reverse else {
        return Health::Broken(Unavailable {
            why: "no link was armed".to_owned(),
            remedy: "decide by hand which side shall serve".to_owned(),
        });
    };
    let mut healths = vec![];
    for (database, link) in &reverse.links {
        let seen = call.look("link", |world| world.link(old, new)).await;
        healths.push(match seen {
            Ok(seen) => health(database, link, &seen, limit(&record.plan)),
            Err(failed) => Health::Resting(failed.message),
        });
    }
    worst(healths)
}

fn pointer_to_old(record: &Record, instances: &[Instance]) -> Fallible<Option<Pointer>> {
    let (Some(pointer), Some(writer)) = (&record.plan.writes, record.plan.writer()) else {
        return Ok(None);
    };
    let old = instances
        .iter()
        .find(|one| one.resource_id == writer.resource_id);
    let host = old.and_then(|old| old.address.as_deref());
    let host = host.ok_or_else(|| StepError::transient("old has no endpoint now"))?;
    Ok(Some(pointer.to(host)))
}
