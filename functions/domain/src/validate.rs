//! Does green answer like blue, and hold the same rows?

use crate::record::Ticket;
use serde::{Deserialize, Serialize};

/// What the state machine gives to `validate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
}

/// What `validate` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// Tables compared.
    pub tables: u32,
    /// Rows found alike.
    pub rows: u64,
}
