//! `Retry` and `Catch`.

use super::attempt::error_output;
use super::execution::Doing;
use super::protocol::Purpose;
use super::turn::Turn;
use crate::definition::{Next, Retrier, State, Task};
use crate::history::Failure;

/// Errors that a wildcard never matches; the first of them no name matches either.
const RUNTIME: &str = "States.Runtime";
const DATA_LIMIT: &str = "States.DataLimitExceeded";
const TIMEOUT: &str = "States.Timeout";
const HEARTBEAT: &str = "States.HeartbeatTimeout";

impl Turn<'_> {
    /// Takes a task's error to `Retry`, then to `Catch`, then to the end of the execution.
    pub(super) fn recover(&mut self, failure: Failure) {
        let Some(State::Task(task)) = self.state() else {
            return self.fail(failure);
        };
        self.doing(Doing::Moving);
        let error = failure.error.as_deref().unwrap_or_default();
        match self.retry_delay(task, error) {
            Some(after) => {
                let timer = self.timer(Purpose::Retry, after);
                self.doing(Doing::Pausing(timer));
            }
            None => self.caught(task, failure),
        }
    }

    /// How long to wait before the next attempt. The first entry that matches decides alone.
    fn retry_delay(&mut self, task: &Task, error: &str) -> Option<u64> {
        let (i, retrier) = first_match(&task.retry, |retrier| &retrier.errors, error)?;
        let roll = self.roll();
        let current = self.execution.current.as_mut()?;
        current.used.resize(task.retry.len(), 0);
        let used = current.used[i];
        if used >= retrier.max_attempts {
            return None;
        }
        current.used[i] += 1;
        current.retries += 1;
        Some(delay(retrier, used, roll))
    }

    fn caught(&mut self, task: &Task, failure: Failure) {
        let error = failure.error.as_deref().unwrap_or_default();
        let Some((_, catcher)) = first_match(&task.catch, |catcher| &catcher.errors, error) else {
            return self.fail(failure);
        };
        let output = error_output(&failure);
        let next = Next::State(catcher.next.clone());
        self.or_fail(|turn| turn.leave(&catcher.leaving, Some(("errorOutput", &output)), &next));
    }
}

fn first_match<'t, T>(
    entries: &'t [T],
    errors: impl Fn(&T) -> &Vec<String>,
    error: &str,
) -> Option<(usize, &'t T)> {
    let mut entries = entries.iter().enumerate();
    entries.find(|(_, entry)| errors(entry).iter().any(|name| matches(name, error)))
}

/// Whether a name in `ErrorEquals` is for this error, as the service's documentation has it.
#[must_use]
fn matches(name: &str, error: &str) -> bool {
    match name {
        _ if error == RUNTIME => false,
        "States.ALL" => error != DATA_LIMIT,
        "States.TaskFailed" => !matches!(error, DATA_LIMIT | TIMEOUT | HEARTBEAT),
        TIMEOUT => matches!(error, TIMEOUT | HEARTBEAT),
        _ => name == error,
    }
}

/// `IntervalSeconds × BackoffRate ^ used`, at most `MaxDelaySeconds`, in milliseconds.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "delays are far below 2^53 milliseconds, and bounded before they are cast"
)]
fn delay(retrier: &Retrier, used: u64, roll: u64) -> u64 {
    const LONGEST: f64 = 31_622_400.0;
    let longest = retrier.max_delay_seconds.map_or(LONGEST, |max| max as f64);
    let exponent = i32::try_from(used).unwrap_or(i32::MAX);
    let seconds =
        (retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent)).min(longest);
    let full = (seconds * 1000.0) as u64;
    if retrier.full_jitter {
        roll % (full + 1)
    } else {
        full
    }
}

#[cfg(test)]
mod tests {
    use super::{DATA_LIMIT, RUNTIME, Retrier, delay, matches};

    fn retrier() -> Retrier {
        Retrier {
            errors: vec![],
            interval_seconds: 2,
            backoff_rate: 3.0,
            max_attempts: 9,
            max_delay_seconds: Some(20),
            full_jitter: false,
        }
    }

    #[test]
    fn delays_grow_to_their_maximum_and_jitter_stays_below_them() {
        let delays: Vec<u64> = (0..4).map(|used| delay(&retrier(), used, 0)).collect();
        assert_eq!(delays, [2_000, 6_000, 18_000, 20_000]);
        assert_eq!(delay(&retrier(), u64::MAX, 0), 20_000);
        let jittery = Retrier {
            full_jitter: true,
            ..retrier()
        };
        assert!((0..1_000_u64).all(|roll| delay(&jittery, 1, roll * 7_919) <= 6_000));
    }

    #[test]
    fn wildcards_leave_out_what_the_service_leaves_out() {
        let cases = [
            ("States.ALL", "Upgrade.Refused", true),
            ("States.ALL", "States.Timeout", true),
            ("States.ALL", DATA_LIMIT, false),
            ("States.ALL", RUNTIME, false),
            (RUNTIME, RUNTIME, false),
            (DATA_LIMIT, DATA_LIMIT, true),
            ("States.TaskFailed", "X", true),
            ("States.TaskFailed", "States.Timeout", false),
            ("States.Timeout", "States.HeartbeatTimeout", true),
            ("States.HeartbeatTimeout", "States.Timeout", false),
        ];
        for (name, error, expected) in cases {
            assert_eq!(matches(name, error), expected, "{name} for {error}");
        }
    }
}
