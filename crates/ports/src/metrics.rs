//! CloudWatch's metrics.

use domain::lag::Lag;
use domain::record::Ticket;

/// What a metric tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// How far green is behind, at each look. What could not be read has no value.
    Lag(Lag),
    /// The percentage of the reads that goes to green from now on.
    Weight(u8),
    /// The switchover's write pause, in milliseconds.
    WritePause(u64),
    /// The write pause of the way back, in milliseconds.
    WayBackPause(u64),
    /// What a part of a crossing took.
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
    /// Bytes of green's log that the slots of the way back hold.
    BackLag(u64),
}

/// Where metrics go. No step fails for one.
///
/// What an upgrade does once is told after it was written to the upgrade's record: a call that comes again finds it there
/// and does not tell it again, and one that dies in between has not told it.
pub trait Metrics {
    /// Tells something about an upgrade.
    fn observe(&self, ticket: &Ticket, observation: &Observation);
}
