//! The crossing of the way back: new is closed, its last write is proven on old, and old is opened.

use super::super::{blue, green, marker_wait};
use crate::call::Call;
use crate::held::Held;
use crate::world::Fallible;
use crate::world::servers::Entry;
use domain::error::StepError;
use domain::ids::{Millis, ResourceId};
use domain::record::{Fence, Record, Side};
use domain::rollback::{fences, is_quiet};
use domain::switchover::Receipt;
use effects::postgres::fence::restoring;

/// How long a fence of a crossing that stops midway may stand.
const STANDS: i64 = 120_000;
/// How often a quiet moment is looked for.
const ROUNDS: u32 = 20;

/// Both sides.
pub struct Crossing {
    /// Blue's writer.
    pub old: ResourceId,
    /// Green's writer.
    pub new: ResourceId,
}

impl Crossing {
    /// Opens every session. Changes nothing.
    pub async fn open(call: &Call, held: &Held) -> Fallible<Self> {
        let (old, new) = (blue(&held.record)?, green(&held.record)?);
        call.look("connect", |world| {
            world.reach(&new)?;
            world.reach(&old).map(drop)
        })
        .await?;
        Ok(Self { old, new })
    }

    /// Fences new and waits until old has everything; whether it came to that. Otherwise the fence is down again.
    pub async fn drain(
        &self,
        call: &Call,
        held: &mut Held,
        receipt: &mut Receipt,
        time: i64,
    ) -> Fallible<Result<(), String>> {
        let stands = self.fence(call, held).await?;
        let began = call.now();
        let bound = i64::from(held.record.plan.request.max_write_pause_ms).min(time);
        let arrived = match self.close(call, &stands, receipt).await {
            Ok(()) => self.arrive(call, bound - call.now().since(began)).await,
            Err(failed) => Err(failed),
        };
        if let Err(failed) = arrived {
            held.verify().await?;
            call.act("let in", |world| world.lift(&stands)).await?;
            held.unfence(&stands.resource_id).await?;
            return Ok(Err(failed.message));
        }
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
        .await?;
        Ok(Ok(()))
    }

    async fn fence(&self, call: &Call, held: &mut Held) -> Fallible<Fence> {
        let seen = call
            .look("roles of green", |world| world.roles(&self.new))
            .await?;
        let earlier = fences(&held.record, Side::Green).find(|one| one.resource_id == self.new);
        let stands = Fence {
            side: Side::Green,
            resource_id: self.new.clone(),
            owner: held.record.ticket.owner.clone(),
            deadline: Millis(call.now().0 + STANDS),
            roles: restoring(seen, earlier),
        };
        held.fence(stands.clone()).await?;
        held.verify().await?;
        Ok(stands)
    }

    async fn close(&self, call: &Call, stands: &Fence, receipt: &mut Receipt) -> Fallible<()> {
        call.act("raise on green", |world| world.raise(stands))
            .await?;
        receipt.fenced_at = Some(call.now());
        call.act("drain green", |world| world.drain(&self.new))
            .await?;
        let seen = call
            .look("standing of green", |world| world.standing(&self.new))
            .await?;
        if !seen.is_closed() {
            return Err(StepError::transient("green is not closed"));
        }
        Ok(())
    }

    /// Writes markers until old has one and nobody has committed anything on new since.
    async fn arrive(&self, call: &Call, bound: i64) -> Fallible<()> {
        let began = call.now();
        for _ in 0..ROUNDS {
            let left = (bound - call.now().since(began)).max(0);
            // Each entry of the model's log is a transaction, and its place the transaction's id.
            let written = call
                .act("write marker on green", |world| {
                    world.write_marker(&self.new, false)
                })
                .await?;
            let seen = marker_wait(call, &self.old, written.number, left).await?;
            if seen.is_none_or(|seen| seen < written.number) {
                return Err(StepError::transient("old blue does not come level"));
            }
            let first = written.position.0;
            let next = call.look("next transaction", |world| {
                Ok(world.reach(&self.new)?.log.len() as u64 + 1)
            });
            if is_quiet(first, 1, next.await?) {
                return self.look_again(call).await;
            }
        }
        Err(StepError::transient(
            "somebody goes on writing on green past the fence",
        ))
    }

    /// A session that was logging in as the roles were closed shows late.
    async fn look_again(&self, call: &Call) -> Fallible<()> {
        let seen = call.look("standing of green", |world| world.standing(&self.new));
        match seen.await?.is_closed() {
            true => Ok(()),
            false => Err(StepError::transient("somebody came past green's fence")),
        }
    }

    /// Closes new once more, as it was recorded.
    pub async fn keep_new_closed(&self, call: &Call, record: &Record) -> Fallible<()> {
        let stands = fences(record, Side::Green).find(|one| one.resource_id == self.new);
        let stands = stands.ok_or_else(|| StepError::failed("green's fence is not recorded"))?;
        self.close(call, stands, &mut Receipt::default()).await
    }

    /// Whether a call whose record of it was lost has let the application into old.
    pub async fn is_old_open(&self, call: &Call, record: &Record) -> Fallible<bool> {
        if !fences(record, Side::Blue).any(|one| one.resource_id == self.old) {
            return Ok(true);
        }
        let open = call.look("open roles of old", |world| world.open_roles(&self.old));
        Ok(!open.await?.is_empty())
    }

    /// Stops the link and brings the sequences over; holds on to what old is before it is opened.
    pub async fn settle(&self, call: &Call) -> Fallible<()> {
        call.act("disable", |world| world.disable(&self.old))
            .await?;
        call.act("carry sequences", |world| {
            world.carry_sequences(&self.new, &self.old)
        })
        .await?;
        call.look("hold old", |world| world.reach(&self.old).map(drop))
            .await
    }

    /// Lets the application into old, and sees that a write lands.
    pub async fn let_into_old(
        &self,
        call: &Call,
        held: &Held,
        receipt: &mut Receipt,
    ) -> Fallible<()> {
        let stands = fences(&held.record, Side::Blue).find(|one| one.resource_id == self.old);
        if let Some(stands) = stands.cloned() {
            call.act("open old", |world| world.lift(&stands)).await?;
        }
        call.act("write marker on old", |world| {
            world.write_marker(&self.old, true)
        })
        .await?;
        receipt.opened_at = Some(call.now());
        Ok(())
    }

    /// Removes what is left of the link from both sides.
    pub async fn disarm(&self, call: &Call) -> Fallible<()> {
        call.act("unsubscribe", |world| world.unsubscribe(&self.old))
            .await?;
        call.act("disarm", |world| world.disarm(&self.new)).await
    }

    /// What new holds, for the trace.
    pub fn told(&self, call: &Call) -> String {
        let world = call.world.borrow();
        let entries = |id: &ResourceId| {
            let log = world
                .server(id)
                .map(|server| server.log.clone())
                .unwrap_or_default();
            log.iter()
                .filter(|entry| matches!(entry, Entry::App(_)))
                .count()
        };
        format!(
            "{} commits on old, {} on new",
            entries(&self.old),
            entries(&self.new)
        )
    }
}
