//! Green: taken down before the switchover, opened after it.

use super::super::switchover::proof::kept;
use super::super::{blue, is_transient};
use super::{Looked, lift, link};
use crate::call::Call;
use crate::held::Held;
use crate::world::Fallible;
use domain::error::StepError;
use domain::ids::ResourceId;
use domain::rds::{Deployment, Instance, instance_of};
use domain::record::{Fence, Green, GreenMember, Side};
use domain::rollback::{fences, named};
use domain::switchover::{LOOSE, Receipt, missing};
use effects::postgres::fence::restoring;
use std::collections::BTreeMap;

/// Ends what is still connected to green, and deletes the deployment with green.
pub async fn take_down(call: &Call, held: &mut Held, looked: &Looked) -> Fallible<Vec<String>> {
    let Some(deployment) = &looked.deployment else {
        return Ok(vec![]);
    };
    record_members(held, deployment, &looked.green).await?;
    for member in &looked.green {
        let _ = call
            .act("drain green", |world| world.drain(&member.resource_id))
            .await;
    }
    held.verify().await?;
    call.act("delete deployment", |world| {
        world.delete_deployment(&deployment.id, true)
    })
    .await?;
    Ok(vec!["The deployment is deleted with green.".to_owned()])
}

async fn record_members(
    held: &mut Held,
    deployment: &Deployment,
    found: &[Instance],
) -> Fallible<()> {
    if held.record.green.is_some() {
        return Ok(());
    }
    let members = deployment.pairs.iter().filter_map(|pair| {
        let target = instance_of(pair.target.as_deref()?);
        let green = found.iter().find(|found| found.id == target)?;
        Some(GreenMember {
            blue: instance_of(&pair.source),
            instance: target,
            resource_id: green.resource_id.clone(),
            address: green.address.clone().unwrap_or_default(),
            port: green.port,
        })
    });
    let green = Green {
        deployment: deployment.id.clone(),
        members: members.collect(),
    };
    held.change(|record| record.green = Some(green)).await
}

/// Deletes, by identity, the instances of green that outlived the deployment.
pub async fn delete_left(call: &Call, held: &Held, looked: &Looked) -> Fallible<Vec<String>> {
    for member in &looked.green {
        held.verify().await?;
        let named = call
            .look("named", |world| Ok(world.describe(member.id.as_str())))
            .await?;
        let still = named.filter(|named| named.resource_id == member.resource_id);
        if still.is_some_and(|named| named.status != "deleting") {
            call.act("delete green", |world| {
                world.delete_named(&member.id);
                Ok(())
            })
            .await?;
        }
    }
    Ok(vec!["green is deleted.".to_owned()])
}

/// What came of letting the application into green.
pub enum Opened {
    /// Green serves and old is closed; what was done.
    Serves(Vec<String>),
    /// Something is still to be done.
    NotYet(String),
    /// Green must stay closed.
    Withheld(String),
}

/// Lets the application into green, which has the writes, if everything is there.
pub async fn open(call: &Call, held: &mut Held, looked: &Looked) -> Fallible<Opened> {
    record_switched(call, held, looked).await?;
    let Some(green) = held.record.green.as_ref().and_then(Green::writer) else {
        return Ok(Opened::NotYet("who green is can't be told".to_owned()));
    };
    let green = green.resource_id.clone();
    let mut arrived = BTreeMap::new();
    for database in held.record.markers.keys() {
        let seen = call
            .look("marker of green", |world| world.read_marker(&green))
            .await?;
        arrived.insert(database.clone(), seen);
    }
    if let Some(why) = missing(&held.record.markers, &arrived) {
        return Ok(Opened::Withheld(why));
    }
    let old = match old_first(call, held, &green).await? {
        Ok(old) => old,
        Err(not_opened) => return Ok(not_opened),
    };
    link::arm(call, held, &green).await?;
    let standing: Vec<Fence> = fences(&held.record, Side::Green).cloned().collect();
    let mut actions = vec![];
    for stands in standing {
        actions.push(lift(call, held, &stands).await?);
    }
    held.verify().await?;
    call.act("write marker on green", |world| {
        world.write_marker(&green, true)
    })
    .await?;
    note_opened(call, held).await?;
    if matches!(old, Old::Closed) {
        link::follow(call, held, &green).await?;
    }
    Ok(match old {
        Old::Away(failed) => {
            Opened::NotYet(format!("green serves; old can't be reached: {failed}"))
        }
        Old::Closed | Old::Open(_) => Opened::Serves(actions),
    })
}

