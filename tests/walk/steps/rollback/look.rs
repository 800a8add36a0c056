//! Looks at what is there, whatever the record says.

use crate::call::Call;
use crate::world::{Fallible, World};
use domain::ids::ResourceId;
use domain::rds::{Deployment, Instance, OWNER_TAG, instance_of};
use domain::record::Record;
use domain::rollback::{Seen, confused, identities, serving, standing};
use domain::routes::changes;

/// What was found.
pub struct Looked {
    /// For deciding.
    pub seen: Seen,
    /// The deployment of this upgrade.
    pub deployment: Option<Deployment>,
    /// The instances that are green.
    pub green: Vec<Instance>,
}

/// Looks at RDS and Route 53.
pub async fn look(call: &Call, record: &Record) -> Fallible<Looked> {
    let deployment = call
        .look("deployment", |world| Ok(deployment(world, record)))
        .await?;
    let name = record.ticket.database.as_str();
    let named = call.look("named", |world| Ok(world.describe(name))).await?;
    let green = call
        .look("green", |world| {
            Ok(greens(world, record, deployment.as_ref()))
        })
        .await?;
    let wanted = record.plan.reads.as_ref().map(|route| &route.records);
    let reads_away = call.look("reads", |world| {
        Ok(wanted.is_some_and(|wanted| !changes(&world.reads, wanted).is_empty()))
    });
    let reads_away = reads_away.await?;
    let found: Vec<ResourceId> = green.iter().map(|one| one.resource_id.clone()).collect();
    Ok(Looked {
        seen: Seen {
            now: call.now(),
            serving: serving(record, deployment.as_ref(), named.as_ref()),
            reads_away,
            green: standing(deployment.as_ref(), &green),
            confused: confused(&record.plan, &found),
        },
        deployment,
        green,
    })
}

fn deployment(world: &World, record: &Record) -> Option<Deployment> {
    if let Some(green) = &record.green {
        return world.deployment(&green.deployment);
    }
    let owner = record.ticket.owner.as_str();
    let named = world.deployment_named(&record.plan.name);
    named.filter(|named| named.tags.get(OWNER_TAG).is_some_and(|tag| tag == owner))
}

fn greens(world: &World, record: &Record, deployment: Option<&Deployment>) -> Vec<Instance> {
    let recorded = identities(record.green.as_ref());
    let mut green: Vec<Instance> = recorded.iter().filter_map(|id| world.find(id)).collect();
    let targets = deployment.into_iter().flat_map(|found| &found.pairs);
    for target in targets.filter_map(|pair| pair.target.as_deref()) {
        let named = world.describe(instance_of(target).as_str());
        let named = named.filter(|named| green.iter().all(|known| known.id != named.id));
        green.extend(named);
    }
    green
}
