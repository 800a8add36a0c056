//! The steps up to the ramp.

use super::{blue, green, holding, marker_wait};
use crate::call::Call;
use crate::held::Held;
use crate::setting;
use crate::world::{Fallible, World, refused, transient};
use domain::check_lag::{self, Lag, Limits, judge};
use domain::error::StepError;
use domain::ids::ResourceId;
use domain::plan::{self, Outcome};
use domain::prepare::{self, Parity, Twins, parity, prepared, rehearsed};
use domain::provision::{self, Act, Seen, next};
use domain::rds::{Deployment, instance_of};
use domain::record::{Fence, GreenWait, Record, Side};
use domain::request::parse;
use domain::validate;
use domain::{claim, ids::Millis};
use effects::postgres::fence::restoring;

/// Reads, and touches nothing.
pub async fn plan(call: &Call, input: plan::Input) -> Fallible<plan::Output> {
    let request =
        parse(&input.request).map_err(|faults| StepError::invalid_input(faults.to_string()))?;
    let last_claim = call.look("last claim", |world| Ok(claim::last(world.record())));
    let last_claim = last_claim.await?;
    let planned = call
        .look("plan", |world| {
            Ok(setting::plan(world, &request, &input.owner, last_claim))
        })
        .await?;
    let plan = match planned {
        Ok(plan) => plan,
        Err(why) => return refused(why),
    };
    let outcome = if request.dry_run {
        Outcome::DryRun
    } else {
        Outcome::Ready
    };
    Ok(plan::Output {
        summary: "planned".to_owned(),
        outcome,
        plan,
        text: "the plan".to_owned(),
    })
}

/// Claims the database.
pub async fn claim(call: &Call, input: claim::Input) -> Fallible<claim::Output> {
    let ticket = call
        .table("claim", |world| world.claim(&input.plan, &input.owner))
        .await?;
    if ticket.owner != input.owner {
        let (ours, theirs) = (&input.owner, &ticket.owner);
        let mut world = call.world.borrow_mut();
        world.violate(format!("G4: {ours} acts on the claim of {theirs}"));
    }
    Ok(claim::output(&input.plan, ticket))
}

/// Makes green, or sees how far it is.
pub async fn provision(call: &Call, input: provision::Input) -> Fallible<provision::Output> {
    let provision::Input { ticket, token } = input;
    holding(call, &ticket, async |held| {
        if let Some(token) = &token {
            let name = held.record.plan.name.clone();
            let deployment = call
                .look("own deployment", |world| Ok(world.deployment_named(&name)))
                .await?;
            let wait = GreenWait {
                token: token.clone(),
                deployment: deployment.map(|deployment| deployment.id),
            };
            held.change(|record| record.green_wait = Some(wait)).await?;
        }
        let output = look_at_green(call, held).await?;
        if let Some(token) = token.filter(|_| output.done) {
            call.end_token(&token, Ok(())).await.ok();
        }
        Ok(output)
    })
    .await
}

async fn look_at_green(call: &Call, held: &mut Held) -> Fallible<provision::Output> {
    let plan = held.record.plan.clone();
    let deployment = call
        .look("deployment", |world| Ok(world.deployment_named(&plan.name)))
        .await?;
    let instances = call
        .look("instances", |world| Ok(targets(world, deployment.as_ref())))
        .await?;
    let seen = Seen {
        instances,
        deployment,
        recorded: held.record.green.clone(),
    };
    match next(&plan, &held.record.ticket.owner, &seen) {
        Act::Create => create(call, held).await,
        Act::Wait { percent, what } => Ok(provision::waiting(percent, &what)),
        Act::Record(green) => {
            held.change(|record| record.green = Some(green)).await?;
            Ok(provision::waiting(99, "RDS to say it once more"))
        }
        Act::Done(green) => Ok(provision::done(&plan, &green)),
        Act::Refuse { why } => refused(why),
    }
}

fn targets(world: &World, deployment: Option<&Deployment>) -> Vec<domain::rds::Instance> {
    let pairs = deployment
        .into_iter()
        .flat_map(|deployment| &deployment.pairs);
    let targets = pairs.filter_map(|pair| pair.target.as_deref());
    targets
        .filter_map(|target| world.describe(instance_of(target).as_str()))
        .collect()
}

async fn create(call: &Call, held: &Held) -> Fallible<provision::Output> {
    let plan = &held.record.plan;
    let writer = blue(&held.record)?;
    let name = plan.database.as_str();
    let now = call
        .look("writer", |world| Ok(world.describe(name)))
        .await?;
    if now.is_none_or(|now| now.resource_id != writer) {
        return refused("the writer is not the instance any more that was planned");
    }
    held.verify().await?;
    call.act("make marker", |world| world.make_marker(&writer))
        .await?;
    held.verify().await?;
    let tags = plan.tags(&held.record.ticket.owner);
    let members: Vec<ResourceId> = plan
        .members
        .iter()
        .map(|member| member.resource_id.clone())
        .collect();
    let created = call.act("create deployment", |world| {
        world.create(&plan.name, tags, &members, &plan.to_version)
    });
    match created.await {
        Err(other) if other.message.contains("AlreadyExists") => {
            let found = call
                .look("whose", |world| Ok(world.deployment_named(&plan.name)))
                .await?;
            found.ok_or_else(|| StepError::refused("another deployment is in the way"))?;
        }
        done => done?,
    }
    Ok(provision::waiting(0, "RDS to begin"))
}

