//! RDS: instances, blue/green deployments, snapshots, versions and parameters.

use crate::{Endpoint, Error};
use domain::error::StepError;
use domain::ids::{DeploymentId, InstanceId, ResourceId};
use domain::rds::{Deployment, Instance, InstanceStatus, Snapshot, UpgradeTarget};
use std::collections::BTreeMap;

/// What a deployment is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeployment {
    /// The same for each retry of one upgrade: RDS has no other idempotency key.
    pub name: String,
    /// The writer's ARN.
    pub source: String,
    /// The version to reach.
    pub version: String,
    /// Green's parameter group; RDS's default for the version where there is none.
    pub parameter_group: Option<String>,
    /// The tags by which its maker is recognized.
    pub tags: BTreeMap<String, String>,
}

/// What came of asking for a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// RDS makes it.
    Begun,
    /// The name, or the source, has a deployment already.
    Exists,
}

/// How a deletion came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// RDS deletes it now, or did already.
    Begun,
    /// No instance has that resource id any more.
    Gone,
}

/// RDS in this account and Region. A method fails if RDS can't be asked or refuses, or as it says. An acting call that fails,
/// or whose answer is lost, may have done its work: look before calling again.
pub trait Rds {
    /// The instance that has this name now, if there is one.
    async fn instance_named(&self, id: &InstanceId) -> Result<Option<Instance>, Error>;

    /// The instance with this identity, whatever it is called now.
    async fn instance(&self, id: &ResourceId) -> Result<Option<Instance>, Error>;

    /// Every instance.
    async fn instances(&self) -> Result<Vec<Instance>, Error>;

    /// Starts a minor upgrade of one instance now, not in its maintenance window.
    async fn upgrade_instance(&self, id: &InstanceId, version: &str) -> Result<(), Error>;

    /// Gives an instance another name, now. It restarts, and takes minutes until the name is known.
    async fn rename_instance(&self, from: &InstanceId, to: &InstanceId) -> Result<(), Error>;

    /// Deletes the instance that has this name now, without a final snapshot. That there is none is success. Call
    /// [`Self::delete_instance`] instead: a switchover swaps names.
    async fn delete_instance_named(&self, id: &InstanceId) -> Result<(), Error>;

    /// Lets RDS delete the instance, which its deletion protection forbids.
    async fn lift_deletion_protection(&self, id: &InstanceId) -> Result<(), Error>;

    /// The deployment with this id, if there is one.
    async fn deployment(&self, id: &DeploymentId) -> Result<Option<Deployment>, Error>;

    /// The deployment with this name, if there is one.
    async fn deployment_named(&self, name: &str) -> Result<Option<Deployment>, Error>;

    /// The deployments of which the instance with this ARN is the source or the target.
    async fn deployments_of(&self, arn: &str) -> Result<Vec<Deployment>, Error>;

    /// Asks RDS for a green.
    async fn create_deployment(&self, new: &NewDeployment) -> Result<Created, Error>;

    /// Tells RDS to switch. It can't be cancelled; after `timeout_seconds` (30 to 3600) RDS takes it back itself.
    async fn switch_over(&self, id: &DeploymentId, timeout_seconds: u32) -> Result<(), Error>;

    /// Deletes the deployment's record, and green with it if `with_green`, which RDS refuses after the switchover. That there
    /// is none any more is success.
    async fn delete_deployment(&self, id: &DeploymentId, with_green: bool) -> Result<(), Error>;

    /// The manual snapshot with this name, if there is one.
    async fn snapshot(&self, name: &str) -> Result<Option<Snapshot>, Error>;

    /// Starts a snapshot of the instance that has this name now. That the snapshot's name is taken is success: it is derived
    /// from the upgrade, and what stands under it is looked at before anything relies on it.
    async fn create_snapshot(
        &self,
        instance: &InstanceId,
        name: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Error>;

    /// The versions to which an engine's version can be upgraded. `engine` is RDS's own word.
    async fn upgrade_targets(
        &self,
        engine: &str,
        version: &str,
    ) -> Result<Vec<UpgradeTarget>, Error>;

    /// The parameter group family of an engine's version, such as `postgres17`.
    async fn family(&self, engine: &str, version: &str) -> Result<Option<String>, Error>;

    /// A parameter group's family; `None` if there is no such group.
    async fn family_of_group(&self, group: &str) -> Result<Option<String>, Error>;

    /// The parameters of a group that a person has set.
    async fn parameters(&self, group: &str) -> Result<BTreeMap<String, String>, Error>;

    /// Where the server with this identity listens now, whatever it is called.
    ///
    /// # Errors
    ///
    /// If RDS can't be asked; `Upgrade.Transient` while there is no such server or it has no endpoint.
    async fn endpoint(&self, id: &ResourceId) -> Result<Endpoint, Error> {
        let found = self.instance(id).await?;
        let endpoint = found.and_then(|found| Some(Endpoint::new(found.address?, found.port)));
        endpoint.ok_or_else(|| {
            StepError::transient(format!("the server {id} has no endpoint now")).into()
        })
    }

    /// Deletes the instance with this identity, without a final snapshot: take one before.
    ///
    /// RDS deletes by name, and a switchover swaps names, so the name is looked up right before the call, and the instance
    /// must still have the name that `expected` says.
    ///
    /// # Errors
    ///
    /// If the names have changed, or if RDS refuses.
    async fn delete_instance(
        &self,
        id: &ResourceId,
        expected: &InstanceId,
    ) -> Result<Deletion, Error> {
        match self.instance_named(expected).await? {
            Some(named) if named.resource_id == *id => {
                if named.status != InstanceStatus::Deleting {
                    self.delete_instance_named(expected).await?;
                }
                Ok(Deletion::Begun)
            }
            _ => match self.instance(id).await? {
                None => Ok(Deletion::Gone),
                Some(renamed) => Err(StepError::transient(format!(
                    "{id} is called {} now, not {expected}; nothing was deleted",
                    renamed.id
                ))
                .into()),
            },
        }
    }
}
