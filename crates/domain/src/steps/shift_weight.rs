//! Moves a share of the reads to green.

use crate::error::StepError;
use crate::record::{Phase, Record, Ticket};
use crate::routes::{Route, settle_seconds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the state machine gives to `shift_weight`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
    /// Percent of the reads that go to green: 0 to 100.
    pub percent: u8,
}

/// What `shift_weight` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// The share that was asked for and verified.
    pub percent: u8,
    /// Seconds until clients have dropped the old answer.
    pub settle_seconds: u32,
}

/// The route as it should be, `ttl` being the seconds for which clients keep an answer of DNS during an upgrade.
///
/// # Errors
///
/// `Upgrade.Refused` if reads may not move now, or have nowhere to go.
pub fn wanted(record: &Record, route: &Route, percent: u8, ttl: u32) -> Result<Route, StepError> {
    let greens = match (&record.green, percent) {
        (_, 0) => BTreeMap::new(),
        _ if record.phase != Phase::Before => {
            return Err(StepError::refused(
                "reads are shared with green only before the switchover",
            ));
        }
        (None, _) => {
            return Err(StepError::refused(
                "there is no green that could take reads",
            ));
        }
        (Some(_), _) => record.greens(),
    };
    let writer = &record.plan.writer()?.address;
    route.share(&greens, writer, percent, ttl)
}

/// What `shift_weight` answers once the route is as wanted; `before` is how it was.
#[must_use]
pub fn output(percent: u8, before: Option<&Route>, wanted: &Route, original: &Route) -> Output {
    let summary = match (original.moved(percent), percent) {
        (0, 0) => "All reads go to blue, by the route as it was found.".to_owned(),
        (0, _) => format!(
            "All reads stay on blue: {} moves at 100 %.",
            original.title()
        ),
        (100, _) => "All reads go to green.".to_owned(),
        (some, _) => format!("{some} % of the reads go to green."),
    };
    Output {
        summary,
        percent,
        settle_seconds: settle_seconds(before, wanted, original),
    }
}

/// What `shift_weight` answers where nothing routes reads.
#[must_use]
pub fn nothing_to_shift(percent: u8) -> Output {
    Output {
        summary: "Nothing routes reads, so none were moved.".to_owned(),
        percent,
        settle_seconds: 0,
    }
}
