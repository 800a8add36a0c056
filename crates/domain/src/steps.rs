//! The decisions, one module per step.

pub mod announce;
pub mod check_lag;
pub mod claim;
pub mod on_alarm;
pub mod on_green;
pub mod plan;
pub mod prepare;
pub mod provision;
pub mod retire;
pub mod rollback;
pub mod shift_weight;
pub mod sweep;
pub mod switchover;
pub mod upgrade_in_place;
pub mod validate;
pub mod watch;

use crate::record::Ticket;
use serde::{Deserialize, Serialize};

/// What the state machine gives to a step that needs nothing but the right to act.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByTicket {
    /// Who may act.
    pub ticket: Ticket,
}
