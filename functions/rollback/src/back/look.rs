//! What the way back finds: instances, link, deployment, old, records.

use crate::World;
use crate::servers::Servers;
use domain::error::StepError;
use domain::ids::InstanceId;
use domain::plan::Plan;
use domain::rds::Instance;
use domain::record::{Green, Record};
use domain::reverse::{Health, LinkSeen, Unavailable, health, limit, worst};
use domain::rollback::{BackSeen, identities, is_closed, reads};
use domain::routes::changes;
use domain::writes::Pointer;
use effects::error::Error;
use effects::postgres::{Access, reverse, roles, standing};
use tracing::warn;

/// Everything that decides what is done next.
pub(super) async fn see(
    world: &World,
    servers: &Servers<'_>,
    record: &Record,
) -> Result<BackSeen, Error> {
    let instances = instances(world, record).await?;
    let arrived = record.back.as_ref().is_some_and(|back| back.arrived);
    let deployment = match &record.green {
        Some(green) if !arrived => world.deployments.describe(&green.deployment).await?,
        _ => None,
    };
    Ok(BackSeen {
        link: if arrived {
            Health::Well
        } else {
            link(servers, record).await
        },
        deployment,
        old_read_only: if arrived {
            Some(false)
        } else {
            read_only(servers).await
        },
        // Once green is closed for good, nothing that can fail may keep old closed.
        writes_away: !arrived && writes_away(world, record, &instances).await?,
        reads_away: !(arrived && is_closed(record))
            && reads_away(world, record, &instances).await?,
        instances,
    })
}

/// The members of both sides, and whoever has a name of blue's.
async fn instances(world: &World, record: &Record) -> Result<Vec<Instance>, Error> {
    let greens = identities(record.green.as_ref());
    let plan = &record.plan;
    let names: Vec<&InstanceId> = plan.members.iter().map(|member| &member.instance).collect();
    let mut all = world.instances.all().await?;
    all.retain(|one| {
        let blue = plan
            .members
            .iter()
            .any(|member| member.resource_id == one.resource_id);
        blue || greens.contains(&one.resource_id) || names.contains(&&one.id)
    });
    Ok(all)
}

/// Every database's link; one that can't be looked at rests.
async fn link(servers: &Servers<'_>, record: &Record) -> Health {
    let Some(reverse) = &record.reverse else {
        return Health::Broken(Unavailable {
            why: "no link was armed".to_owned(),
            remedy: "decide by hand which side shall serve".to_owned(),
        });
    };
    let mut healths = vec![];
    for (database, link) in &reverse.links {
        healths.push(match look_at(servers, record, database, &link.name).await {
            Ok(seen) => health(database, link, &seen, limit(&record.plan)),
            Err(failed) => Health::Resting(format!(
                "the link of `{database}` can't be looked at: {failed}"
            )),
        });
    }
    match unknown(servers, record).await {
        Ok(Some(unknown)) => healths.push(Health::Broken(unknown)),
        Ok(None) => {}
        Err(failed) => healths.push(Health::Resting(format!(
            "green's roles can't be read: {failed}"
        ))),
    }
    worst(healths)
}

/// A role that can log in to green and that old doesn't have: the fence would not hold it, and old could not serve it.
async fn unknown(servers: &Servers<'_>, record: &Record) -> Result<Option<Unavailable>, Error> {
    let (Some(new), Some(old)) = (
        record.green.as_ref().and_then(Green::writer),
        servers.plan.writer(),
    ) else {
        return Ok(None);
    };
    let on_new = servers
        .any_session(&new.resource_id, Access::AsServed)
        .await?;
    let on_old = servers
        .any_session(&old.resource_id, Access::AsServed)
        .await?;
    let known = roles::names(&on_old).await?;
    let mut logins = roles::logins(&on_new).await?.into_iter();
    let unknown = logins.find(|name| !known.contains(name));
    Ok(unknown.map(|name| Unavailable {
        why: format!("the role `{name}` was made on green after the switchover"),
        remedy: format!(
            "`alter role \"{name}\" nologin` on green, end its sessions, then start the rollback machine again"
        ),
    }))
}

async fn look_at(
    servers: &Servers<'_>,
    record: &Record,
    database: &str,
    name: &str,
) -> Result<LinkSeen, Error> {
    let gone = || StepError::failed("the record names no writer");
    let new = record
        .green
        .as_ref()
        .and_then(Green::writer)
        .ok_or_else(gone)?;
    let old = servers.plan.writer().ok_or_else(gone)?;
    let new = servers
        .session(&new.resource_id, database, Access::AsServed)
        .await?;
    let old = servers
        .session(&old.resource_id, database, Access::AsServed)
        .await?;
    Ok(LinkSeen {
        slot: reverse::slot(&new, name).await?,
        subscription: reverse::subscription(&old, name).await?,
        tables: Some(reverse::shape(&new).await?),
    })
}

async fn read_only(servers: &Servers<'_>) -> Option<bool> {
    let old = servers.plan.writer()?.resource_id.clone();
    let asked = async {
        let session = servers.any_session(&old, Access::AsServed).await?;
        standing::read(&session, &[]).await
    };
    match asked.await {
        Ok(seen) => Some(seen.read_only),
        Err(failed) => {
            warn!(%failed, "old not asked");
            None
        }
    }
}

/// The record of the writes as it leads to old; nothing where there is none.
pub(super) fn pointer_to_old(
    plan: &Plan,
    instances: &[Instance],
) -> Result<Option<Pointer>, Error> {
    let (Some(pointer), Some(writer)) = (&plan.writes, plan.writer()) else {
        return Ok(None);
    };
    let old = instances
        .iter()
        .find(|one| one.resource_id == writer.resource_id);
    let host = old.and_then(|old| old.address.as_deref());
    let host = host.ok_or_else(|| StepError::transient("old has no endpoint now"))?;
    Ok(Some(pointer.to(host)))
}

async fn writes_away(
    world: &World,
    record: &Record,
    instances: &[Instance],
) -> Result<bool, Error> {
    let Some(wanted) = pointer_to_old(&record.plan, instances)? else {
        return Ok(false);
    };
    Ok(world.routes.read_pointer(&wanted).await?.as_ref() != Some(&wanted))
}

async fn reads_away(world: &World, record: &Record, instances: &[Instance]) -> Result<bool, Error> {
    let Some(route) = &record.plan.reads else {
        return Ok(false);
    };
    let now = world.routes.read(route).await?;
    Ok(!changes(&now, &reads(&record.plan, instances)).is_empty())
}
