//! The operations on metrics.

use super::metric::{Dimension, Metric, Statistic};
use super::series::Sample;
use super::{Done, Refusal, Store};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::num::NonZeroU32;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutMetricData {
    namespace: String,
    metric_data: Vec<Datum>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Datum {
    metric_name: String,
    #[serde(default)]
    dimensions: BTreeSet<Dimension>,
    timestamp: Option<f64>,
    value: Option<f64>,
    statistic_values: Option<StatisticSet>,
    #[serde(default)]
    values: Vec<f64>,
    #[serde(default)]
    counts: Vec<f64>,
    #[serde(rename = "Unit")]
    _unit: Option<String>,
    #[serde(rename = "StorageResolution")]
    _storage_resolution: Option<u32>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct StatisticSet {
    sample_count: f64,
    sum: f64,
    minimum: f64,
    maximum: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetMetricStatistics {
    namespace: String,
    metric_name: String,
    #[serde(default)]
    dimensions: BTreeSet<Dimension>,
    start_time: f64,
    end_time: f64,
    period: NonZeroU32,
    statistics: Vec<Statistic>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetMetricData {
    metric_data_queries: Vec<Query>,
    start_time: f64,
    end_time: f64,
    scan_by: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Query {
    id: String,
    metric_stat: MetricStat,
    label: Option<String>,
    #[serde(rename = "ReturnData")]
    _return_data: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct MetricStat {
    metric: Metric,
    period: NonZeroU32,
    stat: Statistic,
    #[serde(rename = "Unit")]
    _unit: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListMetrics {
    namespace: Option<String>,
    metric_name: Option<String>,
}

impl Datum {
    fn samples(&self) -> Result<Vec<Sample>, Refusal> {
        let counts = self.counts.iter().copied().chain(std::iter::repeat(1.0));
        let values = self.values.iter().zip(counts);
        let samples = values.map(|(value, count)| Sample::of(*value, count));
        let mut samples: Vec<Sample> = samples.collect();
        samples.extend(self.value.map(|value| Sample::of(value, 1.0)));
        samples.extend(self.statistic_values.map(|set| Sample {
            count: set.sample_count,
            sum: set.sum,
            minimum: set.minimum,
            maximum: set.maximum,
        }));
        if samples.is_empty() {
            let message = format!("the datum of {} has no value", self.metric_name);
            return Err(Refusal::invalid(message));
        }
        Ok(samples)
    }
}

impl Store {
    pub(super) fn put_metric_data(&mut self, request: PutMetricData, now: f64) -> Done {
        for datum in request.metric_data {
            let samples = datum.samples()?;
            let metric = Metric {
                namespace: request.namespace.clone(),
                name: datum.metric_name,
                dimensions: datum.dimensions,
            };
            let at = datum.timestamp.unwrap_or(now);
            self.series.add(metric, at, samples);
        }
        Ok(json!({}))
    }

    pub(super) fn get_metric_statistics(&self, request: GetMetricStatistics) -> Value {
        let metric = Metric {
            namespace: request.namespace,
            name: request.metric_name,
            dimensions: request.dimensions,
        };
        let times = (request.start_time, request.end_time);
        let buckets = self.series.buckets(&metric, times, request.period);
        let datapoint = |(start, sample): (f64, Sample)| {
            let values = request
                .statistics
                .iter()
                .map(|statistic| (format!("{statistic:?}"), json!(sample.get(*statistic))));
            let mut datapoint: Map<String, Value> = values.collect();
            datapoint.insert("Timestamp".to_owned(), json!(start));
            datapoint.insert("Unit".to_owned(), json!("None"));
            Value::Object(datapoint)
        };
        let datapoints: Vec<Value> = buckets.into_iter().map(datapoint).collect();
        json!({"Label": metric.name, "Datapoints": datapoints})
    }

    pub(super) fn get_metric_data(&self, request: &GetMetricData) -> Value {
        let queries = request.metric_data_queries.iter();
        let results: Vec<Value> = queries.map(|query| self.result(request, query)).collect();
        json!({"MetricDataResults": results, "Messages": []})
    }

    pub(super) fn list_metrics(&self, request: &ListMetrics) -> Value {
        let (namespace, name) = (&request.namespace, &request.metric_name);
        let wanted = |metric: &&Metric| {
            namespace.as_ref().is_none_or(|it| metric.namespace == *it)
                && name.as_ref().is_none_or(|it| metric.name == *it)
        };
        let metrics = self.series.metrics().filter(wanted);
        json!({"Metrics": metrics.collect::<Vec<_>>()})
    }

    fn result(&self, request: &GetMetricData, query: &Query) -> Value {
        let asked = &query.metric_stat;
        let times = (request.start_time, request.end_time);
        let mut buckets = self.series.buckets(&asked.metric, times, asked.period);
        if request.scan_by.as_deref() != Some("TimestampAscending") {
            buckets.reverse();
        }
        let of = |(start, sample): (f64, Sample)| (start, sample.get(asked.stat));
        let (timestamps, values): (Vec<f64>, Vec<f64>) = buckets.into_iter().map(of).unzip();
        let label = query.label.as_ref().unwrap_or(&asked.metric.name);
        json!({"Id": query.id, "Label": label, "Timestamps": timestamps, "Values": values, "StatusCode": "Complete"})
    }
}
