//! RDS: instances, blue/green deployments, snapshots, versions and parameters. The SDK's types end here.

mod deployments;
mod instances;
mod snapshots;
mod versions;

use aws_config::SdkConfig;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{Filter, Tag};
use deployments::Deployments;
use domain::ids::{DeploymentId, InstanceId, ResourceId};
use domain::rds::{Deployment, Instance, Snapshot, UpgradeTarget};
use instances::Instances;
use ports::{Created, Error, NewDeployment};
use snapshots::Snapshots;
use std::collections::BTreeMap;
use versions::Versions;

/// RDS in this account and Region.
#[derive(Debug, Clone)]
pub struct Rds {
    instances: Instances,
    deployments: Deployments,
    snapshots: Snapshots,
    versions: Versions,
}

impl Rds {
    /// RDS with the credentials and the Region of `config`.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let client = Client::new(config);
        Self {
            instances: Instances::new(client.clone()),
            deployments: Deployments::new(client.clone()),
            snapshots: Snapshots::new(client.clone()),
            versions: Versions::new(client),
        }
    }
}

impl ports::Rds for Rds {
    async fn instance_named(&self, id: &InstanceId) -> Result<Option<Instance>, Error> {
        self.instances.describe(id).await
    }

    async fn instance(&self, id: &ResourceId) -> Result<Option<Instance>, Error> {
        self.instances.find(id).await
    }

    async fn instances(&self) -> Result<Vec<Instance>, Error> {
        self.instances.all().await
    }

    async fn upgrade_instance(&self, id: &InstanceId, version: &str) -> Result<(), Error> {
        self.instances.upgrade(id, version).await
    }

    async fn rename_instance(&self, from: &InstanceId, to: &InstanceId) -> Result<(), Error> {
        self.instances.rename(from, to).await
    }

    async fn delete_instance_named(&self, id: &InstanceId) -> Result<(), Error> {
        self.instances.delete_named(id).await
    }

    async fn lift_deletion_protection(&self, id: &InstanceId) -> Result<(), Error> {
        self.instances.lift_deletion_protection(id).await
    }

    async fn deployment(&self, id: &DeploymentId) -> Result<Option<Deployment>, Error> {
        self.deployments.describe(id).await
    }

    async fn deployment_named(&self, name: &str) -> Result<Option<Deployment>, Error> {
        self.deployments.named(name).await
    }

    async fn deployments_of(&self, arn: &str) -> Result<Vec<Deployment>, Error> {
        self.deployments.of_instance(arn).await
    }

    async fn create_deployment(&self, new: &NewDeployment) -> Result<Created, Error> {
        self.deployments.create(new).await
    }

    async fn switch_over(&self, id: &DeploymentId, timeout_seconds: u32) -> Result<(), Error> {
        self.deployments.switch(id, timeout_seconds).await
    }

    async fn delete_deployment(&self, id: &DeploymentId, with_green: bool) -> Result<(), Error> {
        self.deployments.delete(id, with_green).await
    }

    async fn snapshot(&self, name: &str) -> Result<Option<Snapshot>, Error> {
        self.snapshots.describe(name).await
    }

    async fn create_snapshot(
        &self,
        instance: &InstanceId,
        name: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        self.snapshots.create(instance, name, tags).await
    }

    async fn upgrade_targets(
        &self,
        engine: &str,
        version: &str,
    ) -> Result<Vec<UpgradeTarget>, Error> {
        self.versions.targets(engine, version).await
    }

    async fn family(&self, engine: &str, version: &str) -> Result<Option<String>, Error> {
        self.versions.family(engine, version).await
    }

    async fn family_of_group(&self, group: &str) -> Result<Option<String>, Error> {
        self.versions.family_of_group(group).await
    }

    async fn parameters(&self, group: &str) -> Result<BTreeMap<String, String>, Error> {
        self.versions.parameters(group).await
    }
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn tags_of(list: &[Tag]) -> BTreeMap<String, String> {
    list.iter()
        .map(|tag| {
            let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
            (text(tag.key()), text(tag.value()))
        })
        .collect()
}

fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let list = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    list.collect()
}
