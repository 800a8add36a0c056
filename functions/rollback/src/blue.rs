//! Blue, as it was before the upgrade.

use crate::servers::Servers;
use domain::error::StepError;
use domain::ids::{Millis, ResourceId};
use domain::record::{Fence, Side};
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::roles::Role;
use effects::postgres::{Access, fence, marker, roles};

/// Sees that blue takes a write in every database and lets the application log in, and removes what is ours there.
pub async fn verify(servers: &Servers<'_>, held: &mut Held<'_>) -> Result<Vec<String>, Error> {
    let writer = servers.plan.writer().map(|writer| &writer.resource_id);
    let writer = writer
        .ok_or_else(|| StepError::failed("the recorded plan has no member that takes writes"))?;
    let mut actions = roles_open(servers, held, writer).await?;
    for database in &servers.plan.databases {
        let session = servers.session(writer, database, Access::AsServed).await?;
        held.verify().await?;
        marker::create(&session).await?;
        marker::write(&session).await?;
        marker::remove(&session).await?;
    }
    actions.push(format!(
        "Blue takes writes in {} and lets the application log in.",
        servers.plan.databases.join(", ")
    ));
    Ok(actions)
}

/// A fence whose record was lost is known by its notice, which names this upgrade; what anybody else closed, also another
/// upgrade, is reported and left.
async fn roles_open(
    servers: &Servers<'_>,
    held: &mut Held<'_>,
    writer: &ResourceId,
) -> Result<Vec<String>, Error> {
    let session = servers.any_session(writer, Access::Write).await?;
    let found = roles::read(&session, &servers.plan.application_roles).await?;
    let (ours, others): (Vec<Role>, Vec<Role>) = found
        .into_iter()
        .filter(|role| !role.can_login)
        .partition(|role| fence::is_of(role, &held.ticket().owner));
    let mut actions: Vec<String> = others
        .iter()
        .map(|role| {
            format!(
                "{} can't log in; it was closed by somebody else.",
                role.name
            )
        })
        .collect();
    if !ours.is_empty() {
        let forgotten = Fence {
            side: Side::Blue,
            resource_id: writer.clone(),
            owner: held.ticket().owner.clone(),
            deadline: Millis(0),
            roles: fence::restoring(ours, None),
        };
        actions.push(servers.lift(held, &forgotten).await?);
    }
    Ok(actions)
}
