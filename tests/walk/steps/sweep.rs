//! Every minute: what no event told anybody.

use super::{blue, green, holding};
use crate::call::Call;
use crate::world::{Fallible, World};
use domain::ids::Owner;
use domain::record::{Fence, Phase, Record};
use domain::reverse::{Health, LinkSeen, Reverse, SubscriptionSeen, health, limit, worst};
use domain::sweep::{Act, Execution, Output, Seen, acts, notice, token};
use serde_json::json;

/// Sweeps over every upgrade.
pub async fn run(call: &Call) -> Fallible<Output> {
    let record = call
        .look("all records", |world| Ok(world.record().cloned()))
        .await?;
    let mut actions = vec![];
    if let Some(record) = record
        && let Ok(done) = sweep(call, &record).await
    {
        actions = done;
    }
    Ok(Output {
        summary: format!("{} things were put right.", actions.len()),
        actions,
    })
}

async fn sweep(call: &Call, record: &Record) -> Fallible<Vec<String>> {
    let seen = look(call, record).await;
    let mut done = vec![];
    for one in acts(record, &seen) {
        call.world.borrow_mut().note(|| format!("  swept {one:?}"));
        act(call, record, &one).await?;
        if notice(record, &one).is_some() {
            call.publish(None).await?;
        }
        done.push(format!("{one:?}"));
    }
    Ok(done)
}

async fn act(call: &Call, record: &Record, act: &Act) -> Fallible<()> {
    match act {
        Act::EndWait(rings) => match token(record) {
            Some(token) => call.fail_token(token, rings).await,
            None => Ok(()),
        },
        Act::Restart(why) => restart(call, record, why).await,
        Act::LiftFence(fence) => lift(call, record, fence).await,
        Act::CloseWayBack(why) => {
            note(call, record, |reverse| {
                reverse.unavailable.get_or_insert_with(|| why.clone());
                reverse.told = true;
            })
            .await
        }
        Act::DropSlots(why) => {
            let new = green(record)?;
            call.act_free("disarm", |world| world.disarm(&new)).await?;
            note(call, record, |reverse| {
                reverse.unavailable.get_or_insert_with(|| why.clone());
                reverse.told = true;
                reverse.links.clear();
            })
            .await
        }
        Act::Warn(_) => note(call, record, |reverse| reverse.warned = true).await,
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

async fn note(call: &Call, record: &Record, change: impl FnOnce(&mut Reverse)) -> Fallible<()> {
    let mut changed = record.clone();
    if let Some(reverse) = &mut changed.reverse {
        change(reverse);
    }
    call.table("note", |world| world.note_record(&changed))
        .await
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
    let waits = matches!(record.phase, Phase::Before | Phase::After) && token(record).is_some();
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
            Some(Some(at)) => Execution::Ended(domain::ids::Millis(*at)),
        })
    };
    call.look("execution", described).await.ok()
}

async fn link(call: &Call, record: &Record) -> Option<Health> {
    let reverse = record.reverse.as_ref().filter(|_| record.is_guarded())?;
    let (old, new) = (blue(record).ok()?, green(record).ok()?);
    let mut healths = vec![];
    for (database, link) in &reverse.links {
        let slot = call
            .look("slot", |world| world.slot_seen(&new))
            .await
            .ok()?;
        let subscription = match call
            .look("subscription", |world| world.link(&old, &new))
            .await
        {
            Ok(seen) => seen.subscription,
            Err(_) => Some(SubscriptionSeen {
                enabled: true,
                working: false,
                tables: None,
            }),
        };
        let seen = LinkSeen {
            slot,
            subscription,
            tables: Some(crate::world::postgres::shape()),
        };
        healths.push(health(database, link, &seen, limit(&record.plan)));
    }
    Some(worst(healths))
}
