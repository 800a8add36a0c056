//! What an upgrade costs, by AWS's list prices for us-east-1 as of 2025: the workflow's own share. What RDS takes for
//! green is not in it.

use super::spread::said;
use crate::scenario::{Spent, Usage};
use serde::Serialize;
use std::fmt::Write as _;

/// A state transition of a standard workflow: $0.025 per 1,000.
const TRANSITION: f64 = 0.025 / 1e3;
/// A GB-second of Lambda on arm64: $0.0000133334.
const GB_SECOND: f64 = 0.000_013_333_4;
/// An invocation: $0.20 per million.
const INVOCATION: f64 = 0.20 / 1e6;
/// A write request unit of DynamoDB on demand, for each KiB: $0.625 per million.
const WRITE_UNIT: f64 = 0.625 / 1e6;
/// A read request unit, for each 4 KiB of a consistent read: $0.125 per million.
const READ_UNIT: f64 = 0.125 / 1e6;
/// A message that is published, as if it went out as a mail: $0.50 per million, and $2 per 100,000. A chat's costs less.
const PUBLISH: f64 = 0.50 / 1e6 + 2.0 / 1e5;

/// The most that an upgrade may cost with a watch of seven days, in dollars.
const DEAREST: f64 = 0.05;
/// The most events that an execution's history may have.
const LONGEST_HISTORY: u64 = 2_000;
/// `sweep` runs every minute.
const MINUTES_IN_WEEK: u64 = 7 * 24 * 60;
/// Two hours until green stands: a look every minute for three quarters of an hour, then every quarter, each of
/// three transitions.
const LOOKS_AT_GREEN: u64 = 45 + 5;
const TRANSITIONS_PER_LOOK: u64 = 3;
/// Events that a look adds to the history: five of a task, two of a choice, six of the wait.
const EVENTS_PER_LOOK: u64 = 13;

/// Dollars.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Price {
    /// What the upgrade used that was counted.
    pub counted: Spent,
    /// That upgrade, without `sweep`.
    pub upgrade_usd: f64,
    /// With two hours until green stands and a watch of seven days, `sweep` among it.
    pub week_usd: f64,
    /// The history of that one, in events.
    pub week_history: u64,
}

impl Price {
    /// The price of what was counted.
    #[must_use]
    pub fn of(counted: &Spent) -> Self {
        let steps = used(&counted.steps, counted.record_bytes);
        let upgrade =
            count(counted.transitions) * TRANSITION + steps + count(counted.publishes) * PUBLISH;
        let looks = count(LOOKS_AT_GREEN);
        let look = count(TRANSITIONS_PER_LOOK) * TRANSITION
            + 2.0 * each(&counted.steps, counted.record_bytes);
        let sweep = each(&counted.sweeps, counted.record_bytes);
        Self {
            counted: counted.clone(),
            upgrade_usd: upgrade,
            week_usd: upgrade + looks * look + count(MINUTES_IN_WEEK) * sweep,
            week_history: counted.longest_history + LOOKS_AT_GREEN * EVENTS_PER_LOOK,
        }
    }
}

/// What some usage costs.
fn used(usage: &Usage, record_bytes: u64) -> f64 {
    let (writes, reads) = (record_bytes.div_ceil(1024), record_bytes.div_ceil(4096));
    usage.gb_seconds * GB_SECOND
        + count(usage.invocations) * INVOCATION
        + count(usage.writes * writes) * WRITE_UNIT
        + count(usage.reads * reads) * READ_UNIT
}

/// What one of its invocations costs.
fn each(usage: &Usage, record_bytes: u64) -> f64 {
    used(usage, record_bytes) / count(usage.invocations.max(1))
}

#[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn count(count: u64) -> f64 {
    count as f64
}

/// The price for a person.
#[must_use]
pub fn text(price: &Price) -> String {
    let Price {
        counted,
        upgrade_usd,
        week_usd,
        week_history,
    } = price;
    let Spent {
        transitions,
        publishes,
        record_bytes,
        steps,
        longest_history,
        ..
    } = counted;
    let mut text = String::from("\n  one upgrade and its way back\n");
    // Writing to a string can't fail.
    writeln!(
        text,
        "  {transitions} transitions · {longest_history} events · {} invocations · {:.1} GB-seconds · {} writes and {} reads of {:.1} KiB · {publishes} messages",
        steps.invocations, steps.gb_seconds, steps.writes, steps.reads, count(*record_bytes) / 1024.0
    )
    .ok();
    writeln!(
        text,
        "  {upgrade_usd:.4} USD · two hours until green stands and seven days of watch: {} {week_usd:.4} ≤ {DEAREST} USD, {} {week_history} ≤ {LONGEST_HISTORY} events",
        said(*week_usd <= DEAREST),
        said(*week_history <= LONGEST_HISTORY),
    )
    .ok();
    text
}

#[cfg(test)]
mod tests {
    use super::Price;
    use crate::scenario::{Spent, Usage};

    /// 1,000 transitions, and a million of everything else, on a record of one unit.
    #[test]
    fn the_price_is_the_sum_of_what_was_counted() {
        let counted = Spent {
            transitions: 1_000,
            longest_history: 500,
            publishes: 10,
            record_bytes: 1024,
            steps: Usage {
                invocations: 1_000_000,
                gb_seconds: 1_000.0,
                reads: 1_000_000,
                writes: 1_000_000,
            },
            sweeps: Usage::default(),
        };
        let price = Price::of(&counted);
        let expected = 0.025 + 0.2 + 0.013_333_4 + 0.125 + 0.625 + 10.0 * 0.000_020_5;
        assert!((price.upgrade_usd - expected).abs() < 1e-9, "{price:?}");
        assert!(price.week_usd > price.upgrade_usd + 150.0 * 0.025 / 1e3);
    }
}
