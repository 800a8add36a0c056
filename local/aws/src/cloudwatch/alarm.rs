//! An alarm on a metric.

use super::metric::{Dimension, Statistic};
use crate::arn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::num::NonZeroU32;

/// An alarm's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StateValue {
    /// The metric is within the threshold.
    Ok,
    /// The metric is outside the threshold.
    Alarm,
    /// Nothing is known yet.
    InsufficientData,
}

impl fmt::Display for StateValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// `PutMetricAlarm`'s parameters, for an alarm on one metric. Metric math is not implemented, and so refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Settings {
    pub alarm_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_description: Option<String>,
    #[serde(default = "enabled")]
    pub actions_enabled: bool,
    #[serde(default, rename = "OKActions")]
    pub ok_actions: Vec<String>,
    #[serde(default)]
    pub alarm_actions: Vec<String>,
    #[serde(default)]
    pub insufficient_data_actions: Vec<String>,
    pub metric_name: String,
    pub namespace: String,
    pub statistic: Statistic,
    #[serde(default)]
    pub dimensions: Vec<Dimension>,
    pub period: NonZeroU32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    pub evaluation_periods: NonZeroU32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datapoints_to_alarm: Option<u32>,
    pub threshold: f64,
    pub comparison_operator: Comparison,
    #[serde(default)]
    pub treat_missing_data: Missing,
    #[serde(default, skip_serializing)]
    pub tags: Vec<Tag>,
}

const fn enabled() -> bool {
    true
}

/// What is on the wrong side of the threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::enum_variant_names, reason = "the API's names")]
pub enum Comparison {
    GreaterThanThreshold,
    GreaterThanOrEqualToThreshold,
    LessThanThreshold,
    LessThanOrEqualToThreshold,
}

/// What a period without data counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Missing {
    Breaching,
    NotBreaching,
    Ignore,
    #[default]
    #[serde(rename = "missing")]
    Unknown,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// An alarm's state and why it is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub value: StateValue,
    pub reason: String,
    pub since: f64,
}

/// An alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    pub settings: Settings,
    pub state: State,
    pub configured: f64,
}

impl Alarm {
    pub fn new(settings: Settings, now: f64) -> Self {
        let state = State {
            value: StateValue::InsufficientData,
            reason: "Unchecked: Initial alarm creation".to_owned(),
            since: now,
        };
        Self {
            settings,
            state,
            configured: now,
        }
    }

    pub fn arn(&self) -> String {
        arn("cloudwatch", &format!("alarm:{}", self.settings.alarm_name))
    }

    /// How `DescribeAlarms` shows it.
    pub fn described(&self) -> Value {
        let mut described = json!(self.settings);
        described["AlarmArn"] = json!(self.arn());
        described["AlarmConfigurationUpdatedTimestamp"] = json!(self.configured);
        described["StateValue"] = json!(self.state.value);
        described["StateReason"] = json!(self.state.reason);
        described["StateUpdatedTimestamp"] = json!(self.state.since);
        described["StateTransitionedTimestamp"] = json!(self.state.since);
        described
    }
}
