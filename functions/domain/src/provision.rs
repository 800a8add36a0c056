//! Makes green, and tells how far it is.

use crate::record::Ticket;
use serde::{Deserialize, Serialize};

/// What the state machine gives to `provision`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
}

/// What `provision` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: wait a little and call again.
    pub done: bool,
    /// How far green is, 0 to 100.
    pub percent: u8,
}
