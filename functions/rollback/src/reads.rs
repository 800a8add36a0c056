//! The reads: back on blue before anything that takes time.

use crate::Rollback;
use crate::look::look;
use domain::record::{Phase, Record};
use domain::request::Strategy;
use domain::routes::Route;
use domain::steps::rollback::Serving;
use ports::{Error, Observation, World};
use steps::{Held, metrics};
use tracing::warn;

impl<W: World> Rollback<'_, W> {
    /// Puts reads back before anything that takes time, and without waiting for another's lease. What fails here is
    /// tried again with the lease.
    pub(super) async fn reads_first(&mut self, record: &Record, at_once: bool) {
        let tried = async {
            let shared = record.plan.strategy == Strategy::BlueGreen;
            if at_once || shared && self.blue_serves(record).await? {
                let verify = async || self.call.verify(&record.ticket).await;
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
            let none = Observation::Weight(0);
            metrics::tell(self.call.world, &record.ticket, &none);
        }
        self.actions.extend(done);
    }

    async fn blue_serves(&self, record: &Record) -> Result<bool, Error> {
        if matches!(record.phase, Phase::After | Phase::Returning) {
            return Ok(false);
        }
        let looked = look(self.call, record).await?;
        Ok(looked.seen.serving == Serving::Blue)
    }

    /// Makes the routes what they were before the upgrade, unless they are so already.
    pub(super) async fn reads_back(
        &self,
        record: &Record,
        verify: impl AsyncFn() -> Result<(), Error>,
    ) -> Result<Option<String>, Error> {
        let routes: Vec<Route> = record.plan.moved_early().cloned().collect();
        let names = self.lead_all(record, &routes, verify).await?;
        Ok(names.map(|names| format!("All of `{names}` goes to blue again.")))
    }

    /// Leads the reads to green, which serves: by the names that it took over, or by the addresses that these lead to. Where one still
    /// leads to old, the reconciler follows it.
    pub(super) async fn reads_to_green(&self, held: &Held<'_, W>) -> Result<Option<String>, Error> {
        let record = held.record();
        let by_name = record.plan.reads.iter();
        let by_name = by_name.filter(|route| !route.has_addresses()).cloned();
        let mut routes = record.crossed(&record.plan.hosts())?;
        routes.extend(by_name);
        let verify = async || held.verify().await;
        let names = self.lead_all(record, &routes, verify).await?;
        Ok(names.map(|names| format!("All of `{names}` goes to green.")))
    }

    /// Makes the routes as wanted; the names of those that were not. One that fails is in no other's way.
    async fn lead_all(
        &self,
        record: &Record,
        routes: &[Route],
        verify: impl AsyncFn() -> Result<(), Error>,
    ) -> Result<Option<String>, Error> {
        let deadline = self.call.invocation.last_call();
        let hosts = self.call.hosts(record).await?;
        let (mut changed, mut led) = (vec![], Ok(()));
        for route in routes {
            match routes::apply(self.call.world, route, &hosts, deadline, &verify).await {
                Ok(before) if route.is_met_by(before.as_ref()) => {}
                Ok(_) => changed.push(route.name()),
                Err(failed) => led = led.and(Err(failed)),
            }
        }
        led.map(|()| (!changed.is_empty()).then(|| changed.join("` and `")))
    }
}

/// Writes down that all reads are on blue, from when clients are waited for.
pub(super) async fn note_back<W: World>(held: &mut Held<'_, W>) -> Result<(), Error> {
    let now = held.call.now();
    held.change(|record| record.reads_back = Some(now)).await
}
