//! Looks at one upgrade. What can't be seen is nothing: it is no reason to do anything.

use domain::alarms::Reading;
use domain::error::StepError;
use domain::execution::Execution;
use domain::ids::{Owner, ResourceId};
use domain::record::{Phase, Record};
use domain::reverse::{Health, Link, LinkSeen, Reverse, SubscriptionSeen, health, limit, worst};
use domain::steps::sweep::Seen;
use futures_util::future::{join, ready};
use futures_util::{StreamExt, stream};
use ports::{Access, Alarms, Error, Executions, Observation, Session, World};
use std::time::Duration;
use steps::{Call, Servers, metrics, reverse};
use tracing::warn;

/// How long green is asked.
const GREEN_WITHIN: Duration = Duration::from_secs(15);

/// How long old is asked: it may be gone without a word.
const OLD_WITHIN: Duration = Duration::from_secs(8);

/// So many databases of a server are looked at at the same time.
const AT_ONCE: usize = 4;

/// A subscription of which nothing is known.
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

/// Everything that is decided by.
pub(crate) async fn look<W: World>(call: &Call<'_, W>, record: &Record) -> Seen {
    let open = record.phase != Phase::Ended;
    let upgrade = if open {
        execution(call.world, &record.ticket.owner).await
    } else {
        None
    };
    let rollback = match record.rollback.as_ref().filter(|_| open) {
        Some(rollback) => execution(call.world, rollback).await,
        None => None,
    };
    let (readings, link) = join(readings(call.world, record), link(call, record)).await;
    Seen {
        now: call.now(),
        upgrade,
        rollback,
        readings,
        link,
    }
}

async fn execution(world: &impl World, execution: &Owner) -> Option<Execution> {
    seen(world.executions().describe(execution).await)
}

async fn readings(world: &impl World, record: &Record) -> Option<Vec<Reading>> {
    let waits = matches!(record.phase, Phase::Before | Phase::After);
    record.token().filter(|_| waits)?;
    seen(world.alarms().read(&record.plan.alarms, None).await)
}

/// Green comes first: its disk is the one that fills, and an old that is silent is no reason to let it.
async fn link<W: World>(call: &Call<'_, W>, record: &Record) -> Option<Health> {
    let reverse = record.reverse.as_ref().filter(|_| record.is_guarded())?;
    let servers = Servers::of(call, record);
    let (old, new) = seen(reverse::ends(record).map_err(Error::from))?;
    let mut looked = green_ends(call, &servers, &new, reverse).await;
    if looked.is_empty() && !reverse.links.is_empty() {
        return None;
    }
    if let Some(bytes) = held_back(&looked) {
        metrics::tell(call.world, &record.ticket, &Observation::BackLag(bytes));
    }
    let alone = judged(record, &looked);
    if matches!(alone, Health::Overflowing(_)) || !reverse.is_available() {
        return Some(alone);
    }
    ask_old(call, &servers, &old, &mut looked).await;
    Some(judged(record, &looked))
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

/// The links that can be seen on green, as if each subscription on old were at rest.
async fn green_ends<'a, W: World>(
    call: &Call<'_, W>,
    servers: &Servers<'_, W>,
    new: &ResourceId,
    reverse: &'a Reverse,
) -> Vec<Looked<'a>> {
    let looks = reverse.links.iter().map(|(database, link)| async move {
        let look = async {
            let session = servers.on(new, database, Access::AsServed).await?;
            Ok(LinkSeen {
                slot: session.slot(&link.name).await?,
                subscription: Some(AT_REST),
                tables: Some(session.shape().await?),
            })
        };
        Some(Looked {
            database,
            link,
            seen: seen(in_time(call, GREEN_WITHIN, look).await)?,
        })
    });
    let looks: Vec<_> = looks.collect();
    let looked = stream::iter(looks).buffered(AT_ONCE);
    looked.filter_map(ready).collect().await
}

/// Completes the links with what old says in time; what it does not say stays unknown.
async fn ask_old<W: World>(
    call: &Call<'_, W>,
    servers: &Servers<'_, W>,
    old: &ResourceId,
    looked: &mut [Looked<'_>],
) {
    let asks = looked.iter().map(|looked| {
        let ask = async {
            let session = servers.on(old, looked.database, Access::AsServed).await?;
            session.subscription(&looked.link.name).await
        };
        in_time(call, OLD_WITHIN, ask)
    });
    let asks: Vec<_> = asks.collect();
    let answers: Vec<_> = stream::iter(asks).buffered(AT_ONCE).collect().await;
    for (looked, answer) in looked.iter_mut().zip(answers) {
        if let Some(subscription) = seen(answer) {
            looked.seen.subscription = subscription;
        }
    }
}

async fn in_time<W: World, T>(
    call: &Call<'_, W>,
    limit: Duration,
    look: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let looked = call.timeout(limit, look).await;
    looked.unwrap_or_else(|_| Err(StepError::transient("the server did not answer in time").into()))
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
