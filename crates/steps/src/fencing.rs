//! Raises and lifts the fences of switchover and failback.

use crate::{Call, Held, Servers};
use domain::error::StepError;
use domain::fence::{Fence, Side, restoring};
use domain::ids::{Millis, ResourceId};
use domain::proof::Standing;
use domain::record::Record;
use ports::{Access, Error, Rds, Session, World};
use std::time::Duration;
use tracing::info;

/// How long a server is closed again while sessions show late, in milliseconds.
const SHOWS_LATE: u64 = 5_000;
/// How long sessions may take to end.
pub const DRAIN: Duration = Duration::from_secs(5);

/// The fence that would close the application's roles on a server. What an earlier one found there counts, as it was recorded.
///
/// # Errors
///
/// If the roles can't be read.
pub async fn plan<S: Session>(
    record: &Record,
    session: &S,
    (side, resource_id): (Side, &ResourceId),
    deadline: Millis,
) -> Result<Fence, Error> {
    let seen = session.roles(&record.plan.application_roles).await?;
    let mut recorded = record.fences.iter();
    let earlier = recorded.find(|fence| fence.resource_id == *resource_id);
    Ok(Fence {
        side,
        resource_id: resource_id.clone(),
        owner: record.ticket.owner.clone(),
        deadline,
        roles: restoring(seen, earlier),
    })
}

/// What came of closing a server.
#[derive(Debug)]
pub struct Closed {
    /// How it stands then.
    pub standing: Standing,
    /// Sessions that were ended.
    pub ended: u32,
}

/// Closes a fence's roles, ends the sessions of `names`, and looks how the server stands then.
///
/// # Errors
///
/// If a role can't be altered, or a session may not be ended.
pub async fn close<S: Session>(
    session: &S,
    fence: &Fence,
    names: &[String],
    bound: Duration,
) -> Result<Closed, Error> {
    session.raise(fence).await?;
    let ended = session.drain(names, bound).await?.ended;
    if ended > 0 {
        info!(side = ?fence.side, sessions = ended, "sessions ended");
    }
    let standing = session.standing(names).await?;
    Ok(Closed { standing, ended })
}

/// As [`close`], before what keeps a server read-only goes: again while a session shows that was logging in as its roles were closed.
///
/// # Errors
///
/// As [`close`]; `Upgrade.Transient` if the application is still let in.
pub async fn keep_closed<W: World, S: Session>(
    call: &Call<'_, W>,
    session: &S,
    fence: &Fence,
    names: &[String],
) -> Result<(), Error> {
    let began = call.now();
    while call.elapsed(began) < SHOWS_LATE {
        if close(session, fence, names, DRAIN)
            .await?
            .standing
            .is_closed()
        {
            return Ok(());
        }
    }
    Err(StepError::transient("old blue lets the application in").into())
}

/// Opens a fence's roles, sees that they are open, and forgets the fence.
///
/// # Errors
///
/// `Upgrade.Transient` if a role is still closed then; as [`Session::lift`].
pub async fn lift<W: World, S: Session>(
    held: &mut Held<'_, W>,
    session: &S,
    fence: &Fence,
) -> Result<(), Error> {
    held.verify().await?;
    session.lift(fence).await?;
    let names = fence.role_names();
    let open = session.open_roles(&names).await?;
    let closed: Vec<&str> = names
        .iter()
        .filter(|name| !open.contains(name))
        .map(String::as_str)
        .collect();
    if !closed.is_empty() {
        let closed = closed.join(", ");
        let why = format!("still closed after the fence was lifted: {closed}");
        return Err(StepError::transient(why).into());
    }
    held.unfence(&fence.resource_id).await?;
    info!(side = ?fence.side, "fence lifted");
    Ok(())
}

/// As [`lift`], on the server with the fence's identity; what was done, for a person.
///
/// # Errors
///
/// As [`lift`] and [`Servers::on`].
pub async fn lift_on<W: World>(
    held: &mut Held<'_, W>,
    servers: &Servers<'_, W>,
    fence: &Fence,
) -> Result<String, Error> {
    let id = &fence.resource_id;
    let session = servers.anywhere_on(id, Access::Write).await?;
    lift(held, &session, fence).await?;
    Ok(format!(
        "{} can log in again.",
        fence.role_names().join(", ")
    ))
}

/// Whether RDS keeps old read-only: as long as its record of the deployment stands.
///
/// # Errors
///
/// If RDS can't be asked.
pub async fn is_kept<W: World>(world: &W, record: &Record) -> Result<bool, Error> {
    let Some(green) = &record.green else {
        return Ok(false);
    };
    let found = world.rds().deployment(&green.deployment).await?;
    Ok(found.is_some_and(|found| found.keeps_old()))
}
