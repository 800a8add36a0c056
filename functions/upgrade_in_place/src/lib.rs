//! Minor versions: a snapshot, then the replicas one at a time, then the writer.

use domain::error::StepError;
use domain::ids::{InstanceId, ResourceId};
use domain::plan::{Member, Plan};
use domain::rds::Instance;
use domain::steps::upgrade_in_place::{
    Act, Answer, Input, MemberSeen, Output, Seen, failure, finished, next, over, serves, under_way,
};
use ports::{Endpoint, Engine, Error, Rds, World};
use steps::{Call, Held, Servers, read};
use tracing::info;

/// Takes the roll one step further. Run again, it sees how far it is; after the end it says so again.
///
/// # Errors
///
/// `Upgrade.Failed` if the roll can't go on: the message says what is left in service and where the snapshot is, and the
/// claim is marked for a person.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let record = read(call, &input.ticket.database).await?;
    if let Some(output) = record
        .as_ref()
        .and_then(|record| over(record, &input.ticket))
    {
        return Ok(output);
    }
    let act = async |held: &mut Held<'_, W>| step(held).await;
    call.holding(&input.ticket, "upgrade_in_place", act).await
}

async fn step<W: World>(held: &mut Held<'_, W>) -> Result<Output, Error> {
    let plan = held.record().plan.clone();
    let seen = see(held, &plan).await?;
    match next(&plan, &seen) {
        Act::Snapshot(instance) => {
            let name = held.snapshot("before", &instance).await?;
            info!(snapshot = name, "snapshot begun");
        }
        Act::Upgrade {
            instance,
            resource_id,
        } => upgrade(held, &plan, &instance, &resource_id).await?,
        Act::Wait(_) => {}
        Act::Finish => {
            let output = finished(&plan, &seen);
            held.end(&output.summary).await?;
            return Ok(output);
        }
        Act::Fail(why) => return fail(held, &failure(&seen, &why)).await,
    }
    Ok(under_way(&plan, &seen))
}

async fn see<W: World>(held: &Held<'_, W>, plan: &Plan) -> Result<Seen, Error> {
    let servers = Servers::of(held.call, held.record());
    let rds = held.call.world.rds();
    let mut members = vec![];
    for planned in &plan.members {
        let instance = rds.instance(&planned.resource_id).await?;
        let attempts = &held.record().attempts;
        members.push(MemberSeen {
            answer: ask(&servers, planned, instance.as_ref()).await?,
            attempts: attempts.get(&planned.resource_id).copied().unwrap_or(0),
            planned: planned.clone(),
            instance,
        });
    }
    Ok(Seen {
        snapshot: rds.snapshot(&plan.snapshot("before")).await?,
        members,
    })
}

/// Asks a member at the target version whether it serves. Only what waiting doesn't change is an error.
async fn ask<W: World>(
    servers: &Servers<'_, W>,
    planned: &Member,
    instance: Option<&Instance>,
) -> Result<Option<Answer>, Error> {
    let plan = &servers.plan;
    let upgraded =
        instance.filter(|found| found.is_available() && found.version == plan.to_version);
    let Some(address) = upgraded.and_then(|found| found.address.as_deref()) else {
        return Ok(None);
    };
    let endpoint = Endpoint::new(address, planned.port);
    let asked = servers.engine().await?.ask(&endpoint, &plan.databases);
    match asked.await {
        Ok(said) => Ok(Some(serves(
            planned,
            &said.version,
            said.read_only,
            said.streaming,
        ))),
        Err(error) if error.is_transient() => Ok(Some(Answer::NotYet(error.to_string()))),
        Err(error) => Err(error),
    }
}

/// Counts what RDS accepted, so that an upgrade that fails again and again comes to an end. An answer that was lost shows in
/// the instance.
async fn upgrade<W: World>(
    held: &mut Held<'_, W>,
    plan: &Plan,
    instance: &InstanceId,
    resource_id: &ResourceId,
) -> Result<(), Error> {
    held.verify().await?;
    let rds = held.call.world.rds();
    rds.upgrade_instance(instance, &plan.to_version).await?;
    info!(%instance, version = plan.to_version, "instance's upgrade begun");
    held.change(|record| *record.attempts.entry(resource_id.clone()).or_default() += 1)
        .await
}

/// Marks the claim before the error is told, so that nothing else begins on this database until a person has looked.
async fn fail<W: World>(held: &mut Held<'_, W>, why: &str) -> Result<Output, Error> {
    held.needs_operator(why).await?;
    Err(StepError::failed(why).into())
}
