//! Figures that each run adds to.

use super::spread::Spread;
use serde::{Serialize, Serializer};

/// One figure, run by run; kept as its spread, as nothing where no run had it.
#[derive(Debug, Clone, Default)]
pub struct Series(Vec<f64>);

impl Series {
    /// Keeps the figure of a run, if it had it.
    pub fn add(&mut self, figure: impl Into<Option<f64>>) {
        self.0.extend(figure.into());
    }

    /// The spread so far.
    #[must_use]
    pub fn spread(&self) -> Option<Spread> {
        Spread::of(&self.0)
    }

    /// The figure of the last run that had it.
    #[must_use]
    pub fn last(&self) -> Option<f64> {
        self.0.last().copied()
    }
}

impl Serialize for Series {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.spread().serialize(serializer)
    }
}

/// Figures by name, in the order in which they were first seen.
#[derive(Debug, Clone, Default)]
pub struct Phases(Vec<(String, Series)>);

impl Phases {
    /// Keeps one figure.
    pub fn add(&mut self, name: &str, figure: f64) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, figures)) => figures.add(figure),
            None => self.0.push((name.to_owned(), Series(vec![figure]))),
        }
    }

    /// Every name with its spread.
    pub fn all(&self) -> impl Iterator<Item = (&str, Spread)> {
        let spreads = self.0.iter();
        spreads.filter_map(|(name, figures)| Some((name.as_str(), figures.spread()?)))
    }
}
