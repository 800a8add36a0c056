//! The critical section: one writer becomes another.

use crate::ids::{Lsn, Millis};
use crate::record::Ticket;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the state machine gives to `switchover`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
}

/// What `switchover` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: RDS is not through, or the moment was not quiet; call again.
    pub done: bool,
    /// The evidence, once it is done.
    pub receipt: Option<Receipt>,
}

/// The evidence that one side wrote at a time and that nothing was lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// What was checked before, a line each.
    pub checklist: Vec<String>,
    /// Per database of the server: the proof of what arrived.
    pub databases: BTreeMap<String, Arrived>,
    /// Application sessions that were ended by us on green.
    pub sessions_drained: u32,
    /// Roles that were closed and opened again.
    pub roles: Vec<String>,
    /// When the fence stood on green.
    pub fenced_at: Millis,
    /// When green was opened.
    pub opened_at: Millis,
    /// What each phase took, in milliseconds, in order.
    pub phases: Vec<(String, u64)>,
    /// From RDS's call to every member at `SWITCHOVER_COMPLETED` as seen by us, in milliseconds.
    pub rds_ms: u64,
    /// From there to the first write that green took, in milliseconds.
    pub ours_ms: u64,
}

/// What is known of one database of the server at the moment of the switch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arrived {
    /// The number of the marker that was written on blue before RDS was called and found on green.
    pub marker: i64,
    /// Old blue's last log position when the proof was taken.
    pub old_position: Lsn,
    /// Rows alike on both sides after the switch, and the digest over them.
    pub rows: u64,
    /// The digest, equal on both sides.
    pub digest: String,
}
