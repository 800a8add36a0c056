//! Green is made: a copy of blue as of a slot's position, `pg_upgrade`, subscriptions, replicas.

use super::Breakage;
use crate::Rds;
use crate::model::{Deployment, DeploymentStatus, InstanceStatus, MemberStatus, TaskStatus};
use crate::postgres::{ServerSpec, StopMode, clone, link, upgrade};
use anyhow::Context as _;
use std::future::Future;
use std::time::Duration;

impl Rds {
    /// Makes the green of a deployment that was announced.
    pub(super) async fn provision(&self, id: &str) {
        match self.make_green(id).await {
            Ok(()) => self.finish_provisioning(id),
            Err(error) => self.fail_provisioning(id, &error),
        }
    }

    async fn make_green(&self, id: &str) -> anyhow::Result<()> {
        let delays = *self.delays();
        self.task(id, 0, delays.green_replica, self.copy_blue(id))
            .await?;
        self.task(id, 1, delays.green_upgrade, self.upgrade_green(id))
            .await?;
        self.task(id, 2, delays.green_backups, self.open_green(id))
            .await?;
        if self.deployment(id)?.members.len() > 1 {
            self.task(id, 3, delays.green_topology, self.copy_topology(id))
                .await?;
        }
        Ok(())
    }

    /// Runs one task and shows how far it is.
    async fn task(
        &self,
        id: &str,
        index: usize,
        delay: Duration,
        work: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        let show = |status| self.update(id, |deployment| deployment.tasks[index].status = status);
        show(TaskStatus::InProgress);
        let name = self.deployment(id)?.tasks[index].name;
        tokio::time::sleep(delay).await;
        let worked = match self.check_breakage(Breakage::Task(name)) {
            Ok(()) => work.await,
            Err(error) => Err(error),
        };
        show(match &worked {
            Ok(()) => TaskStatus::Completed,
            Err(_) => TaskStatus::Failed,
        });
        worked.with_context(|| format!("task {name}"))
    }

    pub(super) fn deployment(&self, id: &str) -> anyhow::Result<Deployment> {
        Ok(self.state().deployment(id)?.clone())
    }

    async fn copy_blue(&self, id: &str) -> anyhow::Result<()> {
        let deployment = self.deployment(id)?;
        let primary = deployment.primary();
        let blue = self.running(&primary.blue)?;
        let spec = ServerSpec {
            parameters: self.spec_of(&primary.blue)?.parameters,
            ..self.spec_of(&primary.green)?
        };
        let green = self.host().copy_of(&blue, spec).await?;
        let (links, position) = link::prepare(&blue, &deployment.publication()).await?;
        self.update(id, |deployment| deployment.links = links);
        clone::to_position(&green, &blue, &position).await?;
        if let Some(instance) = self.state().instances.get_mut(&primary.green) {
            instance.server = Some(green);
            instance.status = InstanceStatus::Upgrading;
        }
        Ok(())
    }

    async fn upgrade_green(&self, id: &str) -> anyhow::Result<()> {
        let deployment = self.deployment(id)?;
        let primary = deployment.primary();
        let (blue, green) = (self.running(&primary.blue)?, self.running(&primary.green)?);
        upgrade::to_version(self.host(), &green, &deployment.version).await?;
        if let Some(instance) = self.state().instances.get_mut(&primary.green) {
            instance.read_only = true;
        }
        self.apply_parameters(&primary.green).await?;
        green.restart(StopMode::Fast).await?;
        link::subscribe(&blue, &green, &deployment.publication(), &deployment.links).await
    }

    async fn open_green(&self, id: &str) -> anyhow::Result<()> {
        let green = self.deployment(id)?.primary().green.clone();
        self.open_shop(&green, self.running(&green)?).await
    }

    async fn copy_topology(&self, id: &str) -> anyhow::Result<()> {
        let deployment = self.deployment(id)?;
        let primary = &deployment.primary().green;
        for member in &deployment.members[1..] {
            self.start_replica(&member.green, primary).await?;
        }
        Ok(())
    }

    fn finish_provisioning(&self, id: &str) {
        self.update(id, |deployment| {
            if deployment.status == DeploymentStatus::Provisioning {
                deployment.status = DeploymentStatus::Available;
                deployment.set_members(MemberStatus::Available);
            }
        });
        let message = "Blue/green deployment tasks completed.";
        self.tell_of(id, "RDS-EVENT-0244", message);
        let (rds, id) = (self.clone(), id.to_owned());
        tokio::spawn(async move { rds.watch(&id).await });
    }

    fn fail_provisioning(&self, id: &str, error: &anyhow::Error) {
        tracing::error!(deployment = id, "green was not made: {error:#}");
        let message = format!("Creation of the blue/green deployment failed: {error:#}");
        self.update(id, |deployment| {
            if deployment.status == DeploymentStatus::Provisioning {
                deployment.status = DeploymentStatus::InvalidConfiguration;
                deployment.details = Some(message.clone());
            }
        });
        self.tell_of(id, "RDS-EVENT-0245", message);
    }
}
