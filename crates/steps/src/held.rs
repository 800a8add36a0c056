//! The right to act on a database: claimed for an upgrade, and held by one call at a time.
//!
//! A claim has no TTL; only the record of an upgrade that has ended does. A claim ends with the upgrade; after
//! [`Phase::NeedsOperator`] it stays until a person sets the item's `phase` to `ended`, once they have seen to the database
//! (see [`domain::claims::HOW_TO_CLEAR`]).

use crate::Call;
use domain::claims::{self, not_held};
use domain::error::StepError;
use domain::fence::Fence;
use domain::ids::{Database, Epoch, InstanceId, Millis, Owner, ResourceId};
use domain::plan::Plan;
use domain::record::{Lease, Phase, Record, Ticket};
use ports::{Error, Rds, Upgrades, World, Write};
use std::time::Duration;
use tracing::{info, warn};

/// The time between two looks at another call's lease.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How long an ended upgrade's record is kept, in milliseconds: 400 days. No execution lasts that long, and a service that delivers a
/// request twice does so sooner.
const KEPT: i64 = 400 * 24 * 3_600_000;

/// Claims the plan's database for `owner`. Claiming what the owner holds already gives the same ticket.
///
/// # Errors
///
/// `Upgrade.Refused` if another upgrade holds the database, if a person has to look at it first, if the request's id was served
/// before, or if another claim has ended since the plan was made. Nothing is touched then.
pub async fn claim<W: World>(
    call: &Call<'_, W>,
    plan: &Plan,
    owner: &Owner,
) -> Result<Ticket, Error> {
    let fresh = &Record::new(plan.clone(), owner.clone());
    let request_id = claims::request_id(plan, owner);
    let upgrades = call.world.upgrades();
    if let Some(record) = upgrades.write(Write::Claim { fresh, request_id }).await? {
        info!(epoch = record.ticket.epoch.0, "database claimed");
        return Ok(record.ticket);
    }
    // A lost answer is recognized here, since the claim is then ours.
    let Some(found) = upgrades.read(&plan.database).await? else {
        let neither = "the claim was neither taken nor found; try again";
        return Err(StepError::transient(neither).into());
    };
    Ok(claims::found(
        &found.record,
        &found.request_ids,
        request_id,
        owner,
    )?)
}

/// The record of a database, read consistently.
///
/// # Errors
///
/// If the table can't be read.
pub async fn read<W: World>(
    call: &Call<'_, W>,
    database: &Database,
) -> Result<Option<Record>, Error> {
    let item = call.world.upgrades().read(database).await?;
    Ok(item.map(|item| item.record))
}

/// Raises the epoch of the record as it was read, so that every older ticket is refused from now on, and enters `phase`. A
/// lease that runs stays in force. Of several callers one raises it; the others get its ticket.
///
/// # Errors
///
/// `Upgrade.Transient` if the record has become another's meanwhile.
pub async fn raise_epoch<W: World>(
    call: &Call<'_, W>,
    seen: &Record,
    phase: Phase,
) -> Result<Record, Error> {
    let ticket = &seen.ticket;
    let write = Write::RaiseEpoch {
        ticket,
        seen: seen.phase,
        phase,
    };
    if let Some(record) = call.world.upgrades().write(write).await? {
        info!(epoch = record.ticket.epoch.0, "epoch raised");
        return Ok(record);
    }
    let raised = Ticket {
        epoch: Epoch(ticket.epoch.0 + 1),
        ..ticket.clone()
    };
    let now = read(call, &ticket.database).await?;
    now.filter(|now| now.ticket == raised && now.phase == phase)
        .ok_or_else(|| StepError::transient("the upgrade's record changed; look again").into())
}

