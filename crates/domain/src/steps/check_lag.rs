//! Caught up means: under the limits, several times in a row.

use crate::lag::{Lag, Limits};
use crate::record::Ticket;
use serde::{Deserialize, Serialize};

/// What the state machine gives to `check_lag`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
    /// How many good readings came before this one, in a row; 0 at first.
    pub streak: u32,
}

/// What `check_lag` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// Good readings in a row, this one included; 0 after a bad one.
    pub streak: u32,
    /// Whether the streak is long enough to go on.
    pub caught_up: bool,
    /// Bytes of the log that green has not confirmed, over all databases; nothing if it could not be read.
    pub lag_bytes: Option<u64>,
    /// Age of the last marker seen on green, in milliseconds; nothing if it could not be read.
    pub lag_ms: Option<u64>,
}

/// How many good readings in a row mean that green keeps up, and does not just happen to be level.
pub const STREAK: u32 = 3;

/// What a reading means after `streak` good ones in a row.
#[must_use]
pub fn judge(limits: Limits, streak: u32, lag: Lag) -> Output {
    let good = lag.is_under(limits);
    let streak = if good { streak.saturating_add(1) } else { 0 };
    let caught_up = streak >= STREAK;
    let told = lag.told(limits);
    let summary = match (good, caught_up) {
        (_, true) => format!("green keeps up: {told}, {streak} times in a row"),
        (true, false) => format!("green is level: {told}, {streak} of {STREAK} times in a row"),
        (false, _) => format!("green lags: {told}"),
    };
    Output {
        summary,
        streak,
        caught_up,
        lag_bytes: lag.bytes,
        lag_ms: lag.ms,
    }
}

#[cfg(test)]
mod tests {
    use super::{STREAK, judge};
    use crate::lag::{Lag, Limits};
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        bytes: 1000,
        ms: 5000,
    };

    fn lag() -> impl Strategy<Value = Lag> {
        let value = || prop::option::of(0_u64..10_000);
        (value(), value()).prop_map(|(bytes, ms)| Lag { bytes, ms })
    }

    proptest! {
        #[test]
        fn caught_up_means_that_each_of_the_last_readings_was_good(lags in prop::collection::vec(lag(), 1..12)) {
            let mut streak = 0;
            for (seen, now) in lags.iter().enumerate() {
                let output = judge(LIMITS, streak, *now);
                let last = &lags[(seen + 1).saturating_sub(STREAK as usize)..=seen];
                let good = last.len() == STREAK as usize && last.iter().all(|lag| lag.is_under(LIMITS));
                prop_assert_eq!(output.caught_up, good);
                streak = output.streak;
            }
        }

        #[test]
        fn what_cannot_be_read_is_never_level(lags in prop::collection::vec(lag(), 0..6)) {
            let unread = lags.is_empty() || lags.iter().any(|lag| lag.bytes.is_none() || lag.ms.is_none());
            prop_assert!(!(unread && Lag::worst(&lags).is_under(LIMITS)));
        }

        #[test]
        fn the_worst_database_counts(lags in prop::collection::vec(lag(), 1..6)) {
            let all = lags.iter().all(|lag| lag.is_under(LIMITS));
            prop_assert_eq!(Lag::worst(&lags).is_under(LIMITS), all);
        }
    }
}
