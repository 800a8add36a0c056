//! The reverse replication of a green that the switchover did not open itself.

use domain::ids::ResourceId;
use ports::{Access, Error, Session, World};
use steps::{Held, Servers, reverse};

/// Arms what is not armed yet on green, while only we write there.
pub(crate) async fn arm<W: World>(
    servers: &Servers<'_, W>,
    held: &mut Held<'_, W>,
    green: &ResourceId,
) -> Result<(), Error> {
    let planned = held.record().reverse.clone();
    let Some(planned) = planned.filter(|_| reverse::is_due(held.record())) else {
        return Ok(());
    };
    let roles = &servers.plan.application_roles;
    let pusher = servers.anywhere_on(green, Access::AsServed).await?;
    let is_closed = pusher.standing(roles).await?.is_closed();
    let mut armed = vec![];
    for (database, link) in &planned.links {
        let session = servers.on(green, database, Access::AsServed).await?;
        let made = reverse::arm(&session, &pusher, link, is_closed).await;
        armed.push((database.clone(), made.map_err(|failed| failed.to_string())));
    }
    held.change(|record| record.reverse = Some(planned.armed(armed)))
        .await
}

/// Lets old follow green, once green serves. A failure makes failback unavailable and nothing else.
pub(crate) async fn follow<W: World>(
    servers: &Servers<'_, W>,
    held: &mut Held<'_, W>,
) -> Result<(), Error> {
    if !reverse::is_due(held.record()) {
        return Ok(());
    }
    held.verify().await?;
    let subscribed = subscribe(servers, held).await;
    reverse::note(held, subscribed).await
}

async fn subscribe<W: World>(servers: &Servers<'_, W>, held: &Held<'_, W>) -> Result<(), Error> {
    let (old, new) = reverse::ends(held.record())?;
    for (database, link) in reverse::links(held.record()) {
        let on_new = servers.on(&new, database, Access::AsServed).await?;
        let on_old = servers.on(&old, database, Access::Write).await?;
        let conninfo = servers.conninfo(&new, database).await?;
        on_old.follow(&on_new, link, &conninfo).await?;
    }
    Ok(())
}
