//! What happened to alarms.

use super::{Store, of_metrics, page};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    ConfigurationUpdate,
    StateUpdate,
    Action,
}

/// One thing that happened to an alarm.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Item {
    alarm_name: String,
    alarm_type: &'static str,
    timestamp: f64,
    history_item_type: Kind,
    history_summary: String,
    history_data: String,
}

impl Item {
    pub fn new(alarm: &str, kind: Kind, timestamp: f64, summary: String, data: &Value) -> Self {
        Self {
            alarm_name: alarm.to_owned(),
            alarm_type: "MetricAlarm",
            timestamp,
            history_item_type: kind,
            history_summary: summary,
            history_data: data.to_string(),
        }
    }

    /// The alarm was created, updated or deleted.
    pub fn configured(alarm: &str, timestamp: f64, done: &str) -> Self {
        let summary = format!("Alarm \"{alarm}\" {done}");
        let data = json!({"version": "1.0"});
        Self::new(alarm, Kind::ConfigurationUpdate, timestamp, summary, &data)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeAlarmHistory {
    alarm_name: Option<String>,
    alarm_types: Option<Vec<String>>,
    history_item_type: Option<Kind>,
    start_date: Option<f64>,
    end_date: Option<f64>,
    max_records: Option<usize>,
    next_token: Option<String>,
    scan_by: Option<String>,
}

impl Store {
    pub(super) fn describe_history(&self, request: &DescribeAlarmHistory) -> Value {
        let wanted = |item: &&Item| {
            let (name, kind) = (&request.alarm_name, request.history_item_type);
            of_metrics(request.alarm_types.as_deref())
                && name.as_ref().is_none_or(|name| item.alarm_name == *name)
                && kind.is_none_or(|kind| item.history_item_type == kind)
                && request
                    .start_date
                    .is_none_or(|start| item.timestamp >= start)
                && request.end_date.is_none_or(|end| item.timestamp <= end)
        };
        let mut found: Vec<&Item> = self.history.iter().filter(wanted).collect();
        if request.scan_by.as_deref() != Some("TimestampAscending") {
            found.reverse();
        }
        page(
            "AlarmHistoryItems",
            found,
            request.max_records,
            request.next_token.as_ref(),
        )
    }
}

/// Seconds since the epoch as text, to the millisecond.
#[expect(
    clippy::cast_possible_truncation,
    reason = "milliseconds since the epoch fit an i64"
)]
pub fn iso(seconds: f64) -> String {
    let timestamp =
        jiff::Timestamp::from_millisecond((seconds * 1000.0).round() as i64).unwrap_or_default();
    timestamp.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
