//! Every minute: what no event told anybody.

use super::{blue, green, holding};
use crate::call::Call;
use crate::world::{Fallible, World};
use domain::ids::{Millis, Owner};
use domain::record::{Fence, Phase, Record};
use domain::reverse::{Health, LinkSeen, Reverse, SubscriptionSeen, health, limit, worst};
use domain::sweep::{Act, Execution, Output, Seen, acts, notice};
use serde_json::json;

/// Sweeps over every upgrade.
pub async fn run(call: &Call) -> Fallible<Output> {
    let record = call
        .look("all records", |world| Ok(world.record().cloned()))
        .await?;
    let mut actions = vec![];
    if let Some(record) = record {
        actions = sweep(call, &record).await;
    }
    Ok(Output {
        summary: format!("{} things were put right.", actions.len()),
        actions,
    })
}

/// What can't be put right now is no reason to leave the rest.
async fn sweep(call: &Call, record: &Record) -> Vec<String> {
    let seen = look(call, record).await;
    let mut done = vec![];
    for one in acts(record, &seen) {
        call.world.borrow_mut().note(|| format!("  swept {one:?}"));
        if put_right(call, record, &one).await.is_ok() {
            done.push(format!("{one:?}"));
        }
    }
    done
}

/// People are told before it is noted that they were.
async fn put_right(call: &Call, record: &Record, one: &Act) -> Fallible<()> {
    act(call, record, one).await?;
    if notice(record, one).is_some() {
        call.publish(None).await?;
    }
    note(call, record, one).await
}

async fn act(call: &Call, record: &Record, act: &Act) -> Fallible<()> {
    match act {
        Act::EndWait(rings) => match record.token() {
            Some(token) => call.fail_token(token, rings).await,
            None => Ok(()),
        },
        Act::Restart(why) => restart(call, record, why).await,
        Act::LiftFence(fence) => lift(call, record, fence).await,
        Act::DropSlots(_) => {
            let new = green(record)?;
            call.act_free("disarm", |world| world.disarm(&new)).await
        }
        Act::CloseWayBack(_) | Act::Warn(_) => Ok(()),
    }
}

/// Starts the rollback machine, once in ten minutes at most for one state of the record.
async fn restart(call: &Call, record: &Record, why: &str) -> Fallible<()> {
    let ticket = &record.ticket;
    let attempt = call.now().0 / 600_000;
    let name = format!("sweep-{}-{}-{attempt}", ticket.owner, ticket.epoch.0);
    let input = json!({
        "database": ticket.database, "owner": ticket.owner, "reason": why, "cause": "stopped",
    });
    call.act_free("start rollback", |world| {
        world.starts.push((name, input));
        Ok(())
    })
    .await
}

async fn lift(call: &Call, record: &Record, stands: &Fence) -> Fallible<()> {
    call.look("connect", |world| {
        world.reach(&stands.resource_id).map(drop)
    })
    .await?;
    holding(call, &record.ticket, async |held| {
        held.verify().await?;
        call.act("lift", |world| world.lift(stands)).await?;
        held.unfence(&stands.resource_id).await
    })
    .await
}

/// Notes what was done about the way back, unless the record has changed since it was found or a step holds it.
async fn note(call: &Call, found: &Record, act: &Act) -> Fallible<()> {
    let reverse = found.reverse.as_ref();
    let Some(noted) = reverse.and_then(|reverse| noted(reverse, act)) else {
        return Ok(());
    };
    let changed = Record {
        reverse: Some(noted),
        ..found.clone()
    };
    let skew = call.invocation.skew;
    call.table("note", |world| {
        let now = Millis(world.now + skew);
        world.note_record(found, &changed, now);
        Ok(())
    })
    .await
}

/// What the record says of the way back after an act.
fn noted(reverse: &Reverse, act: &Act) -> Option<Reverse> {
    let mut noted = reverse.clone();
    match act {
        Act::CloseWayBack(why) | Act::DropSlots(why) => {
            noted.unavailable.get_or_insert_with(|| why.clone());
            noted.told = true;
        }
        Act::Warn(_) => noted.warned = true,
        Act::EndWait(_) | Act::Restart(_) | Act::LiftFence(_) => return None,
    }
    Some(noted)
}

async fn look(call: &Call, record: &Record) -> Seen {
    let open = record.phase != Phase::Ended;
    let upgrade = match open {
        true => execution(call, &record.ticket.owner).await,
        false => None,
    };
    let rollback = match record.rollback.as_ref().filter(|_| open) {
        Some(rollback) => execution(call, rollback).await,
        None => None,
    };
    let waits = matches!(record.phase, Phase::Before | Phase::After) && record.token().is_some();
    let alarms = &record.plan.alarms;
    let readings = match waits {
        true => call
            .look("alarms", |world| Ok(world.readings(alarms, None)))
            .await
            .ok(),
        false => None,
    };
    let link = link(call, record).await;
    Seen {
        now: call.now(),
        upgrade,
        rollback,
        readings,
        link,
    }
}

async fn execution(call: &Call, arn: &Owner) -> Option<Execution> {
    let described = |world: &mut World| {
        Ok(match world.executions.get(arn.as_str()) {
            None => Execution::Unknown,
            Some(None) => Execution::Running,
            Some(Some(at)) => Execution::Ended(Millis(*at)),
        })
    };
    call.look("execution", described).await.ok()
}

/// Green comes first: its disk is the one that fills.
async fn link(call: &Call, record: &Record) -> Option<Health> {
    let reverse = record.reverse.as_ref().filter(|_| record.is_guarded())?;
    let (old, new) = (blue(record).ok()?, green(record).ok()?);
    let slot = call.look("slot", |world| world.slot_seen(&new)).await.ok();
    if slot.is_none() && !reverse.links.is_empty() {
        return None;
    }
    let mut seen = LinkSeen {
        slot: slot.flatten(),
        subscription: Some(SubscriptionSeen {
            enabled: true,
            working: false,
            tables: None,
        }),
        tables: Some(crate::world::postgres::shape()),
    };
    let alone = judged(record, &seen);
    if matches!(alone, Health::Overflowing(_)) || !reverse.is_available() {
        return Some(alone);
    }
    let asked = call.look("subscription", |world| world.subscription_seen(&old));
    if let Ok(subscription) = asked.await {
        seen.subscription = subscription;
    }
    Some(judged(record, &seen))
}

fn judged(record: &Record, seen: &LinkSeen) -> Health {
    let limit = limit(&record.plan);
    let links = record.reverse.iter().flat_map(|reverse| &reverse.links);
    let healths = links.map(|(database, link)| health(database, link, seen, limit));
    worst(healths.collect())
}
