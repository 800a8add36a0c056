//! What the runs of a benchmark came to.

use super::price::Price;
use super::spread::Spread;
use super::starts::Start;
use serde::Serialize;

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
