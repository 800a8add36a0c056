//! Makes green fit to take over: statistics, parity, and a rehearsal of the fence.

use crate::record::Ticket;
use serde::{Deserialize, Serialize};

/// What the state machine gives to `prepare`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
}

/// What `prepare` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: wait a little and call again.
    pub done: bool,
    /// What is alike and what is not, a line each.
    pub parity: Vec<String>,
}
