//! `CreateBlueGreenDeployment`.

use super::{One, guardrails};
use crate::fault::Fault;
use crate::instances::check_family;
use crate::model::{
    Deployment, DeploymentStatus, Instance, InstanceStatus, Member, MemberStatus, State, Tags,
    Task, TaskStatus, read_tags,
};
use crate::postgres::version::{default_group, major, numbers};
use crate::wire::{Form, Request};
use crate::{Rds, names};
use jiff::Timestamp;

/// `CreateBlueGreenDeployment`.
#[derive(Debug)]
pub struct CreateDeployment {
    name: String,
    source: String,
    version: Option<String>,
    group: Option<String>,
    class: Option<String>,
    storage: Option<u32>,
    storage_type: Option<String>,
    tags: Tags,
}

impl Request for CreateDeployment {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        let name = form.required("BlueGreenDeploymentName")?;
        if !names::is_identifier(&name, 60) {
            return Err(Fault::invalid_value(format!(
                "The parameter BlueGreenDeploymentName is not valid: {name}"
            )));
        }
        form.ignore(&[
            "TargetIops",
            "TargetStorageThroughput",
            "UpgradeTargetStorageConfig",
        ]);
        Ok(Self {
            name,
            source: form.required("Source")?,
            version: form.text("TargetEngineVersion"),
            group: form.text("TargetDBParameterGroupName"),
            class: form.text("TargetDBInstanceClass"),
            storage: form.parsed("TargetAllocatedStorage")?,
            storage_type: form.text("TargetStorageType"),
            tags: read_tags(form)?,
        })
    }
}

impl CreateDeployment {
    /// The version to go to: another major, since that is what is made here.
    fn target(&self, rds: &Rds, source: &Instance) -> Result<String, Fault> {
        let wanted = self.version.as_deref().unwrap_or(&source.version);
        let target = rds.offered(wanted)?;
        if numbers(&target) < numbers(&source.version) {
            return Err(Fault::invalid_combination(format!(
                "Cannot upgrade postgres from {} to {target}",
                source.version
            )));
        }
        if major(&target) == major(&source.version) {
            return Err(Fault::source_unfit(
                "This local RDS makes blue/green deployments for another major version only; within one use ModifyDBInstance.",
            ));
        }
        Ok(target)
    }

    /// What blue's instance becomes on the green side.
    fn green(&self, blue: &Instance, version: &str, replica_of: Option<String>) -> Instance {
        let default = default_group(version);
        Instance {
            resource_id: names::new_resource_id(),
            name: names::green_name(&blue.name),
            status: InstanceStatus::Creating,
            class: self.class.clone().unwrap_or_else(|| blue.class.clone()),
            version: version.to_owned(),
            storage: self.storage.unwrap_or(blue.storage),
            storage_type: self
                .storage_type
                .clone()
                .unwrap_or_else(|| blue.storage_type.clone()),
            created: Timestamp::now(),
            group: self.group.clone().unwrap_or(default),
            deletion_protection: false,
            replica_of,
            tags: self.tags.clone(),
            server: None,
            ..blue.clone()
        }
    }

    fn deployment(&self, members: Vec<Member>, version: String) -> Deployment {
        let mut tasks = vec![
            "CREATING_READ_REPLICA_OF_SOURCE",
            "DB_ENGINE_VERSION_UPGRADE",
            "CONFIGURE_BACKUPS",
        ];
        if members.len() > 1 {
            tasks.push("CREATING_TOPOLOGY_OF_SOURCE");
        }
        let tasks = tasks.into_iter().map(|name| Task {
            name,
            status: TaskStatus::Pending,
        });
        Deployment {
            id: names::new_deployment_id(),
            name: self.name.clone(),
            status: DeploymentStatus::Provisioning,
            details: None,
            members,
            links: Vec::new(),
            version,
            tasks: tasks.collect(),
            created: Timestamp::now(),
            deleted: None,
            tags: self.tags.clone(),
        }
    }
}

impl Rds {
    pub(crate) async fn create_deployment(&self, request: CreateDeployment) -> Result<One, Fault> {
        let name = names::instance_name(&request.source)?;
        let (source, target) = {
            let state = self.state();
            state.check_name(&request)?;
            let source = state.instance(&name)?.clone();
            let target = request.target(self, &source)?;
            state.check_source(&source)?;
            if let Some(group) = &request.group {
                let group = state.group(group)?;
                check_family(&group.name, &group.family, &target)?;
            }
            (source, target)
        };
        guardrails::check_blue(&source.server()?).await?;
        let id = self.announce(&request, &source, target)?;
        let rds = self.clone();
        tokio::spawn({
            let id = id.clone();
            async move { rds.provision(&id).await }
        });
        self.deployment_view(&id)
    }

    /// Notes the deployment and its green instances, unless somebody was quicker.
    fn announce(
        &self,
        request: &CreateDeployment,
        source: &Instance,
        target: String,
    ) -> Result<String, Fault> {
        let mut state = self.state();
        state.check_name(request)?;
        state.check_source(source)?;
        let primary = request.green(source, &target, None);
        let replicas = state.replicas_of(&source.resource_id);
        let replicas = replicas.map(|blue| {
            let green = request.green(blue, &target, Some(primary.resource_id.clone()));
            (blue.resource_id.clone(), green)
        });
        let mut greens: Vec<_> = replicas.collect();
        greens.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
        greens.insert(0, (source.resource_id.clone(), primary));
        let members = greens.iter().map(|(blue, green)| Member {
            blue: blue.clone(),
            green: Some(green.resource_id.clone()),
            status: MemberStatus::Provisioning,
        });
        let deployment = request.deployment(members.collect(), target);
        let id = deployment.id.clone();
        for (_, green) in greens {
            state.instances.insert(green.resource_id.clone(), green);
        }
        state.deployments.insert(id.clone(), deployment);
        Ok(id)
    }
}

impl State {
    fn check_name(&self, request: &CreateDeployment) -> Result<(), Fault> {
        let taken = self.deployments.values().any(|it| it.name == request.name);
        if taken {
            let message = format!(
                "A blue/green deployment with the name {} already exists.",
                request.name
            );
            return Err(Fault::new("BlueGreenDeploymentAlreadyExistsFault", message));
        }
        Ok(())
    }
}
