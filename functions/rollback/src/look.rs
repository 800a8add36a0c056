//! Looks at what is there, whatever the record says.

use crate::World;
use domain::ids::ResourceId;
use domain::rds::{Deployment, Instance, OWNER_TAG, instance_of};
use domain::record::Record;
use domain::rollback::{Seen, confused, identities, serving, standing};
use domain::routes::changes;
use effects::error::Error;
use effects::step::now;

/// What was found, for acting on it.
pub struct Looked {
    /// For deciding.
    pub seen: Seen,
    /// The deployment of this upgrade, if there is one.
    pub deployment: Option<Deployment>,
    /// The instances that are green: the recorded ones, and the deployment's targets before it switched.
    pub green: Vec<Instance>,
}

/// Looks at RDS and Route 53.
pub async fn look(world: &World, record: &Record) -> Result<Looked, Error> {
    let deployment = deployment(world, record).await?;
    let named = world
        .instances
        .describe(&record.ticket.database.as_str().into())
        .await?;
    let green = green(world, record, deployment.as_ref()).await?;
    let found: Vec<ResourceId> = green.iter().map(|one| one.resource_id.clone()).collect();
    let seen = Seen {
        now: now(),
        serving: serving(record, deployment.as_ref(), named.as_ref()),
        reads_away: reads_away(world, record).await?,
        green: standing(deployment.as_ref(), &green),
        confused: confused(&record.plan, &found),
    };
    Ok(Looked {
        seen,
        deployment,
        green,
    })
}

/// The recorded deployment, or one that was made under this upgrade's name and whose record was lost.
async fn deployment(world: &World, record: &Record) -> Result<Option<Deployment>, Error> {
    if let Some(green) = &record.green {
        return world.deployments.describe(&green.deployment).await;
    }
    let named = world.deployments.named(&record.plan.name).await?;
    let owner = record.ticket.owner.as_str();
    Ok(named.filter(|named| named.tags.get(OWNER_TAG).is_some_and(|tag| tag == owner)))
}

async fn green(
    world: &World,
    record: &Record,
    deployment: Option<&Deployment>,
) -> Result<Vec<Instance>, Error> {
    let mut green = Vec::new();
    for recorded in identities(record.green.as_ref()) {
        green.extend(world.instances.find(&recorded).await?);
    }
    let targets = deployment.into_iter().flat_map(|found| &found.pairs);
    for target in targets.filter_map(|pair| pair.target.as_deref()) {
        let named = world.instances.describe(&instance_of(target)).await?;
        green.extend(named.filter(|named| green.iter().all(|known| known.id != named.id)));
    }
    Ok(green)
}

async fn reads_away(world: &World, record: &Record) -> Result<bool, Error> {
    let Some(route) = &record.plan.reads else {
        return Ok(false);
    };
    let records = world.routes.read(route).await?;
    Ok(!changes(&records, &route.records).is_empty())
}
