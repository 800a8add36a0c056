//! The samples of all metrics, and what they come to per period.

use super::metric::{Metric, Statistic};
use std::collections::BTreeMap;
use std::num::NonZeroU32;

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

/// All samples with their moments, by metric.
#[derive(Debug, Default)]
pub struct Series(BTreeMap<Metric, Vec<(f64, Sample)>>);

impl Series {
    /// Adds samples of the moment `at`.
    pub fn add(&mut self, metric: Metric, at: f64, samples: Vec<Sample>) {
        let known = self.0.entry(metric).or_default();
        known.extend(samples.into_iter().map(|sample| (at, sample)));
    }

    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.0.keys()
    }

    /// The periods from `start` to before `end` that have samples, in order, each with its beginning.
    pub fn buckets(
        &self,
        metric: &Metric,
        (start, end): (f64, f64),
        period: NonZeroU32,
    ) -> Vec<(f64, Sample)> {
        let samples = self.0.get(metric).map(Vec::as_slice).unwrap_or_default();
        let mut buckets: Vec<(f64, Sample)> = Vec::new();
        let within = samples.iter().filter(|(at, _)| *at >= start && *at < end);
        let mut within: Vec<&(f64, Sample)> = within.collect();
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
}

fn beginning(at: f64, period: NonZeroU32) -> f64 {
    let period = f64::from(period.get());
    (at / period).floor() * period
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_period_adds_up_its_samples_and_one_without_any_is_left_out() {
        let metric = Metric {
            namespace: "n".to_owned(),
            name: "m".to_owned(),
            dimensions: BTreeSet::new(),
        };
        let (mut series, period) = (Series::default(), NonZeroU32::new(60).unwrap());
        for (at, value) in [(60.0, 1.0), (245.0, 7.0), (119.0, 3.0)] {
            series.add(metric.clone(), at, vec![Sample::of(value, 1.0)]);
        }
        let buckets = series.buckets(&metric, (0.0, 300.0), period);
        let averages = buckets
            .iter()
            .map(|(at, it)| (*at, it.get(Statistic::Average)));
        assert_eq!(averages.collect::<Vec<_>>(), [(60.0, 2.0), (240.0, 7.0)]);
    }
}
