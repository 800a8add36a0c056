//! What RDS describes, in the domain's terms.

use aws_sdk_rds::types::{
    BlueGreenDeployment, BlueGreenDeploymentTask, DbInstance, DbInstanceStatusInfo, DbSnapshot,
    Endpoint, SwitchoverDetail, Tag,
};
use domain::ids::{DeploymentId, InstanceId, ResourceId};
use domain::rds::{Deployment, Instance, Pair, Snapshot, Task, instance_of};
use std::collections::BTreeMap;

fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

pub(super) fn instance(found: &DbInstance) -> Instance {
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

pub(super) fn deployment(found: &BlueGreenDeployment) -> Deployment {
    Deployment {
        id: DeploymentId(text(found.blue_green_deployment_identifier())),
        name: text(found.blue_green_deployment_name()),
        source: text(found.source()),
        target: found.target().map(str::to_owned),
        status: found.status().unwrap_or_default().into(),
        status_details: text(found.status_details()),
        pairs: found.switchover_details().iter().map(pair).collect(),
        tasks: found.tasks().iter().map(task).collect(),
        tags: tags_of(found.tag_list()),
    }
}

fn pair(found: &SwitchoverDetail) -> Pair {
    Pair {
        source: text(found.source_member()),
        target: found.target_member().map(str::to_owned),
        status: found.status().unwrap_or_default().into(),
    }
}

fn task(found: &BlueGreenDeploymentTask) -> Task {
    Task {
        name: text(found.name()),
        status: text(found.status()),
    }
}

pub(super) fn snapshot(found: &DbSnapshot) -> Snapshot {
    let percent = found.percent_progress().unwrap_or_default().clamp(0, 100);
    Snapshot {
        id: text(found.db_snapshot_identifier()),
        status: text(found.status()),
        percent: u8::try_from(percent).unwrap_or_default(),
        instance: InstanceId(text(found.db_instance_identifier())),
        resource_id: ResourceId(text(found.dbi_resource_id())),
    }
}

fn tags_of(list: &[Tag]) -> BTreeMap<String, String> {
    let tag = |tag: &Tag| (text(tag.key()), text(tag.value()));
    list.iter().map(tag).collect()
}
