//! `CreateBlueGreenDeployment`.

use super::guardrails;
use crate::fault::Fault;
use crate::instances::check_family;
use crate::model::{
    Deployment, DeploymentStatus, Instance, InstanceStatus, Member, MemberStatus, State, Tags,
    Task, TaskStatus,
};
use crate::postgres::version::{default_group, major};
use crate::wire::{Form, Xml};
use crate::{Rds, names};
use jiff::Timestamp;

/// What `CreateBlueGreenDeployment` asks for.
struct CreateDeployment {
    name: String,
    source: String,
    version: Option<String>,
    group: Option<String>,
    class: Option<String>,
    storage: Option<u32>,
    storage_type: Option<String>,
    tags: Tags,
}

impl CreateDeployment {
    fn read(mut form: Form) -> Result<Self, Fault> {
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
        let request = Self {
            name,
            source: form.required("Source")?,
            version: form.text("TargetEngineVersion"),
            group: form.text("TargetDBParameterGroupName"),
            class: form.text("TargetDBInstanceClass"),
            storage: form.parsed("TargetAllocatedStorage")?,
            storage_type: form.text("TargetStorageType"),
            tags: form.tags()?,
        };
        form.end()?;
        Ok(request)
    }

    /// The version to go to: another major, since that is what is made here.
    fn target(&self, rds: &Rds, source: &Instance) -> Result<String, Fault> {
        let wanted = self.version.as_deref().unwrap_or(&source.version);
        let target = rds.offered_to(&source.version, wanted)?;
        if major(&target) == major(&source.version) {
            return Err(Fault::source_unfit(
                "This local RDS makes blue/green deployments for another major version only; within one use ModifyDBInstance.",
            ));
        }
        Ok(target)
    }

    /// What blue's instance becomes on the green side.
    fn green(&self, blue: &Instance, version: &str, replica_of: Option<String>) -> Instance {
        let default = || default_group(version);
        Instance {
            resource_id: names::new_resource_id(),
            name: names::green_name(&blue.name),
            status: InstanceStatus::Creating,
            class: self.class.as_ref().unwrap_or(&blue.class).clone(),
            version: version.to_owned(),
            storage: self.storage.unwrap_or(blue.storage),
            storage_type: self
                .storage_type
                .as_ref()
                .unwrap_or(&blue.storage_type)
                .clone(),
            created: Timestamp::now(),
            group: self.group.clone().unwrap_or_else(default),
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
    /// `CreateBlueGreenDeployment`.
    pub(crate) async fn create_deployment(&self, form: Form) -> Result<Xml, Fault> {
        let request = CreateDeployment::read(form)?;
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
        let view = self.deployment_view(&id);
        let rds = self.clone();
        tokio::spawn(async move { rds.provision(&id).await });
        view
    }

    /// Notes the deployment and its green instances, unless another call was quicker.
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
        let replicas = state.replicas_of(&source.resource_id).map(|blue| {
            let green = request.green(blue, &target, Some(primary.resource_id.clone()));
            (blue.resource_id.clone(), green)
        });
        let mut greens: Vec<_> = replicas.collect();
        greens.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
        greens.insert(0, (source.resource_id.clone(), primary));
        let members = greens.iter().map(|(blue, green)| Member {
            blue: blue.clone(),
            green: green.resource_id.clone(),
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
        let name = &request.name;
        if self.deployments.values().any(|it| it.name == *name) {
            let message = format!("A blue/green deployment with the name {name} already exists.");
            return Err(Fault::new("BlueGreenDeploymentAlreadyExistsFault", message));
        }
        Ok(())
    }
}
