//! Old blue after the switchover: closed before anything else may let go of it.

use domain::error::StepError;
use domain::fence::{Fence, Side};
use domain::ids::ResourceId;
use domain::proof::Standing;
use domain::steps::rollback::fences;
use ports::{Access, Error, Rds, Session, SessionOf, World};
use std::time::Duration;
use steps::fencing::{self, DRAIN, is_kept};
use steps::{Call, Held, Servers};
use tracing::warn;

/// How often old is asked for a session before green is opened without it, and the time between two of them.
const TRIES: u32 = 3;
const BETWEEN: Duration = Duration::from_secs(1);

/// Whether an old that is open may take writes that green lacks: RDS's record, which kept it read-only, is gone.
///
/// # Errors
///
/// `Upgrade.Transient` if the record is gone and old can't be asked.
pub(crate) async fn is_unfenced<W: World>(
    held: &Held<'_, W>,
    servers: &Servers<'_, W>,
) -> Result<bool, Error> {
    let world = held.call.world;
    let old = &servers.plan.writer()?.resource_id;
    if world.rds().instance(old).await?.is_none() {
        return Ok(false);
    }
    // One that is closed is judged by `is_let_go`, once it was closed again.
    let found = standing(servers, old).await;
    let harmless = found.as_ref().is_ok_and(|old| !old.takes_writes());
    if harmless || is_kept(world, held.record()).await? {
        return Ok(false);
    }
    found.map(|_| true)
}

/// Old as the application sees it: a session that may write does not show the server's own default.
async fn standing<W: World>(servers: &Servers<'_, W>, old: &ResourceId) -> Result<Standing, Error> {
    let session = servers.anywhere_on(old, Access::AsServed).await?;
    session.standing(&servers.plan.application_roles).await
}

/// Whether an old that is closed now may have taken writes that green lacks: it was not seen to be closed while RDS kept it
/// read-only, and is not read-only any more. A session that wrote may have ended.
///
/// # Errors
///
/// If RDS or old can't be asked; `Upgrade.Transient` if old is open again, but still read-only: the next call closes it once more.
pub(crate) async fn is_let_go<W: World>(
    held: &Held<'_, W>,
    servers: &Servers<'_, W>,
) -> Result<bool, Error> {
    let world = held.call.world;
    let receipt = held.record().receipt.as_ref();
    let was_closed = receipt.is_some_and(|receipt| receipt.left_closed);
    if was_closed || is_kept(world, held.record()).await? {
        return Ok(false);
    }
    let old = &servers.plan.writer()?.resource_id;
    if world.rds().instance(old).await?.is_none() {
        return Ok(false);
    }
    let found = standing(servers, old).await?;
    if found.read_only && !found.is_closed() {
        return Err(StepError::transient("old blue lets the application in again").into());
    }
    Ok(!found.read_only)
}

/// What came of closing old.
pub(crate) enum Old {
    /// Closed and seen to be so, or gone.
    Closed,
    /// Nothing answers there.
    Away(Error),
    /// It answers and is not closed, and why.
    Open(String),
}

/// Why old can't be left to itself: what keeps it read-only may go only once its roles are seen to be closed.
pub(crate) async fn left_open<W: World>(
    held: &mut Held<'_, W>,
    servers: &Servers<'_, W>,
) -> Result<Option<String>, Error> {
    Ok(match close(held, servers).await? {
        Old::Closed => None,
        Old::Away(failed) => Some(format!("old can't be reached to be closed: {failed}")),
        Old::Open(why) => Some(format!("old still lets the application in: {why}")),
    })
}

/// Closes the application's roles on old, also where the record says that they were to be closed, and sees that no session
/// is left.
pub(crate) async fn close<W: World>(
    held: &mut Held<'_, W>,
    servers: &Servers<'_, W>,
) -> Result<Old, Error> {
    let old = servers.plan.writer()?.resource_id.clone();
    if held.call.world.rds().instance(&old).await?.is_none() {
        return Ok(Old::Closed);
    }
    let session = match reach(held.call, servers, &old).await {
        Ok(session) => session,
        Err(silent) if silent.is_transient() && !silent.is_refused_login() => {
            return Ok(Old::Away(silent));
        }
        Err(refused) => return Ok(Old::Open(refused.to_string())),
    };
    let fence = old_fence(held, &session, &old).await?;
    held.verify().await?;
    let names = &servers.plan.application_roles;
    Ok(match fencing::close(&session, &fence, names, DRAIN).await {
        Ok(closed) if closed.standing.is_closed() => Old::Closed,
        Ok(_) => Old::Open("application roles or sessions are back on it".to_owned()),
        Err(failed) => Old::Open(failed.to_string()),
    })
}

/// A session on old, for which it is asked a few times.
async fn reach<W: World>(
    call: &Call<'_, W>,
    servers: &Servers<'_, W>,
    old: &ResourceId,
) -> Result<SessionOf<W>, Error> {
    for _ in 1..TRIES {
        match servers.anywhere_on(old, Access::Write).await {
            Err(silent) if silent.is_transient() => warn!(%silent, "old blue not reached yet"),
            done => return done,
        }
        call.sleep(BETWEEN).await;
    }
    servers.anywhere_on(old, Access::Write).await
}

/// Old's fence as it was recorded before RDS was called, or recorded now where nothing of ours called it.
async fn old_fence<W: World>(
    held: &mut Held<'_, W>,
    session: &SessionOf<W>,
    old: &ResourceId,
) -> Result<Fence, Error> {
    let known = fences(held.record(), Side::Blue).find(|stands| stands.resource_id == *old);
    if let Some(known) = known {
        return Ok(known.clone());
    }
    let place = (Side::Blue, old);
    let fence = fencing::plan(held.record(), session, place, Fence::FOR_GOOD).await?;
    held.fence(fence.clone()).await?;
    Ok(fence)
}
