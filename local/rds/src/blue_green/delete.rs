//! `DeleteBlueGreenDeployment`.

use crate::Rds;
use crate::fault::Fault;
use crate::model::{Deployment, DeploymentStatus, InstanceStatus, State};
use crate::postgres::link;
use crate::wire::{Form, Xml};
use jiff::Timestamp;
use local_aws::words::word;

impl State {
    fn check_deletion(&self, id: &str, with_target: bool) -> Result<(), Fault> {
        let deployment = self.deployment(id)?;
        let status = deployment.status;
        if matches!(
            status,
            DeploymentStatus::Provisioning
                | DeploymentStatus::SwitchoverInProgress
                | DeploymentStatus::Deleting
        ) {
            return Err(Fault::deployment_state(format!(
                "Blue/green deployment {id} can't be deleted: its status is {}.",
                word(status)
            )));
        }
        if !with_target {
            return Ok(());
        }
        if status == DeploymentStatus::SwitchoverCompleted {
            return Err(Fault::invalid_combination(
                "You can't specify DeleteTarget if the blue/green deployment status is SWITCHOVER_COMPLETED.",
            ));
        }
        let members = deployment.members.iter();
        let mut greens = members.filter_map(|member| self.instances.get(&member.green));
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
    /// `DeleteBlueGreenDeployment`.
    pub(crate) fn delete_deployment(&self, mut form: Form) -> Result<Xml, Fault> {
        let id = form.required("BlueGreenDeploymentIdentifier")?;
        let with_target = form.flag("DeleteTarget")?;
        form.end()?;
        let before = {
            let mut state = self.state();
            state.check_deletion(&id, with_target)?;
            let deployment = state.deployment_mut(&id)?;
            let before = deployment.clone();
            deployment.status = DeploymentStatus::Deleting;
            deployment.deleted = Some(Timestamp::now());
            before
        };
        let view = self.deployment_view(&id)?;
        let rds = self.clone();
        tokio::spawn(async move {
            if let Err(error) = rds.dissolve(&before, with_target).await {
                let error = format!("{error:#}");
                tracing::error!(deployment = id, error, "not all of a deployment is gone");
            }
            rds.state().deployments.remove(&id);
            rds.tell_of(&id, "RDS-EVENT-0246", "Blue/green deployment deleted.");
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
        } else if let Some(green) = self.server_of(&primary.green) {
            // It stays, as a server of its own that takes writes.
            link::unsubscribe(&green, &deployment.links).await?;
            self.protect(&primary.green, false).await?;
        }
        match self.server_of(&primary.blue) {
            Some(blue) => link::unpublish(&blue, &deployment.publication()).await,
            None => Ok(()),
        }
    }

    /// Takes green down, replicas first.
    async fn remove_greens(&self, deployment: &Deployment) -> anyhow::Result<()> {
        let members = deployment.members.iter().rev();
        let greens = members.map(|member| &member.green);
        for green in greens.clone() {
            self.set_status(green, InstanceStatus::Deleting);
        }
        for green in greens {
            self.remove_instance(green).await?;
        }
        Ok(())
    }
}
