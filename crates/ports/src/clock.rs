//! Time. No step asks anything else for it, so that the simulation can run in virtual time.

use domain::ids::Millis;
use std::fmt;
use std::future::Future;
use std::time::Duration;

/// What is kept free before an invocation's deadline, in milliseconds.
const LAST_CALL: i64 = 5_000;

/// This machine's clock.
pub trait Clock {
    /// The present moment.
    fn now(&self) -> Millis;

    /// Waits.
    async fn sleep(&self, span: Duration);

    /// Waits for `work`, as long as `limit` at most. Work that is not done by then is dropped.
    ///
    /// # Errors
    ///
    /// If the limit was reached.
    async fn timeout<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, Elapsed>;
}

/// The limit of a [`Clock::timeout`] was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it took too long")
    }
}

impl std::error::Error for Elapsed {}

/// One call of a step by Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Lambda's own id of the call. Each retry has another.
    pub request_id: String,
    /// When Lambda ends the call, whatever it is doing.
    pub deadline: Millis,
}

impl Invocation {
    /// The time that is left until Lambda ends the call; zero once it is over.
    #[must_use]
    pub fn remaining(&self, now: Millis) -> Duration {
        let left = self.deadline.since(now);
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    /// The moment from which nothing new is begun, so that an answer still gets out before Lambda ends the call.
    #[must_use]
    pub const fn last_call(&self) -> Millis {
        Millis(self.deadline.0 - LAST_CALL)
    }
}
