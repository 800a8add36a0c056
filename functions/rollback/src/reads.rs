//! The reads: back on blue before anything that takes time.

use crate::Rollback;
use crate::look::look;
use domain::record::{Phase, Record};
use domain::request::Strategy;
use domain::rollback::Serving;
use effects::claims::Held;
use effects::error::Error;
use effects::metrics;
use effects::step::now;
use tracing::warn;

impl Rollback<'_> {
    /// Puts reads back before anything that takes time, and without waiting for another's lease. What fails here is
    /// tried again with the lease.
    pub(super) async fn reads_first(&mut self, record: &Record, at_once: bool) {
        let tried = async {
            let shared = record.plan.strategy == Strategy::BlueGreen;
            if at_once || shared && self.blue_serves(record).await? {
                let verify = async || self.world.claims.verify(&record.ticket).await;
                return self.reads_back(record, verify).await;
            }
            Ok(None)
        };
        match tried.await {
            Ok(done) => self.reads_are_back(record, done),
            Err(failed) => warn!(%failed, "reads not put back yet"),
        }
    }

    /// Notes what was done to bring reads back, where blue serves: once green does, blue's names lead to it.
    pub(super) fn reads_are_back(&mut self, record: &Record, done: Option<String>) {
        if done.is_some() {
            metrics::weight(&record.ticket, 0);
        }
        self.actions.extend(done);
    }

    async fn blue_serves(&self, record: &Record) -> Result<bool, Error> {
        if matches!(record.phase, Phase::After | Phase::Returning) {
            return Ok(false);
        }
        let looked = look(self.world, record).await?;
        Ok(looked.seen.serving == Serving::Blue)
    }

    /// Makes the weighted records what they were before the upgrade, unless they are so already.
    pub(super) async fn reads_back(
        &self,
        record: &Record,
        verify: impl AsyncFn() -> Result<(), Error>,
    ) -> Result<Option<String>, Error> {
        let Some(route) = &record.plan.reads else {
            return Ok(None);
        };
        let last_call = self.invocation.last_call();
        let before = self
            .world
            .routes
            .apply(route, &route.records, last_call, verify)
            .await?;
        let changed = !domain::routes::changes(&before, &route.records).is_empty();
        Ok(changed.then(|| format!("All reads of `{}` go to blue again.", route.name)))
    }
}

/// Writes down that all reads are on blue, from when clients are waited for.
pub async fn note_back(held: &mut Held<'_>) -> Result<(), Error> {
    held.change(|record| record.reads_back = Some(now())).await
}
