//! Minor versions, replicas first.

use crate::record::Ticket;
use serde::{Deserialize, Serialize};

/// What the state machine gives to `upgrade_in_place`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
}

/// What `upgrade_in_place` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: wait a little and call again.
    pub done: bool,
    /// How far the roll is, 0 to 100.
    pub percent: u8,
    /// The snapshot that was taken first.
    pub snapshot: Option<String>,
    /// Each member and its version, a line each.
    pub members: Vec<String>,
}
