//! How far the figures of several runs lie apart.

use serde::Serialize;

/// Whether a bar holds.
pub(super) const fn said(holds: bool) -> &'static str {
    if holds { "ok" } else { "not" }
}

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
