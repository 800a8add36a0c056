//! This machine's clock, and tokio's waits.

use domain::ids::Millis;
use ports::Elapsed;
use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// This machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock;

impl ports::Clock for Clock {
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = since.map_or(0, |since| since.as_millis());
        Millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    async fn timeout<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, Elapsed> {
        tokio::time::timeout(limit, work).await.map_err(|_| Elapsed)
    }
}
