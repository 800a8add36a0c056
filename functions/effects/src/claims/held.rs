//! The right to act on a database, held by one invocation.

use super::write::Write;
use super::{Claims, item};
use crate::error::Error;
use crate::step::now;
use domain::claim::not_held;
use domain::error::StepError;
use domain::record::{Fence, Phase, Record, Ticket};
use item::{number, text};
use tracing::{info, warn};

const IS_OURS: &str = "#owner = :owner AND #epoch = :epoch AND #lease_holder = :me";
const CHANGE: &str = "SET #phase = :phase, #record = :record";
/// How long an ended upgrade's record is kept, in milliseconds: 400 days. No execution lasts that long, and whoever
/// delivers a request twice does so sooner.
const KEPT: i64 = 400 * 24 * 3_600_000;

const END: &str = "SET #phase = :phase, #record = :record, #expires_at = :expires_at \
    REMOVE #lease_holder, #lease_step, #lease_until";
const FINISH: &str =
    "SET #phase = :phase, #record = :record REMOVE #lease_holder, #lease_step, #lease_until";
const GIVE_BACK: &str = "REMOVE #lease_holder, #lease_step, #lease_until";

/// What an invocation may do while it holds the lease. Call [`Held::verify`] immediately before each acting call.
#[derive(Debug)]
pub struct Held<'a> {
    claims: &'a Claims,
    record: Record,
    me: String,
}

impl<'a> Held<'a> {
    pub(super) fn new(claims: &'a Claims, record: Record, me: &str) -> Self {
        Self {
            claims,
            record,
            me: me.to_owned(),
        }
    }

    /// The record as it was last read or written by this invocation.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// The ticket under which this invocation acts.
    #[must_use]
    pub const fn ticket(&self) -> &Ticket {
        &self.record.ticket
    }

    /// Reads consistently whether this invocation may still act.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if a rollback or another upgrade took over, or if another invocation has the lease.
    pub async fn verify(&self) -> Result<(), Error> {
        let found = self.claims.read(&self.ticket().database).await?;
        let lease = found.as_ref().and_then(|found| found.lease.as_ref());
        let ours = found.as_ref().is_some_and(|found| {
            found.ticket == *self.ticket() && found.phase == self.record.phase
        });
        let leased = lease.is_some_and(|lease| lease.holder == self.me && lease.until > now());
        match (ours, leased) {
            (true, true) => Ok(()),
            (true, false) => Err(StepError::transient("this call's lease is over").into()),
            (false, _) => Err(not_held(found.as_ref(), self.ticket()).into()),
        }
    }

    /// Changes the record.
    ///
    /// # Errors
    ///
    /// As [`Held::verify`]; nothing is changed then.
    pub async fn change(&mut self, change: impl FnOnce(&mut Record)) -> Result<(), Error> {
        let mut changed = self.record.clone();
        change(&mut changed);
        let write = self.ours("writing the upgrade's record", CHANGE, &changed)?;
        match self.claims.write(&self.ticket().database, write).await? {
            Some(record) => {
                self.record = record;
                Ok(())
            }
            None => Err(self.claims.why_not(self.ticket()).await?.into()),
        }
    }

    /// Enters a phase before what it stands for is done.
    ///
    /// # Errors
    ///
    /// As [`Held::change`].
    pub async fn enter(&mut self, phase: Phase) -> Result<(), Error> {
        self.change(|record| record.phase = phase).await?;
        info!(phase = phase.as_str(), "phase entered");
        Ok(())
    }

    /// Records a fence, **before** it is put up. One on the same server is replaced.
    ///
    /// # Errors
    ///
    /// As [`Held::change`].
    pub async fn fence(&mut self, fence: Fence) -> Result<(), Error> {
        self.change(|record| {
            record
                .fences
                .retain(|other| other.resource_id != fence.resource_id);
            record.fences.push(fence);
        })
        .await
    }

    /// Forgets the fence on a server, **after** it was lifted and seen to be gone.
    ///
    /// # Errors
    ///
    /// As [`Held::change`].
    pub async fn unfence(&mut self, lifted: &domain::ids::ResourceId) -> Result<(), Error> {
        self.change(|record| record.fences.retain(|fence| fence.resource_id != *lifted))
            .await
    }

    /// Ends the claim; `note` says how the upgrade ended. Another upgrade may claim the database from now on.
    ///
    /// # Errors
    ///
    /// As [`Held::change`].
    pub async fn end(&mut self, note: &str) -> Result<(), Error> {
        self.finish(Phase::Ended, note).await
    }

    /// Marks the claim: a person has to look, and no upgrade may claim the database until then.
    ///
    /// # Errors
    ///
    /// As [`Held::change`].
    pub async fn needs_operator(&mut self, why: &str) -> Result<(), Error> {
        self.finish(Phase::NeedsOperator, why).await
    }

    /// The phase, the note and the lease go in one write, so that its lost answer can be told from a refusal.
    async fn finish(&mut self, phase: Phase, note: &str) -> Result<(), Error> {
        let mut finished = self.record.clone();
        finished.phase = phase;
        finished.wait = None;
        finished.note = Some(note.to_owned());
        let doing = "ending the claim";
        let write = match phase {
            Phase::Ended => {
                let expires_at = (now().0 + KEPT) / 1000;
                let ours = self.ours(doing, END, &finished)?;
                ours.with(":expires_at", number(expires_at))
            }
            _ => self.ours(doing, FINISH, &finished)?,
        };
        self.record = match self.claims.write(&self.ticket().database, write).await? {
            Some(record) => record,
            None => self.finished(&finished).await?,
        };
        info!(phase = phase.as_str(), note, "claim finished");
        Ok(())
    }

    async fn finished(&self, wanted: &Record) -> Result<Record, Error> {
        let found = self.claims.read(&self.ticket().database).await?;
        let refusal = not_held(found.as_ref(), self.ticket());
        found
            .filter(|found| {
                found.ticket == wanted.ticket
                    && found.phase == wanted.phase
                    && found.note == wanted.note
            })
            .ok_or_else(|| refusal.into())
    }

    /// Gives the lease back. If that fails it runs out by itself.
    pub async fn release(self) {
        if matches!(self.record.phase, Phase::Ended | Phase::NeedsOperator) {
            return;
        }
        let back = Write::new("giving the lease back", "#lease_holder = :me", GIVE_BACK)
            .with(":me", text(&self.me));
        if let Err(failed) = self.claims.write(&self.ticket().database, back).await {
            warn!(%failed, "lease left to run out");
        }
    }

    /// A write that happens only while this invocation may act.
    fn ours(
        &self,
        doing: &'static str,
        change: &'static str,
        record: &Record,
    ) -> Result<Write, Error> {
        Ok(Write::new(doing, IS_OURS, change)
            .with(":owner", text(self.ticket().owner.as_str()))
            .with(":epoch", number(self.ticket().epoch.0))
            .with(":me", text(&self.me))
            .with(":phase", text(record.phase.as_str()))
            .with(":record", text(&item::rest(record)?)))
    }
}
