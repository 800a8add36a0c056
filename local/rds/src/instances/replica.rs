//! `CreateDBInstanceReadReplica` and `PromoteReadReplica`.

use super::One;
use super::create::UNSEEN;
use crate::fault::Fault;
use crate::model::{Instance, InstanceStatus, Tags, read_tags};
use crate::wire::{Form, Request};
use crate::{Rds, names};
use jiff::Timestamp;

/// `CreateDBInstanceReadReplica`.
#[derive(Debug)]
pub struct CreateReplica {
    name: String,
    source: String,
    class: Option<String>,
    multi_az: bool,
    group: Option<String>,
    iam_login: bool,
    deletion_protection: bool,
    tags: Tags,
}

impl Request for CreateReplica {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        form.ignore(&UNSEEN);
        form.texts("VpcSecurityGroupIds");
        Ok(Self {
            name: names::check_instance_name(&form.required("DBInstanceIdentifier")?)?,
            source: names::instance_name(&form.required("SourceDBInstanceIdentifier")?)?,
            class: form.text("DBInstanceClass"),
            multi_az: form.flag("MultiAZ")?,
            group: form.text("DBParameterGroupName"),
            iam_login: form.flag("EnableIAMDatabaseAuthentication")?,
            deletion_protection: form.flag("DeletionProtection")?,
            tags: read_tags(form)?,
        })
    }
}

impl CreateReplica {
    fn instance(self, source: &Instance) -> Instance {
        Instance {
            resource_id: names::new_resource_id(),
            name: self.name,
            status: InstanceStatus::Creating,
            class: self.class.unwrap_or_else(|| source.class.clone()),
            group: self.group.unwrap_or_else(|| source.group.clone()),
            multi_az: self.multi_az,
            backup_retention: 0,
            created: Timestamp::now(),
            pending_reboot: false,
            iam_login: self.iam_login,
            deletion_protection: self.deletion_protection,
            replica_of: Some(source.resource_id.clone()),
            tags: self.tags,
            server: None,
            ..source.clone()
        }
    }
}

/// `PromoteReadReplica`.
#[derive(Debug)]
pub struct PromoteReplica {
    name: String,
}

impl Request for PromoteReplica {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        form.ignore(&["BackupRetentionPeriod", "PreferredBackupWindow"]);
        Ok(Self {
            name: names::instance_name(&form.required("DBInstanceIdentifier")?)?,
        })
    }
}

impl Rds {
    pub(crate) fn create_replica(&self, request: CreateReplica) -> Result<One, Fault> {
        let source = self.state().instance(&request.source)?.clone();
        source.check_available()?;
        if source.backup_retention == 0 {
            return Err(Fault::instance_state(format!(
                "Automated backups are not enabled for this database instance. To enable automated backups, use \
                 ModifyDBInstance to set the backup retention period of {} to a non-zero value.",
                source.name
            )));
        }
        if source.replica_of.is_some() {
            return Err(Fault::invalid_value(
                "This local RDS makes no replicas of replicas.",
            ));
        }
        let resource_id = self.admit(request.instance(&source))?;
        self.work(&resource_id, |rds| {
            let resource_id = resource_id.clone();
            async move {
                tokio::time::sleep(rds.delays().create_instance).await;
                rds.start_replica(&resource_id, &source.resource_id).await
            }
        });
        self.view(&resource_id)
    }

    /// Copies a server and follows it.
    pub(crate) async fn start_replica(
        &self,
        resource_id: &str,
        source: &str,
    ) -> anyhow::Result<()> {
        let none = || anyhow::anyhow!("the source has no server");
        let source = self.server_of(source).ok_or_else(none)?;
        let server = self
            .host()
            .replica_of(&source, self.spec_of(resource_id)?)
            .await?;
        self.open_shop(resource_id, server).await
    }

    pub(crate) fn promote_replica(&self, request: &PromoteReplica) -> Result<One, Fault> {
        let resource_id = {
            let mut state = self.state();
            let instance = state.instance_mut(&request.name)?;
            instance.check_available()?;
            if instance.replica_of.is_none() {
                return Err(Fault::instance_state(format!(
                    "{} is no read replica.",
                    request.name
                )));
            }
            instance.status = InstanceStatus::Modifying;
            instance.resource_id.clone()
        };
        self.work(&resource_id, |rds| {
            let resource_id = resource_id.clone();
            async move {
                tokio::time::sleep(rds.delays().modify).await;
                rds.make_independent(&resource_id).await
            }
        });
        self.view(&resource_id)
    }

    /// A replica becomes a primary of its own.
    pub(crate) async fn make_independent(&self, resource_id: &str) -> anyhow::Result<()> {
        let server = self.server_of(resource_id);
        server
            .ok_or_else(|| anyhow::anyhow!("it has no server"))?
            .promote()
            .await?;
        if let Some(instance) = self.state().instances.get_mut(resource_id) {
            instance.replica_of = None;
            instance.status = InstanceStatus::Available;
        }
        self.note(resource_id, "RDS-EVENT-0043", "Read replica promoted");
        Ok(())
    }
}
