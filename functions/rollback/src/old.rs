//! Old blue after the switchover: closed before anything else may let go of it.

use crate::World;
use crate::servers::Servers;
use domain::error::StepError;
use domain::ids::ResourceId;
use domain::record::{Fence, Record, Side};
use domain::rollback::fences;
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::{Access, Session, fence, roles, sessions, standing};
use std::time::Duration;
use tracing::warn;

/// How often old is asked for a session before green is opened without it, and the time between two of them.
const TRIES: u32 = 3;
const BETWEEN: Duration = Duration::from_secs(1);

/// How long sessions are told to end.
const DRAIN: Duration = Duration::from_secs(5);

/// Whether old takes writes, and RDS's record, which kept it read-only, is gone.
///
/// # Errors
///
/// `Upgrade.Transient` if the record is gone and old can't be asked.
pub async fn is_loose(
    world: &World,
    servers: &Servers<'_>,
    held: &Held<'_>,
) -> Result<bool, Error> {
    let old = servers.plan.writer().map(|old| old.resource_id.clone());
    let old = old.ok_or_else(|| StepError::failed("the plan has no member that takes writes"))?;
    if world.instances.find(&old).await?.is_none() {
        return Ok(false);
    }
    let asked = async {
        let session = servers.any_session(&old, Access::AsServed).await?;
        standing::read(&session, &servers.plan.application_roles).await
    };
    match asked.await {
        Ok(found) if !found.takes_writes() => Ok(false),
        Ok(_) => Ok(!kept(world, held.record()).await?),
        Err(_) if kept(world, held.record()).await? => Ok(false),
        Err(silent) => Err(silent),
    }
}

/// Whether RDS keeps old read-only.
pub async fn kept(world: &World, record: &Record) -> Result<bool, Error> {
    let Some(green) = &record.green else {
        return Ok(false);
    };
    let found = world.deployments.describe(&green.deployment).await?;
    Ok(found.is_some_and(|found| found.keeps_old()))
}

/// What came of closing old.
pub enum Old {
    /// Closed and seen to be so, or gone.
    Closed,
    /// Nobody answers there.
    Away(Error),
    /// It answers and is not closed, and why.
    Open(String),
}

/// Why old can't be left to itself: what keeps it read-only may go only once its roles are seen to be closed.
pub async fn left_open(
    world: &World,
    servers: &Servers<'_>,
    held: &mut Held<'_>,
) -> Result<Option<String>, Error> {
    Ok(match close(world, servers, held).await? {
        Old::Closed => None,
        Old::Away(failed) => Some(format!("old can't be reached to be closed: {failed}")),
        Old::Open(why) => Some(format!("old still lets the application in: {why}")),
    })
}

/// Closes the application's roles on old, also where the record says that they were to be closed, and sees that nobody
/// is left.
pub async fn close(
    world: &World,
    servers: &Servers<'_>,
    held: &mut Held<'_>,
) -> Result<Old, Error> {
    let old = servers.plan.writer().map(|old| old.resource_id.clone());
    let old = old.ok_or_else(|| StepError::failed("the plan has no member that takes writes"))?;
    if world.instances.find(&old).await?.is_none() {
        return Ok(Old::Closed);
    }
    let session = match reach(servers, &old).await {
        Ok(session) => session,
        Err(refused) if refused.is_refused_login() => return Ok(Old::Open(refused.to_string())),
        Err(silent) if silent.is_transient() => return Ok(Old::Away(silent)),
        Err(refused) => return Ok(Old::Open(refused.to_string())),
    };
    let names = servers.plan.application_roles.clone();
    let closing = old_fence(held, &session, &old, &names).await?;
    held.verify().await?;
    Ok(match shut(&session, &closing, &names).await {
        Ok(true) => Old::Closed,
        Ok(false) => Old::Open("application roles or sessions are back on it".to_owned()),
        Err(failed) => Old::Open(failed.to_string()),
    })
}

/// A session on old, for which it is asked a few times.
async fn reach(servers: &Servers<'_>, old: &ResourceId) -> Result<Session, Error> {
    for _ in 1..TRIES {
        match servers.any_session(old, Access::Write).await {
            Err(silent) if silent.is_transient() => warn!(%silent, "old blue not reached yet"),
            done => return done,
        }
        tokio::time::sleep(BETWEEN).await;
    }
    servers.any_session(old, Access::Write).await
}

/// Raises the fence, ends the sessions, and looks whether that did it.
async fn shut(session: &Session, closing: &Fence, names: &[String]) -> Result<bool, Error> {
    fence::raise(session, closing).await?;
    sessions::drain(session, names, DRAIN).await?;
    Ok(standing::read(session, names).await?.is_closed())
}

/// Old's fence as it was recorded before RDS was called, or recorded now where nobody of ours called it.
async fn old_fence(
    held: &mut Held<'_>,
    session: &Session,
    old: &ResourceId,
    names: &[String],
) -> Result<Fence, Error> {
    let known = fences(held.record(), Side::Blue).find(|stands| stands.resource_id == *old);
    if let Some(known) = known {
        return Ok(known.clone());
    }
    let closing = Fence {
        side: Side::Blue,
        resource_id: old.clone(),
        owner: held.ticket().owner.clone(),
        deadline: Fence::FOR_GOOD,
        roles: fence::restoring(roles::read(session, names).await?, None),
    };
    held.fence(closing.clone()).await?;
    Ok(closing)
}
