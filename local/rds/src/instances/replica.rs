//! `CreateDBInstanceReadReplica` and `PromoteReadReplica`.

use super::create::UNSEEN;
use crate::fault::Fault;
use crate::model::{Instance, InstanceStatus};
use crate::wire::{Form, Xml};
use crate::{Rds, names};
use jiff::Timestamp;

impl Rds {
    /// `CreateDBInstanceReadReplica`.
    pub(crate) fn create_replica(&self, mut form: Form) -> Result<Xml, Fault> {
        form.ignore(&UNSEEN);
        form.texts("VpcSecurityGroupIds");
        let name = form.new_instance()?;
        let source = names::instance_name(&form.required("SourceDBInstanceIdentifier")?)?;
        let class = form.text("DBInstanceClass");
        let multi_az = form.flag("MultiAZ")?;
        let group = form.text("DBParameterGroupName");
        let iam_login = form.flag("EnableIAMDatabaseAuthentication")?;
        let deletion_protection = form.flag("DeletionProtection")?;
        let tags = form.tags()?;
        form.end()?;
        let source = self.state().instance(&source)?.clone();
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
        let source_id = source.resource_id.clone();
        let resource_id = self.admit(Instance {
            resource_id: names::new_resource_id(),
            name,
            status: InstanceStatus::Creating,
            class: class.unwrap_or_else(|| source.class.clone()),
            group: group.unwrap_or_else(|| source.group.clone()),
            multi_az,
            backup_retention: 0,
            created: Timestamp::now(),
            pending_reboot: false,
            iam_login,
            deletion_protection,
            replica_of: Some(source_id.clone()),
            tags,
            server: None,
            ..source
        })?;
        self.work(resource_id, |rds, resource_id| async move {
            tokio::time::sleep(rds.delays().create_instance).await;
            rds.start_replica(&resource_id, &source_id).await
        })
    }

    /// Copies a server and follows it.
    pub(crate) async fn start_replica(
        &self,
        resource_id: &str,
        source: &str,
    ) -> anyhow::Result<()> {
        let (source, spec) = (self.running(source)?, self.spec_of(resource_id)?);
        let server = self.host().replica_of(&source, spec).await?;
        self.open_shop(resource_id, server).await
    }

    /// `PromoteReadReplica`.
    pub(crate) fn promote_replica(&self, mut form: Form) -> Result<Xml, Fault> {
        form.ignore(&["BackupRetentionPeriod", "PreferredBackupWindow"]);
        let name = form.instance()?;
        form.end()?;
        let resource_id = {
            let mut state = self.state();
            let instance = state.instance_mut(&name)?;
            instance.check_available()?;
            if instance.replica_of.is_none() {
                let message = format!("{name} is no read replica.");
                return Err(Fault::instance_state(message));
            }
            instance.status = InstanceStatus::Modifying;
            instance.resource_id.clone()
        };
        self.work(resource_id, |rds, resource_id| async move {
            tokio::time::sleep(rds.delays().modify).await;
            rds.make_independent(&resource_id).await
        })
    }

    /// A replica becomes a primary of its own.
    pub(crate) async fn make_independent(&self, resource_id: &str) -> anyhow::Result<()> {
        self.running(resource_id)?.promote().await?;
        if let Some(instance) = self.state().instances.get_mut(resource_id) {
            instance.replica_of = None;
            instance.status = InstanceStatus::Available;
        }
        self.note(resource_id, "RDS-EVENT-0043", "Read replica promoted");
        Ok(())
    }
}
