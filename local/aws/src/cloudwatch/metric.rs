//! What a metric is.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A metric's identity, as `ListMetrics` shows it and `GetMetricData` asks for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Metric {
    pub namespace: String,
    #[serde(rename = "MetricName")]
    pub name: String,
    #[serde(default)]
    pub dimensions: BTreeSet<Dimension>,
}

/// What tells metrics of one name apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Dimension {
    pub name: String,
    pub value: String,
}

/// What is made of a period's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
}