/// Closes old before green is opened; or why green can't be opened yet, or must not be.
async fn old_first(
    call: &Call,
    held: &mut Held,
    green: &ResourceId,
) -> Fallible<Result<Old, Opened>> {
    let standing = call.look("standing of green", |world| world.standing(green));
    let in_time = standing.await?.open_roles.is_empty();
    if in_time && is_old_loose(call, held).await? {
        return Ok(Err(Opened::Withheld(LOOSE.to_owned())));
    }
    Ok(match close_old(call, held).await? {
        Old::Open(why) => Err(Opened::NotYet(format!(
            "old blue still lets the application in: {why}"
        ))),
        Old::Away(failed) if in_time && !kept(call, &held.record).await? => {
            Err(Opened::NotYet(failed.message))
        }
        old => Ok(old),
    })
}

/// Writes down who green is where somebody else switched over before that was done.
async fn record_switched(call: &Call, held: &mut Held, looked: &Looked) -> Fallible<()> {
    let (None, Some(deployment)) = (&held.record.green, &looked.deployment) else {
        return Ok(());
    };
    let mut found = vec![];
    for member in &held.record.plan.members {
        let name = member.instance.as_str();
        let named = call.look("named", |world| Ok(world.describe(name)));
        found.extend(named.await?);
    }
    match named(&held.record.plan, &deployment.id, &found) {
        Some(green) => held.change(|record| record.green = Some(green)).await,
        None => Ok(()),
    }
}

/// From now on green is known to serve.
async fn note_opened(call: &Call, held: &mut Held) -> Fallible<()> {
    let receipt = held.record.receipt.clone().unwrap_or_default();
    if receipt.opened_at.is_some() {
        return Ok(());
    }
    let opened = Receipt {
        opened_at: Some(call.now()),
        ..receipt
    };
    held.change(|record| record.receipt = Some(opened)).await
}

async fn is_old_loose(call: &Call, held: &Held) -> Fallible<bool> {
    let old = blue(&held.record)?;
    let there = call.look("old", |world| Ok(world.find(&old).is_some()));
    if !there.await? {
        return Ok(false);
    }
    let asked = call.look("old as found", |world| world.standing(&old));
    match asked.await {
        Ok(found) if !found.takes_writes() => Ok(false),
        Ok(_) => Ok(!kept(call, &held.record).await?),
        Err(_) if kept(call, &held.record).await? => Ok(false),
        Err(silent) => Err(silent),
    }
}

/// What came of closing old.
enum Old {
    Closed,
    Away(StepError),
    Open(String),
}

/// Why old can't be left to itself: what keeps it read-only may go only once its roles are seen to be closed.
pub async fn left_open(call: &Call, held: &mut Held) -> Fallible<Option<String>> {
    Ok(match close_old(call, held).await? {
        Old::Closed => None,
        Old::Away(failed) => Some(failed.message),
        Old::Open(why) => Some(why),
    })
}

async fn close_old(call: &Call, held: &mut Held) -> Fallible<Old> {
    let old = blue(&held.record)?;
    if call
        .look("old", |world| Ok(world.find(&old)))
        .await?
        .is_none()
    {
        return Ok(Old::Closed);
    }
    match reach(call, &old).await {
        Ok(()) => {}
        Err(silent) if is_transient(&silent) => return Ok(Old::Away(silent)),
        Err(refused) => return Ok(Old::Open(refused.message)),
    }
    let closing = old_fence(call, held, &old).await?;
    held.verify().await?;
    Ok(match shut(call, &closing).await {
        Ok(true) => Old::Closed,
        Ok(false) => Old::Open("application roles or sessions are back on it".to_owned()),
        Err(failed) => Old::Open(failed.message),
    })
}

async fn reach(call: &Call, old: &ResourceId) -> Fallible<()> {
    for _ in 1..3 {
        if call
            .look("connect to old", |world| world.reach(old).map(drop))
            .await
            .is_ok()
        {
            return Ok(());
        }
        call.sleep(1_000).await;
    }
    call.look("connect to old", |world| world.reach(old).map(drop))
        .await
}

async fn shut(call: &Call, closing: &Fence) -> Fallible<bool> {
    let old = &closing.resource_id;
    call.act("raise on old", |world| world.raise(closing))
        .await?;
    call.act("drain old", |world| world.drain(old)).await?;
    let standing = call
        .look("standing of old", |world| world.standing(old))
        .await?;
    Ok(standing.is_closed())
}

async fn old_fence(call: &Call, held: &mut Held, old: &ResourceId) -> Fallible<Fence> {
    let known = fences(&held.record, Side::Blue).find(|stands| stands.resource_id == *old);
    if let Some(known) = known {
        return Ok(known.clone());
    }
    let seen = call.look("roles of old", |world| world.roles(old)).await?;
    let closing = Fence {
        side: Side::Blue,
        resource_id: old.clone(),
        owner: held.record.ticket.owner.clone(),
        deadline: Fence::FOR_GOOD,
        roles: restoring(seen, None),
    };
    held.fence(closing.clone()).await?;
    Ok(closing)
}
