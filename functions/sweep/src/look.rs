//! Looks at one upgrade. What can't be seen is nothing: it is no reason to do anything.

use crate::World;
use domain::error::StepError;
use domain::ids::{Owner, ResourceId};
use domain::record::{Green, Phase, Record};
use domain::reverse::{Health, Link, LinkSeen, Reverse, SubscriptionSeen, health, limit, worst};
use domain::sweep::{Execution, Seen};
use domain::watch::Reading;
use effects::error::Error;
use effects::metrics;
use effects::postgres::inspect::MAINTENANCE;
use effects::postgres::{Access, Session, reverse};
use effects::step::now;
use futures_util::future::{join, ready};
use futures_util::{StreamExt, stream};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

/// How long green is asked.
const GREEN_WITHIN: Duration = Duration::from_secs(15);

/// How long old is asked: it may be gone without a word.
const OLD_WITHIN: Duration = Duration::from_secs(8);

/// So many databases of a server are looked at at the same time.
const AT_ONCE: usize = 4;

/// A subscription of which nobody knows.
const AT_REST: SubscriptionSeen = SubscriptionSeen {
    enabled: true,
    working: false,
    tables: None,
};

/// A link and what was seen of it.
struct Looked<'a> {
    database: &'a str,
    link: &'a Link,
    seen: LinkSeen,
}

fn judged(record: &Record, looked: &[Looked<'_>]) -> Health {
    let limit = limit(&record.plan);
    let healths = looked
        .iter()
        .map(|one| health(one.database, one.link, &one.seen, limit));
    worst(healths.collect())
}

/// Bytes of the log that the slots hold, as far as they were seen: they share one log, of which the farthest behind holds
/// most.
fn held_back(looked: &[Looked<'_>]) -> Option<u64> {
    let slots = looked.iter().filter_map(|one| one.seen.slot);
    slots.map(|slot| slot.held).max()
}

async fn in_time<T>(
    until: Instant,
    look: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let looked = timeout_at(until, look).await;
    looked.unwrap_or_else(|_| Err(StepError::transient("the server did not answer in time").into()))
}

impl World {
    pub(crate) async fn look(&self, record: &Record) -> Seen {
        let open = record.phase != Phase::Ended;
        let upgrade = if open {
            self.execution(&record.ticket.owner).await
        } else {
            None
        };
        let rollback = match record.rollback.as_ref().filter(|_| open) {
            Some(rollback) => self.execution(rollback).await,
            None => None,
        };
        let (readings, link) = join(self.readings(record), self.link(record)).await;
        Seen {
            now: now(),
            upgrade,
            rollback,
            readings,
            link,
        }
    }

    async fn execution(&self, execution: &Owner) -> Option<Execution> {
        seen(self.executions.describe(execution).await)
    }

    async fn readings(&self, record: &Record) -> Option<Vec<Reading>> {
        let waits = matches!(record.phase, Phase::Before | Phase::After);
        record.token().filter(|_| waits)?;
        seen(self.alarms.read(&record.plan.alarms).await)
    }

    /// Green comes first: its disk is the one that fills, and an old that is silent is no reason to let it.
    async fn link(&self, record: &Record) -> Option<Health> {
        let reverse = record.reverse.as_ref().filter(|_| record.is_guarded())?;
        let mut looked = self.green_sides(record, reverse).await;
        if looked.is_empty() && !reverse.links.is_empty() {
            return None;
        }
        if let Some(bytes) = held_back(&looked) {
            metrics::back_lag(&record.ticket, bytes);
        }
        let alone = judged(record, &looked);
        if matches!(alone, Health::Overflowing(_)) || !reverse.is_available() {
            return Some(alone);
        }
        self.ask_old(record, &mut looked).await;
        Some(judged(record, &looked))
    }

    /// The links that can be seen on green, as if each subscription on old were at rest.
    async fn green_sides<'a>(&self, record: &Record, reverse: &'a Reverse) -> Vec<Looked<'a>> {
        let until = Instant::now() + GREEN_WITHIN;
        let looks = reverse.links.iter().map(|(database, link)| async move {
            let look = self.green_side(record, database, &link.name);
            let seen = seen(in_time(until, look).await)?;
            Some(Looked {
                database,
                link,
                seen,
            })
        });
        let looks: Vec<_> = looks.collect();
        let looked = stream::iter(looks).buffered(AT_ONCE);
        looked.filter_map(ready).collect().await
    }

    async fn green_side(
        &self,
        record: &Record,
        database: &str,
        name: &str,
    ) -> Result<LinkSeen, Error> {
        let new = record.green.as_ref().and_then(Green::writer);
        let new = new.ok_or_else(|| StepError::failed("the record names no green"))?;
        let new = self
            .session(record, &new.resource_id, Some(database), Access::AsServed)
            .await?;
        Ok(LinkSeen {
            slot: reverse::slot(&new, name).await?,
            subscription: Some(AT_REST),
            tables: Some(reverse::shape(&new).await?),
        })
    }

    /// Completes the links with what old says in time; of what it does not say nobody knows.
    async fn ask_old(&self, record: &Record, looked: &mut [Looked<'_>]) {
        let until = Instant::now() + OLD_WITHIN;
        let asks = looked.iter().map(|looked| {
            let ask = self.old_side(record, looked.database, &looked.link.name);
            in_time(until, ask)
        });
        let asks: Vec<_> = asks.collect();
        let answers: Vec<_> = stream::iter(asks).buffered(AT_ONCE).collect().await;
        for (looked, answer) in looked.iter_mut().zip(answers) {
            if let Some(subscription) = seen(answer) {
                looked.seen.subscription = subscription;
            }
        }
    }

    async fn old_side(
        &self,
        record: &Record,
        database: &str,
        name: &str,
    ) -> Result<Option<SubscriptionSeen>, Error> {
        let old = record.plan.writer();
        let old = old.ok_or_else(|| StepError::failed("the record names no writer"))?;
        let old = self
            .session(record, &old.resource_id, Some(database), Access::AsServed)
            .await?;
        reverse::subscription(&old, name).await
    }

    /// A session on the server with this identity, whatever it is called now.
    pub(crate) async fn session(
        &self,
        record: &Record,
        resource_id: &ResourceId,
        database: Option<&str>,
        access: Access,
    ) -> Result<Session, Error> {
        let endpoint = self.instances.endpoint(resource_id).await?;
        let connector = self
            .secrets
            .connector(&record.plan.database, &self.resolver)
            .await?;
        connector
            .connect(&endpoint, database.unwrap_or(MAINTENANCE), access)
            .await
    }
}

fn seen<T>(looked: Result<T, Error>) -> Option<T> {
    match looked {
        Ok(found) => Some(found),
        Err(failed) => {
            warn!(%failed, "not seen");
            None
        }
    }
}
