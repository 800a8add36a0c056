//! Green: taken down before the switchover, opened after it.

use crate::World;
use crate::link;
use crate::look::Looked;
use crate::servers::Servers;
use domain::error::StepError;
use domain::ids::ResourceId;
use domain::rds::{Deployment, Instance, instance_of};
use domain::record::{Fence, Green, GreenMember, Record, Side};
use domain::rollback::{fences, named};
use domain::switchover::{Receipt, missing};
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::{Access, Session, fence, marker, roles, sessions, standing};
use effects::step::now;
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::warn;

/// How often old is asked for a session before green is opened without it, and the time between two of them.
const TRIES: u32 = 3;
const BETWEEN: Duration = Duration::from_secs(1);

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
        return Ok(Opened::NotYet(
            "nobody can tell yet which instance is green".to_owned(),
        ));
    };
    let green = green.resource_id.clone();
    let arrived = arrived(servers, held.record(), &green).await?;
    if let Some(why) = missing(&held.record().markers, &arrived) {
        return Ok(Opened::Withheld(why));
    }
    let old = close_old(world, servers, held).await?;
    if let Old::Open(why) = old {
        return Ok(Opened::NotYet(format!(
            "green stays closed, since old blue still lets the application in: {why}"
        )));
    }
    link::arm(servers, held, &green).await?;
    let standing: Vec<Fence> = fences(held.record(), Side::Green).cloned().collect();
    let mut actions = Vec::new();
    for stands in standing {
        actions.push(servers.lift(held, &stands).await?);
    }
    held.verify().await?;
    let session = servers.any_session(&green, Access::AsServed).await?;
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
    held.change(|record| record.receipt = Some(opened)).await
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

/// What came of closing old.
enum Old {
    /// Closed and seen to be so, or gone.
    Closed,
    /// Nobody answers there.
    Away(Error),
    /// It answers and is not closed, and why.
    Open(String),
}

/// Why old can't be left to itself: what keeps it read-only may go only once its roles are seen to be closed.
pub async fn left_open(
    world: &World,
    servers: &Servers<'_>,
    held: &mut Held<'_>,
) -> Result<Option<String>, Error> {
    Ok(match close_old(world, servers, held).await? {
        Old::Closed => None,
        Old::Away(failed) => Some(format!("old can't be reached to be closed: {failed}")),
        Old::Open(why) => Some(format!("old still lets the application in: {why}")),
    })
}

/// Closes the application's roles on old, also where the record says that they were to be closed, and sees that nobody
/// is left.
async fn close_old(
    world: &World,
    servers: &Servers<'_>,
    held: &mut Held<'_>,
) -> Result<Old, Error> {
    let old = servers.plan.writer().map(|old| old.resource_id.clone());
    let old = old.ok_or_else(|| StepError::failed("the plan has no member that takes writes"))?;
    if world.instances.find(&old).await?.is_none() {
        return Ok(Old::Closed);
    }
    let session = match reach(servers, &old).await {
        Ok(session) => session,
        Err(silent) if silent.is_transient() => return Ok(Old::Away(silent)),
        Err(refused) => return Ok(Old::Open(refused.to_string())),
    };
    let names = servers.plan.application_roles.clone();
    let closing = old_fence(held, &session, &old, &names).await?;
    held.verify().await?;
    Ok(match shut(&session, &closing, &names).await {
        Ok(true) => Old::Closed,
        Ok(false) => Old::Open("application roles or sessions are back on it".to_owned()),
        Err(failed) => Old::Open(failed.to_string()),
    })
}

/// A session on old, for which it is asked a few times.
async fn reach(servers: &Servers<'_>, old: &ResourceId) -> Result<Session, Error> {
    for _ in 1..TRIES {
        match servers.any_session(old, Access::Write).await {
            Err(silent) if silent.is_transient() => warn!(%silent, "old blue not reached yet"),
            done => return done,
        }
        tokio::time::sleep(BETWEEN).await;
    }
    servers.any_session(old, Access::Write).await
}

/// Raises the fence, ends the sessions, and looks whether that did it.
async fn shut(session: &Session, closing: &Fence, names: &[String]) -> Result<bool, Error> {
    fence::raise(session, closing).await?;
    sessions::drain(session, names, DRAIN).await?;
    Ok(standing::read(session, names).await?.is_closed())
}

/// Old's fence as it was recorded before RDS was called, or recorded now where nobody of ours called it.
async fn old_fence(
    held: &mut Held<'_>,
    session: &Session,
    old: &ResourceId,
    names: &[String],
) -> Result<Fence, Error> {
    let known = fences(held.record(), Side::Blue).find(|stands| stands.resource_id == *old);
    if let Some(known) = known {
        return Ok(known.clone());
    }
    let closing = Fence {
        side: Side::Blue,
        resource_id: old.clone(),
        owner: held.ticket().owner.clone(),
        deadline: Fence::FOR_GOOD,
        roles: fence::restoring(roles::read(session, names).await?, None),
    };
    held.fence(closing.clone()).await?;
    Ok(closing)
}
