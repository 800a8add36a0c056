//! RDS: instances, blue/green deployments, snapshots, versions and parameters. The SDK's types end here.

mod read;

use crate::error::{acted, looked};
use aws_config::SdkConfig;
use aws_sdk_rds::Client;
use aws_sdk_rds::operation::describe_db_instances::builders::DescribeDBInstancesFluentBuilder;
use aws_sdk_rds::types::{DbEngineVersion, Filter, Tag};
use domain::error::StepError;
use domain::ids::{DeploymentId, InstanceId, ResourceId};
use domain::rds::{Deployment, Instance, Snapshot, UpgradeTarget};
use ports::{Created, Error, NewDeployment};
use std::collections::BTreeMap;

const NO_INSTANCE: &str = "DBInstanceNotFound";
const NO_DEPLOYMENT: &str = "BlueGreenDeploymentNotFound";
const NO_SNAPSHOT: &str = "DBSnapshotNotFound";
const NO_GROUP: &str = "DBParameterGroupNotFound";

/// RDS in this account and Region.
#[derive(Debug, Clone)]
pub struct Rds {
    client: Client,
}

impl Rds {
    /// RDS with the credentials and the Region of `config`.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// All instances that a call describes.
    async fn described(
        call: DescribeDBInstancesFluentBuilder,
        doing: &'static str,
    ) -> Result<Vec<Instance>, Error> {
        let mut pages = call.into_paginator().items().send();
        let mut all = vec![];
        while let Some(found) = pages.next().await {
            all.push(read::instance(&found.map_err(looked(doing))?));
        }
        Ok(all)
    }

