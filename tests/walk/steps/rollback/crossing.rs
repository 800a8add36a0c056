//! The crossing of the way back: new is closed, its last write is proven on old, and old is opened.

use super::super::{blue, green, marker_wait};
use crate::call::Call;
use crate::held::Held;
use crate::world::Fallible;
use crate::world::servers::Entry;
use domain::error::StepError;
use domain::ids::{Millis, ResourceId};
use domain::record::{Fence, Side};
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
    ) -> Fallible<Result<(), String>> {
        let stands = self.fence(call, held).await?;
        let began = call.now();
        let bound = i64::from(held.record.plan.request.max_write_pause_ms);
        let arrived = match self.close(call, &stands, receipt).await {
            Ok(()) => self.arrive(call, bound - call.now().since(began)).await,
            Err(failed) => Err(failed),
        };
        if let Err(failed) = arrived {
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
                return Ok(());
            }
        }
        Err(StepError::transient(
            "somebody goes on writing on green past the fence",
        ))
    }

    /// Stops the link and brings the sequences over; then lets the application into old, and sees that a write lands.
    pub async fn open_old(
        &self,
        call: &Call,
        held: &mut Held,
        receipt: &mut Receipt,
    ) -> Fallible<()> {
        call.act("disable", |world| world.disable(&self.old))
            .await?;
        call.act("carry sequences", |world| {
            world.carry_sequences(&self.new, &self.old)
        })
        .await?;
        call.look("hold old", |world| world.reach(&self.old).map(drop))
            .await?;
        let stands = fences(&held.record, Side::Blue).find(|one| one.resource_id == self.old);
        if let Some(stands) = stands.cloned() {
            call.act("open old", |world| world.lift(&stands)).await?;
        }
        call.act("write marker on old", |world| {
            world.write_marker(&self.old, true)
        })
        .await?;
        receipt.opened_at = Some(call.now());
        let kept = receipt.clone();
        held.change(|record| {
            record.fences.retain(|fence| fence.side != Side::Blue);
            record.back.get_or_insert_default().receipt = kept;
        })
        .await
    }

    /// Removes what is left of the link, and keeps the receipt.
    pub async fn tidy(&self, call: &Call, held: &mut Held, receipt: Receipt) -> Fallible<()> {
        if call
            .act("unsubscribe", |world| world.unsubscribe(&self.old))
            .await
            .is_ok()
        {
            let _ = call.act("disarm", |world| world.disarm(&self.new)).await;
        }
        held.change(|record| record.back.get_or_insert_default().receipt = receipt)
            .await
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
