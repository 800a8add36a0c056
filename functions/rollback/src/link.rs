//! The way back of a green that the switchover has not come to open itself.

use crate::servers::Servers;
use domain::error::StepError;
use domain::ids::{Lsn, ResourceId};
use domain::reverse::{Link, Unavailable};
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::{Access, Session, reverse, standing};
use tracing::{info, warn};

/// Makes what is missing of the way back on green, while nobody but us writes there.
pub async fn arm(
    servers: &Servers<'_>,
    held: &mut Held<'_>,
    green: &ResourceId,
) -> Result<(), Error> {
    let Some(planned) = held.record().reverse.clone() else {
        return Ok(());
    };
    if planned.subscribed || planned.unavailable.is_some() {
        return Ok(());
    }
    let roles = &servers.plan.application_roles;
    let pusher = servers.any_session(green, Access::AsServed).await?;
    let is_closed = standing::read(&pusher, roles).await?.is_closed();
    let mut armed = vec![];
    for (database, link) in &planned.links {
        let session = servers.session(green, database, Access::AsServed).await?;
        let made = one(&session, &pusher, link, is_closed).await;
        armed.push((database.clone(), made.map_err(|failed| failed.to_string())));
    }
    held.change(|record| record.reverse = Some(planned.armed(armed)))
        .await
}

async fn one(
    session: &Session,
    pusher: &Session,
    link: &Link,
    is_closed: bool,
) -> Result<Lsn, Error> {
    if !is_closed && reverse::slot(session, &link.name).await?.is_none() {
        let late = "green took writes before its slot was made";
        return Err(StepError::refused(late).into());
    }
    reverse::arm(session, pusher, &link.name, &link.tables).await
}

/// Lets old follow green, once green serves. What fails closes the way back and nothing else.
pub async fn follow(
    servers: &Servers<'_>,
    held: &mut Held<'_>,
    green: &ResourceId,
) -> Result<(), Error> {
    let waits = |record: &domain::record::Record| {
        let reverse = record.reverse.as_ref();
        reverse.is_some_and(|reverse| !reverse.subscribed && reverse.unavailable.is_none())
    };
    if !waits(held.record()) {
        return Ok(());
    }
    held.verify().await?;
    let failed = subscribe(servers, held, green).await.err();
    if let Some(failed) = &failed {
        warn!(%failed, "old does not follow");
    } else {
        info!("old follows");
    }
    held.change(|record| {
        if let Some(reverse) = &mut record.reverse {
            reverse.subscribed = failed.is_none();
            reverse.unavailable = failed.map(|failed| {
                Unavailable::since(format!("old blue could not be subscribed: {failed}"))
            });
        }
    })
    .await
}

async fn subscribe(
    servers: &Servers<'_>,
    held: &Held<'_>,
    green: &ResourceId,
) -> Result<(), Error> {
    let old = servers.plan.writer().map(|old| old.resource_id.clone());
    let old = old.ok_or_else(|| StepError::failed("the plan has no writer"))?;
    let links = held
        .record()
        .reverse
        .iter()
        .flat_map(|reverse| &reverse.links);
    for (database, link) in links {
        let new = servers.session(green, database, Access::AsServed).await?;
        let session = servers.session(&old, database, Access::Write).await?;
        let conninfo = servers.conninfo(green, database).await?;
        reverse::follow(&new, &session, link, &conninfo).await?;
    }
    Ok(())
}
