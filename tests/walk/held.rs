//! The right to act, as `effects::claims::Held` has it.

use super::call::Call;
use super::world::Fallible;
use super::world::table::{CLOCKS_DIFFER, Ours};
use domain::claim::not_held;
use domain::ids::{Millis, ResourceId};
use domain::record::{Fence, Lease, Phase, Record, Ticket};

/// The time between two looks at another call's lease.
const LOOK_AGAIN: i64 = 2_000;

/// A lease, and the record as it was last read or written.
pub struct Held {
    /// The call.
    pub call: Call,
    /// The record.
    pub record: Record,
}

impl Held {
    /// Takes the lease, once.
    pub async fn hold(call: &Call, ticket: &Ticket) -> Fallible<Self> {
        let me = &call.invocation;
        let lease = Lease {
            holder: me.id.clone(),
            step: me.step.to_owned(),
            until: Millis(me.deadline),
        };
        let record = call.table("hold", |world| {
            world.hold(ticket, lease.clone(), Millis(world.now + me.skew))
        });
        let record = record.await?;
        Ok(Self {
            call: call.clone(),
            record,
        })
    }

    /// Takes the lease, and waits for another's meanwhile.
    pub async fn patiently(call: &Call, ticket: &Ticket) -> Fallible<Self> {
        let half = call.remaining() / 2;
        loop {
            match Self::hold(call, ticket).await {
                Err(busy)
                    if busy.name == domain::error::ErrorName::Transient
                        && call.remaining() > half =>
                {
                    call.sleep(LOOK_AGAIN).await;
                }
                done => return done,
            }
        }
    }

    /// Whether this invocation may still act.
    pub async fn verify(&self) -> Fallible<()> {
        let (call, me) = (&self.call, &self.call.invocation);
        let found = call.table("verify", |world| {
            world.verify_held(&self.record, &me.id, Millis(world.now + me.skew))
        });
        found.await?;
        let now = call.now();
        call.world.borrow_mut().outlived(call, now, "may act");
        Ok(())
    }

    /// Changes the record.
    pub async fn change(&mut self, change: impl FnOnce(&mut Record)) -> Fallible<()> {
        let mut changed = self.record.clone();
        change(&mut changed);
        self.record = self.write(changed).await?;
        Ok(())
    }

    async fn write(&self, record: Record) -> Fallible<Record> {
        let ours = Ours {
            ticket: &self.record.ticket,
            me: &self.call.invocation.id,
            record: &record,
            finish: false,
        };
        let write = self.call.table("write", |world| {
            let written = world.write(&ours);
            written.ok_or_else(|| not_held(world.record(), ours.ticket))
        });
        write.await
    }

    /// Enters a phase.
    pub async fn enter(&mut self, phase: Phase) -> Fallible<()> {
        self.change(|record| record.phase = phase).await
    }

    /// Records a fence.
    pub async fn fence(&mut self, fence: Fence) -> Fallible<()> {
        self.change(|record| {
            record
                .fences
                .retain(|other| other.resource_id != fence.resource_id);
            record.fences.push(fence);
        })
        .await
    }

    /// Forgets a fence.
    pub async fn unfence(&mut self, lifted: &ResourceId) -> Fallible<()> {
        self.change(|record| record.fences.retain(|fence| fence.resource_id != *lifted))
            .await
    }

    /// Ends the claim.
    pub async fn end(&mut self, note: &str) -> Fallible<()> {
        self.finish(Phase::Ended, note).await
    }

    /// Marks the claim for a person.
    pub async fn needs_operator(&mut self, why: &str) -> Fallible<()> {
        self.finish(Phase::NeedsOperator, why).await
    }

    async fn finish(&mut self, phase: Phase, note: &str) -> Fallible<()> {
        let mut finished = self.record.clone();
        finished.phase = phase;
        finished.wait = None;
        finished.note = Some(note.to_owned());
        let ours = Ours {
            ticket: &self.record.ticket,
            me: &self.call.invocation.id,
            record: &finished,
            finish: true,
        };
        let write = self.call.table("finish", |world| {
            if let Some(record) = world.write(&ours) {
                return Ok(record);
            }
            let found = world.record();
            let done = |found: &&Record| {
                found.ticket == finished.ticket
                    && found.phase == finished.phase
                    && found.note == finished.note
            };
            found
                .filter(done)
                .cloned()
                .ok_or_else(|| not_held(found, ours.ticket))
        });
        self.record = write.await?;
        Ok(())
    }

    /// Gives the lease back.
    pub async fn release(self) {
        if matches!(self.record.phase, Phase::Ended | Phase::NeedsOperator) {
            return;
        }
        let me = &self.call.invocation.id;
        let _ = self
            .call
            .table("release", |world| {
                world.release(me);
                Ok(())
            })
            .await;
    }
}

impl super::world::World {
    /// A call that outlived its deadline must have been refused, whatever its clock says.
    fn outlived(&mut self, call: &Call, now: Millis, what: &str) {
        let over = call.invocation.deadline + CLOCKS_DIFFER;
        if call.invocation.outlived.get() && now.0 > over {
            self.violate(format!("{} {what} after its lease", call.invocation.id));
        }
    }
}
