//! Blue, as it was before the upgrade.

use super::super::blue;
use super::lift;
use crate::call::Call;
use crate::held::Held;
use crate::world::Fallible;
use domain::ids::Millis;
use domain::record::{Fence, Side};
use effects::postgres::fence::{is_of, restoring};
use effects::postgres::roles::Role;

/// Sees that blue takes a write and lets the application log in, and removes what is ours there.
pub async fn verify(call: &Call, held: &mut Held) -> Fallible<Vec<String>> {
    let writer = blue(&held.record)?;
    let found = call.look("roles", |world| world.roles(&writer)).await?;
    let ours: Vec<Role> = found
        .into_iter()
        .filter(|role| !role.can_login && is_of(role, &held.record.ticket.owner))
        .collect();
    let mut actions = vec![];
    if !ours.is_empty() {
        let forgotten = Fence {
            side: Side::Blue,
            resource_id: writer.clone(),
            owner: held.record.ticket.owner.clone(),
            deadline: Millis(0),
            roles: restoring(ours, None),
        };
        actions.push(lift(call, held, &forgotten).await?);
    }
    held.verify().await?;
    call.act("make marker", |world| world.make_marker(&writer))
        .await?;
    call.act("write marker", |world| world.write_marker(&writer, true))
        .await?;
    call.act("remove marker", |world| world.remove_marker(&writer))
        .await?;
    actions.push("Blue takes writes and lets the application log in.".to_owned());
    Ok(actions)
}
