//! The event that a change of an alarm's state is.

use super::alarm::{Alarm, State};
use super::history::iso;
use serde_json::{Map, Value, json};

/// The events' source.
pub const SOURCE: &str = "aws.cloudwatch";
/// The events' detail type.
pub const DETAIL_TYPE: &str = "CloudWatch Alarm State Change";

/// An alarm's state changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The alarm.
    pub arn: String,
    /// The event's `detail`.
    pub detail: Value,
}

impl Change {
    /// The change of `alarm` from its state before.
    pub fn of(alarm: &Alarm, previous: &State) -> Self {
        let settings = &alarm.settings;
        let dimensions = settings
            .dimensions
            .iter()
            .map(|dimension| (dimension.name.clone(), json!(dimension.value)));
        let metric = json!({
            "id": "m1",
            "metricStat": {
                "metric": {
                    "namespace": settings.namespace,
                    "name": settings.metric_name,
                    "dimensions": dimensions.collect::<Map<_, _>>(),
                },
                "period": settings.period,
                "stat": settings.statistic,
            },
            "returnData": true,
        });
        let mut configuration = json!({"metrics": [metric]});
        if let Some(description) = &settings.alarm_description {
            configuration["description"] = json!(description);
        }
        let detail = json!({
            "alarmName": settings.alarm_name,
            "configuration": configuration,
            "previousState": state(previous),
            "state": state(&alarm.state),
        });
        Self {
            arn: alarm.arn(),
            detail,
        }
    }
}

fn state(state: &State) -> Value {
    json!({
        "value": state.value,
        "reason": state.reason,
        "timestamp": iso(state.since).replace('Z', "+0000"),
    })
}
