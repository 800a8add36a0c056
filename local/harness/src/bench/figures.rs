//! What the runs of a benchmark came to.

use super::price::Price;
use super::starts::Start;
use serde::Serialize;

/// The smallest, the middle and the largest of what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The one in the middle, or the mean of the two in the middle.
    pub median: f64,
    /// The largest.
    pub max: f64,
    /// How many there were.
    pub runs: usize,
}

impl Spread {
    /// The spread of some figures; nothing of none.
    #[must_use]
    pub fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max, runs) = (*sorted.first()?, *sorted.last()?, sorted.len());
        let middle = f64::midpoint(sorted[(runs - 1) / 2], sorted[runs / 2]);
        let median = (middle * 10.0).round() / 10.0;
        Some(Self {
            min,
            median,
            max,
            runs,
        })
    }
}

/// The figures of a benchmark, as they are kept for comparison; nothing where no run had it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The write pause at the switchover.
    pub switchover_pause_ms: Option<Spread>,
    /// The write pause at the rollback after it.
    pub rollback_pause_ms: Option<Spread>,
    /// The same steps by hand: the switchover.
    pub floor_switchover_pause_ms: Option<Spread>,
    /// The same steps by hand: the rollback.
    pub floor_rollback_pause_ms: Option<Spread>,
    /// The longest that one writer waited in a run, at either switch.
    pub longest_client_wait_ms: Option<Spread>,
    /// What of the pause at the switchover came after RDS was through.
    pub our_share_ms: Option<Spread>,
    /// From an alarm during the ramp to the records that lead all reads to blue.
    pub alarm_to_reads_ms: Option<Spread>,
    /// From an alarm after the switchover to the first commit on blue.
    pub alarm_to_writes_ms: Option<Spread>,
    /// How each packaged function starts.
    pub starts: Vec<Start>,
    /// What the last run of the workflow would cost.
    pub price: Option<Price>,
}

/// Figures by name, in the order in which they were first seen.
#[derive(Debug, Clone, Default)]
pub struct Phases(Vec<(String, Vec<f64>)>);

impl Phases {
    /// Keeps one figure.
    pub fn add(&mut self, name: &str, figure: f64) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, figures)) => figures.push(figure),
            None => self.0.push((name.to_owned(), vec![figure])),
        }
    }

    /// All figures of a name.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<Spread> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.and_then(|(_, figures)| Spread::of(figures))
    }

    /// Every name with its spread.
    #[must_use]
    pub fn all(&self) -> Vec<(&str, Spread)> {
        let spreads = self.0.iter();
        spreads
            .filter_map(|(name, figures)| Some((name.as_str(), Spread::of(figures)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        let spread = Spread::of(&[70.0, 40.0, 100.0, 60.0]).unwrap();
        let expected = Spread {
            min: 40.0,
            median: 65.0,
            max: 100.0,
            runs: 4,
        };
        assert_eq!(spread, expected);
        assert_eq!(Spread::of(&[]), None);
    }
}
