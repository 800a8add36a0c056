//! Green: taken down before the switchover, opened after it.

use crate::World;
use crate::link;
use crate::look::Looked;
use crate::old::{self, Old};
use crate::servers::Servers;
use domain::ids::ResourceId;
use domain::rds::{Deployment, Instance, instance_of};
use domain::record::{Fence, Green, GreenMember, Record, Side};
use domain::rollback::{fences, named};
use domain::switchover::{LOOSE, Receipt, missing};
use effects::claims::Held;
use effects::error::Error;
use effects::metrics;
use effects::postgres::{Access, Session, marker, sessions, standing};
use effects::step::now;
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::warn;

/// How long sessions are told to end.
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

/// What came of letting the application into green.
pub enum Opened {
    /// Green serves and old is closed; what was done, a line each.
    Serves(Vec<String>),
    /// Something is still to be done, and what; it says whether green serves meanwhile.
    NotYet(String),
    /// Green must stay closed, and why.
    Withheld(String),
}

/// Lets the application into green, which has the writes, if everything is there that blue had committed when RDS was
/// called. Old is closed first; where it can't be reached, RDS keeps it read-only and production needn't wait for it.
pub async fn open(
    world: &World,
    servers: &Servers<'_>,
    held: &mut Held<'_>,
    looked: &Looked,
) -> Result<Opened, Error> {
    record_switched(world, held, looked).await?;
    let Some(green) = held.record().green.as_ref().and_then(Green::writer) else {
        return Ok(unknown(held.record(), looked));
    };
    let green = green.resource_id.clone();
    let arrived = arrived(servers, held.record(), &green).await?;
    if let Some(why) = missing(&held.record().markers, &arrived) {
        return Ok(Opened::Withheld(why));
    }
    let session = servers.any_session(&green, Access::AsServed).await?;
    let old = match old_first(world, servers, held, &session).await? {
        Ok(old) => old,
        Err(not_opened) => return Ok(not_opened),
    };
    link::arm(servers, held, &green).await?;
    let standing: Vec<Fence> = fences(held.record(), Side::Green).cloned().collect();
    let mut actions = Vec::new();
    for stands in standing {
        actions.push(servers.lift(held, &stands).await?);
    }
    held.verify().await?;
    marker::write(&session).await?;
    note_opened(held).await?;
    if matches!(old, Old::Closed) {
        link::follow(servers, held, &green).await?;
    }
    Ok(match old {
        Old::Away(failed) => Opened::NotYet(format!(
            "green serves; old blue, which RDS keeps read-only, can't be reached to be closed: {failed}"
        )),
        Old::Closed | Old::Open(_) => Opened::Serves(actions),
    })
}

/// Nobody has written down who green is. RDS's record of the deployment says so sooner or later; without it nothing does.
fn unknown(record: &Record, looked: &Looked) -> Opened {
    if looked.deployment.is_some() {
        return Opened::NotYet("nobody can tell yet which instance is green".to_owned());
    }
    let writer = &record.plan.database;
    Opened::Withheld(format!(
        "nobody can tell which instance is green, since RDS's record of the deployment is gone and ours never had it. \
         What is called `{writer}` takes the writes; see that the application's roles can't log in to its predecessor, whose \
         name ends in `-old1`"
    ))
}

/// Closes old before green is opened; or why green can't be opened yet, or must not be. Once green lets the application in,
/// old is closed whatever it is.
async fn old_first(
    world: &World,
    servers: &Servers<'_>,
    held: &mut Held<'_>,
    green: &Session,
) -> Result<Result<Old, Opened>, Error> {
    let seen = standing::read(green, &servers.plan.application_roles).await?;
    let in_time = seen.open_roles.is_empty();
    if in_time && old::is_loose(world, servers, held).await? {
        return Ok(Err(Opened::Withheld(LOOSE.to_owned())));
    }
    Ok(match old::close(world, servers, held).await? {
        Old::Open(why) => Err(Opened::NotYet(format!(
            "green stays closed, since old blue still lets the application in: {why}"
        ))),
        Old::Away(failed) if in_time && !old::kept(world, held.record()).await? => {
            Err(Opened::NotYet(format!(
                "green stays closed, since old blue, which RDS does not keep read-only any more, can't be reached to be closed: {failed}"
            )))
        }
        old => Ok(old),
    })
}

/// Writes down who green is where somebody else switched over before that was done.
async fn record_switched(world: &World, held: &mut Held<'_>, looked: &Looked) -> Result<(), Error> {
    let (None, Some(deployment)) = (&held.record().green, &looked.deployment) else {
        return Ok(());
    };
    let mut found = vec![];
    for member in &held.record().plan.members {
        found.extend(world.instances.describe(&member.instance).await?);
    }
    let green = named(&held.record().plan, &deployment.id, &found);
    match green {
        Some(green) => held.change(|record| record.green = Some(green)).await,
        None => Ok(()),
    }
}

/// From now on green is known to serve.
async fn note_opened(held: &mut Held<'_>) -> Result<(), Error> {
    let receipt = held.record().receipt.clone().unwrap_or_default();
    if receipt.opened_at.is_some() {
        return Ok(());
    }
    let opened = Receipt {
        opened_at: Some(now()),
        ..receipt
    };
    let kept = opened.clone();
    held.change(|record| record.receipt = Some(kept)).await?;
    metrics::switched(held.ticket(), &opened);
    Ok(())
}

/// The markers that green has.
async fn arrived(
    servers: &Servers<'_>,
    record: &Record,
    green: &ResourceId,
) -> Result<BTreeMap<String, Option<i64>>, Error> {
    let mut arrived = BTreeMap::new();
    for database in record.markers.keys() {
        let session = servers.session(green, database, Access::AsServed).await?;
        let seen = marker::read(&session).await?;
        arrived.insert(database.clone(), seen.map(|seen| seen.number));
    }
    Ok(arrived)
}
