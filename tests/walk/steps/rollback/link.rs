//! The way back of a green that the switchover has not come to open itself.

use super::super::blue;
use crate::call::Call;
use crate::held::Held;
use crate::world::{Fallible, refused};
use domain::ids::{Lsn, ResourceId};
use domain::reverse::Unavailable;

/// Makes what is missing of the way back on green, while nobody but us writes there.
pub async fn arm(call: &Call, held: &mut Held, green: &ResourceId) -> Fallible<()> {
    let Some(planned) = held.record.reverse.clone() else {
        return Ok(());
    };
    if planned.subscribed || planned.unavailable.is_some() {
        return Ok(());
    }
    let standing = call.look("standing of green", |world| world.standing(green));
    let is_closed = standing.await?.is_closed();
    let mut armed = vec![];
    for database in planned.links.keys() {
        let made = one(call, green, is_closed).await;
        armed.push((database.clone(), made.map_err(|failed| failed.message)));
    }
    held.change(|record| record.reverse = Some(planned.armed(armed)))
        .await
}

async fn one(call: &Call, green: &ResourceId, is_closed: bool) -> Fallible<Lsn> {
    if !is_closed {
        let slot = call.look("slot", |world| world.slot_seen(green)).await?;
        if slot.is_none() {
            return refused("green took writes before its slot was made");
        }
    }
    call.act("arm", |world| world.arm(green)).await
}

/// Lets old follow green, once green serves. What fails closes the way back and nothing else.
pub async fn follow(call: &Call, held: &mut Held, green: &ResourceId) -> Fallible<()> {
    let reverse = held.record.reverse.as_ref();
    if !reverse.is_some_and(|reverse| !reverse.subscribed && reverse.unavailable.is_none()) {
        return Ok(());
    }
    held.verify().await?;
    let old = blue(&held.record)?;
    let subscribed = call.act("subscribe", |world| world.subscribe(&old, green));
    let failed = subscribed.await.err();
    held.change(|record| {
        if let Some(reverse) = &mut record.reverse {
            reverse.subscribed = failed.is_none();
            reverse.unavailable = failed.map(|failed| Unavailable::since(failed.message));
        }
    })
    .await
}
