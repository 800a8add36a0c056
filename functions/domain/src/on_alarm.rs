//! An alarm's event, and the waits that it ends.

use serde::{Deserialize, Serialize};

/// EventBridge's `CloudWatch Alarm State Change`, as far as it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The event's own id.
    pub id: String,
    /// What happened.
    pub detail: Detail,
}

/// The alarm and its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// The alarm's name.
    pub alarm_name: String,
    /// Its state now.
    pub state: State,
}

/// An alarm's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`; others may come.
    pub value: String,
    /// CloudWatch's own words.
    #[serde(default)]
    pub reason: String,
}

/// What `on_alarm` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// How many waits it ended.
    pub ended: u32,
}
