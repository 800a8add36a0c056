//! Plans an upgrade: from what was read to what will happen, and what is in the way.

mod checks;
mod decide;
#[cfg(test)]
mod tests;
mod text;

pub use decide::{case, decide};

use crate::ids::Owner;
use crate::plan::Plan;
use serde::{Deserialize, Serialize};

/// What the state machine gives to `plan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What a person, a schedule or an event asked for, unchecked.
    pub request: serde_json::Value,
    /// The execution's ARN.
    pub owner: Owner,
}

/// What `plan` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// What the state machine does next.
    pub outcome: Outcome,
    /// The plan; with `refused` too, so that a person sees what was found.
    pub plan: Plan,
    /// The plan as text, for a person.
    pub text: String,
}

/// What the state machine does with a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Claim the database and go on.
    Ready,
    /// Something is in the way.
    Refused,
    /// The request asked for a plan only.
    DryRun,
}
