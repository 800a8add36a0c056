//! `ModifyDBInstance`.

use super::create::check_family;
use crate::fault::Fault;
use crate::model::{DeploymentStatus, Instance, InstanceStatus, State};
use crate::postgres::version::{default_group, major};
use crate::postgres::{roles, upgrade};
use crate::wire::{Form, Xml};
use crate::{Rds, names};
use anyhow::Context as _;

/// What `ModifyDBInstance` asks for.
struct Modify {
    name: String,
    now: bool,
    version: Option<String>,
    major_allowed: bool,
    new_name: Option<String>,
    iam_login: Option<bool>,
    deletion_protection: Option<bool>,
    group: Option<String>,
    backup_retention: Option<u32>,
    class: Option<String>,
    multi_az: Option<bool>,
    password: Option<String>,
    storage: Option<u32>,
    storage_type: Option<String>,
}

impl Modify {
    fn read(mut form: Form) -> Result<Self, Fault> {
        let new_name = form.text("NewDBInstanceIdentifier");
        let request = Self {
            name: form.instance()?,
            now: form.flag("ApplyImmediately")?,
            version: form.text("EngineVersion"),
            major_allowed: form.flag("AllowMajorVersionUpgrade")?,
            new_name: new_name
                .map(|it| names::check_instance_name(&it))
                .transpose()?,
            iam_login: form.parsed("EnableIAMDatabaseAuthentication")?,
            deletion_protection: form.parsed("DeletionProtection")?,
            group: form.text("DBParameterGroupName"),
            backup_retention: form.parsed("BackupRetentionPeriod")?,
            class: form.text("DBInstanceClass"),
            multi_az: form.parsed("MultiAZ")?,
            password: form.text("MasterUserPassword"),
            storage: form.parsed("AllocatedStorage")?,
            storage_type: form.text("StorageType"),
        };
        form.end()?;
        Ok(request)
    }

    /// What RDS would do in the maintenance window, this RDS does at once or not at all.
    fn check_time(&self) -> Result<(), Fault> {
        let waits = self.version.is_some() || self.new_name.is_some() || self.class.is_some();
        if waits && !self.now {
            return Err(Fault::invalid_combination(
                "This local RDS has no maintenance window: set ApplyImmediately.",
            ));
        }
        match self.backup_retention {
            Some(36..) => Err(Fault::invalid_value(
                "Retention period must be between 0 and 35.",
            )),
            _ => Ok(()),
        }
    }

    /// The version to go to, if it is another one.
    fn upgrade(&self, rds: &Rds, instance: &Instance) -> Result<Option<String>, Fault> {
        let Some(wanted) = &self.version else {
            return Ok(None);
        };
        let target = rds.offered_to(&instance.version, wanted)?;
        if target == instance.version {
            return Ok(None);
        }
        if major(&target) != major(&instance.version) && !self.major_allowed {
            return Err(Fault::invalid_combination(
                "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
            ));
        }
        Ok(Some(target))
    }

    /// Notes what is only noted; tells whether the server has to be told.
    fn note(&self, instance: &mut Instance) {
        fn set<T>(field: &mut T, wanted: Option<T>) {
            if let Some(wanted) = wanted {
                *field = wanted;
            }
        }
        instance.pending_reboot |= self.group.as_ref().is_some_and(|it| *it != instance.group);
        set(&mut instance.group, self.group.clone());
        set(&mut instance.deletion_protection, self.deletion_protection);
        set(&mut instance.backup_retention, self.backup_retention);
        set(&mut instance.iam_login, self.iam_login);
        set(&mut instance.multi_az, self.multi_az);
        set(&mut instance.storage, self.storage);
        set(&mut instance.class, self.class.clone());
        set(&mut instance.storage_type, self.storage_type.clone());
    }
}

impl State {
    /// Refuses to touch an instance that isn't available, or whose deployment is being switched over.
    pub fn check_movable(&self, instance: &Instance) -> Result<(), Fault> {
        instance.check_available()?;
        match self.deployment_of(&instance.resource_id) {
            Some(deployment) if deployment.status == DeploymentStatus::SwitchoverInProgress => {
                Err(Fault::instance_state(format!(
                    "Instance {} is a member of the blue/green deployment {}, which is being switched over.",
                    instance.name, deployment.id
                )))
            }
            _ => Ok(()),
        }
    }

