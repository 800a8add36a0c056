//! The receipt of a switchover or failback: the evidence of guarantees G1 and G2.

use crate::ids::{Millis, Position};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The evidence that one side wrote at a time and that nothing was lost.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Receipt {
    /// What was checked before, a line each.
    pub checklist: Vec<String>,
    /// What a person should know although it stopped nothing, a line each.
    pub complaints: Vec<String>,
    /// What green does not hold as it should, found after it was opened, a line each.
    #[serde(default)]
    pub wrong: Vec<String>,
    /// Whether the side that was left, old blue or at a failback green, was seen with its application roles closed and
    /// without their sessions.
    #[serde(default)]
    pub left_closed: bool,
    /// Per database of the server: the proof of what arrived.
    pub databases: BTreeMap<String, Arrived>,
    /// Application sessions that were ended by us on green.
    pub sessions_drained: u32,
    /// Roles that were closed and opened again.
    pub roles: Vec<String>,
    /// When the fence stood on green.
    pub fenced_at: Option<Millis>,
    /// When RDS was called.
    pub called_at: Option<Millis>,
    /// When green was opened.
    pub opened_at: Option<Millis>,
    /// What each phase took, in milliseconds, in order.
    pub phases: Vec<(String, u64)>,
    /// From RDS's call to every member at `SWITCHOVER_COMPLETED` as seen by us, in milliseconds.
    pub rds_ms: u64,
    /// From there to the first write that green took, in milliseconds.
    pub ours_ms: u64,
}

impl Receipt {
    /// From closing to opening, in milliseconds; `None` while it is not open. RDS closes blue by itself, a moment after it
    /// was called; a failback has no such call and closes by its fence.
    #[must_use]
    pub fn pause_ms(&self) -> Option<u64> {
        let closed = self.called_at.or(self.fenced_at)?;
        u64::try_from(self.opened_at?.since(closed)).ok()
    }

    /// Why old blue may be needed still, to tell what green should hold; nothing where each database was compared with it
    /// and is the same.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let uncompared = |(name, arrived): (&String, &Arrived)| {
            arrived
                .digest
                .is_none()
                .then(|| format!("`{name}` was not compared with it"))
        };
        let uncompared = self.databases.iter().filter_map(uncompared);
        let doubts: Vec<String> = self.wrong.iter().cloned().chain(uncompared).collect();
        match self.databases.is_empty() {
            true => Some("nothing was compared with it".to_owned()),
            false if doubts.is_empty() => None,
            false => Some(doubts.join(", ")),
        }
    }
}

/// What is known of one database of the server at the moment of the switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// The number of the marker that was written on blue before RDS was called and found on green.
    pub marker: i64,
    /// Old blue's last log position when the proof was taken; nothing if old could not be asked.
    pub old_position: Option<Position>,
    /// Rows on both sides at the moment when green was opened; nothing while they are not counted.
    pub rows: Option<u64>,
    /// The digest over them, equal on both sides; nothing while it is not.
    pub digest: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_is_from_rds_s_call_or_from_a_failback_s_fence_to_the_opening() {
        let back = Receipt {
            fenced_at: Some(Millis(1_000)),
            opened_at: Some(Millis(1_250)),
            ..Receipt::default()
        };
        assert_eq!(back.pause_ms(), Some(250));
        let called = Receipt {
            called_at: Some(Millis(1_100)),
            ..back
        };
        assert_eq!(called.pause_ms(), Some(150));
        let closed = Receipt {
            opened_at: None,
            ..called
        };
        assert_eq!(closed.pause_ms(), None);
    }
}
