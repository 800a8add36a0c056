//! The end of the watch: old blue is kept, or deleted after a final snapshot.

use domain::error::StepError;
use domain::ids::{InstanceId, ResourceId};
use domain::record::{Phase, Record};
use domain::steps::retire::{Act, Input, Output, Seen, done, next, over, waiting};
use ports::{Access, Error, Rds, Session, World};
use steps::{Call, Held, Servers, fencing, read, reverse};
use tracing::{info, warn};

/// Ends the upgrade after the watch. Run again, it sees how far it is; after the end it says so again.
///
/// # Errors
///
/// `Upgrade.Refused` if the switchover has not happened, or if old must not be deleted although the request says so.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let record = read(call, &input.ticket.database).await?;
    if let Some(output) = record
        .as_ref()
        .and_then(|record| over(record, &input.ticket))
    {
        return Ok(output);
    }
    // Boxed, because it is long and lives in the frame of every caller otherwise.
    let act = async |held: &mut Held<'_, W>| Box::pin(step(held)).await;
    call.holding(&input.ticket, "retire", act).await
}

async fn step<W: World>(held: &mut Held<'_, W>) -> Result<Output, Error> {
    let record = held.record().clone();
    if record.phase != Phase::After {
        return Err(StepError::refused("green does not serve yet; nothing is retired").into());
    }
    if record.reverse.is_some() {
        cut(held, &record).await?;
    }
    lead_home(held, &record).await?;
    let rds = held.call.world.rds();
    match next(&record.plan, &see(rds, &record).await?) {
        Act::Keep(how) | Act::Finish(how) => {
            held.end(&how).await?;
            Ok(done(&how))
        }
        Act::Snapshot(instance) => {
            let name = held.snapshot("final", &instance).await?;
            info!(snapshot = name, "final snapshot begun");
            Ok(waiting(&format!("the final snapshot {name}")))
        }
        Act::DeleteRecord(deployment) => {
            if let Err(silent) = keep_closed(held, &record).await {
                warn!(%silent, "old not seen to be closed");
                return Ok(waiting("old blue, to see that it is closed"));
            }
            held.verify().await?;
            rds.delete_deployment(&deployment, false).await?;
            info!(%deployment, "deployment's record deleted");
            Ok(waiting(&format!("the record of {deployment} to go")))
        }
        Act::Delete {
            instance,
            resource_id,
        } => delete(held, &instance, &resource_id).await,
        Act::Wait(what) => Ok(waiting(&what)),
        Act::Refuse(why) => Err(StepError::refused(why).into()),
    }
}

/// RDS's read-only goes with its record of the deployment.
async fn keep_closed<W: World>(held: &Held<'_, W>, record: &Record) -> Result<(), Error> {
    let (old, _) = reverse::ends(record)?;
    let Ok(stands) = record.fence_on(&old) else {
        return Ok(());
    };
    let servers = Servers::of(held.call, record);
    let session = servers.anywhere_on(&old, Access::Write).await?;
    held.verify().await?;
    let names = &record.plan.application_roles;
    fencing::keep_closed(held.call, &session, stands, names).await
}

/// Routes that lead to addresses are as they were found: the names that they were found by lead to green now.
async fn lead_home<W: World>(held: &Held<'_, W>, record: &Record) -> Result<(), Error> {
    let deadline = held.call.invocation.last_call();
    let hosts = held.call.hosts(record).await?;
    for route in record.plan.by_address() {
        let verify = async || held.verify().await;
        routes::apply(held.call.world, route, &hosts, deadline, verify).await?;
    }
    Ok(())
}

/// Ends reverse replication: old's subscriptions, then green's slots. An old that does not answer is not waited for: what
/// counts is that green retains nothing for it.
async fn cut<W: World>(held: &mut Held<'_, W>, record: &Record) -> Result<(), Error> {
    held.verify().await?;
    let servers = Servers::of(held.call, record);
    let (old, new) = reverse::ends(record)?;
    for (database, link) in reverse::links(record) {
        let ended = async {
            let session = servers.on(&old, database, Access::Write).await?;
            session.unsubscribe(&link.name).await
        };
        if let Err(silent) = ended.await {
            warn!(%silent, database, "old's subscription not ended");
        }
        let session = servers.on(&new, database, Access::AsServed).await?;
        session.disarm(&link.name).await?;
    }
    info!("reverse replication ended");
    held.change(|record| record.reverse = None).await
}

async fn see(rds: &impl Rds, record: &Record) -> Result<Seen, Error> {
    let mut old = vec![];
    for member in &record.plan.members {
        let instance = rds.instance(&member.resource_id).await?;
        old.push((member.clone(), instance));
    }
    Ok(Seen {
        deployment: match &record.green {
            Some(green) => rds.deployment(&green.deployment).await?,
            None => None,
        },
        old,
        serving: match record.green_writer() {
            Ok(writer) => rds.instance(&writer.resource_id).await?,
            Err(_) => None,
        },
        snapshot: rds.snapshot(&record.plan.snapshot("final")).await?,
        doubt: match &record.receipt {
            Some(receipt) => receipt.doubt(),
            None => Some("there is no receipt of the switchover".to_owned()),
        },
    })
}

async fn delete<W: World>(
    held: &Held<'_, W>,
    instance: &InstanceId,
    resource_id: &ResourceId,
) -> Result<Output, Error> {
    held.verify().await?;
    let rds = held.call.world.rds();
    let deletion = rds.delete_instance(resource_id, instance).await?;
    info!(%instance, %resource_id, ?deletion, "old instance's deletion begun");
    Ok(waiting(&format!("{instance} to go")))
}
