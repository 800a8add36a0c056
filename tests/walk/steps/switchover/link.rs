//! The way back: armed on new behind the fence; old follows once the forward link is gone.

use super::super::{blue, green, patiently};
use crate::call::Call;
use crate::held::Held;
use crate::world::Fallible;
use crate::world::postgres::shape;
use domain::ids::{Lsn, ResourceId};
use domain::record::Record;
use domain::request::WayBack;
use domain::reverse::{Link, Reverse, Unavailable, name};

/// What the way back will be.
pub async fn prepare(call: &Call, record: &Record) -> Fallible<Option<Reverse>> {
    if record.plan.request.way_back == WayBack::None {
        return Ok(None);
    }
    let new = green(record)?;
    call.look("shape", |world| world.reach(&new).map(drop))
        .await?;
    let link = |index| Link {
        name: name(index),
        position: Lsn(0),
        tables: shape(),
    };
    let databases = record.plan.databases.iter().enumerate();
    Ok(Some(Reverse {
        links: databases
            .map(|(index, database)| (database.clone(), link(index)))
            .collect(),
        subscribed: false,
        unavailable: None,
        warned: false,
        told: false,
    }))
}

/// Makes the slot on new, which nobody but us writes to.
pub async fn arm(
    call: &Call,
    record: &Record,
    new: &ResourceId,
    is_closed: bool,
) -> Result<Lsn, String> {
    record.reverse.as_ref().ok_or("none was prepared")?;
    if !is_closed {
        let armed = call.look("slot", |world| Ok(world.reach(new)?.slot)).await;
        if !matches!(armed, Ok(Some(_))) {
            return Err("green took writes before its slot was made".to_owned());
        }
    }
    let made = call.act("arm", |world| world.arm(new)).await;
    made.map_err(|failed| failed.message)
}

/// Lets old follow new, unless it does so already, and deletes RDS's record of the deployment then.
pub async fn follow_back(call: &Call, held: &mut Held) -> Fallible<()> {
    let Some(armed) = held.record.reverse.clone() else {
        return Ok(());
    };
    let (old, new) = (blue(&held.record)?, green(&held.record)?);
    if armed.unavailable.is_some() && !armed.subscribed {
        let _ = call.act("disarm", |world| world.disarm(&new)).await;
    }
    if armed.subscribed || armed.unavailable.is_some() {
        return Ok(());
    }
    // RDS's read-only goes with the deployment's record.
    let receipt = held.record.receipt.as_ref();
    if !receipt.is_some_and(|receipt| receipt.left_closed) {
        return Ok(());
    }
    held.verify().await?;
    let subscribed = patiently(call, 5_000, async || {
        call.act("subscribe", |world| world.subscribe(&old, &new))
            .await
    });
    let unavailable = subscribed
        .await
        .err()
        .map(|failed| Unavailable::since(failed.message));
    let follows = unavailable.is_none();
    held.change(|record| {
        if let Some(reverse) = &mut record.reverse {
            reverse.subscribed = follows;
            reverse.unavailable = unavailable;
        }
    })
    .await?;
    if follows && let Some(green) = held.record.green.clone() {
        let deleted = async {
            held.verify().await?;
            call.act("delete record", |world| {
                world.delete_deployment(&green.deployment, false)
            })
            .await
        };
        let _ = deleted.await;
    }
    Ok(())
}
