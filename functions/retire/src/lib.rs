//! The end of the watch: old blue is kept, or deleted after a final snapshot.

use domain::error::StepError;
use domain::ids::{InstanceId, ResourceId};
use domain::plan::Plan;
use domain::record::{Green, Phase, Record};
use domain::retire::{Act, Input, Output, Seen, done, next, over, waiting};
use effects::claims::{Claims, Held};
use effects::dns::Resolver;
use effects::error::Error;
use effects::postgres::{Access, Session, reverse};
use effects::rds::{Deployments, Instances, Snapshots};
use effects::secrets::Secrets;
use effects::step::Invocation;
use tracing::{info, warn};

/// What old blue is retired with.
#[derive(Clone)]
pub struct Yard {
    /// The table of upgrades.
    pub claims: Claims,
    /// The instances.
    pub instances: Instances,
    /// The blue/green deployments.
    pub deployments: Deployments,
    /// The snapshots.
    pub snapshots: Snapshots,
    /// Our credentials.
    pub secrets: Secrets,
    /// Who knows the servers' addresses.
    pub resolver: Resolver,
}

/// Ends the upgrade after the watch. Run again, it sees how far it is; after the end it says so again.
///
/// # Errors
///
/// `Upgrade.Refused` if the switchover has not happened, or if something speaks against deleting what the request wants deleted.
pub async fn run(yard: &Yard, input: Input, invocation: Invocation) -> Result<Output, Error> {
    let record = yard.claims.read(&input.ticket.database).await?;
    if let Some(output) = record
        .as_ref()
        .and_then(|record| over(record, &input.ticket))
    {
        return Ok(output);
    }
    // Boxed, because it is long and lives in the frame of every caller otherwise.
    let act = async |held: &mut Held<'_>| Box::pin(yard.step(held)).await;
    yard.claims
        .holding(&input.ticket, "retire", &invocation, act)
        .await
}

impl Yard {
    async fn step(&self, held: &mut Held<'_>) -> Result<Output, Error> {
        let record = held.record().clone();
        if record.phase != Phase::After {
            return Err(StepError::refused("green does not serve yet; nothing is retired").into());
        }
        if record.reverse.is_some() {
            self.cut(held, &record).await?;
        }
        match next(&record.plan, &self.see(&record).await?) {
            Act::Keep(how) | Act::Finish(how) => {
                held.end(&how).await?;
                Ok(done(&how))
            }
            Act::Snapshot(instance) => self.snapshot(held, &record.plan, &instance).await,
            Act::DeleteRecord(deployment) => {
                held.verify().await?;
                self.deployments.delete(&deployment, false).await?;
                info!(%deployment, "deployment's record deleted");
                Ok(waiting(&format!("the record of {deployment} to go")))
            }
            Act::Delete {
                instance,
                resource_id,
            } => self.delete(held, &instance, &resource_id).await,
            Act::Wait(what) => Ok(waiting(&what)),
            Act::Refuse(why) => Err(StepError::refused(why).into()),
        }
    }

    /// Ends the way back: old's subscriptions, then green's slots. An old that is gone or silent keeps nobody: what counts is
    /// that green holds nothing back for it.
    async fn cut(&self, held: &mut Held<'_>, record: &Record) -> Result<(), Error> {
        held.verify().await?;
        let links = record.reverse.iter().flat_map(|reverse| &reverse.links);
        let old = record.plan.writer().map(|writer| &writer.resource_id);
        let new = record
            .green
            .as_ref()
            .and_then(Green::writer)
            .map(|writer| &writer.resource_id);
        let (Some(old), Some(new)) = (old, new) else {
            return Err(StepError::failed("the record names no writers").into());
        };
        for (database, link) in links {
            let ended = async {
                let session = self.session(record, old, database, Access::Write).await?;
                reverse::unsubscribe(&session, &link.name).await
            };
            if let Err(silent) = ended.await {
                warn!(%silent, database, "old's subscription not ended");
            }
            let session = self
                .session(record, new, database, Access::AsServed)
                .await?;
            reverse::disarm(&session, &link.name).await?;
        }
        info!("way back ended");
        held.change(|record| record.reverse = None).await
    }

    async fn session(
        &self,
        record: &Record,
        resource_id: &ResourceId,
        database: &str,
        access: Access,
    ) -> Result<Session, Error> {
        let endpoint = self.instances.endpoint(resource_id).await?;
        let connector = self
            .secrets
            .connector(&record.plan.database, &self.resolver)
            .await?;
        connector.connect(&endpoint, database, access).await
    }

    async fn see(&self, record: &Record) -> Result<Seen, Error> {
        let mut old = vec![];
        for member in &record.plan.members {
            let instance = self.instances.find(&member.resource_id).await?;
            old.push((member.clone(), instance));
        }
        let green = record.green.as_ref();
        let writer = green.and_then(|green| green.members.first());
        Ok(Seen {
            deployment: match green {
                Some(green) => self.deployments.describe(&green.deployment).await?,
                None => None,
            },
            old,
            serving: match writer {
                Some(writer) => self.instances.find(&writer.resource_id).await?,
                None => None,
            },
            snapshot: self
                .snapshots
                .describe(&record.plan.snapshot("final"))
                .await?,
            doubt: match &record.receipt {
                Some(receipt) => receipt.doubt(),
                None => Some("there is no receipt of the switchover".to_owned()),
            },
        })
    }

    async fn snapshot(
        &self,
        held: &Held<'_>,
        plan: &Plan,
        old: &InstanceId,
    ) -> Result<Output, Error> {
        held.verify().await?;
        let name = plan.snapshot("final");
        let tags = plan.tags(&held.ticket().owner);
        self.snapshots.create(old, &name, &tags).await?;
        info!(snapshot = name, "final snapshot begun");
        Ok(waiting(&format!("the final snapshot {name}")))
    }

    async fn delete(
        &self,
        held: &Held<'_>,
        instance: &InstanceId,
        resource_id: &ResourceId,
    ) -> Result<Output, Error> {
        held.verify().await?;
        let deletion = self.instances.delete(resource_id, instance).await?;
        info!(%instance, %resource_id, ?deletion, "old instance's deletion begun");
        Ok(waiting(&format!("{instance} to go")))
    }
}
