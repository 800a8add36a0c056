//! The samples of all metrics, and what they come to per period.

use super::metrics::{Metric, Statistic};
use std::collections::BTreeMap;

/// Samples that were added up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub count: f64,
    pub sum: f64,
    pub minimum: f64,
    pub maximum: f64,
}

impl Sample {
    /// `count` samples of one value.
    pub fn of(value: f64, count: f64) -> Self {
        Self {
            count,
            sum: value * count,
            minimum: value,
            maximum: value,
        }
    }

    pub fn get(self, statistic: Statistic) -> f64 {
        match statistic {
            Statistic::SampleCount => self.count,
            Statistic::Average => self.sum / self.count,
            Statistic::Sum => self.sum,
            Statistic::Minimum => self.minimum,
            Statistic::Maximum => self.maximum,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
        }
    }
}

/// All samples, by metric.
#[derive(Debug, Default)]
pub struct Series {
    metrics: BTreeMap<Metric, Written>,
}

#[derive(Debug, Default)]
struct Written {
    samples: Vec<(f64, Sample)>,
    newest: f64,
}

impl Series {
    /// Adds a sample of the moment `at`, written `now`.
    pub fn add(&mut self, metric: &Metric, at: f64, sample: Sample, now: f64) {
        let written = self.metrics.entry(metric.clone()).or_default();
        written.samples.push((at, sample));
        written.newest = now;
    }

    /// When the metric was last written.
    pub fn newest(&self, metric: &Metric) -> Option<f64> {
        self.metrics.get(metric).map(|written| written.newest)
    }

    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.keys()
    }

    /// The periods from `start` to before `end` that have samples, in order, each with its beginning.
    pub fn buckets(
        &self,
        metric: &Metric,
        start: f64,
        end: f64,
        period: u32,
    ) -> Vec<(f64, Sample)> {
        let samples = self
            .metrics
            .get(metric)
            .map(|written| written.samples.as_slice())
            .unwrap_or_default();
        let mut buckets: Vec<(f64, Sample)> = Vec::new();
        let mut within: Vec<&(f64, Sample)> = samples
            .iter()
            .filter(|(at, _)| *at >= start && *at < end)
            .collect();
        within.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (at, sample) in within {
            let begin = beginning(*at, period);
            match buckets.last_mut() {
                Some((last, sum)) if last.total_cmp(&begin).is_eq() => *sum = sum.and(*sample),
                _ => buckets.push((begin, *sample)),
            }
        }
        buckets
    }

    /// The last `count` periods, the newest last. The one that runs belongs to them as soon as it has a sample.
    pub fn window(
        &self,
        metric: &Metric,
        now: f64,
        period: u32,
        count: u32,
        statistic: Statistic,
    ) -> Vec<Option<f64>> {
        let (length, current) = (f64::from(period), beginning(now, period));
        let value = |begin: f64| {
            self.buckets(metric, begin, begin + length, period)
                .first()
                .map(|(_, sample)| sample.get(statistic))
        };
        let last = if value(current).is_some() {
            current
        } else {
            current - length
        };
        (0..count)
            .rev()
            .map(|back| value(last - f64::from(back) * length))
            .collect()
    }
}

fn beginning(at: f64, period: u32) -> f64 {
    let period = f64::from(period);
    (at / period).floor() * period
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_the_running_period_once_it_has_a_sample() {
        let (mut series, metric) = (Series::default(), Metric::new("n", "m", &[]));
        for (at, value) in [(60.0, 1.0), (119.0, 3.0), (125.0, 7.0)] {
            series.add(&metric, at, Sample::of(value, 1.0), at);
        }
        let average = |now| series.window(&metric, now, 60, 3, Statistic::Average);
        assert_eq!(average(130.0), [None, Some(2.0), Some(7.0)]);
        assert_eq!(average(190.0), [None, Some(2.0), Some(7.0)]);
        assert_eq!(average(250.0), [Some(2.0), Some(7.0), None]);
    }
}
