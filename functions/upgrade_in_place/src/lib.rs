//! Minor versions: a snapshot, then the replicas one at a time, then the writer.

use domain::error::{ErrorName, StepError};
use domain::ids::{InstanceId, ResourceId};
use domain::plan::{Member, Plan};
use domain::rds::Instance;
use domain::upgrade_in_place::{
    Act, Answer, Input, MemberSeen, Output, Seen, failure, finished, next, over, serves, under_way,
};
use effects::claims::{Claims, Held};
use effects::dns::Resolver;
use effects::error::Error;
use effects::postgres::{Connector, Endpoint, smoke};
use effects::rds::{Instances, Snapshots};
use effects::secrets::Secrets;
use effects::step::Invocation;
use tracing::info;

/// What a roll is done with.
#[derive(Clone)]
pub struct Roll {
    /// The table of upgrades.
    pub claims: Claims,
    /// The instances.
    pub instances: Instances,
    /// The snapshots.
    pub snapshots: Snapshots,
    /// Our credentials.
    pub secrets: Secrets,
    /// Who knows the servers' addresses.
    pub resolver: Resolver,
}

/// Takes the roll one step further. Run again, it sees how far it is; after the end it says so again.
///
/// # Errors
///
/// `Upgrade.Failed` if the roll can't go on: the message says what is left in service and where the snapshot is, and the
/// claim is marked for a person.
pub async fn run(roll: &Roll, input: Input, invocation: Invocation) -> Result<Output, Error> {
    let record = roll.claims.read(&input.ticket.database).await?;
    if let Some(output) = record
        .as_ref()
        .and_then(|record| over(record, &input.ticket))
    {
        return Ok(output);
    }
    let act = async |held: &mut Held<'_>| roll.step(held).await;
    roll.claims
        .holding(&input.ticket, "upgrade_in_place", &invocation, act)
        .await
}

impl Roll {
    async fn step(&self, held: &mut Held<'_>) -> Result<Output, Error> {
        let plan = held.record().plan.clone();
        let seen = self.see(held, &plan).await?;
        match next(&plan, &seen) {
            Act::Snapshot(instance) => self.snapshot(held, &plan, &instance).await?,
            Act::Upgrade {
                instance,
                resource_id,
            } => self.upgrade(held, &plan, &instance, &resource_id).await?,
            Act::Wait(_) => {}
            Act::Finish => return self.finish(held, &plan, &seen).await,
            Act::Fail(why) => return fail(held, &failure(&seen, &why)).await,
        }
        Ok(under_way(&plan, &seen))
    }

    async fn see(&self, held: &Held<'_>, plan: &Plan) -> Result<Seen, Error> {
        let connector = self
            .secrets
            .connector(&plan.database, &self.resolver)
            .await?;
        let mut members = vec![];
        for planned in &plan.members {
            let instance = self.instances.find(&planned.resource_id).await?;
            let attempts = &held.record().attempts;
            members.push(MemberSeen {
                answer: ask(&connector, plan, planned, instance.as_ref()).await?,
                attempts: attempts.get(&planned.resource_id).copied().unwrap_or(0),
                planned: planned.clone(),
                instance,
            });
        }
        Ok(Seen {
            snapshot: self.snapshots.describe(&plan.snapshot("before")).await?,
            members,
        })
    }

    async fn snapshot(
        &self,
        held: &Held<'_>,
        plan: &Plan,
        writer: &InstanceId,
    ) -> Result<(), Error> {
        held.verify().await?;
        let name = plan.snapshot("before");
        let tags = plan.tags(&held.ticket().owner);
        self.snapshots.create(writer, &name, &tags).await?;
        info!(snapshot = name, "snapshot begun");
        Ok(())
    }

    /// Counts what RDS accepted, so that an upgrade that fails again and again comes to an end. An answer that was lost
    /// shows in the instance.
    async fn upgrade(
        &self,
        held: &mut Held<'_>,
        plan: &Plan,
        instance: &InstanceId,
        resource_id: &ResourceId,
    ) -> Result<(), Error> {
        held.verify().await?;
        self.instances.upgrade(instance, &plan.to_version).await?;
        info!(%instance, version = plan.to_version, "instance's upgrade begun");
        held.change(|record| *record.attempts.entry(resource_id.clone()).or_default() += 1)
            .await
    }

    async fn finish(&self, held: &mut Held<'_>, plan: &Plan, seen: &Seen) -> Result<Output, Error> {
        let output = finished(plan, seen);
        held.end(&output.summary).await?;
        Ok(output)
    }
}

/// Asks a member at the target version whether it serves. Only what waiting doesn't change is an error.
async fn ask(
    connector: &Connector,
    plan: &Plan,
    planned: &Member,
    instance: Option<&Instance>,
) -> Result<Option<Answer>, Error> {
    let upgraded =
        instance.filter(|found| found.is_available() && found.version == plan.to_version);
    let Some(address) = upgraded.and_then(|found| found.address.as_deref()) else {
        return Ok(None);
    };
    let endpoint = Endpoint::new(address, planned.port);
    match smoke::ask(connector, &endpoint, &plan.databases).await {
        Ok(said) => Ok(Some(serves(
            planned,
            &said.version,
            said.read_only,
            said.streaming,
        ))),
        Err(error) if error.name() == ErrorName::Transient => {
            Ok(Some(Answer::NotYet(error.to_string())))
        }
        Err(error) => Err(error),
    }
}

/// Marks the claim before the error is told, so that nothing else begins on this database until a person has looked.
async fn fail(held: &mut Held<'_>, why: &str) -> Result<Output, Error> {
    held.needs_operator(why).await?;
    Err(StepError::failed(why).into())
}