/// Parity, and a rehearsal of the fence.
pub async fn prepare(call: &Call, input: prepare::Input) -> Fallible<prepare::Output> {
    holding(call, &input.ticket, async |held| {
        let twins = call
            .look("twins", |world| Ok(twins(world, &held.record)))
            .await?;
        let mut lines = match parity(&held.record.plan, &twins) {
            Parity::Unfit(why) => return refused(why),
            Parity::Wait(what) => return Ok(prepare::waiting(&what)),
            Parity::Fit(lines) => lines,
        };
        lines.push(rehearse(call, held).await?);
        Ok(prepared(lines))
    })
    .await
}

fn twins(world: &World, record: &Record) -> Vec<Twins> {
    let greens = record.green.iter().flat_map(|green| &green.members);
    let pairs = record.plan.members.iter().zip(greens);
    let twins = pairs.filter_map(|(planned, member)| {
        Some(Twins {
            blue: world.find(&planned.resource_id)?,
            green: world.find(&member.resource_id)?,
            parameters: vec![],
        })
    });
    twins.collect()
}

async fn rehearse(call: &Call, held: &mut Held) -> Fallible<String> {
    let id = green(&held.record)?;
    let seen = call.look("roles", |world| world.roles(&id)).await?;
    let earlier = held
        .record
        .fences
        .iter()
        .find(|fence| fence.resource_id == id);
    let stands = Fence {
        side: Side::Green,
        roles: restoring(seen, earlier),
        owner: held.record.ticket.owner.clone(),
        deadline: Millis(call.invocation.deadline),
        resource_id: id.clone(),
    };
    held.fence(stands.clone()).await?;
    held.verify().await?;
    call.act("raise on green", |world| world.raise(&stands))
        .await?;
    let leaking = call.look("open roles", |world| world.open_roles(&id)).await;
    call.act("lift on green", |world| world.lift(&stands))
        .await?;
    let opened = call
        .look("open roles", |world| world.open_roles(&id))
        .await?;
    let names: Vec<String> = stands.roles.iter().map(|role| role.name.clone()).collect();
    let line = rehearsed(&names, &leaking?, &opened).map_err(StepError::refused)?;
    held.unfence(&id).await?;
    Ok(line)
}

/// One reading of the lag.
pub async fn check_lag(call: &Call, input: check_lag::Input) -> Fallible<check_lag::Output> {
    holding(call, &input.ticket, async |held| {
        let limits = Limits::from(&held.record.plan.request);
        held.verify().await?;
        let lag = lag(call, &held.record, limits).await?;
        Ok(judge(limits, input.streak, lag))
    })
    .await
}

/// How far green is behind.
pub async fn lag(call: &Call, record: &Record, limits: Limits) -> Fallible<Lag> {
    let (blue, green) = (blue(record)?, green(record)?);
    let written = call
        .act("write marker on blue", |world| {
            world.write_marker(&blue, true)
        })
        .await?;
    let patience = i64::try_from(limits.ms).unwrap_or(0);
    let seen = marker_wait(call, &green, written.number, patience).await;
    let level = seen.is_ok_and(|seen| seen.is_some_and(|seen| seen >= written.number));
    let bytes = call.look("slot", |world| Ok(behind(world, &blue))).await?;
    let ms = u64::try_from(call.now().since(written.written_at)).unwrap_or(0);
    Ok(Lag {
        bytes,
        ms: Some(if level { 0 } else { ms.max(limits.ms + 1) }),
    })
}

fn behind(world: &World, blue: &ResourceId) -> Option<u64> {
    let link = world
        .deployments
        .iter()
        .find(|one| one.source == *blue && one.linked)?;
    Some((world.server(blue)?.log.len() - link.carried) as u64)
}

/// Does green hold the same rows?
pub async fn validate(call: &Call, input: validate::Input) -> Fallible<validate::Output> {
    holding(call, &input.ticket, async |held| {
        let (blue, green) = (blue(&held.record)?, green(&held.record)?);
        held.verify().await?;
        let written = call
            .act("write marker on blue", |world| {
                world.write_marker(&blue, true)
            })
            .await?;
        let seen = marker_wait(call, &green, written.number, 10_000).await?;
        if seen.is_none_or(|seen| seen < written.number) {
            return transient("green does not come level");
        }
        Ok(validate::Output {
            summary: "the same".to_owned(),
            tables: 1,
            rows: 1,
            busy: 0,
        })
    })
    .await
}
