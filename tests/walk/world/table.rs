//! The table of upgrades: each write under the condition that [`Write`] names.

use super::{DATABASE, World};
use domain::ids::{Database, Epoch, Millis};
use domain::plan::Plan;
use domain::record::{Lease, Phase, Record, Ticket};
use ports::{CLOCKS_DIFFER, Item, Write};
use std::collections::BTreeSet;

/// The item of a database.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The record.
    pub record: Record,
    ids: BTreeSet<String>,
    /// Stands for the record's text: how often it was written.
    version: u64,
}

impl Stored {
    /// As it is read.
    pub fn item(&self) -> Item {
        Item {
            record: self.record.clone(),
            request_ids: self.ids.clone(),
            stored: self.version.to_string(),
        }
    }

    fn put(&mut self, record: &Record, lease: Option<Lease>) {
        self.version += 1;
        self.record = Record {
            lease,
            ticket: self.record.ticket.clone(),
            ..record.clone()
        };
    }

    fn is_held_by(&self, ticket: &Ticket, holder: &str) -> bool {
        let lease = self.record.lease.as_ref();
        self.record.ticket == *ticket && lease.is_some_and(|lease| lease.holder == holder)
    }

    /// Whether another call's lease still counts at a moment.
    fn is_leased(&self, now: Millis, me: Option<&str>) -> bool {
        let lease = self.record.lease.as_ref();
        lease.is_some_and(|lease| {
            Some(lease.holder.as_str()) != me && lease.until.0 >= now.0 - CLOCKS_DIFFER
        })
    }
}

/// Whether nothing is done for a phase's upgrade any more.
const fn is_over(phase: Phase) -> bool {
    matches!(phase, Phase::Ended | Phase::NeedsOperator)
}

impl World {
    /// The record, read consistently.
    pub fn record(&self) -> Option<&Record> {
        self.item.as_ref().map(|item| &item.record)
    }

    /// Whether a call has the lease, be it over or not.
    pub fn is_held_by(&self, me: &str) -> bool {
        let lease = self.record().and_then(|record| record.lease.as_ref());
        lease.is_some_and(|lease| lease.holder == me)
    }

    /// The item of a database.
    pub fn found(&self, database: &Database) -> Option<Item> {
        let item = self.item.as_ref().filter(|_| database.as_str() == DATABASE);
        item.map(Stored::item)
    }

    /// Writes; nothing if the condition did not hold.
    pub fn write(&mut self, write: &Write<'_>) -> Option<Record> {
        if let Write::Claim { fresh, request_id } = write {
            return self.claim(fresh, request_id);
        }
        let waited = self.token();
        let item = self.item.as_mut()?;
        match *write {
            Write::Claim { .. } => {}
            Write::Hold { ticket, lease, now } => {
                let found = &item.record;
                let stands = found.ticket == *ticket && !is_over(found.phase);
                if !stands || item.is_leased(now, Some(&lease.holder)) {
                    return None;
                }
                item.record.lease = Some(lease.clone());
            }
            Write::RaiseEpoch {
                ticket,
                seen,
                phase,
            } => {
                let found = &mut item.record;
                if found.ticket != *ticket || found.phase != seen {
                    return None;
                }
                found.ticket.epoch = Epoch(ticket.epoch.0 + 1);
                found.phase = phase;
            }
            Write::Change { record, holder } => {
                if !item.is_held_by(&record.ticket, holder) {
                    return None;
                }
                let lease = item.record.lease.take();
                item.put(record, lease);
            }
            Write::Finish { record, holder, .. } => {
                if !item.is_held_by(&record.ticket, holder) {
                    return None;
                }
                item.put(record, None);
            }
            Write::Release { holder, .. } => {
                let lease = item.record.lease.as_ref();
                if lease.is_none_or(|lease| lease.holder != holder) {
                    return None;
                }
                item.record.lease = None;
            }
            Write::Note {
                found,
                changed,
                now,
            } => {
                let same = item.record.ticket == found.record.ticket
                    && item.record.phase == found.record.phase
                    && item.version.to_string() == found.stored;
                if !same || item.is_leased(now, None) {
                    return None;
                }
                let lease = item.record.lease.take();
                item.put(changed, lease);
            }
        }
        let written = item.record.clone();
        let waits = self.token();
        if written.phase == Phase::After && waits.is_some() && waits != waited {
            self.wait_begins();
        }
        Some(written)
    }

    fn token(&self) -> Option<String> {
        let wait = self.record()?.wait.as_ref()?;
        wait.token.clone()
    }

    fn claim(&mut self, fresh: &Record, request_id: &str) -> Option<Record> {
        let Record { ticket, plan, .. } = fresh;
        let owner = &ticket.owner;
        let free = self.item.as_ref().is_none_or(|item| {
            let served = item.ids.contains(owner.as_str()) || item.ids.contains(request_id);
            let planned = plan.last_claim == Some(item.record.ticket.epoch);
            item.record.phase == Phase::Ended && planned && !served
        });
        if !free {
            return None;
        }
        let (epoch, ids, version) = match self.item.take() {
            Some(item) => (item.record.ticket.epoch, item.ids, item.version),
            None => (Epoch(0), BTreeSet::new(), 0),
        };
        let mut item = Stored {
            record: Record {
                lease: None,
                phase: Phase::Before,
                ..fresh.clone()
            },
            ids,
            version: version + 1,
        };
        item.record.ticket.epoch = Epoch(epoch.0 + 1);
        item.ids.extend([owner.0.clone(), request_id.to_owned()]);
        let claimed = item.record.clone();
        self.item = Some(item);
        self.claimed(plan);
        Some(claimed)
    }

    /// A person frees the claim.
    pub fn clear_claim(&mut self) {
        if let Some(item) = &mut self.item {
            item.record.phase = Phase::Ended;
            self.memory.cleared = true;
        }
    }

    fn claimed(&mut self, plan: &Plan) {
        self.memory.claimed(plan);
        let writer = plan.writer().ok();
        let writer = writer.and_then(|writer| self.server(&writer.resource_id));
        if writer.is_none_or(|writer| !writer.login || writer.read_only) {
            self.violate("G7: the claim is for a writer that takes no writes any more".to_owned());
        }
    }
}
