//! The rehearsal of the fence, on green, which serves nothing yet.

use domain::error::StepError;
use domain::fence::Side;
use domain::steps::prepare::rehearsed;
use ports::{Access, Engine, Error, Session, World};
use steps::{Held, Servers, fencing};
use tracing::info;

/// Closes the application's roles on green and opens them again. The fence is recorded before it stands, so one that
/// was left by a crash is found; the next run lifts it.
pub(crate) async fn run<W: World>(
    held: &mut Held<'_, W>,
    servers: &Servers<'_, W>,
) -> Result<String, Error> {
    let maintenance = servers.engine().await?.maintenance();
    let session = servers.green(maintenance, Access::Write).await?;
    let green = held.record().green_writer()?.resource_id.clone();
    let deadline = held.call.invocation.deadline;
    let place = (Side::Green, &green);
    let stands = fencing::plan(held.record(), &session, place, deadline).await?;
    held.fence(stands.clone()).await?;
    held.verify().await?;
    let names = stands.role_names();
    session.raise(&stands).await?;
    let leaking = session.open_roles(&names).await;
    // Whatever the answer was, the fence comes down before anything else is said.
    session.lift(&stands).await?;
    let opened = session.open_roles(&names).await?;
    let line = rehearsed(&names, &leaking?, &opened).map_err(StepError::refused)?;
    held.unfence(&stands.resource_id).await?;
    info!(roles = names.len(), "fence rehearsed");
    Ok(line)
}
