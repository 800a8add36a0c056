//! How long a client waits before it tries again.

use rand::RngExt as _;
use std::time::Duration;

/// Doubles with each failure in a row up to a bound, each wait somewhere between half of it and all of it.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
    at_once: bool,
}

impl Backoff {
    /// A writer's, whose work waits. It tries again at once, as drivers do when the server says that it has ended the
    /// session, and then less and less often, but at least some 25 times a second: it is the one client that its pool lets
    /// try ([`super::writer::Pool`]). A try costs a server and its client some 6 ms of a core, refused or not, so that this is an
    /// eighth of one.
    ///
    /// Measured on one pair of servers, 20 switches there and back for each setting in turn, on two busy cores: 77 ms
    /// from the last commit to the next one (median), 95 with a bound of a second, 122 where each writer tries for itself
    /// up to a second (a storm delays the switchover that it waits for), 196 where each waits 150 to 300 ms at first.
    pub(super) const fn of_a_writer() -> Self {
        Self {
            at_once: true,
            ..Self::between(10, 40)
        }
    }

    /// A reader's: a pool's, which is in no hurry to replace a connection. All of them at once cost a quarter of a second of a
    /// core, which the writers want when they come back.
    pub(super) const fn of_a_reader() -> Self {
        Self::between(600, 1200)
    }

    const fn between(first: u64, longest: u64) -> Self {
        Self {
            next: Duration::from_millis(first),
            longest: Duration::from_millis(longest),
            at_once: false,
        }
    }

    /// Waits, longer with each failure in a row.
    pub(super) async fn wait(&mut self) {
        if std::mem::take(&mut self.at_once) {
            return;
        }
        let share = rand::rng().random_range(0.5..=1.0);
        tokio::time::sleep(self.next.mul_f64(share)).await;
        self.next = (self.next * 2).min(self.longest);
    }
}
