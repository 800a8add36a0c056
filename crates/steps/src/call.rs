//! One call of a step.

use domain::ids::Millis;
use domain::record::Record;
use ports::{Clock, Elapsed, Error, Invocation, Rds, World};
use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

/// The time between two attempts of something that is tried patiently.
const BETWEEN: Duration = Duration::from_millis(10);

/// One call of a step: the world, and how long Lambda lets it act there.
#[derive(Debug)]
pub struct Call<'w, W> {
    /// Everything outside of the step.
    pub world: &'w W,
    /// Lambda's part.
    pub invocation: Invocation,
}

impl<'w, W> From<(&'w W, Invocation)> for Call<'w, W> {
    fn from((world, invocation): (&'w W, Invocation)) -> Self {
        Self { world, invocation }
    }
}

impl<W: World> Call<'_, W> {
    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.world.clock().now()
    }

    /// Milliseconds since a moment; none if the clock went back.
    #[must_use]
    pub fn elapsed(&self, since: Millis) -> u64 {
        u64::try_from(self.now().since(since)).unwrap_or(0)
    }

    /// The time that is left until Lambda ends the call.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.invocation.remaining(self.now())
    }

    /// Whether nothing new is begun any more.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.now() >= self.invocation.last_call()
    }

    /// Waits.
    pub async fn sleep(&self, span: Duration) {
        self.world.clock().sleep(span).await;
    }

    /// Waits for `work`, as long as `limit` at most.
    ///
    /// # Errors
    ///
    /// If the limit was reached.
    pub async fn timeout<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, Elapsed> {
        self.world.clock().timeout(limit, work).await
    }

    /// Every host of either side, that of blue's instances under their present names among them where a route leads to addresses.
    ///
    /// # Errors
    ///
    /// If RDS can't be asked.
    pub async fn hosts(&self, record: &Record) -> Result<BTreeSet<String>, Error> {
        let mut instances = vec![];
        if record.plan.by_address().next().is_some() {
            for member in &record.plan.members {
                instances.extend(self.world.rds().instance(&member.resource_id).await?);
            }
        }
        Ok(record.hosts(&instances))
    }

    /// Attempts something until it succeeds; after `patience` its failure counts.
    ///
    /// # Errors
    ///
    /// The first failure after `patience`.
    pub async fn patiently<T>(
        &self,
        patience: Duration,
        mut attempt: impl AsyncFnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let began = self.now();
        loop {
            match attempt().await {
                Err(failed) if u128::from(self.elapsed(began)) >= patience.as_millis() => {
                    return Err(failed);
                }
                Err(_) => self.sleep(BETWEEN).await,
                done => return done,
            }
        }
    }
}

/// What each part of a flow took, in milliseconds.
#[derive(Debug)]
pub struct Laps {
    /// The parts so far, in order.
    pub parts: Vec<(String, u64)>,
    since: Millis,
}

impl Laps {
    /// The first part begins now.
    #[must_use]
    pub fn begin<W: World>(call: &Call<'_, W>) -> Self {
        Self {
            parts: vec![],
            since: call.now(),
        }
    }

    /// When the present part began.
    #[must_use]
    pub const fn began(&self) -> Millis {
        self.since
    }

    /// A part is over, and the next begins.
    pub fn lap<W: World>(&mut self, call: &Call<'_, W>, name: &str) {
        self.parts.push((name.to_owned(), call.elapsed(self.since)));
        self.since = call.now();
    }
}