impl<W: World> Call<'_, W> {
    /// Lets `step` act for `ticket` and ends the lease afterwards, also after a failure.
    ///
    /// # Errors
    ///
    /// As [`Call::hold`], or what `act` fails with.
    pub async fn holding<T>(
        &self,
        ticket: &Ticket,
        step: &str,
        act: impl AsyncFnOnce(&mut Held<'_, W>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut held = self.hold_patiently(ticket, step).await?;
        let done = act(&mut held).await;
        held.release().await;
        done
    }

    /// Waits for another call's lease, as long as half of this call is left for its own work. A call whose answer was lost
    /// goes on until its deadline, which is longer than the state machine's retries last.
    async fn hold_patiently(&self, ticket: &Ticket, step: &str) -> Result<Held<'_, W>, Error> {
        let half = self.remaining() / 2;
        loop {
            match self.hold(ticket, step).await {
                Err(busy) if busy.is_transient() && self.remaining() > half => {
                    self.sleep(LOOK_AGAIN).await;
                }
                done => return done,
            }
        }
    }

    /// The right to act, until the call's deadline at most. [`Call::holding`] also gives it back.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if the record is not the ticket's any more, `Upgrade.Transient` while another call's lease still runs.
    pub async fn hold(&self, ticket: &Ticket, step: &str) -> Result<Held<'_, W>, Error> {
        let lease = &Lease {
            holder: self.invocation.request_id.clone(),
            step: step.to_owned(),
            until: self.invocation.deadline,
        };
        let now = self.now();
        let write = Write::Hold { ticket, lease, now };
        match self.world.upgrades().write(write).await? {
            Some(record) => Ok(Held { call: self, record }),
            None => Err(self.why_not(ticket).await?.into()),
        }
    }

    async fn why_not(&self, ticket: &Ticket) -> Result<StepError, Error> {
        let record = read(self, &ticket.database).await?;
        Ok(not_held(record.as_ref(), ticket))
    }

    /// Reads consistently whether a ticket still lets its holder act, with or without a lease.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if it does not.
    pub async fn verify(&self, ticket: &Ticket) -> Result<(), Error> {
        let found = read(self, &ticket.database).await?;
        let stands = |found: &Record| {
            found.ticket == *ticket && !matches!(found.phase, Phase::Ended | Phase::NeedsOperator)
        };
        match found {
            Some(found) if stands(&found) => Ok(()),
            found => Err(not_held(found.as_ref(), ticket).into()),
        }
    }

    /// Reads consistently whether a record still is in the phase in which it was read, also where a person is needed.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if it is not.
    pub async fn verify_phase(&self, record: &Record) -> Result<(), Error> {
        match read(self, &record.ticket.database).await? {
            Some(found) if found.ticket == record.ticket && found.phase == record.phase => Ok(()),
            found => Err(not_held(found.as_ref(), &record.ticket).into()),
        }
    }
}

/// What a call may do while it holds the lease. Call [`Held::verify`] immediately before each acting call.
#[derive(Debug)]
pub struct Held<'c, W> {
    /// The call.
    pub call: &'c Call<'c, W>,
    record: Record,
}

