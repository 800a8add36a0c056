//! CloudWatch's metrics.

use domain::lag::Lag;
use domain::record::Ticket;

/// What a metric measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// How far green is behind, at each look. What could not be read has no value.
    Lag(Lag),
    /// The percentage of the reads that goes to green from now on.
    Weight(u8),
    /// The switchover's write pause, in milliseconds.
    WritePause(u64),
    /// The write pause of the failback, in milliseconds.
    FailbackPause(u64),
    /// What a part of a switchover or failback took.
    Phase {
        /// `switchover` or `rollback`.
        step: &'static str,
        /// The part.
        name: String,
        /// Milliseconds.
        ms: u64,
    },
    /// An alarm has ended a wait.
    Alarm,
    /// A rollback is over, and blue serves.
    Rollback,
    /// Bytes of green's log that the failback's slots retain.
    BackLag(u64),
}

/// Where metrics go. No step fails for one.
///
/// What an upgrade does once is recorded here after it was written to the upgrade's record: a repeated call finds it there
/// and does not record it again, and one that dies in between has not recorded it.
pub trait Metrics {
    /// Records an observation of an upgrade.
    fn observe(&self, ticket: &Ticket, observation: &Observation);
}
