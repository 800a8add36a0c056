//! Moves a share of the reads to green.

use crate::error::StepError;
use crate::plan::Plan;
use crate::record::{Green, Phase, Record, Ticket};
use crate::routes::{Weighted, settle_seconds, share};
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

/// The records that the route should have, `ttl` being the seconds for which clients keep an answer during an upgrade.
///
/// # Errors
///
/// `Upgrade.Refused` if reads may not move now, or have nowhere to go.
pub fn wanted(
    record: &Record,
    originals: &[Weighted],
    percent: u8,
    ttl: u32,
) -> Result<Vec<Weighted>, StepError> {
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
        (Some(green), _) => hosts(&record.plan, green),
    };
    share(originals, &greens, percent, ttl)
}

/// Green's host for each host of blue.
fn hosts(plan: &Plan, green: &Green) -> BTreeMap<String, String> {
    let pairs = plan.members.iter().filter_map(|blue| {
        let member = green
            .members
            .iter()
            .find(|member| member.blue == blue.instance)?;
        Some((blue.address.clone(), member.address.clone()))
    });
    pairs.collect()
}

/// What `shift_weight` answers once the records are as wanted; `before` is how they were.
#[must_use]
pub fn output(
    percent: u8,
    before: &[Weighted],
    wanted: &[Weighted],
    originals: &[Weighted],
) -> Output {
    let summary = match percent {
        0 => "All reads go to blue, by the records as they were found.".to_owned(),
        100 => "All reads go to green.".to_owned(),
        some => format!("{some} % of the reads go to green."),
    };
    Output {
        summary,
        percent,
        settle_seconds: settle_seconds(before, wanted, originals),
    }
}

/// What `shift_weight` answers where nothing routes reads.
#[must_use]
pub fn nothing_to_shift(percent: u8) -> Output {
    Output {
        summary: "No weighted records route reads, so none were moved.".to_owned(),
        percent,
        settle_seconds: 0,
    }
}
