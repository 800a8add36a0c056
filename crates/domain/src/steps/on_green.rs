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
    /// The deployment that it happened to.
    #[serde(default)]
    pub source_identifier: String,
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

/// The records of upgrades that wait for this deployment, each with the wait's token. Who does not know yet which one is
/// its own is woken by any: it only looks.
pub fn waits<'a>(
    input: &'a Input,
    records: &'a [Record],
) -> impl Iterator<Item = (&'a Record, &'a str)> {
    let about = input.detail.source_identifier.as_str();
    let before = records
        .iter()
        .filter(|record| record.phase == Phase::Before);
    before.filter_map(move |record| {
        let wait = record.green_wait.as_ref()?;
        let own = wait.deployment.as_ref();
        let ours = own.is_none_or(|own| own.as_str() == about);
        ours.then_some((record, wait.token.as_str()))
    })
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
    use crate::record::GreenWait;
    use crate::samples::{at, record};
    use serde_json::json;

    fn event() -> Input {
        let event = json!({
            "id": "68f6e973", "source": "aws.rds", "detail-type": "RDS Blue Green Deployment Event",
            "detail": {"EventID": "RDS-EVENT-0244", "SourceIdentifier": "bgd-1", "Message": "tasks completed"},
        });
        serde_json::from_value(event).expect("an event")
    }

    #[test]
    fn only_an_upgrade_before_its_switchover_is_woken_by_its_own_deployment() {
        let waiting = |phase, token: &str, deployment: Option<&str>| Record {
            green_wait: Some(GreenWait {
                token: token.to_owned(),
                deployment: deployment.map(Into::into),
            }),
            ..at(phase)
        };
        let records = [
            record(),
            waiting(Phase::Before, "its own", Some("bgd-1")),
            waiting(Phase::Before, "another's", Some("bgd-2")),
            waiting(Phase::Before, "not known yet", None),
            waiting(Phase::RollingBack, "late", Some("bgd-1")),
        ];
        let event = event();
        let woken: Vec<_> = waits(&event, &records).map(|(_, token)| token).collect();
        assert_eq!(woken, ["its own", "not known yet"]);
    }

    #[test]
    fn the_event_is_read_as_rds_sends_it() {
        assert_eq!(event().detail.message, "tasks completed");
    }
}
