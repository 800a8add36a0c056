//! What a failback looks at: instances, link, deployment, old, routes.

use crate::look::reads_away;
use domain::error::StepError;
use domain::ids::InstanceId;
use domain::plan::Plan;
use domain::rds::Instance;
use domain::record::Record;
use domain::reverse::{Health, Unavailable, health, limit, worst};
use domain::routes::Route;
use domain::steps::rollback::{BackSeen, identities, is_closed, restored, writes};
use ports::{Access, Engine, EngineOf, Error, Rds, Session, World};
use routes::is_away;
use steps::{Call, Servers, reverse};
use tracing::warn;

/// Everything that decides what is done next.
pub(super) async fn see<W: World>(
    call: &Call<'_, W>,
    servers: &Servers<'_, W>,
    record: &Record,
) -> Result<BackSeen, Error> {
    let world = call.world;
    let instances = instances(world.rds(), record).await?;
    let arrived = record.back.as_ref().is_some_and(|back| back.arrived);
    let deployment = match &record.green {
        Some(green) if !arrived => world.rds().deployment(&green.deployment).await?,
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
        writes_away: !arrived && is_away(world, &writes_to_old(&record.plan, &instances)?).await?,
        reads_away: !(arrived && is_closed(record))
            && reads_away(world, &restored(&record.plan, &instances)).await,
        instances,
    })
}

/// The members of both sides, and whichever has a name of blue's.
async fn instances(rds: &impl Rds, record: &Record) -> Result<Vec<Instance>, Error> {
    let greens = identities(record.green.as_ref());
    let plan = &record.plan;
    let names: Vec<&InstanceId> = plan.members.iter().map(|member| &member.instance).collect();
    let mut all = rds.instances().await?;
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
async fn link<W: World>(servers: &Servers<'_, W>, record: &Record) -> Health {
    if record.reverse.is_none() {
        return Health::Broken(Unavailable {
            why: "no link was armed".to_owned(),
            remedy: "decide which side is to serve".to_owned(),
        });
    }
    let mut healths = vec![];
    for (database, link) in reverse::links(record) {
        let looked = async {
            let (old, new) = reverse::ends(record)?;
            reverse::look(servers, (&old, &new), database, &link.name).await
        };
        healths.push(match looked.await {
            Ok(seen) => health(database, link, &seen, limit(&record.plan)),
            Err(failed) => Health::Resting(format!(
                "the link of `{database}` can't be looked at: {failed}"
            )),
        });
    }
    match unknown_role(servers, record).await {
        Ok(unknown) => healths.extend(unknown.map(Health::Broken)),
        Err(failed) => healths.push(Health::Resting(format!(
            "green's roles can't be read: {failed}"
        ))),
    }
    worst(healths)
}

/// A role that can log in to green and that old doesn't have: the fence would not hold it, and old could not serve it.
async fn unknown_role<W: World>(
    servers: &Servers<'_, W>,
    record: &Record,
) -> Result<Option<Unavailable>, Error> {
    let Ok((old, new)) = reverse::ends(record) else {
        return Ok(None);
    };
    let on_new = servers.anywhere_on(&new, Access::AsServed).await?;
    let on_old = servers.anywhere_on(&old, Access::AsServed).await?;
    let known = on_old.role_names().await?;
    let mut logins = on_new.logins().await?.into_iter();
    let unknown = logins.find(|name| !known.contains(name));
    Ok(unknown.map(|name| Unavailable {
        why: format!("the role `{name}` was made on green after the switchover"),
        remedy: format!(
            "`{}` on green, end its sessions, then start the rollback machine again",
            EngineOf::<W>::close_role_command(record.plan.engine(), &name)
        ),
    }))
}

async fn read_only<W: World>(servers: &Servers<'_, W>) -> Option<bool> {
    let old = &servers.plan.writer().ok()?.resource_id;
    let asked = async {
        let session = servers.anywhere_on(old, Access::AsServed).await?;
        session.standing(&[]).await
    };
    match asked.await {
        Ok(seen) => Some(seen.read_only),
        Err(failed) => {
            warn!(%failed, "old not asked");
            None
        }
    }
}

/// The route of the writes as it leads to old; `None` where there is none.
pub(super) fn writes_to_old(plan: &Plan, instances: &[Instance]) -> Result<Option<Route>, Error> {
    let wanted = writes(plan, instances);
    if plan.writes.is_some() && wanted.is_none() {
        return Err(StepError::transient("old has no endpoint now").into());
    }
    Ok(wanted)
}
