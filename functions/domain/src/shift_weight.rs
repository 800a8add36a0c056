//! Moves a share of the reads to green.

use crate::record::Ticket;
use serde::{Deserialize, Serialize};

/// What the state machine gives to `shift_weight`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
    /// Percent of the reads that go to green: 0 to 100.
    pub percent: u8,
}

/// What `shift_weight` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// The share that was asked for and verified.
    pub percent: u8,
    /// Seconds until clients have dropped the old answer.
    pub settle_seconds: u32,
}
