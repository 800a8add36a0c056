//! An event of RDS about a blue/green deployment, and the waits that it ends.

use crate::record::{Phase, Record};
use serde::{Deserialize, Serialize};

/// EventBridge's `RDS Blue Green Deployment Event`, as far as it is read. RDS sends events as best it can: some never
/// arrive, and the order is not theirs, so that polling goes on (Amazon RDS User Guide, "Monitoring Amazon RDS events").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The event's own id.
    pub id: String,
    /// What happened.
    pub detail: Detail,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Detail {
    /// RDS's own words.
    #[serde(default)]
    pub message: String,
}

/// What `on_green` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// How many waits it ended.
    pub ended: u32,
}

/// The records of upgrades that wait for green, each with the wait's token.
pub fn waits(records: &[Record]) -> impl Iterator<Item = (&Record, &str)> {
    let before = records
        .iter()
        .filter(|record| record.phase == Phase::Before);
    before.filter_map(|record| Some((record, record.green_wait.as_deref()?)))
}

/// What `on_green` answers.
#[must_use]
pub fn output(ended: u32) -> Output {
    let summary = match ended {
        0 => "No upgrade waits for green.".to_owned(),
        1 => "An upgrade that waits for green looks again.".to_owned(),
        many => format!("{many} upgrades that wait for green look again."),
    };
    Output { summary, ended }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;

    #[test]
    fn only_an_upgrade_before_its_switchover_is_woken() {
        let waiting = |phase| Record {
            phase,
            green_wait: Some("token".to_owned()),
            ..record()
        };
        let records = [
            record(),
            waiting(Phase::Before),
            waiting(Phase::RollingBack),
        ];
        let woken: Vec<_> = waits(&records).map(|(_, token)| token).collect();
        assert_eq!(woken, ["token"]);
    }

    #[test]
    fn the_event_is_read_as_rds_sends_it() {
        let event = serde_json::json!({
            "id": "68f6e973", "source": "aws.rds", "detail-type": "RDS Blue Green Deployment Event",
            "detail": {"EventID": "RDS-EVENT-0244", "SourceIdentifier": "bgd-1", "Message": "tasks completed"},
        });
        let input: Input = serde_json::from_value(event).expect("an event");
        assert_eq!(input.detail.message, "tasks completed");
    }
}
