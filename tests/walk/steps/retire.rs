//! The end of the watch.

use super::{blue, green, holding};
use crate::call::Call;
use crate::held::Held;
use crate::world::{Fallible, refused};
use domain::record::{Phase, Record};
use domain::retire::{Act, Input, Output, Seen, done, next, over, waiting};

/// Ends the upgrade after the watch.
pub async fn run(call: &Call, input: Input) -> Fallible<Output> {
    let record = call
        .look("record", |world| Ok(world.record().cloned()))
        .await?;
    if let Some(output) = record
        .as_ref()
        .and_then(|record| over(record, &input.ticket))
    {
        return Ok(output);
    }
    holding(call, &input.ticket, async |held| step(call, held).await).await
}

async fn step(call: &Call, held: &mut Held) -> Fallible<Output> {
    let record = held.record.clone();
    if record.phase != Phase::After {
        return refused("green does not serve yet; nothing is retired");
    }
    if record.reverse.is_some() {
        cut(call, held).await?;
    }
    match next(&record.plan, &see(call, &record).await?) {
        Act::Keep(how) | Act::Finish(how) => {
            held.end(&how).await?;
            Ok(done(&how))
        }
        Act::Snapshot(instance) => {
            held.verify().await?;
            let name = record.plan.snapshot("final");
            call.act("snapshot", |world| world.snapshot(&instance, &name))
                .await?;
            Ok(waiting("the final snapshot"))
        }
        Act::DeleteRecord(deployment) => {
            held.verify().await?;
            call.act("delete record", |world| {
                world.delete_deployment(&deployment, false)
            })
            .await?;
            Ok(waiting("the record to go"))
        }
        Act::Delete {
            instance,
            resource_id,
        } => {
            held.verify().await?;
            let named = call
                .look("named", |world| Ok(world.describe(instance.as_str())))
                .await?;
            if named
                .is_some_and(|named| named.resource_id == resource_id && named.status != "deleting")
            {
                call.act("delete old", |world| {
                    world.delete_named(&instance);
                    Ok(())
                })
                .await?;
            }
            Ok(waiting("it to go"))
        }
        Act::Wait(what) => Ok(waiting(&what)),
        Act::Refuse(why) => refused(why),
    }
}

/// Ends the way back: old's subscription, then green's slot. An old that is gone or silent keeps nobody.
async fn cut(call: &Call, held: &mut Held) -> Fallible<()> {
    held.verify().await?;
    let (old, new) = (blue(&held.record)?, green(&held.record)?);
    let _ = call
        .act("unsubscribe", |world| world.unsubscribe(&old))
        .await;
    call.act("disarm", |world| world.disarm(&new)).await?;
    held.change(|record| record.reverse = None).await
}

async fn see(call: &Call, record: &Record) -> Fallible<Seen> {
    let mut old = vec![];
    for member in &record.plan.members {
        let instance = call
            .look("old", |world| Ok(world.find(&member.resource_id)))
            .await?;
        old.push((member.clone(), instance));
    }
    let deployment = record.green.as_ref().map(|green| green.deployment.clone());
    let deployment = call.look("deployment", |world| {
        Ok(deployment.and_then(|id| world.deployment(&id)))
    });
    let deployment = deployment.await?;
    let serving = green(record).ok();
    let serving = call
        .look(
            "serving",
            |world| Ok(serving.and_then(|id| world.find(&id))),
        )
        .await?;
    let name = record.plan.snapshot("final");
    let snapshot = call.look("snapshot", |world| {
        Ok(world
            .snapshots
            .iter()
            .find(|taken| taken.id == name)
            .cloned())
    });
    Ok(Seen {
        deployment,
        old,
        serving,
        snapshot: snapshot.await?,
        doubt: match &record.receipt {
            Some(receipt) => receipt.doubt(),
            None => Some("there is no receipt of the switchover".to_owned()),
        },
    })
}
