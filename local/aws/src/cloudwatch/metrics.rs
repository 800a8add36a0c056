//! The operations on metrics.

use super::metric::{Dimension, Metric, Statistic};
use super::series::Sample;
use super::{Done, Refusal, Store};
use serde::Deserialize;
use serde_json::{Map, Value, json};

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
    dimensions: Vec<Dimension>,
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
    dimensions: Vec<Dimension>,
    start_time: f64,
    end_time: f64,
    period: u32,
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
    metric: Named,
    period: u32,
    stat: Statistic,
    #[serde(rename = "Unit")]
    _unit: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Named {
    namespace: String,
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
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
    pub(super) fn put_metric_data(&mut self, request: &PutMetricData, now: f64) -> Done {
        for datum in &request.metric_data {
            let metric = Metric::new(&request.namespace, &datum.metric_name, &datum.dimensions);
            for sample in datum.samples()? {
                let at = datum.timestamp.unwrap_or(now);
                self.series.add(&metric, at, sample);
            }
        }
        Ok(json!({}))
    }

    pub(super) fn get_metric_statistics(&self, request: &GetMetricStatistics) -> Done {
        let metric = Metric::new(
            &request.namespace,
            &request.metric_name,
            &request.dimensions,
        );
        let times = (request.start_time, request.end_time);
        let buckets = self.series.buckets(&metric, times, period(request.period)?);
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
        Ok(json!({"Label": request.metric_name, "Datapoints": datapoints}))
    }

    pub(super) fn get_metric_data(&self, request: &GetMetricData) -> Done {
        let queries = request.metric_data_queries.iter();
        let results: Result<Vec<Value>, Refusal> =
            queries.map(|query| self.result(request, query)).collect();
        Ok(json!({"MetricDataResults": results?, "Messages": []}))
    }

    pub(super) fn list_metrics(&self, request: &ListMetrics) -> Value {
        let (namespace, name) = (&request.namespace, &request.metric_name);
        let wanted = |metric: &&Metric| {
            namespace.as_ref().is_none_or(|it| metric.namespace == *it)
                && name.as_ref().is_none_or(|it| metric.name == *it)
        };
        let metrics = self.series.metrics().filter(wanted);
        json!({"Metrics": metrics.map(Metric::described).collect::<Vec<_>>()})
    }

    fn result(&self, request: &GetMetricData, query: &Query) -> Done {
        let (named, stat) = (&query.metric_stat.metric, query.metric_stat.stat);
        let metric = Metric::new(&named.namespace, &named.metric_name, &named.dimensions);
        let times = (request.start_time, request.end_time);
        let period = period(query.metric_stat.period)?;
        let mut buckets = self.series.buckets(&metric, times, period);
        if request.scan_by.as_deref() != Some("TimestampAscending") {
            buckets.reverse();
        }
        let of = |(start, sample): (f64, Sample)| (start, sample.get(stat));
        let (timestamps, values): (Vec<f64>, Vec<f64>) = buckets.into_iter().map(of).unzip();
        let label = query.label.as_ref().unwrap_or(&named.metric_name);
        Ok(
            json!({"Id": query.id, "Label": label, "Timestamps": timestamps, "Values": values, "StatusCode": "Complete"}),
        )
    }
}

fn period(period: u32) -> Result<u32, Refusal> {
    if period == 0 {
        Err(Refusal::invalid("a period has at least one second"))
    } else {
        Ok(period)
    }
}
