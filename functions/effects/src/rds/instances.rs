//! DB instances.

use super::{filter, tags_of};
use crate::error::{Error, acted, looked};
use crate::postgres;
use aws_config::SdkConfig;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, DbInstanceStatusInfo, Endpoint};
use domain::error::StepError;
use domain::ids::{InstanceId, ResourceId};
use domain::rds::{Instance, instance_of};

/// The instances of this account and Region.
#[derive(Debug, Clone)]
pub struct Instances {
    client: Client,
}

/// How a deletion came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// RDS deletes it now, or did already.
    Begun,
    /// No instance has that resource id any more.
    Gone,
}

impl Instances {
    /// Over a configuration that is loaded once, in `main`.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// The instance that has this name now, if there is one.
    ///
    /// # Errors
    /// If RDS can't be asked.
    pub async fn describe(&self, id: &InstanceId) -> Result<Option<Instance>, Error> {
        let call = self.client.describe_db_instances();
        let answer = call.db_instance_identifier(id.as_str()).send().await;
        match answer.map_err(looked("describing an instance")) {
            Ok(answer) => Ok(answer.db_instances().first().map(instance)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The instance with this identity, whatever it is called now.
    ///
    /// # Errors
    /// If RDS can't be asked.
    pub async fn find(&self, resource_id: &ResourceId) -> Result<Option<Instance>, Error> {
        let by_identity = filter("dbi-resource-id", resource_id.as_str());
        let call = self.client.describe_db_instances().filters(by_identity);
        let mut pages = call.into_paginator().items().send();
        while let Some(found) = pages.next().await {
            let found = instance(&found.map_err(looked("finding an instance"))?);
            // A service that ignores the filter must not make us act on the wrong instance.
            if found.resource_id == *resource_id {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Where the server with this identity listens now, whatever it is called.
    ///
    /// # Errors
    /// If RDS can't be asked; `Upgrade.Transient` while there is no such server or it has no endpoint.
    pub async fn endpoint(&self, resource_id: &ResourceId) -> Result<postgres::Endpoint, Error> {
        let found = self.find(resource_id).await?;
        let endpoint = found.and_then(|it| Some(postgres::Endpoint::new(it.address?, it.port)));
        endpoint.ok_or_else(|| {
            StepError::transient(format!("the server {resource_id} has no endpoint now")).into()
        })
    }

    /// Every instance.
    ///
    /// # Errors
    /// If RDS can't be asked.
    pub async fn all(&self) -> Result<Vec<Instance>, Error> {
        let mut pages = self
            .client
            .describe_db_instances()
            .into_paginator()
            .items()
            .send();
        let mut all = vec![];
        while let Some(found) = pages.next().await {
            all.push(instance(&found.map_err(looked("listing the instances"))?));
        }
        Ok(all)
    }

    /// Starts a minor upgrade of one instance now, not in its maintenance window.
    ///
    /// # Errors
    /// If RDS refuses, or its answer is lost; look before calling again.
    pub async fn upgrade(&self, id: &InstanceId, version: &str) -> Result<(), Error> {
        let call = self
            .client
            .modify_db_instance()
            .db_instance_identifier(id.as_str())
            .engine_version(version)
            .apply_immediately(true);
        let answer = call.send().await;
        answer.map_err(acted("starting an instance's upgrade"))?;
        Ok(())
    }

    /// Gives an instance another name, now. It restarts, and takes minutes until the name is known.
    ///
    /// # Errors
    /// If RDS refuses, or its answer is lost; look before calling again.
    pub async fn rename(&self, from: &InstanceId, to: &InstanceId) -> Result<(), Error> {
        let call = self
            .client
            .modify_db_instance()
            .db_instance_identifier(from.as_str())
            .new_db_instance_identifier(to.as_str())
            .apply_immediately(true);
        match call.send().await.map_err(acted("renaming an instance")) {
            Ok(_) => Ok(()),
            // The client's own second try, after a first one whose answer was lost.
            Err(error) if is_missing(&error) => Err(StepError::transient(format!(
                "nothing is called {from}; it may have its new name already"
            ))
            .into()),
            Err(error) => Err(error),
        }
    }

    /// Deletes the instance with this identity, without a final snapshot: take one before.
    ///
    /// RDS deletes by name, and a switchover swaps names, so the name is looked up right before the call, and the
    /// instance must still have the name that `expected` says.
    ///
    /// # Errors
    /// If the names have changed, if RDS refuses, or if its answer is lost; look before calling again.
    pub async fn delete(
        &self,
        resource_id: &ResourceId,
        expected: &InstanceId,
    ) -> Result<Deletion, Error> {
        let named = self.describe(expected).await?;
        match named {
            Some(named) if named.resource_id == *resource_id => {
                if named.status != "deleting" {
                    self.delete_by_name(expected).await?;
                }
                Ok(Deletion::Begun)
            }
            _ => match self.find(resource_id).await? {
                None => Ok(Deletion::Gone),
                Some(renamed) => Err(StepError::transient(format!(
                    "{resource_id} is called {} now, not {expected}; nothing was deleted",
                    renamed.id
                ))
                .into()),
            },
        }
    }

    async fn delete_by_name(&self, id: &InstanceId) -> Result<(), Error> {
        let call = self
            .client
            .delete_db_instance()
            .db_instance_identifier(id.as_str())
            .skip_final_snapshot(true)
            .delete_automated_backups(false);
        match call.send().await.map_err(acted("deleting an instance")) {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Lets RDS delete the instance, which its deletion protection forbids.
    ///
    /// # Errors
    /// If RDS refuses, or its answer is lost.
    pub async fn lift_deletion_protection(&self, id: &InstanceId) -> Result<(), Error> {
        let call = self
            .client
            .modify_db_instance()
            .db_instance_identifier(id.as_str())
            .deletion_protection(false)
            .apply_immediately(true);
        let answer = call.send().await;
        answer.map_err(acted("lifting an instance's deletion protection"))?;
        Ok(())
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(
        error.code(),
        Some("DBInstanceNotFound" | "DBInstanceNotFoundFault")
    )
}

fn instance(found: &DbInstance) -> Instance {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let group = found.db_parameter_groups().first();
    let endpoint = found.endpoint();
    let names = found.read_replica_db_instance_identifiers();
    Instance {
        id: InstanceId(text(found.db_instance_identifier())),
        arn: text(found.db_instance_arn()),
        resource_id: ResourceId(text(found.dbi_resource_id())),
        status: text(found.db_instance_status()),
        engine: text(found.engine()),
        version: text(found.engine_version()),
        pending_version: pending_version(found),
        class: text(found.db_instance_class()),
        multi_az: found.multi_az().unwrap_or_default(),
        storage_gib: whole(found.allocated_storage()),
        storage_type: text(found.storage_type()),
        storage_status: storage_status(found),
        parameter_group: text(group.and_then(|group| group.db_parameter_group_name())),
        parameters_applied: text(group.and_then(|group| group.parameter_apply_status())),
        backup_days: whole(found.backup_retention_period()),
        address: endpoint.and_then(|endpoint| endpoint.address().map(str::to_owned)),
        port: whole(endpoint.and_then(Endpoint::port)),
        replica_of: found
            .read_replica_source_db_instance_identifier()
            .map(instance_of),
        replicas: names.iter().map(|name| instance_of(name)).collect(),
        replication: found.status_infos().iter().find_map(replication),
        cluster: found.db_cluster_identifier().map(str::to_owned),
        deletion_protection: found.deletion_protection().unwrap_or_default(),
        managed_password: found.master_user_secret().is_some(),
        iam_login: found
            .iam_database_authentication_enabled()
            .unwrap_or_default(),
        tags: tags_of(found.tag_list()),
    }
}

/// The SDK's numbers are signed and may be missing; a number that doesn't fit is 0, which no check takes for good.
fn whole<T: TryFrom<i32> + Default>(number: Option<i32>) -> T {
    number
        .and_then(|number| T::try_from(number).ok())
        .unwrap_or_default()
}

fn pending_version(found: &DbInstance) -> Option<String> {
    let pending = found.pending_modified_values()?;
    pending.engine_version().map(str::to_owned)
}

fn replication(info: &DbInstanceStatusInfo) -> Option<String> {
    let is_replication = info.status_type() == Some("read replication");
    is_replication.then(|| info.status().unwrap_or_default().to_owned())
}

/// What the storage is busy with, as far as RDS says; a finished or idle operation is nothing.
fn storage_status(found: &DbInstance) -> String {
    let status = found.storage_operation_status().unwrap_or_default();
    let idle = ["", "none", "completed", "available"].contains(&status.to_lowercase().as_str());
    let busy = if idle { "" } else { status };
    busy.to_owned()
}
