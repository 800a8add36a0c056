//! Caught up means: under the limits, several times in a row.

use crate::record::Ticket;
use crate::request::Request;
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
    /// Bytes of WAL that green has not confirmed, over all databases; nothing if it could not be read.
    pub lag_bytes: Option<u64>,
    /// Age of the last marker seen on green, in milliseconds; nothing if it could not be read.
    pub lag_ms: Option<u64>,
}

/// How many good readings in a row mean that green keeps up, and does not just happen to be level.
pub const STREAK: u32 = 3;

/// How far green may be behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In bytes of WAL.
    pub bytes: u64,
    /// In milliseconds.
    pub ms: u64,
}

impl From<&Request> for Limits {
    fn from(request: &Request) -> Self {
        Self {
            bytes: request.max_lag_bytes,
            ms: u64::from(request.max_lag_seconds) * 1000,
        }
    }
}

/// How far one database of the server is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Bytes of WAL that green has not confirmed; nothing if it could not be read.
    pub bytes: Option<u64>,
    /// Age of the last marker seen on green, in milliseconds; nothing if it could not be read.
    pub ms: Option<u64>,
}

impl Lag {
    /// The worst of several databases. One that can't be read makes the whole unreadable, and so does there being none.
    #[must_use]
    pub fn worst<'a>(databases: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = databases.into_iter().copied();
        let worse = |a: Self, b: Self| Self {
            bytes: a.bytes.zip(b.bytes).map(|(a, b)| a.max(b)),
            ms: a.ms.zip(b.ms).map(|(a, b)| a.max(b)),
        };
        let first = all.next().unwrap_or_default();
        all.fold(first, worse)
    }

    /// Under the limits. What could not be read is not.
    #[must_use]
    pub fn is_under(self, limits: Limits) -> bool {
        self.bytes.is_some_and(|bytes| bytes <= limits.bytes)
            && self.ms.is_some_and(|ms| ms <= limits.ms)
    }

    /// In words, against the limits.
    #[must_use]
    pub fn told(self, limits: Limits) -> String {
        let told = |value: Option<u64>| value.map_or("unreadable".to_owned(), |n| n.to_string());
        format!(
            "{} of {} bytes and {} of {} ms behind",
            told(self.bytes),
            limits.bytes,
            told(self.ms),
            limits.ms
        )
    }
}

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
    use super::{Lag, Limits, STREAK, judge};
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
