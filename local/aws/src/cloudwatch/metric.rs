//! What a metric is.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A metric's identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    pub namespace: String,
    pub name: String,
    dimensions: BTreeMap<String, String>,
}

impl Metric {
    pub fn new(namespace: &str, name: &str, dimensions: &[Dimension]) -> Self {
        let dimensions = dimensions
            .iter()
            .map(|dimension| (dimension.name.clone(), dimension.value.clone()));
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions: dimensions.collect(),
        }
    }

    /// How `ListMetrics` shows it.
    pub fn described(&self) -> Value {
        let dimensions = self
            .dimensions
            .iter()
            .map(|(name, value)| json!({"Name": name, "Value": value}));
        json!({"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions.collect::<Vec<_>>()})
    }
}

/// What tells metrics of one name apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
