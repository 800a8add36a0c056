//! Claims a database for an upgrade.

use crate::ids::Owner;
use crate::plan::Plan;
use crate::record::Ticket;
use serde::{Deserialize, Serialize};

/// What the state machine gives to `claim`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// A plan that nothing stands in the way of.
    pub plan: Plan,
    /// The execution that claims the database.
    pub owner: Owner,
}

/// What `claim` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// Who may act.
    pub ticket: Ticket,
}

/// What `claim` answers.
#[must_use]
pub fn output(plan: &Plan, ticket: Ticket) -> Output {
    let summary = format!(
        "`{}` is claimed for its upgrade from {} to {}.",
        plan.database, plan.from_version, plan.to_version
    );
    Output { summary, ticket }
}
