//! `DeleteBlueGreenDeployment`.

use super::One;
use crate::Rds;
use crate::fault::Fault;
use crate::model::{Deployment, DeploymentStatus, InstanceStatus, State};
use crate::postgres::link;
use crate::wire::{Form, Request};
use jiff::Timestamp;

/// `DeleteBlueGreenDeployment`.
#[derive(Debug)]
pub struct DeleteDeployment {
    id: String,
    with_target: bool,
}

impl Request for DeleteDeployment {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        Ok(Self {
            id: form.required("BlueGreenDeploymentIdentifier")?,
            with_target: form.flag("DeleteTarget")?,
        })
    }
}

impl DeleteDeployment {
    fn check(&self, state: &State) -> Result<(), Fault> {
        let deployment = state.deployment(&self.id)?;
        let status = deployment.status;
        if matches!(
            status,
            DeploymentStatus::Provisioning
                | DeploymentStatus::SwitchoverInProgress
                | DeploymentStatus::Deleting
        ) {
            return Err(Fault::deployment_state(format!(
                "Blue/green deployment {} can't be deleted: its status is {}.",
                self.id,
                status.as_str()
            )));
        }
        if !self.with_target {
            return Ok(());
        }
        if status == DeploymentStatus::SwitchoverCompleted {
            return Err(Fault::invalid_combination(
                "You can't specify DeleteTarget if the blue/green deployment status is SWITCHOVER_COMPLETED.",
            ));
        }
        let greens = deployment
            .members
            .iter()
            .filter_map(|member| member.green.as_ref());
        let mut greens = greens.filter_map(|id| state.instances.get(id));
        match greens.find(|green| green.deletion_protection) {
            Some(green) => Err(Fault::invalid_combination(format!(
                "Cannot delete protected DB Instance {}, please disable deletion protection and try again.",
                green.name
            ))),
            None => Ok(()),
        }
    }
}

impl Rds {
    pub(crate) fn delete_deployment(&self, request: &DeleteDeployment) -> Result<One, Fault> {
        let before = {
            let mut state = self.state();
            request.check(&state)?;
            let deployment = state.deployment_mut(&request.id)?;
            let before = deployment.clone();
            deployment.status = DeploymentStatus::Deleting;
            deployment.deleted = Some(Timestamp::now());
            before
        };
        let view = self.deployment_view(&request.id)?;
        let (rds, with_target) = (self.clone(), request.with_target);
        tokio::spawn(async move {
            if let Err(error) = rds.dissolve(&before, with_target).await {
                tracing::error!(
                    deployment = before.id,
                    error = format!("{error:#}"),
                    "not all of a deployment is gone"
                );
            }
            rds.state().deployments.remove(&before.id);
            rds.tell_of(
                &before.id,
                "RDS-EVENT-0246",
                "Blue/green deployment deleted.",
            );
        });
        Ok(view)
    }

    async fn dissolve(&self, deployment: &Deployment, with_target: bool) -> anyhow::Result<()> {
        let primary = deployment.primary();
        if deployment.status == DeploymentStatus::SwitchoverCompleted {
            return self.protect(&primary.blue, false).await;
        }
        if with_target {
            self.remove_greens(deployment).await?;
        } else if let Some(green) = &primary.green {
            self.release_green(deployment, green).await?;
        }
        match self.server_of(&primary.blue) {
            Some(blue) => link::unpublish(&blue, &deployment.publication()).await,
            None => Ok(()),
        }
    }

    /// Takes green down, replicas first.
    async fn remove_greens(&self, deployment: &Deployment) -> anyhow::Result<()> {
        let greens: Vec<_> = deployment
            .members
            .iter()
            .rev()
            .filter_map(|member| member.green.clone())
            .collect();
        for green in &greens {
            self.set_status(green, InstanceStatus::Deleting);
        }
        for green in &greens {
            self.remove_instance(green).await?;
        }
        Ok(())
    }

    /// Green stays, as a server of its own that takes writes.
    async fn release_green(&self, deployment: &Deployment, green: &str) -> anyhow::Result<()> {
        if let Some(server) = self.server_of(green) {
            link::unsubscribe(&server, &deployment.links).await?;
            self.protect(green, false).await?;
        }
        Ok(())
    }
}
