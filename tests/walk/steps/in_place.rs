//! Minor versions.

use super::holding;
use crate::call::Call;
use crate::held::Held;
use crate::world::Fallible;
use domain::error::StepError;
use domain::plan::Plan;
use domain::upgrade_in_place::{
    Act, Answer, Input, MemberSeen, Output, Seen, failure, finished, next, over, under_way,
};

/// Takes the roll one step further.
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
    let plan = held.record.plan.clone();
    let seen = see(call, held, &plan).await?;
    match next(&plan, &seen) {
        Act::Snapshot(instance) => {
            held.verify().await?;
            call.act("snapshot", |world| {
                world.snapshot(&instance, &plan.snapshot("before"))
            })
            .await?;
        }
        Act::Upgrade {
            instance,
            resource_id,
        } => {
            held.verify().await?;
            call.act("upgrade", |world| {
                world.upgrade(&instance, &plan.to_version)
            })
            .await?;
            held.change(|record| *record.attempts.entry(resource_id).or_default() += 1)
                .await?;
        }
        Act::Wait(_) => {}
        Act::Finish => {
            let output = finished(&plan, &seen);
            held.end(&output.summary).await?;
            return Ok(output);
        }
        Act::Fail(why) => {
            let why = failure(&seen, &why);
            held.needs_operator(&why).await?;
            return Err(StepError::failed(why));
        }
    }
    Ok(under_way(&plan, &seen))
}

async fn see(call: &Call, held: &Held, plan: &Plan) -> Fallible<Seen> {
    let mut members = vec![];
    for planned in &plan.members {
        let id = &planned.resource_id;
        let instance = call.look("member", |world| Ok(world.find(id))).await?;
        let there = instance
            .as_ref()
            .filter(|one| one.is_available() && one.version == plan.to_version);
        members.push(MemberSeen {
            answer: there.map(|one| Answer::Serves(one.version.clone())),
            attempts: held.record.attempts.get(id).copied().unwrap_or(0),
            planned: planned.clone(),
            instance,
        });
    }
    let name = plan.snapshot("before");
    let snapshot = call.look("snapshot", |world| {
        Ok(world
            .snapshots
            .iter()
            .find(|taken| taken.id == name)
            .cloned())
    });
    Ok(Seen {
        snapshot: snapshot.await?,
        members,
    })
}
