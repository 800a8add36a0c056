//! `CreateDBInstance`.

use super::One;
use crate::fault::Fault;
use crate::model::{Instance, InstanceStatus, Tags, read_tags};
use crate::postgres::version::{self, ENGINE, default_group};
use crate::postgres::{Server, ServerSpec, roles};
use crate::wire::{Form, Request};
use crate::{Rds, names};
use jiff::Timestamp;

/// `CreateDBInstance`.
#[derive(Debug)]
pub struct CreateInstance {
    name: String,
    class: String,
    engine: String,
    version: Option<String>,
    master: String,
    password: String,
    database: Option<String>,
    storage: u32,
    storage_type: String,
    multi_az: bool,
    backup_retention: u32,
    group: Option<String>,
    iam_login: bool,
    deletion_protection: bool,
    tags: Tags,
}

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

impl Request for CreateInstance {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        form.ignore(&UNSEEN);
        form.texts("VpcSecurityGroupIds");
        Ok(Self {
            name: names::check_instance_name(&form.required("DBInstanceIdentifier")?)?,
            class: form.required("DBInstanceClass")?,
            engine: form.required("Engine")?,
            version: form.text("EngineVersion"),
            master: form.required("MasterUsername")?,
            password: form.required("MasterUserPassword")?,
            database: form.text("DBName"),
            storage: form.parsed("AllocatedStorage")?.unwrap_or(20),
            storage_type: form.text("StorageType").unwrap_or_else(|| "gp3".to_owned()),
            multi_az: form.flag("MultiAZ")?,
            backup_retention: form.parsed("BackupRetentionPeriod")?.unwrap_or(1),
            group: form.text("DBParameterGroupName"),
            iam_login: form.flag("EnableIAMDatabaseAuthentication")?,
            deletion_protection: form.flag("DeletionProtection")?,
            tags: read_tags(form)?,
        })
    }
}

impl CreateInstance {
    fn check(&self) -> Result<(), Fault> {
        if self.engine != ENGINE {
            return Err(Fault::invalid_value(format!(
                "Invalid DB engine here: {}",
                self.engine
            )));
        }
        if !self.class.starts_with("db.") {
            return Err(Fault::invalid_value(format!(
                "Invalid DB Instance class: {}",
                self.class
            )));
        }
        if self.backup_retention > 35 {
            return Err(Fault::invalid_value(
                "Retention period must be between 0 and 35.",
            ));
        }
        if self.password.len() < 8 || self.password.contains(['/', '@', '"', ' ']) {
            return Err(Fault::invalid_value(
                "The parameter MasterUserPassword is not a valid password: at least 8 printable ASCII characters besides \
                 '/', '@', '\"', ' '.",
            ));
        }
        let reserved = [
            "rdsadmin",
            "postgres_admin",
            "rds_superuser",
            "rds_replication",
            "admin",
        ];
        if reserved.contains(&self.master.as_str()) {
            return Err(Fault::invalid_value(format!(
                "MasterUsername {} is a reserved word",
                self.master
            )));
        }
        Ok(())
    }

    fn instance(&self, version: String) -> Instance {
        let default = default_group(&version);
        Instance {
            resource_id: names::new_resource_id(),
            name: self.name.clone(),
            status: InstanceStatus::Creating,
            class: self.class.clone(),
            version,
            master: self.master.clone(),
            database: self.database.clone(),
            storage: self.storage,
            storage_type: self.storage_type.clone(),
            multi_az: self.multi_az,
            backup_retention: self.backup_retention,
            created: Timestamp::now(),
            group: self.group.clone().unwrap_or(default),
            pending_reboot: false,
            iam_login: self.iam_login,
            deletion_protection: self.deletion_protection,
            replica_of: None,
            read_only: false,
            tags: self.tags.clone(),
            server: None,
        }
    }
}

impl Rds {
    pub(crate) fn create_instance(&self, request: CreateInstance) -> Result<One, Fault> {
        request.check()?;
        let newest = || self.offered_versions().pop();
        let wanted = request.version.clone().or_else(newest).unwrap_or_default();
        let instance = request.instance(self.offered(&wanted)?);
        let resource_id = self.admit(instance)?;
        self.work(&resource_id, |rds| {
            let resource_id = resource_id.clone();
            async move {
                tokio::time::sleep(rds.delays().create_instance).await;
                let server = rds.host().create(rds.spec_of(&resource_id)?).await?;
                let database = request.database.as_deref();
                roles::furnish(&server, &request.master, &request.password, database).await?;
                rds.open_shop(&resource_id, server).await
            }
        });
        self.view(&resource_id)
    }

    /// Notes a new instance, if its name is free and its parameter group fits.
    pub(crate) fn admit(&self, instance: Instance) -> Result<String, Fault> {
        let mut state = self.state();
        if state.instance(&instance.name).is_ok() {
            return Err(Fault::new(
                "DBInstanceAlreadyExists",
                "DB Instance already exists",
            ));
        }
        let group = state.group(&instance.group)?;
        check_family(&group.name, &group.family, &instance.version)?;
        let resource_id = instance.resource_id.clone();
        state.instances.insert(resource_id.clone(), instance);
        Ok(resource_id)
    }

    /// What an instance's server is to be.
    pub(crate) fn spec_of(&self, resource_id: &str) -> anyhow::Result<ServerSpec> {
        let state = self.state();
        let gone = || anyhow::anyhow!("the instance is gone");
        let instance = state.instances.get(resource_id).ok_or_else(gone)?;
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
