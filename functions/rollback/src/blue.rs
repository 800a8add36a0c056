//! Blue, as it was before the upgrade.

use domain::fence::{Fence, Role, Side, restoring};
use domain::ids::{Millis, ResourceId};
use ports::{Access, Error, Session, World};
use steps::{Held, Servers, fencing};

/// Sees that blue takes a write in every database and lets the application log in, and removes what is ours there.
pub(crate) async fn verify<W: World>(
    servers: &Servers<'_, W>,
    held: &mut Held<'_, W>,
) -> Result<Vec<String>, Error> {
    let writer = &servers.plan.writer()?.resource_id;
    let mut actions = roles_open(servers, held, writer).await?;
    for database in &servers.plan.databases {
        let session = servers.on(writer, database, Access::AsServed).await?;
        held.verify().await?;
        session.make_marker().await?;
        session.write_marker().await?;
        session.remove_marker().await?;
    }
    actions.push(format!(
        "Blue takes writes in {} and lets the application log in.",
        servers.plan.databases.join(", ")
    ));
    Ok(actions)
}

/// A fence whose record was lost is known by its notice, which names this upgrade; what anything else closed, also another
/// upgrade, is reported and left as it is.
async fn roles_open<W: World>(
    servers: &Servers<'_, W>,
    held: &mut Held<'_, W>,
    writer: &ResourceId,
) -> Result<Vec<String>, Error> {
    let session = servers.anywhere_on(writer, Access::Write).await?;
    let owner = held.ticket().owner.clone();
    let found = session.roles(&servers.plan.application_roles).await?;
    let (ours, others): (Vec<Role>, Vec<Role>) = found
        .into_iter()
        .filter(|role| !role.can_login)
        .partition(|role| role.fenced_by.as_ref() == Some(&owner));
    let mut actions: Vec<String> = others
        .iter()
        .map(|role| {
            format!(
                "{} can't log in; it was closed, but not by this upgrade.",
                role.name
            )
        })
        .collect();
    if !ours.is_empty() {
        let forgotten = Fence {
            side: Side::Blue,
            resource_id: writer.clone(),
            owner,
            deadline: Millis(0),
            roles: restoring(ours, None),
        };
        actions.push(fencing::lift_on(held, servers, &forgotten).await?);
    }
    Ok(actions)
}
