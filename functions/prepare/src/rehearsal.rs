//! The rehearsal of the fence, on green, which serves nobody yet.

use domain::error::StepError;
use domain::ids::ResourceId;
use domain::prepare::rehearsed;
use domain::record::{Fence, Side};
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::inspect::MAINTENANCE;
use effects::postgres::{Access, Connector, Endpoint, Session, fence, roles};
use effects::step::Invocation;
use tracing::info;

/// Closes the application's roles on green and opens them again. The record knows of the fence before it stands, so that
/// one that was left by a crash is found; the next run takes it down.
pub(crate) async fn run(
    held: &mut Held<'_>,
    connector: &Connector,
    green: &Endpoint,
    invocation: &Invocation,
) -> Result<String, Error> {
    let session = connector.connect(green, MAINTENANCE, Access::Write).await?;
    let stands = registered(held, &session, invocation).await?;
    held.verify().await?;
    fence::raise(&session, &stands).await?;
    let leaking = roles::open(&session, &names(&stands)).await;
    // Whatever the answer was, the fence comes down before anything else is said.
    fence::lift(&session, &stands).await?;
    let opened = roles::open(&session, &names(&stands)).await?;
    let line = rehearsed(&names(&stands), &leaking?, &opened).map_err(StepError::refused)?;
    held.unfence(&stands.resource_id).await?;
    info!(roles = stands.roles.len(), "fence rehearsed");
    Ok(line)
}

async fn registered(
    held: &mut Held<'_>,
    session: &Session,
    invocation: &Invocation,
) -> Result<Fence, Error> {
    let record = held.record();
    let resource_id = writer(held)?;
    let seen = roles::read(session, &record.plan.application_roles).await?;
    let earlier = record
        .fences
        .iter()
        .find(|fence| fence.resource_id == resource_id);
    let stands = Fence {
        side: Side::Green,
        roles: fence::restoring(seen, earlier),
        owner: record.ticket.owner.clone(),
        deadline: invocation.deadline,
        resource_id,
    };
    held.fence(stands.clone()).await?;
    Ok(stands)
}

fn writer(held: &Held<'_>) -> Result<ResourceId, Error> {
    let green = held.record().green.as_ref();
    let writer = green.and_then(|green| green.members.first());
    let writer = writer.ok_or_else(|| StepError::refused("green has no instance"))?;
    Ok(writer.resource_id.clone())
}

fn names(fence: &Fence) -> Vec<String> {
    fence.roles.iter().map(|role| role.name.clone()).collect()
}
