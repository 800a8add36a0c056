//! Everything while blue serves, up to the call of RDS.

use super::super::reads::apply;
use super::super::{before, blue, green, is_transient, marker_wait};
use super::{again, follow, link, retreat};
use crate::call::Call;
use crate::held::Held;
use crate::world::{Fallible, refused, transient};
use domain::check_lag::Limits;
use domain::error::StepError;
use domain::ids::Millis;
use domain::record::{Fence, Marker, Phase, Record, Side};
use domain::reverse::Reverse;
use domain::switchover::{Output, Readiness, Receipt, Verdict, checklist};
use domain::watch;
use effects::postgres::fence::restoring;
use std::collections::BTreeMap;

/// Less time than this, and it is not begun.
const ENOUGH: i64 = 35_000;
/// RDS's own minimum, in seconds.
const TIMEOUT: i64 = 30;

/// Checklist, reads, fence, marker, and the call.
pub async fn begin(call: &Call, held: &mut Held) -> Fallible<Output> {
    let (old, new) = (blue(&held.record)?, green(&held.record)?);
    call.look("connect", |world| {
        world.reach(&new)?;
        world.reach(&old).map(drop)
    })
    .await?;
    let (lines, verdict) = checked(call, &held.record).await?;
    match verdict {
        Verdict::Go => {}
        Verdict::NotQuiet { why } => return Ok(again(&why)),
        Verdict::Unfit { why } => return refused(why),
    }
    move_reads(call, held).await?;
    if call.remaining() < ENOUGH {
        return Ok(again("the rest needs a call of its own"));
    }
    let reverse = link::prepare(call, &held.record).await?;
    let mut receipt = fence_green(call, held).await?;
    receipt.checklist = lines;
    let Some(markers) = arrived(call, held).await? else {
        retreat::lift(call, held).await?;
        return Ok(again("green does not come level; the fence is down"));
    };
    rds(call, held, receipt, markers, reverse).await
}

async fn checked(call: &Call, record: &Record) -> Fallible<(Vec<String>, Verdict)> {
    let since = record.wait.as_ref().map(|wait| wait.since);
    let alarms = &record.plan.alarms;
    let readings = call
        .look("alarms", |world| Ok(world.readings(alarms, since)))
        .await?;
    let blind = match watch::judge(
        record.phase,
        record.plan.request.insufficient_data,
        &readings,
    )? {
        watch::Verdict::Quiet => vec![],
        watch::Verdict::Inconclusive(why) => vec![why],
    };
    let green = record
        .green
        .clone()
        .ok_or_else(|| StepError::refused("there is no green"))?;
    let mut deployment = vec![];
    for _ in 0..3 {
        call.sleep(300).await;
        let seen = call
            .look(
                "deployment",
                |world| Ok(world.deployment(&green.deployment)),
            )
            .await?;
        deployment.push(seen.is_some_and(|seen| seen.is_available()));
    }
    let blues = record.plan.members.iter().map(|member| &member.resource_id);
    let all = blues.chain(green.members.iter().map(|member| &member.resource_id));
    let members = call.look("members", |world| {
        Ok(all.map(|id| (id.to_string(), world.find(id))).collect())
    });
    let limits = Limits::from(&record.plan.request);
    let seen = Readiness {
        deployment,
        members: members.await?,
        lag: before::lag(call, record, limits).await?,
        blind,
        ..Readiness::default()
    };
    Ok(checklist(&seen, limits))
}

async fn move_reads(call: &Call, held: &Held) -> Fallible<()> {
    let Some(route) = held.record.plan.reads.clone() else {
        return Ok(());
    };
    let deadline = Millis(call.invocation.deadline - 10_000);
    let verify = async || held.verify().await;
    let before = apply(call, &route.records, deadline, verify).await?;
    if before != route.records {
        call.sleep(1_000).await;
    }
    Ok(())
}

async fn fence_green(call: &Call, held: &mut Held) -> Fallible<Receipt> {
    let new = green(&held.record)?;
    let seen = call
        .look("roles of green", |world| world.roles(&new))
        .await?;
    let earlier = held
        .record
        .fences
        .iter()
        .find(|fence| fence.resource_id == new);
    let stands = Fence {
        side: Side::Green,
        roles: restoring(seen, earlier),
        owner: held.record.ticket.owner.clone(),
        deadline: Millis(call.now().0 + TIMEOUT * 1000 + 120_000),
        resource_id: new.clone(),
    };
    held.fence(stands.clone()).await?;
    held.verify().await?;
    call.act("raise on green", |world| world.raise(&stands))
        .await?;
    let left = call.act("drain green", |world| world.drain(&new)).await?;
    let leaking = call
        .look("open roles of green", |world| world.open_roles(&new))
        .await?;
    if left > 0 || !leaking.is_empty() {
        return transient("sessions don't end on green");
    }
    Ok(Receipt {
        sessions_drained: 1,
        roles: retreat::names(&stands),
        fenced_at: Some(call.now()),
        ..Receipt::default()
    })
}

async fn arrived(call: &Call, held: &Held) -> Fallible<Option<BTreeMap<String, Marker>>> {
    let (old, new) = (blue(&held.record)?, green(&held.record)?);
    let budget = i64::from(held.record.plan.request.max_write_pause_ms);
    held.verify().await?;
    let written = call
        .act("write marker on blue", |world| {
            world.write_marker(&old, true)
        })
        .await?;
    let seen = marker_wait(call, &new, written.number, budget).await?;
    let level = seen.is_some_and(|seen| seen >= written.number);
    let databases = &held.record.plan.databases;
    Ok(level.then(|| {
        databases
            .iter()
            .map(|name| (name.clone(), written.clone()))
            .collect()
    }))
}

/// From here on only RDS knows which side serves, until every member says so.
async fn rds(
    call: &Call,
    held: &mut Held,
    mut receipt: Receipt,
    markers: BTreeMap<String, Marker>,
    reverse: Option<Reverse>,
) -> Fallible<Output> {
    let old = blue(&held.record)?;
    let deployment = held
        .record
        .green
        .as_ref()
        .map(|green| green.deployment.clone());
    let deployment = deployment.ok_or_else(|| StepError::refused("there is no green"))?;
    let seen = call
        .look("roles of blue", |world| world.roles(&old))
        .await?;
    receipt.called_at = Some(call.now());
    let fence = Fence {
        side: Side::Blue,
        resource_id: old,
        owner: held.record.ticket.owner.clone(),
        deadline: Fence::FOR_GOOD,
        roles: restoring(seen, None),
    };
    held.change(|record| {
        record.phase = Phase::Switching;
        record.markers = markers;
        record.reverse = reverse;
        record.receipt = Some(receipt);
        record
            .fences
            .retain(|other| other.resource_id != fence.resource_id);
        record.fences.push(fence);
    })
    .await?;
    held.verify().await?;
    let asked = call
        .act("switch", |world| world.switch(&deployment, false))
        .await;
    if let Err(failed) = asked
        && follow::is_idle(call, &deployment).await?
    {
        return not_begun(call, held, &failed).await;
    }
    follow::follow(call, held).await
}

async fn not_begun(call: &Call, held: &mut Held, failed: &StepError) -> Fallible<Output> {
    if is_transient(failed) {
        retreat::lift(call, held).await?;
        return Ok(again("RDS did not begin; the fence is down"));
    }
    Err(retreat::taken_back(call, held, &failed.message).await?)
}
