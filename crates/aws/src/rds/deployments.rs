//! Blue/green deployments.

use super::{filter, tag_list, tags_of};
use crate::error::{acted, looked};
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{BlueGreenDeployment, BlueGreenDeploymentTask, Filter, SwitchoverDetail};
use domain::ids::DeploymentId;
use domain::rds::{Deployment, DeploymentStatus, Pair, PairStatus, Task};
use ports::{Created, Error, NewDeployment};

/// The blue/green deployments of this account and Region.
#[derive(Debug, Clone)]
pub(super) struct Deployments {
    client: Client,
}

impl Deployments {
    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    pub(super) async fn create(&self, new: &NewDeployment) -> Result<Created, Error> {
        let call = self
            .client
            .create_blue_green_deployment()
            .blue_green_deployment_name(&new.name)
            .source(&new.source)
            .target_engine_version(&new.version)
            .set_target_db_parameter_group_name(new.parameter_group.clone())
            .set_tags(Some(tag_list(&new.tags)));
        let answer = call.send().await;
        match answer.map_err(acted("creating the blue/green deployment")) {
            Ok(_) => Ok(Created::Begun),
            Err(error) if already_exists(&error) => Ok(Created::Exists),
            Err(error) => Err(error),
        }
    }

    /// The deployment with this id, if there is one.
    pub(super) async fn describe(&self, id: &DeploymentId) -> Result<Option<Deployment>, Error> {
        let found = self
            .list("blue-green-deployment-identifier", id.as_str())
            .await?;
        Ok(found.into_iter().find(|deployment| deployment.id == *id))
    }

    /// The deployment with this name, if there is one.
    pub(super) async fn named(&self, name: &str) -> Result<Option<Deployment>, Error> {
        let found = self.list("blue-green-deployment-name", name).await?;
        Ok(found.into_iter().find(|deployment| deployment.name == name))
    }

    pub(super) async fn of_instance(&self, arn: &str) -> Result<Vec<Deployment>, Error> {
        let mut found = self.list("source", arn).await?;
        found.retain(|deployment| deployment.source == arn);
        let mut as_target = self.list("target", arn).await?;
        as_target.retain(|deployment| deployment.target.as_deref() == Some(arn));
        found.extend(as_target);
        Ok(found)
    }

    /// Tells RDS to switch. It can't be cancelled; after `timeout_seconds` (30 to 3600) RDS takes it back itself.
    pub(super) async fn switch(
        &self,
        id: &DeploymentId,
        timeout_seconds: u32,
    ) -> Result<(), Error> {
        let timeout = i32::try_from(timeout_seconds.clamp(30, 3600)).unwrap_or(3600);
        let call = self
            .client
            .switchover_blue_green_deployment()
            .blue_green_deployment_identifier(id.as_str())
            .switchover_timeout(timeout);
        let answer = call.send().await;
        answer.map_err(acted("switching the blue/green deployment"))?;
        Ok(())
    }

    /// Deletes the deployment's record, and green with it if `with_green`, which RDS refuses after the switchover.
    /// That there is none any more is success.
    pub(super) async fn delete(&self, id: &DeploymentId, with_green: bool) -> Result<(), Error> {
        let call = self
            .client
            .delete_blue_green_deployment()
            .blue_green_deployment_identifier(id.as_str())
            .set_delete_target(with_green.then_some(true));
        let answer = call.send().await;
        let Err(error) = answer.map_err(acted("deleting the blue/green deployment")) else {
            return Ok(());
        };
        // What policies allow by its tag, IAM refuses once it is gone: nothing has the tag any more.
        let denied = error.code() == Some("AccessDenied");
        if is_missing(&error) || denied && self.describe(id).await?.is_none() {
            return Ok(());
        }
        Err(error)
    }

    async fn list(&self, name: &str, value: &str) -> Result<Vec<Deployment>, Error> {
        match self.pages(filter(name, value)).await {
            Err(error) if is_missing(&error) => Ok(vec![]),
            answer => answer,
        }
    }

    async fn pages(&self, filter: Filter) -> Result<Vec<Deployment>, Error> {
        let call = self
            .client
            .describe_blue_green_deployments()
            .filters(filter);
        let mut pages = call.into_paginator().items().send();
        let mut all = vec![];
        while let Some(found) = pages.next().await {
            let found = found.map_err(looked("describing blue/green deployments"))?;
            all.push(deployment(&found));
        }
        Ok(all)
    }
}

fn already_exists(error: &Error) -> bool {
    let code = error.code().unwrap_or_default();
    code.starts_with("BlueGreenDeploymentAlreadyExists")
}

fn is_missing(error: &Error) -> bool {
    let code = error.code().unwrap_or_default();
    code.starts_with("BlueGreenDeploymentNotFound")
}

fn deployment(found: &BlueGreenDeployment) -> Deployment {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Deployment {
        id: DeploymentId(text(found.blue_green_deployment_identifier())),
        name: text(found.blue_green_deployment_name()),
        source: text(found.source()),
        target: found.target().map(str::to_owned),
        status: DeploymentStatus::from(found.status().unwrap_or_default()),
        status_details: text(found.status_details()),
        pairs: found.switchover_details().iter().map(pair).collect(),
        tasks: found.tasks().iter().map(task).collect(),
        tags: tags_of(found.tag_list()),
    }
}

fn pair(found: &SwitchoverDetail) -> Pair {
    Pair {
        source: found.source_member().unwrap_or_default().to_owned(),
        target: found.target_member().map(str::to_owned),
        status: PairStatus::from(found.status().unwrap_or_default()),
    }
}

fn task(found: &BlueGreenDeploymentTask) -> Task {
    Task {
        name: found.name().unwrap_or_default().to_owned(),
        status: found.status().unwrap_or_default().to_owned(),
    }
}
