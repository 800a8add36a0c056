//! Blue serves again, whatever the world looks like now.

use crate::ids::{Database, Owner};
use serde::{Deserialize, Serialize};

/// What the state machine gives to `rollback`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The database to bring back.
    pub database: Database,
    /// The execution whose upgrade shall be undone; absent when a person gives the order for whatever is there.
    #[serde(default)]
    pub owner: Option<Owner>,
    /// Why, in a sentence, for the messages.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What `rollback` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: wait a little and call again.
    pub done: bool,
    /// What was found and done, a line each.
    pub actions: Vec<String>,
}