    /// The deployments that a filter leaves.
    async fn deployments(&self, name: &str, value: &str) -> Result<Vec<Deployment>, Error> {
        let call = self.client.describe_blue_green_deployments();
        let call = call.filters(filter(name, value));
        let mut pages = call.into_paginator().items().send();
        let mut all = vec![];
        while let Some(found) = pages.next().await {
            match found.map_err(looked("describing blue/green deployments")) {
                Ok(found) => all.push(read::deployment(&found)),
                Err(error) if says(&error, NO_DEPLOYMENT) => return Ok(vec![]),
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// An engine's version as RDS knows it, whether or not new instances may still have it.
    async fn version(&self, engine: &str, version: &str) -> Result<Vec<DbEngineVersion>, Error> {
        let call = self.client.describe_db_engine_versions();
        let call = call.engine(engine).engine_version(version);
        let answer = call.include_all(true).send().await;
        let answer = answer.map_err(looked("asking for an engine's version"))?;
        Ok(answer.db_engine_versions().to_vec())
    }
}

impl ports::Rds for Rds {
    async fn instance_named(&self, id: &InstanceId) -> Result<Option<Instance>, Error> {
        let call = self.client.describe_db_instances();
        let answer = call.db_instance_identifier(id.as_str()).send().await;
        let answer = answer.map_err(looked("describing an instance"));
        let answer = unless_it_says(NO_INSTANCE, answer)?;
        Ok(answer.and_then(|answer| answer.db_instances().first().map(read::instance)))
    }

    async fn instance(&self, id: &ResourceId) -> Result<Option<Instance>, Error> {
        let by_identity = filter("dbi-resource-id", id.as_str());
        let call = self.client.describe_db_instances().filters(by_identity);
        let found = Self::described(call, "finding an instance").await?;
        // A service that ignores the filter must not make us act on the wrong instance.
        Ok(found.into_iter().find(|found| found.resource_id == *id))
    }

    async fn instances(&self) -> Result<Vec<Instance>, Error> {
        let call = self.client.describe_db_instances();
        Self::described(call, "listing the instances").await
    }

    async fn upgrade_instance(&self, id: &InstanceId, version: &str) -> Result<(), Error> {
        let call = self.client.modify_db_instance();
        let call = call.db_instance_identifier(id.as_str());
        let call = call.engine_version(version).apply_immediately(true);
        let answer = call.send().await;
        answer.map_err(acted("starting an instance's upgrade"))?;
        Ok(())
    }

    async fn rename_instance(&self, from: &InstanceId, to: &InstanceId) -> Result<(), Error> {
        let call = self.client.modify_db_instance();
        let call = call.db_instance_identifier(from.as_str());
        let call = call.new_db_instance_identifier(to.as_str());
        let answer = call.apply_immediately(true).send().await;
        let renamed = unless_it_says(NO_INSTANCE, answer.map_err(acted("renaming an instance")))?;
        // The client's own second try, after a first one whose answer was lost.
        let gone = format!("nothing is called {from}; it may have its new name already");
        renamed.ok_or_else(|| StepError::transient(gone))?;
        Ok(())
    }

    async fn delete_instance_named(&self, id: &InstanceId) -> Result<(), Error> {
        let call = self.client.delete_db_instance();
        let call = call.db_instance_identifier(id.as_str());
        let call = call.skip_final_snapshot(true);
        let answer = call.delete_automated_backups(false).send().await;
        unless_it_says(NO_INSTANCE, answer.map_err(acted("deleting an instance")))?;
        Ok(())
    }

    async fn lift_deletion_protection(&self, id: &InstanceId) -> Result<(), Error> {
        let call = self.client.modify_db_instance();
        let call = call.db_instance_identifier(id.as_str());
        let call = call.deletion_protection(false).apply_immediately(true);
        let answer = call.send().await;
        answer.map_err(acted("lifting an instance's deletion protection"))?;
        Ok(())
    }

    async fn deployment(&self, id: &DeploymentId) -> Result<Option<Deployment>, Error> {
        let by_id = "blue-green-deployment-identifier";
        let found = self.deployments(by_id, id.as_str()).await?;
        Ok(found.into_iter().find(|deployment| deployment.id == *id))
    }

    async fn deployment_named(&self, name: &str) -> Result<Option<Deployment>, Error> {
        let found = self.deployments("blue-green-deployment-name", name).await?;
        Ok(found.into_iter().find(|deployment| deployment.name == name))
    }

    async fn deployments_of(&self, arn: &str) -> Result<Vec<Deployment>, Error> {
        let mut found = self.deployments("source", arn).await?;
        found.retain(|deployment| deployment.source == arn);
        let mut as_target = self.deployments("target", arn).await?;
        as_target.retain(|deployment| deployment.target.as_deref() == Some(arn));
        found.extend(as_target);
        Ok(found)
    }

    async fn create_deployment(&self, new: &NewDeployment) -> Result<Created, Error> {
        let call = self.client.create_blue_green_deployment();
        let call = call
            .blue_green_deployment_name(&new.name)
            .source(&new.source)
            .target_engine_version(&new.version)
            .set_target_db_parameter_group_name(new.parameter_group.clone())
            .set_tags(Some(tag_list(&new.tags)));
        let answer = call.send().await;
        let answer = answer.map_err(acted("creating the blue/green deployment"));
        let begun = unless_it_says("BlueGreenDeploymentAlreadyExists", answer)?;
        Ok(begun.map_or(Created::Exists, |_| Created::Begun))
    }

    async fn switch_over(&self, id: &DeploymentId, timeout_seconds: u32) -> Result<(), Error> {
        let timeout = i32::try_from(timeout_seconds.clamp(30, 3600)).unwrap_or(3600);
        let call = self.client.switchover_blue_green_deployment();
        let call = call.blue_green_deployment_identifier(id.as_str());
        let answer = call.switchover_timeout(timeout).send().await;
        answer.map_err(acted("switching the blue/green deployment"))?;
        Ok(())
    }

    async fn delete_deployment(&self, id: &DeploymentId, with_green: bool) -> Result<(), Error> {
        let call = self.client.delete_blue_green_deployment();
        let call = call.blue_green_deployment_identifier(id.as_str());
        let call = call.set_delete_target(with_green.then_some(true));
        let answer = call.send().await;
        let Err(error) = answer.map_err(acted("deleting the blue/green deployment")) else {
            return Ok(());
        };
        // What policies allow by its tag, IAM refuses once it is gone: nothing has the tag any more.
        let denied = error.code() == Some("AccessDenied");
        if says(&error, NO_DEPLOYMENT) || denied && self.deployment(id).await?.is_none() {
            return Ok(());
        }
        Err(error)
    }

    async fn snapshot(&self, name: &str) -> Result<Option<Snapshot>, Error> {
        let call = self.client.describe_db_snapshots();
        let answer = call.db_snapshot_identifier(name).send().await;
        let answer = answer.map_err(looked("describing a snapshot"));
        let answer = unless_it_says(NO_SNAPSHOT, answer)?;
        Ok(answer.and_then(|answer| answer.db_snapshots().first().map(read::snapshot)))
    }

    async fn create_snapshot(
        &self,
        instance: &InstanceId,
        name: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let call = self.client.create_db_snapshot();
        let call = call.db_instance_identifier(instance.as_str());
        let call = call.db_snapshot_identifier(name);
        let answer = call.set_tags(Some(tag_list(tags))).send().await;
        let answer = answer.map_err(acted("starting a snapshot"));
        unless_it_says("DBSnapshotAlreadyExists", answer)?;
        Ok(())
    }

    async fn upgrade_targets(
        &self,
        engine: &str,
        version: &str,
    ) -> Result<Vec<UpgradeTarget>, Error> {
        let versions = self.version(engine, version).await?;
        let targets = versions
            .iter()
            .flat_map(DbEngineVersion::valid_upgrade_target);
        let targets = targets.map(|target| UpgradeTarget {
            version: target.engine_version().unwrap_or_default().to_owned(),
            major: target.is_major_version_upgrade().unwrap_or_default(),
        });
        Ok(targets.collect())
    }

    async fn family(&self, engine: &str, version: &str) -> Result<Option<String>, Error> {
        let versions = self.version(engine, version).await?;
        let first = versions.first();
        Ok(first.and_then(|version| version.db_parameter_group_family().map(str::to_owned)))
    }

    async fn family_of_group(&self, group: &str) -> Result<Option<String>, Error> {
        let call = self.client.describe_db_parameter_groups();
        let answer = call.db_parameter_group_name(group).send().await;
        let answer = answer.map_err(looked("describing a parameter group"));
        let groups = unless_it_says(NO_GROUP, answer)?.and_then(|it| it.db_parameter_groups);
        let first = groups.into_iter().flatten().next();
        Ok(first.and_then(|group| group.db_parameter_group_family))
    }

    async fn parameters(&self, group: &str) -> Result<BTreeMap<String, String>, Error> {
        let call = self.client.describe_db_parameters();
        let call = call.db_parameter_group_name(group).source("user");
        let mut pages = call.into_paginator().items().send();
        let mut all = BTreeMap::new();
        while let Some(found) = pages.next().await {
            let found = found.map_err(looked("reading the parameters of a group"))?;
            if let (Some(name), Some(value)) = (found.parameter_name, found.parameter_value) {
                all.insert(name, value);
            }
        }
        Ok(all)
    }
}

/// Whether RDS failed with a code of this beginning: some have `Fault` at their end.
fn says(error: &Error, code: &str) -> bool {
    error.code().is_some_and(|said| said.starts_with(code))
}

/// `None` where RDS answered with this code.
fn unless_it_says<T>(code: &str, answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if says(&error, code) => Ok(None),
        Err(error) => Err(error),
    }
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let tag = |(key, value)| Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect()
}
