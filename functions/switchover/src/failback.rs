//! Part 7: reverse replication. Armed on new behind the fence; old follows once the forward link is gone.

use crate::sides::{PATIENCE, Sides};
use domain::error::StepError;
use domain::ids::Position;
use domain::plan::Plan;
use domain::record::Record;
use domain::request::WayBack;
use domain::reverse::{Link, Reverse, name};
use ports::{Access, Error, Rds, Session, SessionOf, World};
use std::time::Duration;
use steps::{Held, fencing, reverse};
use tracing::{info, warn};

/// How long RDS may take to remove the forward link, and old to be subscribed.
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(10);

/// Prepares reverse replication while green still takes reads: its tables, and the rights of their owners. `None` where no
/// failback is wanted.
pub(crate) async fn prepare<W: World>(
    sides: &Sides<'_, W>,
    plan: &Plan,
) -> Result<Option<Reverse>, Error> {
    if plan.request.way_back == WayBack::None {
        return Ok(None);
    }
    let mut planned = Reverse::default();
    for (index, database) in sides.databases.iter().enumerate() {
        let session = sides.new.open(database, Access::Write).await?;
        session.adopt().await?;
        let link = Link {
            name: name(index),
            position: Position::default(),
            tables: session.shape().await?,
        };
        planned.links.insert(database.clone(), link);
    }
    Ok(Some(planned))
}

/// Arms the link of one database of new; where its slot begins, or why there is none.
pub(crate) async fn arm<W: World>(
    sides: &Sides<'_, W>,
    record: &Record,
    database: &str,
    session: &SessionOf<W>,
    is_closed: bool,
) -> Result<Position, String> {
    let planned = record.reverse.as_ref();
    let link = planned.and_then(|planned| planned.links.get(database));
    let link = link.ok_or("none was prepared")?;
    let pusher = sides.on_new().map_err(|lost| lost.to_string())?;
    let armed = reverse::arm(session, pusher, link, is_closed).await;
    armed.map_err(|failed| failed.to_string())
}

/// Lets old follow new, unless it does so already, and deletes RDS's record of the deployment then: old is closed by its
/// roles, and a failback must not have to wait for RDS.
pub(crate) async fn follow_back<W: World>(
    held: &mut Held<'_, W>,
    sides: &mut Sides<'_, W>,
) -> Result<(), Error> {
    held.verify().await?;
    if let Some(armed) = &held.record().reverse
        && armed.unavailable.is_some()
        && !armed.subscribed
    {
        disarm(armed, sides).await;
    }
    // RDS's read-only goes with the deployment's record: it keeps old closed as long as its roles are not seen to be.
    let receipt = held.record().receipt.as_ref();
    let is_closed = receipt.is_some_and(|receipt| receipt.left_closed);
    if !is_closed || !reverse::is_due(held.record()) {
        return Ok(());
    }
    let subscribe = subscribe(held, sides);
    let subscribed = match held.call.timeout(SUBSCRIBED_WITHIN, subscribe).await {
        Ok(done) => done,
        Err(late) => Err(StepError::transient(late.to_string()).into()),
    };
    reverse::note(held, subscribed).await?;
    let reverse = held.record().reverse.as_ref();
    if reverse.is_some_and(Reverse::is_available) {
        forget_deployment(held, sides).await;
    }
    Ok(())
}

/// What fails here is done by whatever needs it done. Old is closed once more: a session that was logging in as its roles were closed
/// shows late, and RDS keeps it from writing only as long as the record stands.
async fn forget_deployment<W: World>(held: &Held<'_, W>, sides: &mut Sides<'_, W>) {
    let Some(green) = &held.record().green else {
        return;
    };
    let deleted = async {
        sides.reach_old().await?;
        held.verify().await?;
        let names = &held.record().plan.application_roles;
        let fence = held.record().fence_on(&sides.old.resource_id)?;
        fencing::keep_closed(held.call, sides.on_old()?, fence, names).await?;
        held.verify().await?;
        let rds = held.call.world.rds();
        rds.delete_deployment(&green.deployment, false).await
    };
    match deleted.await {
        Ok(()) => info!(deployment = %green.deployment, "deployment's record deleted"),
        Err(failed) => warn!(%failed, "deployment's record not deleted yet"),
    }
}

/// Drops the slots of an unavailable failback, which would fill green's disk.
async fn disarm<W: World>(armed: &Reverse, sides: &Sides<'_, W>) {
    for (database, link) in &armed.links {
        let gone = async {
            let session = sides.new.open(database, Access::AsServed).await?;
            session.disarm(&link.name).await
        };
        if let Err(failed) = gone.await {
            warn!(%failed, database, "a part of the reverse replication is left on green");
        }
    }
}

async fn subscribe<W: World>(held: &Held<'_, W>, sides: &Sides<'_, W>) -> Result<(), Error> {
    let now = reverse::new_by_blues_name(held.record())?;
    for (database, link) in reverse::links(held.record()) {
        let new = sides.new.open(database, Access::AsServed).await?;
        let old = sides.old.open(database, Access::Write).await?;
        let conninfo = sides.new.conninfo(&now, database).await?;
        let follow = async || old.follow(&new, link, &conninfo).await;
        held.call.patiently(PATIENCE, follow).await?;
    }
    Ok(())
}
