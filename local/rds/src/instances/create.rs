//! `CreateDBInstance`.

use crate::fault::Fault;
use crate::model::{Instance, InstanceStatus};
use crate::postgres::version::{self, ENGINE, default_group};
use crate::postgres::{Server, ServerSpec, roles};
use crate::wire::{Form, Xml};
use crate::{Rds, names};
use jiff::Timestamp;

/// Parameters of creation that change nothing that could be seen here.
pub const UNSEEN: [&str; 13] = [
    "AutoMinorVersionUpgrade",
    "AvailabilityZone",
    "CACertificateIdentifier",
    "CopyTagsToSnapshot",
    "DBSubnetGroupName",
    "EnablePerformanceInsights",
    "Iops",
    "LicenseModel",
    "MaxAllocatedStorage",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "PubliclyAccessible",
    "StorageThroughput",
];

/// Names that no master user can have.
const RESERVED: [&str; 5] = [
    "rdsadmin",
    "postgres_admin",
    "rds_superuser",
    "rds_replication",
    "admin",
];

/// Refuses the values that RDS refuses.
fn check(instance: &Instance, engine: &str, password: &str) -> Result<(), Fault> {
    let (class, master) = (&instance.class, &instance.master);
    let why = if engine != ENGINE {
        format!("Invalid DB engine here: {engine}")
    } else if !class.starts_with("db.") {
        format!("Invalid DB Instance class: {class}")
    } else if instance.backup_retention > 35 {
        "Retention period must be between 0 and 35.".to_owned()
    } else if password.len() < 8 || password.contains(['/', '@', '"', ' ']) {
        "The parameter MasterUserPassword is not a valid password: at least 8 printable ASCII characters besides '/', '@', \
         '\"', ' '."
            .to_owned()
    } else if RESERVED.contains(&master.as_str()) {
        format!("MasterUsername {master} is a reserved word")
    } else {
        return Ok(());
    };
    Err(Fault::invalid_value(why))
}

impl Rds {
    /// `CreateDBInstance`.
    pub(crate) fn create_instance(&self, mut form: Form) -> Result<Xml, Fault> {
        form.ignore(&UNSEEN);
        form.texts("VpcSecurityGroupIds");
        let name = form.new_instance()?;
        let class = form.required("DBInstanceClass")?;
        let engine = form.required("Engine")?;
        let version = form.text("EngineVersion");
        let master = form.required("MasterUsername")?;
        let password = form.required("MasterUserPassword")?;
        let group = form.text("DBParameterGroupName");
        let mut instance = Instance {
            resource_id: names::new_resource_id(),
            name,
            status: InstanceStatus::Creating,
            class,
            version: String::new(),
            master: master.clone(),
            database: form.text("DBName"),
            storage: form.parsed("AllocatedStorage")?.unwrap_or(20),
            storage_type: form.text("StorageType").unwrap_or_else(|| "gp3".to_owned()),
            multi_az: form.flag("MultiAZ")?,
            backup_retention: form.parsed("BackupRetentionPeriod")?.unwrap_or(1),
            created: Timestamp::now(),
            group: String::new(),
            pending_reboot: false,
            iam_login: form.flag("EnableIAMDatabaseAuthentication")?,
            deletion_protection: form.flag("DeletionProtection")?,
            replica_of: None,
            read_only: false,
            tags: form.tags()?,
            server: None,
        };
        form.end()?;
        check(&instance, &engine, &password)?;
        let newest = || self.offered_versions().pop();
        let wanted = version.or_else(newest).unwrap_or_default();
        instance.version = self.offered(&wanted)?;
        instance.group = group.unwrap_or_else(|| default_group(&instance.version));
        let database = instance.database.clone();
        let resource_id = self.admit(instance)?;
        self.work(resource_id, |rds, resource_id| async move {
            tokio::time::sleep(rds.delays().create_instance).await;
            let server = rds.host().create(rds.spec_of(&resource_id)?).await?;
            roles::furnish(&server, &master, &password, database.as_deref()).await?;
            rds.open_shop(&resource_id, server).await
        })
    }

    /// Notes a new instance, if its name is free and its parameter group fits.
    pub(crate) fn admit(&self, instance: Instance) -> Result<String, Fault> {
        let mut state = self.state();
        if state.instance(&instance.name).is_ok() {
            return Err(Fault::instance_exists());
        }
        let group = state.group(&instance.group)?;
        check_family(&group.name, &group.family, &instance.version)?;
        let resource_id = instance.resource_id.clone();
        state.instances.insert(resource_id.clone(), instance);
        Ok(resource_id)
    }

    /// What an instance's server is to be.
    pub(crate) fn spec_of(&self, resource_id: &str) -> Result<ServerSpec, Fault> {
        let state = self.state();
        let instance = state.by_id(resource_id)?;
        Ok(ServerSpec {
            id: resource_id.to_owned(),
            version: instance.version.clone(),
            names: vec![names::host_name(&instance.name)],
            parameters: state.settings_of(instance),
        })
    }

    /// A new server takes clients: its name leads to it, and after the first backup it is available.
    pub(crate) async fn open_shop(&self, resource_id: &str, server: Server) -> anyhow::Result<()> {
        let (name, backed_up, iam_login) = {
            let mut state = self.state();
            let Some(instance) = state.instances.get_mut(resource_id) else {
                return Ok(());
            };
            instance.server = Some(server.clone());
            instance.status = InstanceStatus::BackingUp;
            let backed_up = instance.backup_retention > 0;
            (instance.name.clone(), backed_up, instance.iam_login)
        };
        self.set_gate(&server, iam_login)?;
        self.publish_name(&name, &server);
        if backed_up {
            tokio::time::sleep(self.delays().first_backup).await;
        }
        self.set_status(resource_id, InstanceStatus::Available);
        self.note(resource_id, "RDS-EVENT-0005", "DB instance created");
        Ok(())
    }
}

/// A parameter group is of one major version.
pub fn check_family(group: &str, family: &str, version: &str) -> Result<(), Fault> {
    let fitting = version::family(version);
    if family == fitting {
        return Ok(());
    }
    Err(Fault::invalid_combination(format!(
        "The parameter group {group} with DBParameterGroupFamily {family} can't be used for this instance. Please use a \
         parameter group with DBParameterGroupFamily {fitting}"
    )))
}