impl<W: World> Held<'_, W> {
    /// The record as it was last read or written by this call.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// The ticket under which this call acts.
    #[must_use]
    pub const fn ticket(&self) -> &Ticket {
        &self.record.ticket
    }

    fn holder(&self) -> &str {
        &self.call.invocation.request_id
    }

    /// Reads consistently whether this call may still act.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if a rollback or another upgrade took over, `Upgrade.Transient` if the lease is over.
    pub async fn verify(&self) -> Result<(), Error> {
        let found = read(self.call, &self.ticket().database).await?;
        let lease = found.as_ref().and_then(|found| found.lease.as_ref());
        let ours = found.as_ref().is_some_and(|found| {
            found.ticket == *self.ticket() && found.phase == self.record.phase
        });
        let now = self.call.now();
        let leased = lease.is_some_and(|lease| lease.holder == self.holder() && lease.until > now);
        match (ours, leased) {
            (true, true) => Ok(()),
            (true, false) => Err(StepError::transient("this call's lease is over").into()),
            (false, _) => Err(not_held(found.as_ref(), self.ticket()).into()),
        }
    }

    /// Begins the snapshot that the plan names by a word, of the instance with this name; the snapshot's name.
    ///
    /// # Errors
    ///
    /// As [`Held::verify`] and [`Rds::create_snapshot`].
    pub async fn snapshot(&self, word: &str, of: &InstanceId) -> Result<String, Error> {
        self.verify().await?;
        let plan = &self.record.plan;
        let (name, tags) = (plan.snapshot(word), plan.tags(&self.ticket().owner));
        let rds = self.call.world.rds();
        rds.create_snapshot(of, &name, &tags).await?;
        Ok(name)
    }

    /// Changes the record.
    ///
    /// # Errors
    ///
    /// As [`Held::verify`]; nothing is changed then.
    pub async fn change(&mut self, change: impl FnOnce(&mut Record)) -> Result<(), Error> {
        let mut changed = self.record.clone();
        change(&mut changed);
        let write = Write::Change {
            record: &changed,
            holder: self.holder(),
        };
        match self.call.world.upgrades().write(write).await? {
            Some(record) => {
                self.record = record;
                Ok(())
            }
            None => Err(self.call.why_not(self.ticket()).await?.into()),
        }
    }

    /// Enters a phase before what it stands for is done.
    ///
    /// # Errors
    ///
    /// As [`Held::change`].
    pub async fn enter(&mut self, phase: Phase) -> Result<(), Error> {
        self.change(|record| record.phase = phase).await?;
        info!(phase = phase.as_ref(), "phase entered");
        Ok(())
    }

    /// Records a fence, **before** it is put up. One on the same server is replaced.
    ///
    /// # Errors
    ///
    /// As [`Held::change`].
    pub async fn fence(&mut self, fence: Fence) -> Result<(), Error> {
        self.change(|record| record.put_fence(fence)).await
    }

    /// Forgets the fence on a server, **after** it was lifted and seen to be gone.
    ///
    /// # Errors
    ///
    /// As [`Held::change`].
    pub async fn unfence(&mut self, lifted: &ResourceId) -> Result<(), Error> {
        self.change(|record| record.fences.retain(|fence| fence.resource_id != *lifted))
            .await
    }

    /// Ends the claim; `note` says how the upgrade ended. Another upgrade may claim the database from now on.
    ///
    /// # Errors
    ///
    /// As [`Held::change`].
    pub async fn end(&mut self, note: &str) -> Result<(), Error> {
        let expires_at = Some(Millis(self.call.now().0 + KEPT));
        self.finish(Phase::Ended, note, expires_at).await
    }

    /// Marks the claim: a person has to look, and no upgrade may claim the database until then.
    ///
    /// # Errors
    ///
    /// As [`Held::change`].
    pub async fn needs_operator(&mut self, why: &str) -> Result<(), Error> {
        self.finish(Phase::NeedsOperator, why, None).await
    }

    /// The phase, the note and the lease go in one write, so that its lost answer can be told from a refusal.
    async fn finish(
        &mut self,
        phase: Phase,
        note: &str,
        expires_at: Option<Millis>,
    ) -> Result<(), Error> {
        let mut finished = self.record.clone();
        finished.phase = phase;
        finished.wait = None;
        finished.note = Some(note.to_owned());
        let write = Write::Finish {
            record: &finished,
            holder: self.holder(),
            expires_at,
        };
        self.record = match self.call.world.upgrades().write(write).await? {
            Some(record) => record,
            None => self.finished(&finished).await?,
        };
        info!(phase = phase.as_ref(), note, "claim finished");
        Ok(())
    }

    async fn finished(&self, wanted: &Record) -> Result<Record, Error> {
        let found = read(self.call, &self.ticket().database).await?;
        let refusal = not_held(found.as_ref(), self.ticket());
        let same = |found: &Record| {
            found.ticket == wanted.ticket
                && found.phase == wanted.phase
                && found.note == wanted.note
        };
        found.filter(same).ok_or_else(|| refusal.into())
    }

    /// Gives the lease back. If that fails it runs out by itself.
    pub async fn release(self) {
        if matches!(self.record.phase, Phase::Ended | Phase::NeedsOperator) {
            return;
        }
        let write = Write::Release {
            database: &self.ticket().database,
            holder: self.holder(),
        };
        if let Err(failed) = self.call.world.upgrades().write(write).await {
            warn!(%failed, "lease left to run out");
        }
    }
}
