//! Reverse replication: armed on new behind the fence, followed by old once RDS's own link is gone.
//!
//! A failure here never keeps production waiting: failback is marked unavailable, and people are notified.

use crate::{Held, Servers};
use domain::error::StepError;
use domain::ids::{Position, ResourceId};
use domain::record::Record;
use domain::reverse::{Link, LinkSeen, Unavailable};
use futures_util::future::try_join_all;
use ports::{Access, Endpoint, Error, Session, World};
use tracing::{info, warn};

/// Arms a link on new, which only we write to. A link that an earlier call armed is as good, and better than none once the
/// application is back.
///
/// # Errors
///
/// As [`Session::arm`]; `Upgrade.Refused` if the application may have written since it was let in.
pub async fn arm<S: Session>(
    session: &S,
    pusher: &S,
    link: &Link,
    is_closed: bool,
) -> Result<Position, Error> {
    if !is_closed && session.slot(&link.name).await?.is_none() {
        let late = "green took writes before its slot was made";
        return Err(StepError::refused(late).into());
    }
    session.arm(pusher, link).await
}

/// Whether old is still to be subscribed.
#[must_use]
pub fn is_due(record: &Record) -> bool {
    let reverse = record.reverse.as_ref();
    reverse.is_some_and(|reverse| !reverse.subscribed && reverse.unavailable.is_none())
}

/// Records the result of subscribing old. A failure makes failback unavailable and nothing else.
///
/// # Errors
///
/// If the record can't be written.
pub async fn note<W: World>(
    held: &mut Held<'_, W>,
    subscribed: Result<(), Error>,
) -> Result<(), Error> {
    match &subscribed {
        Ok(()) => info!("old follows"),
        Err(failed) => warn!(%failed, "old does not follow"),
    }
    held.change(|record| {
        if let Some(reverse) = &mut record.reverse {
            reverse.subscribed = subscribed.is_ok();
            reverse.unavailable = subscribed.err().map(|failed| {
                Unavailable::since(format!("old blue could not be subscribed: {failed}"))
            });
        }
    })
    .await
}

/// The links of a record, by database.
pub fn links(record: &Record) -> impl Iterator<Item = (&String, &Link)> {
    record.reverse.iter().flat_map(|reverse| &reverse.links)
}

/// The identities of old and new.
///
/// # Errors
///
/// `Upgrade.Failed` or `Upgrade.Refused` if the record has no writers.
pub fn ends(record: &Record) -> Result<(ResourceId, ResourceId), StepError> {
    let old = record.plan.writer()?.resource_id.clone();
    let new = record.green_writer()?.resource_id.clone();
    Ok((old, new))
}

/// One link, as it is seen on both ends.
///
/// # Errors
///
/// If an end can't be asked.
pub async fn look<W: World>(
    servers: &Servers<'_, W>,
    (old, new): (&ResourceId, &ResourceId),
    database: &str,
    name: &str,
) -> Result<LinkSeen, Error> {
    let new = servers.on(new, database, Access::AsServed).await?;
    let old = servers.on(old, database, Access::AsServed).await?;
    Ok(LinkSeen {
        slot: new.slot(name).await?,
        subscription: old.subscription(name).await?,
        tables: Some(new.shape().await?),
    })
}

/// Removes what is left of every link from both sides, given a session on each.
///
/// # Errors
///
/// If a session is gone.
pub async fn remove<'s, S: Session + 's>(
    ends: impl Iterator<Item = (&'s S, &'s S, &'s str)>,
) -> Result<(), Error> {
    let removals = ends.map(|(old, new, name)| async move {
        old.unsubscribe(name).await?;
        new.disarm(name).await
    });
    try_join_all(removals).await.map(drop)
}

/// New, by the name that it has after the switchover: blue's.
///
/// # Errors
///
/// `Upgrade.Failed` if the plan has no writer.
pub fn new_by_blues_name(record: &Record) -> Result<Endpoint, StepError> {
    let writer = record.plan.writer()?;
    Ok(Endpoint::new(&writer.address, writer.port))
}
