//! Looks at what is there, whatever the record says.

use domain::ids::ResourceId;
use domain::rds::{Deployment, Instance, OWNER_TAG, instance_of};
use domain::record::Record;
use domain::routes::Route;
use domain::steps::rollback::{Seen, confused, identities, serving, standing};
use ports::{Error, Rds, World};
use steps::Call;
use tracing::warn;

/// What was found, for acting on it.
pub(crate) struct Looked {
    /// For deciding.
    pub(crate) seen: Seen,
    /// The deployment of this upgrade, if there is one.
    pub(crate) deployment: Option<Deployment>,
    /// The instances that are green: the recorded ones, and the deployment's targets before it switched.
    pub(crate) green: Vec<Instance>,
}

/// Looks at RDS and at the routes.
pub(crate) async fn look<W: World>(call: &Call<'_, W>, record: &Record) -> Result<Looked, Error> {
    let rds = call.world.rds();
    let deployment = deployment(rds, record).await?;
    let named = rds
        .instance_named(&record.ticket.database.as_str().into())
        .await?;
    let green = green(rds, record, deployment.as_ref()).await?;
    let found: Vec<ResourceId> = green.iter().map(|one| one.resource_id.clone()).collect();
    let seen = Seen {
        now: call.now(),
        serving: serving(record, deployment.as_ref(), named.as_ref()),
        reads_away: reads_away(call.world, record.plan.moved_early()).await,
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
async fn deployment(rds: &impl Rds, record: &Record) -> Result<Option<Deployment>, Error> {
    if let Some(green) = &record.green {
        return rds.deployment(&green.deployment).await;
    }
    let named = rds.deployment_named(&record.plan.name).await?;
    let owner = record.ticket.owner.as_str();
    Ok(named.filter(|named| named.tags.get(OWNER_TAG).is_some_and(|tag| tag == owner)))
}

async fn green(
    rds: &impl Rds,
    record: &Record,
    deployment: Option<&Deployment>,
) -> Result<Vec<Instance>, Error> {
    let mut green = Vec::new();
    for recorded in identities(record.green.as_ref()) {
        green.extend(rds.instance(&recorded).await?);
    }
    let targets = deployment.into_iter().flat_map(|found| &found.pairs);
    for target in targets.filter_map(|pair| pair.target.as_deref()) {
        let named = rds.instance_named(&instance_of(target)).await?;
        green.extend(named.filter(|named| green.iter().all(|known| known.id != named.id)));
    }
    Ok(green)
}

/// Whether a route is not as wanted. One that can't be looked at counts as such: it is tried, after all that production needs more.
pub(crate) async fn reads_away<'r>(
    world: &impl World,
    wanted: impl IntoIterator<Item = &'r Route>,
) -> bool {
    routes::is_away(world, wanted)
        .await
        .unwrap_or_else(|failed| {
            warn!(%failed, "a route can't be looked at");
            true
        })
}
