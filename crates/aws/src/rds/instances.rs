//! DB instances.

use super::{filter, tags_of};
use crate::error::{acted, looked};
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbInstance, DbInstanceStatusInfo, Endpoint};
use domain::error::StepError;
use domain::ids::{InstanceId, ResourceId};
use domain::rds::{Instance, instance_of};
use ports::Error;

/// The instances of this account and Region.
#[derive(Debug, Clone)]
pub(super) struct Instances {
    client: Client,
}

impl Instances {
    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// The instance that has this name now, if there is one.
    pub(super) async fn describe(&self, id: &InstanceId) -> Result<Option<Instance>, Error> {
        let call = self.client.describe_db_instances();
        let answer = call.db_instance_identifier(id.as_str()).send().await;
        match answer.map_err(looked("describing an instance")) {
            Ok(answer) => Ok(answer.db_instances().first().map(instance)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The instance with this identity, whatever it is called now.
    pub(super) async fn find(&self, resource_id: &ResourceId) -> Result<Option<Instance>, Error> {
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

    /// Every instance.
    pub(super) async fn all(&self) -> Result<Vec<Instance>, Error> {
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
    pub(super) async fn upgrade(&self, id: &InstanceId, version: &str) -> Result<(), Error> {
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
    pub(super) async fn rename(&self, from: &InstanceId, to: &InstanceId) -> Result<(), Error> {
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

    pub(super) async fn delete_named(&self, id: &InstanceId) -> Result<(), Error> {
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
    pub(super) async fn lift_deletion_protection(&self, id: &InstanceId) -> Result<(), Error> {
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
        status: found.db_instance_status().unwrap_or_default().into(),
        engine: text(found.engine()),
        version: text(found.engine_version()),
        pending_version: pending_version(found),
        class: text(found.db_instance_class()),
        multi_az: found.multi_az().unwrap_or_default(),
        storage_gib: whole(found.allocated_storage()),
        storage_type: text(found.storage_type()),
        storage_status: storage_status(found),
        parameter_group: text(group.and_then(|group| group.db_parameter_group_name())),
        parameters_applied: group
            .and_then(|group| group.parameter_apply_status())
            .unwrap_or_default()
            .into(),
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