    fn check_modify(
        &self,
        request: &Modify,
        target: &str,
        instance: &Instance,
    ) -> Result<(), Fault> {
        if let Some(new) = &request.new_name
            && *new != instance.name
            && self.instance(new).is_ok()
        {
            return Err(Fault::instance_exists());
        }
        if request.storage.is_some_and(|it| it < instance.storage) {
            return Err(Fault::invalid_combination(
                "Invalid storage size for engine name postgres: storage can't be reduced.",
            ));
        }
        if major(target) != major(&instance.version)
            && self.replicas_of(&instance.resource_id).next().is_some()
        {
            return Err(Fault::invalid_combination(
                "This local RDS upgrades to another major version in place only without read replicas.",
            ));
        }
        let default = default_group(target);
        let group = match &request.group {
            Some(group) => group,
            None if instance.group.starts_with("default.") => &default,
            None => &instance.group,
        };
        let group = self.group(group)?;
        check_family(&group.name, &group.family, target)
    }
}

impl Rds {
    /// `ModifyDBInstance`.
    pub(crate) fn modify_instance(&self, form: Form) -> Result<Xml, Fault> {
        let request = Modify::read(form)?;
        request.check_time()?;
        let instance = self.state().instance(&request.name)?.clone();
        let upgrade = request.upgrade(self, &instance)?;
        let resource_id = instance.resource_id.clone();
        {
            let mut state = self.state();
            state.check_movable(&instance)?;
            let target = upgrade.as_deref().unwrap_or(&instance.version);
            state.check_modify(&request, target, &instance)?;
            let instance = state.instance_mut(&request.name)?;
            request.note(instance);
            instance.status = match (&upgrade, &request.new_name) {
                (Some(_), _) => InstanceStatus::Upgrading,
                (None, Some(_)) => InstanceStatus::Renaming,
                (None, None) => InstanceStatus::Modifying,
            };
        }
        self.work(resource_id, |rds, resource_id| async move {
            rds.apply_modification(&resource_id, upgrade, request).await
        })
    }

    async fn apply_modification(
        &self,
        resource_id: &str,
        upgrade: Option<String>,
        request: Modify,
    ) -> anyhow::Result<()> {
        if let Some(version) = upgrade {
            self.upgrade_in_place(resource_id, &version).await?;
        } else if request.new_name.is_none() {
            tokio::time::sleep(self.delays().modify).await;
        }
        if let Some(password) = &request.password {
            self.set_password(resource_id, password).await?;
        }
        if let Some(iam_login) = request.iam_login {
            self.let_in_by_iam(resource_id, iam_login)?;
        }
        if let Some(new) = &request.new_name {
            tokio::time::sleep(self.delays().rename).await;
            self.rename(resource_id, new).await?;
        }
        self.set_status(resource_id, InstanceStatus::Available);
        let message = "Finished applying modification to DB instance";
        self.note(resource_id, "RDS-EVENT-0014", message);
        Ok(())
    }

    async fn set_password(&self, resource_id: &str, password: &str) -> anyhow::Result<()> {
        let (server, master) = {
            let state = self.state();
            let instance = state.by_id(resource_id)?;
            (instance.server()?, instance.master.clone())
        };
        let admin = server.admin("postgres").await?;
        roles::set_password(&admin, &master, password).await
    }

    fn let_in_by_iam(&self, resource_id: &str, on: bool) -> anyhow::Result<()> {
        let (name, server) = {
            let state = self.state();
            let instance = state.by_id(resource_id)?;
            (instance.name.clone(), instance.server()?)
        };
        self.set_gate(&server, on)?;
        self.publish_name(&name, &server);
        Ok(())
    }

    /// Puts other programs under an instance's data. If PostgreSQL refuses, the instance goes on as it was.
    async fn upgrade_in_place(&self, resource_id: &str, version: &str) -> anyhow::Result<()> {
        tokio::time::sleep(self.delays().minor_upgrade).await;
        let server = self.running(resource_id)?;
        if let Err(error) = upgrade::to_version(self.host(), &server, version).await {
            let message = format!("Database instance could not be upgraded: {error:#}");
            self.note(resource_id, "RDS-EVENT-0188", message);
            return Ok(());
        }
        if let Some(instance) = self.state().instances.get_mut(resource_id) {
            if instance.group.starts_with("default.") {
                instance.group = default_group(version);
            }
            version.clone_into(&mut instance.version);
            instance.pending_reboot = false;
        }
        let message = format!("Database instance engine version upgraded to {version}");
        self.note(resource_id, "RDS-EVENT-0047", message);
        Ok(())
    }

    /// The new name works from now on, the old one doesn't.
    async fn rename(&self, resource_id: &str, new: &str) -> anyhow::Result<()> {
        let server = self.running(resource_id)?;
        server.set_names(&[names::host_name(new)]).await?;
        let old = {
            let mut state = self.state();
            let instance = state.instances.get_mut(resource_id);
            let instance = instance.context("it is gone")?;
            std::mem::replace(&mut instance.name, new.to_owned())
        };
        self.retract_name(&old);
        self.publish_name(new, &server);
        Ok(())
    }
}
