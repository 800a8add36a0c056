//! What happened to alarms.

use super::Store;
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
        Self::new(
            alarm,
            Kind::ConfigurationUpdate,
            timestamp,
            summary,
            &json!({"version": "1.0"}),
        )
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

/// CloudWatch's own page size.
const PAGE: usize = 50;

impl Store {
    pub(super) fn describe_history(&self, request: &DescribeAlarmHistory) -> Value {
        let metric_alarms = request
            .alarm_types
            .as_ref()
            .is_none_or(|types| types.iter().any(|kind| kind == "MetricAlarm"));
        let wanted = |item: &&Item| {
            metric_alarms
                && request
                    .alarm_name
                    .as_ref()
                    .is_none_or(|name| item.alarm_name == *name)
                && request
                    .history_item_type
                    .is_none_or(|kind| item.history_item_type == kind)
                && request
                    .start_date
                    .is_none_or(|start| item.timestamp >= start)
                && request.end_date.is_none_or(|end| item.timestamp <= end)
        };
        let mut found: Vec<&Item> = self.history.iter().filter(wanted).collect();
        if request.scan_by.as_deref() != Some("TimestampAscending") {
            found.reverse();
        }
        let start = request
            .next_token
            .as_ref()
            .and_then(|token| token.parse().ok())
            .unwrap_or(0);
        let size = request.max_records.unwrap_or(PAGE).clamp(1, 100);
        let page: Vec<&&Item> = found.iter().skip(start).take(size).collect();
        let mut answer = json!({"AlarmHistoryItems": page});
        if found.len() > start + size {
            answer["NextToken"] = json!((start + size).to_string());
        }
        answer
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
