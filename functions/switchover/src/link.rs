//! Part 7: the way back. Armed on new behind the fence; old follows once the forward link is gone.
//!
//! Whatever goes wrong here never keeps production waiting: the way back is marked unavailable, and people are told.

use crate::Bridge;
use crate::sides::{PATIENCE, Sides, opened, patiently};
use domain::error::StepError;
use domain::ids::Lsn;
use domain::plan::Plan;
use domain::record::Record;
use domain::request::WayBack;
use domain::reverse::{Link, Reverse, Unavailable, name};
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::{Access, Endpoint, Session, reverse};
use std::time::Duration;
use tracing::{info, warn};

/// How long RDS may take to remove the forward link, and old to be subscribed.
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(10);

/// What the way back will be, while green is still read: its tables, and our part in their owners' rights. Nothing where
/// none is wanted.
pub(crate) async fn prepare(sides: &Sides, plan: &Plan) -> Result<Option<Reverse>, Error> {
    if plan.request.way_back == WayBack::None {
        return Ok(None);
    }
    let mut planned = Reverse {
        links: [].into(),
        subscribed: false,
        unavailable: None,
        warned: false,
        told: false,
    };
    for (index, database) in sides.databases.iter().enumerate() {
        let session = sides.new.open(database, Access::Write).await?;
        reverse::adopt(&session).await?;
        let link = Link {
            name: name(index),
            position: Lsn(0),
            tables: reverse::shape(&session).await?,
        };
        planned.links.insert(database.clone(), link);
    }
    Ok(Some(planned))
}

/// Makes publication and slot in one database of new, which nobody but us writes to. A slot that an earlier call made is as
/// good, and better than none once the application is back.
pub(crate) async fn arm(
    sides: &Sides,
    record: &Record,
    database: &str,
    session: &Session,
    is_closed: bool,
) -> Result<Lsn, String> {
    let link = record
        .reverse
        .as_ref()
        .and_then(|planned| planned.links.get(database));
    let link = link.ok_or("none was prepared")?;
    if !is_closed && !is_armed(session, link).await {
        return Err("green took writes before its slot was made".to_owned());
    }
    let pusher = opened(sides.new_roles.as_ref()).map_err(|lost| lost.to_string())?;
    let made = reverse::arm(session, pusher, &link.name, &link.tables).await;
    made.map_err(|failed| failed.to_string())
}

async fn is_armed(session: &Session, link: &Link) -> bool {
    matches!(reverse::slot(session, &link.name).await, Ok(Some(_)))
}

impl Bridge {
    /// Lets old follow new, unless it does so already, and deletes RDS's record of the deployment then: old is closed by its
    /// roles, and a way back must not have to wait for RDS.
    pub(crate) async fn follow_back(
        &self,
        held: &mut Held<'_>,
        sides: &mut Sides,
    ) -> Result<(), Error> {
        let Some(armed) = held.record().reverse.clone() else {
            return Ok(());
        };
        if armed.unavailable.is_some() && !armed.subscribed {
            disarm(&armed, sides).await;
        }
        if armed.subscribed || armed.unavailable.is_some() {
            return Ok(());
        }
        // RDS's read-only goes with the deployment's record: it keeps old closed as long as its roles are not seen to be.
        let receipt = held.record().receipt.as_ref();
        if !receipt.is_some_and(|receipt| receipt.left_closed) {
            return Ok(());
        }
        held.verify().await?;
        let subscribed = tokio::time::timeout(SUBSCRIBED_WITHIN, subscribe(held.record(), sides));
        let subscribed = match subscribed.await {
            Ok(done) => done,
            Err(_) => Err(StepError::transient("it took too long").into()),
        };
        let unavailable = subscribed.err().map(|failed| {
            warn!(%failed, "old does not follow");
            Unavailable::since(format!("old blue could not be subscribed: {failed}"))
        });
        let follows = unavailable.is_none();
        held.change(|record| {
            if let Some(reverse) = &mut record.reverse {
                reverse.subscribed = follows;
                reverse.unavailable = unavailable;
            }
        })
        .await?;
        if follows {
            info!("old follows");
            self.forget_deployment(held).await;
        }
        Ok(())
    }

    /// What fails here is done by whoever needs it done.
    async fn forget_deployment(&self, held: &Held<'_>) {
        let Some(green) = &held.record().green else {
            return;
        };
        let deleted = async {
            held.verify().await?;
            self.deployments.delete(&green.deployment, false).await
        };
        match deleted.await {
            Ok(()) => info!(deployment = %green.deployment, "deployment's record deleted"),
            Err(failed) => warn!(%failed, "deployment's record not deleted yet"),
        }
    }
}

/// Leaves nothing that would fill green's disk for a way back that is closed.
async fn disarm(armed: &Reverse, sides: &Sides) {
    for (database, link) in &armed.links {
        let gone = async {
            let session = sides.new.open(database, Access::AsServed).await?;
            reverse::disarm(&session, &link.name).await
        };
        if let Err(failed) = gone.await {
            warn!(%failed, database, "a part of the way back is left on green");
        }
    }
}

async fn subscribe(record: &Record, sides: &Sides) -> Result<(), Error> {
    let links = record.reverse.iter().flat_map(|reverse| &reverse.links);
    let writer = record.plan.writer();
    let writer = writer.ok_or_else(|| StepError::refused("the plan has no writer"))?;
    // New has blue's name now.
    let new = Endpoint::new(&writer.address, writer.port);
    for (database, link) in links {
        let session = sides.new.open(database, Access::AsServed).await?;
        let old = sides.old.open(database, Access::Write).await?;
        let conninfo = sides.new.conninfo(&new, database).await?;
        patiently(PATIENCE, async || {
            reverse::follow(&session, &old, link, &conninfo).await
        })
        .await?;
    }
    Ok(())
}
