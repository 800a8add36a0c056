//! The table of upgrades: each write under the condition that `effects::claims` gives to DynamoDB.

use super::{Fallible, World};
use domain::claim::{self, not_held};
use domain::error::StepError;
use domain::ids::{Epoch, Millis, Owner};
use domain::plan::Plan;
use domain::record::{Lease, Phase, Record, Ticket};
use std::collections::BTreeSet;

/// Clocks of two Lambdas may differ by this much, in milliseconds.
pub const CLOCKS_DIFFER: i64 = 1_000;

/// The item of a database.
#[derive(Debug, Clone)]
pub struct Item {
    /// The record.
    pub record: Record,
    /// Requests that were served.
    pub ids: BTreeSet<String>,
}

/// A change under the condition that owner, epoch and lease are a call's.
pub struct Ours<'a> {
    /// The ticket that is shown.
    pub ticket: &'a Ticket,
    /// The call.
    pub me: &'a str,
    /// The record as it shall be.
    pub record: &'a Record,
    /// Whether the lease goes in the same write.
    pub finish: bool,
}

impl World {
    /// The record, read consistently.
    pub fn record(&self) -> Option<&Record> {
        self.item.as_ref().map(|item| &item.record)
    }

    /// Claims the database.
    pub fn claim(&mut self, plan: &Plan, owner: &Owner) -> Fallible<Ticket> {
        let request = claim::request_id(plan, owner);
        let free = self.item.as_ref().is_none_or(|item| {
            let served = item.ids.contains(owner.as_str()) || item.ids.contains(request);
            let ended = item.record.phase == Phase::Ended
                && plan.last_claim == Some(item.record.ticket.epoch);
            ended && !served
        });
        if !free {
            return self.whose(plan, owner);
        }
        let (epoch, ids) = match self.item.take() {
            Some(item) => (item.record.ticket.epoch, item.ids),
            None => (Epoch(0), BTreeSet::new()),
        };
        let record = Record::new(plan.clone(), owner.clone());
        let mut item = Item { record, ids };
        item.record.ticket.epoch = Epoch(epoch.0 + 1);
        item.ids.extend([owner.0.clone(), request.to_owned()]);
        let ticket = item.record.ticket.clone();
        let writer = plan
            .writer()
            .and_then(|writer| self.server(&writer.resource_id));
        let stale = writer.is_none_or(|writer| !writer.login || writer.read_only);
        self.memory.claimed(plan);
        if stale {
            self.violate("G7: the claim is for a writer that takes no writes any more".to_owned());
        }
        self.item = Some(item);
        Ok(ticket)
    }

    fn whose(&self, plan: &Plan, owner: &Owner) -> Fallible<Ticket> {
        let gone = || StepError::transient("the claim was neither taken nor found; try again");
        let item = self.item.as_ref().ok_or_else(gone)?;
        claim::found(
            &item.record,
            &item.ids,
            claim::request_id(plan, owner),
            owner,
        )
    }

    /// Takes the lease; `now` is the call's own clock.
    pub fn hold(&mut self, ticket: &Ticket, lease: Lease, now: Millis) -> Fallible<Record> {
        let found = self.item.as_mut().map(|item| &mut item.record);
        let may = found.filter(|record| {
            let free = record.lease.as_ref().is_none_or(|other| {
                other.holder == lease.holder || other.until.0 < now.0 - CLOCKS_DIFFER
            });
            let open = !matches!(record.phase, Phase::Ended | Phase::NeedsOperator);
            record.ticket == *ticket && open && free
        });
        match may {
            Some(record) => {
                record.lease = Some(lease);
                Ok(record.clone())
            }
            None => Err(not_held(self.record(), ticket)),
        }
    }

    /// Whether a ticket lets its holder act, with or without a lease.
    pub fn verify_ticket(&self, ticket: &Ticket) -> Fallible<()> {
        let stands = |found: &&Record| {
            found.ticket == *ticket && !matches!(found.phase, Phase::Ended | Phase::NeedsOperator)
        };
        match self.record().filter(stands) {
            Some(_) => Ok(()),
            None => Err(not_held(self.record(), ticket)),
        }
    }

    /// Whether a call may still act; `now` is its own clock.
    pub fn verify_held(&self, held: &Record, me: &str, now: Millis) -> Fallible<()> {
        let found = self.record();
        let lease = found.and_then(|found| found.lease.as_ref());
        let ours =
            found.is_some_and(|found| found.ticket == held.ticket && found.phase == held.phase);
        let leased = lease.is_some_and(|lease| lease.holder == me && lease.until > now);
        match (ours, leased) {
            (true, true) => Ok(()),
            (true, false) => Err(StepError::transient("this call's lease is over")),
            (false, _) => Err(not_held(found, &held.ticket)),
        }
    }

    /// Writes; nothing if the condition did not hold.
    pub fn write(&mut self, ours: &Ours) -> Option<Record> {
        let record = self.item.as_mut().map(|item| &mut item.record)?;
        let holds = record
            .lease
            .as_ref()
            .is_some_and(|lease| lease.holder == ours.me);
        if record.ticket != *ours.ticket || !holds {
            return None;
        }
        let lease = record.lease.take().filter(|_| !ours.finish);
        *record = Record {
            lease,
            ticket: record.ticket.clone(),
            ..ours.record.clone()
        };
        Some(record.clone())
    }

    /// Gives a lease back.
    pub fn release(&mut self, me: &str) {
        if let Some(item) = &mut self.item
            && item
                .record
                .lease
                .as_ref()
                .is_some_and(|lease| lease.holder == me)
        {
            item.record.lease = None;
        }
    }

    /// Writes what was changed in a record, if it still is as it was found and nobody holds a lease that runs; `now` is the
    /// call's own clock. Whether it was written.
    pub fn note_record(&mut self, found: &Record, changed: &Record, now: Millis) -> bool {
        let Some(record) = self.item.as_mut().map(|item| &mut item.record) else {
            return false;
        };
        let lease = record.lease.clone();
        let held = lease
            .as_ref()
            .is_some_and(|lease| lease.until.0 >= now.0 - CLOCKS_DIFFER);
        let as_found = Record {
            lease: lease.clone(),
            ..found.clone()
        };
        if held || *record != as_found {
            return false;
        }
        *record = Record {
            lease,
            ..changed.clone()
        };
        true
    }

    /// Raises the epoch; nothing if the record is not as it was seen.
    pub fn raise_epoch(&mut self, seen: &Record, phase: Phase) -> Fallible<Record> {
        let raised = Epoch(seen.ticket.epoch.0 + 1);
        if let Some(item) = &mut self.item {
            let record = &mut item.record;
            if record.ticket == seen.ticket && record.phase == seen.phase {
                record.ticket.epoch = raised;
                record.phase = phase;
                return Ok(record.clone());
            }
        }
        let ours = |now: &&Record| {
            now.ticket.owner == seen.ticket.owner
                && now.ticket.epoch == raised
                && now.phase == phase
        };
        let changed = || StepError::transient("the upgrade's record changed; look again");
        self.record().filter(ours).cloned().ok_or_else(changed)
    }
}
