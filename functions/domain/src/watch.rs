//! A wait that an alarm can end, and the reading that follows it.

use crate::ids::Millis;
use crate::record::Ticket;
use serde::{Deserialize, Serialize};

/// What the state machine gives to `watch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
    /// Step Functions' task token, to begin a wait; absent to read the alarms at the end of one.
    #[serde(default)]
    pub token: Option<String>,
}

/// What `watch` answers. A clean reading; anything else is `Upgrade.AlarmRaised`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// Since when the alarms have been quiet.
    pub quiet_since: Millis,
}
