//! Caught up means: under the limits, several times in a row.

use crate::record::Ticket;
use serde::{Deserialize, Serialize};

/// What the state machine gives to `check_lag`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
    /// How many good readings came before this one, in a row; 0 at first.
    pub streak: u32,
}

/// What `check_lag` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// Good readings in a row, this one included; 0 after a bad one.
    pub streak: u32,
    /// Whether the streak is long enough to go on.
    pub caught_up: bool,
    /// Bytes of WAL that green has not confirmed, over all databases; nothing if it could not be read.
    pub lag_bytes: Option<u64>,
    /// Age of the last marker seen on green, in milliseconds; nothing if it could not be read.
    pub lag_ms: Option<u64>,
}
