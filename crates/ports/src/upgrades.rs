//! The table of upgrades: one item per database, each write under a condition.

use crate::Error;
use domain::ids::{Database, Millis, Owner};
use domain::record::{Lease, Phase, Record, Ticket};
use std::collections::BTreeSet;

/// Clocks of two Lambdas may differ by this much, in milliseconds; a lease counts for so long after its end.
pub const CLOCKS_DIFFER: i64 = 1_000;

/// An item of the table, read.
#[derive(Debug, Clone)]
pub struct Item {
    /// The record.
    pub record: Record,
    /// The ids of the requests that were served.
    pub request_ids: BTreeSet<String>,
    /// The record as it is stored. Another version of ours may have written it, so that it can't be made again from `record`.
    pub stored: String,
}

/// A write, and the condition under which alone it happens.
#[derive(Debug, Clone, Copy)]
pub enum Write<'a> {
    /// Claims a database for a fresh record: if it has none, or one whose upgrade has ended in the epoch that the plan knows;
    /// and if neither the owner nor the request was served before. The epoch goes up by one.
    Claim {
        /// The record to begin with.
        fresh: &'a Record,
        /// The request's id, which is served from now on.
        request_id: &'a str,
    },
    /// Takes the lease: if the ticket stands, the upgrade neither ended nor waits for a person, and no other lease runs at
    /// `now`.
    Hold {
        /// The ticket.
        ticket: &'a Ticket,
        /// The lease.
        lease: &'a Lease,
        /// The caller's clock.
        now: Millis,
    },
    /// Raises the epoch and enters a phase: if ticket and phase are as they were seen. A lease that runs stays.
    RaiseEpoch {
        /// The ticket that was seen.
        ticket: &'a Ticket,
        /// The phase that was seen.
        seen: Phase,
        /// The phase to enter.
        phase: Phase,
    },
    /// Replaces the record: if the ticket stands and `holder` has the lease.
    Change {
        /// The record, with its ticket.
        record: &'a Record,
        /// Who has the lease.
        holder: &'a str,
    },
    /// As `Change`, and gives the lease back. An ended record expires at a moment.
    Finish {
        /// The record, with its ticket.
        record: &'a Record,
        /// Who has the lease.
        holder: &'a str,
        /// When the table may forget it.
        expires_at: Option<Millis>,
    },
    /// Gives the lease back: if `holder` has it.
    Release {
        /// The database.
        database: &'a Database,
        /// Who has the lease.
        holder: &'a str,
    },
    /// Replaces the record without a lease: if it still is as it was found, and no lease runs at `now`.
    Note {
        /// As it was found.
        found: &'a Item,
        /// As it shall be.
        changed: &'a Record,
        /// The caller's clock.
        now: Millis,
    },
}

impl Write<'_> {
    /// What it completes: “… failed”.
    #[must_use]
    pub const fn doing(&self) -> &'static str {
        match self {
            Self::Claim { .. } => "claiming the database",
            Self::Hold { .. } => "taking the lease",
            Self::RaiseEpoch { .. } => "raising the epoch",
            Self::Change { .. } => "writing the upgrade's record",
            Self::Finish { .. } => "ending the claim",
            Self::Release { .. } => "giving the lease back",
            Self::Note { .. } => "noting something in the upgrade's record",
        }
    }

    /// The item that it is about.
    #[must_use]
    pub const fn database(&self) -> &Database {
        match self {
            Self::Claim { fresh: record, .. }
            | Self::Change { record, .. }
            | Self::Finish { record, .. } => &record.ticket.database,
            Self::Hold { ticket, .. } | Self::RaiseEpoch { ticket, .. } => &ticket.database,
            Self::Release { database, .. } => database,
            Self::Note { found, .. } => &found.record.ticket.database,
        }
    }

    /// Whose it is, where that is a part of the condition.
    #[must_use]
    pub const fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Claim { fresh: record, .. }
            | Self::Change { record, .. }
            | Self::Finish { record, .. } => Some(&record.ticket.owner),
            Self::Hold { ticket, .. } | Self::RaiseEpoch { ticket, .. } => Some(&ticket.owner),
            Self::Note { found, .. } => Some(&found.record.ticket.owner),
            Self::Release { .. } => None,
        }
    }
}

/// The table of upgrades.
pub trait Upgrades {
    /// The item of a database, read consistently.
    ///
    /// # Errors
    ///
    /// If the table can't be read.
    async fn read(&self, database: &Database) -> Result<Option<Item>, Error>;

    /// The items of all databases, ended upgrades included.
    ///
    /// # Errors
    ///
    /// If the table can't be read.
    async fn all(&self) -> Result<Vec<Item>, Error>;

    /// Writes, and returns the record as it is then; `None` if the condition did not hold.
    ///
    /// # Errors
    ///
    /// If the table can't be written, or the answer was lost.
    async fn write(&self, write: Write<'_>) -> Result<Option<Record>, Error>;
}
