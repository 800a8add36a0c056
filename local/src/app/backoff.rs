//! How long a client waits before it tries again.

use rand::RngExt as _;
use std::time::Duration;

/// Doubles with each failure in a row up to a bound, each wait somewhere between half of it and all of it.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// A writer's, whose work waits. A try costs the server some 6 ms of a core, so a storm of them would only make the
    /// switchover longer that they wait for.
    pub(super) const fn of_a_writer() -> Self {
        Self::between(300, 300)
    }

    /// A reader's: a pool's, which is in no hurry to replace a connection.
    pub(super) const fn of_a_reader() -> Self {
        Self::between(300, 1200)
    }

    const fn between(first: u64, longest: u64) -> Self {
        Self {
            next: Duration::from_millis(first),
            longest: Duration::from_millis(longest),
        }
    }

    /// Waits, longer with each failure in a row.
    pub(super) async fn wait(&mut self) {
        let share = rand::rng().random_range(0.5..=1.0);
        tokio::time::sleep(self.next.mul_f64(share)).await;
        self.next = (self.next * 2).min(self.longest);
    }
}
