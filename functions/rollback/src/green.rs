//! Green: taken down before the switchover, opened after it.

use crate::World;
use crate::look::Looked;
use crate::servers::Servers;
use domain::error::StepError;
use domain::ids::{Millis, ResourceId};
use domain::rds::{Deployment, Instance, instance_of};
use domain::record::{Fence, Green, GreenMember, Side};
use domain::rollback::fences;
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::{Access, fence, roles, sessions};
use std::time::Duration;
use tracing::warn;

/// The deadline of a fence that only a person lifts: the end of the year 9998.
const FOR_GOOD: Millis = Millis(253_370_764_799_000);

/// How long sessions are told to end before green is deleted under them.
const DRAIN: Duration = Duration::from_secs(5);

/// Ends what is still connected to green, and deletes the deployment with green. A green that can't be reached has no
/// sessions worth waiting for.
pub async fn take_down(
    world: &World,
    servers: &Servers<'_>,
    held: &mut Held<'_>,
    looked: &Looked,
) -> Result<Vec<String>, Error> {
    let Some(deployment) = &looked.deployment else {
        return Ok(vec![]);
    };
    record_members(held, deployment, &looked.green).await?;
    let mut actions = Vec::new();
    for member in &looked.green {
        match drain(servers, &member.resource_id).await {
            Ok(0) => {}
            Ok(ended) => actions.push(format!("{ended} sessions on {} were ended.", member.id)),
            Err(failed) => warn!(%failed, member = %member.id, "sessions on green not ended"),
        }
    }
    unprotect(world, held, &looked.green).await?;
    held.verify().await?;
    world.deployments.delete(&deployment.id, true).await?;
    actions.push(format!(
        "The deployment {} is deleted with green.",
        deployment.id
    ));
    Ok(actions)
}

/// Writes down who green is before the deployment, which alone knows it, is deleted.
async fn record_members(
    held: &mut Held<'_>,
    deployment: &Deployment,
    found: &[Instance],
) -> Result<(), Error> {
    if held.record().green.is_some() {
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

async fn drain(servers: &Servers<'_>, member: &ResourceId) -> Result<u32, Error> {
    let session = servers.any_session(member, Access::AsServed).await?;
    let roles = &servers.plan.application_roles;
    Ok(sessions::drain(&session, roles, DRAIN).await?.ended)
}

async fn unprotect(world: &World, held: &Held<'_>, green: &[Instance]) -> Result<(), Error> {
    for member in green.iter().filter(|member| member.deletion_protection) {
        held.verify().await?;
        world.instances.lift_deletion_protection(&member.id).await?;
    }
    Ok(())
}

/// Deletes, by identity, the instances of green that outlived the deployment.
pub async fn delete_left(
    world: &World,
    held: &Held<'_>,
    looked: &Looked,
) -> Result<Vec<String>, Error> {
    unprotect(world, held, &looked.green).await?;
    let mut actions = Vec::new();
    for member in &looked.green {
        held.verify().await?;
        world
            .instances
            .delete(&member.resource_id, &member.id)
            .await?;
        actions.push(format!("{} is deleted.", member.id));
    }
    Ok(actions)
}

/// Lets the application into green, which has the writes, after old was closed to it.
pub async fn open(
    world: &World,
    servers: &Servers<'_>,
    held: &mut Held<'_>,
) -> Result<Vec<String>, Error> {
    let standing: Vec<Fence> = fences(held.record(), Side::Green).cloned().collect();
    let mut actions = Vec::new();
    for stands in standing {
        // Old is read-only and has lost its name, so that production needn't wait for its roles.
        if let Err(failed) = close_old(world, servers, held, &stands).await {
            warn!(%failed, "old blue not closed");
            actions.push(format!("Old blue could not be closed: {failed}."));
        }
        actions.push(servers.lift(held, &stands).await?);
    }
    Ok(actions)
}

async fn close_old(
    world: &World,
    servers: &Servers<'_>,
    held: &mut Held<'_>,
    green: &Fence,
) -> Result<(), Error> {
    let writer = servers.plan.writer();
    let old = writer.map(|writer| writer.resource_id.clone());
    let old = old.ok_or_else(|| StepError::failed("the plan has no member that takes writes"))?;
    if fences(held.record(), Side::Blue).any(|stands| stands.resource_id == old) {
        return Ok(());
    }
    if world.instances.find(&old).await?.is_none() {
        return Ok(());
    }
    let session = servers.any_session(&old, Access::Write).await?;
    let names: Vec<String> = green.roles.iter().map(|role| role.name.clone()).collect();
    let closing = Fence {
        side: Side::Blue,
        resource_id: old,
        owner: held.ticket().owner.clone(),
        deadline: FOR_GOOD,
        roles: fence::restoring(roles::read(&session, &names).await?, None),
    };
    held.fence(closing.clone()).await?;
    fence::raise(&session, &closing).await?;
    sessions::drain(&session, &names, DRAIN).await?;
    Ok(())
}
