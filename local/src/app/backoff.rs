//! How long a client waits before it tries again.

use rand::RngExt as _;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(10);

/// Doubles from 2 to 10 milliseconds, each somewhere between half of it and all of it.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Waits, longer with each failure in a row.
    pub(super) async fn wait(&mut self) {
        let longest = FIRST.saturating_mul(1 << self.failures.min(8)).min(LONGEST);
        self.failures += 1;
        let share = rand::rng().random_range(0.5..=1.0);
        tokio::time::sleep(longest.mul_f64(share)).await;
    }
}
