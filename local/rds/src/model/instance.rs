//! A DB instance.

use super::{State, Tags, write_tags};
use crate::fault::Fault;
use crate::names;
use crate::postgres::Server;
use crate::postgres::version::{ENGINE, LICENSE};
use crate::wire::{Render, Xml};
use jiff::Timestamp;
use local_aws::REGION;
use local_aws::words::word;
use serde::Serialize;

/// What RDS is doing with an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceStatus {
    /// It doesn't exist yet.
    Creating,
    /// A backup or snapshot is taken.
    BackingUp,
    /// Clients can use it.
    Available,
    /// A change is applied.
    Modifying,
    /// The engine is upgraded.
    Upgrading,
    /// It restarts.
    Rebooting,
    /// It gets another name.
    Renaming,
    /// It goes away.
    Deleting,
    /// Something went wrong from which it doesn't recover.
    Failed,
}

/// An instance. Others are named by resource id, since names change hands.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "RDS describes an instance by independent flags"
)]
pub struct Instance {
    /// Its identity for good.
    pub resource_id: String,
    /// `DBInstanceIdentifier`, which a switchover swaps.
    pub name: String,
    /// What RDS is doing with it.
    pub status: InstanceStatus,
    /// Such as `db.t4g.medium`.
    pub class: String,
    /// Such as `16.14`.
    pub version: String,
    /// The master user.
    pub master: String,
    /// The database that was made with it.
    pub database: Option<String>,
    /// GiB.
    pub storage: u32,
    /// Such as `gp3`.
    pub storage_type: String,
    /// A standby elsewhere; here only a flag.
    pub multi_az: bool,
    /// Days; 0 is off.
    pub backup_retention: u32,
    /// When it was made.
    pub created: Timestamp,
    /// The parameter group's name.
    pub group: String,
    /// A static parameter was changed and not applied yet.
    pub pending_reboot: bool,
    /// IAM's tokens let roles in.
    pub iam_login: bool,
    /// Can't be deleted.
    pub deletion_protection: bool,
    /// The resource id of what it replicates physically.
    pub replica_of: Option<String>,
    /// RDS itself keeps it read-only: green before the switchover, old blue after it.
    pub read_only: bool,
    /// Its tags.
    pub tags: Tags,
    /// The server, once there is one.
    pub server: Option<Server>,
}

impl Instance {
    /// Its ARN right now.
    pub fn arn(&self) -> String {
        names::arn("db", &self.name)
    }

    /// Refuses unless clients can use it.
    pub fn check_available(&self) -> Result<(), Fault> {
        if self.status == InstanceStatus::Available {
            return Ok(());
        }
        Err(Fault::instance_state(format!(
            "Database instance {} is not in available state. Its state is {}.",
            self.name,
            word(self.status)
        )))
    }

    /// The server, if there is one yet.
    pub fn server(&self) -> Result<Server, Fault> {
        let none = || Fault::instance_state(format!("{} has no server yet.", self.name));
        self.server.clone().ok_or_else(none)
    }
}

/// An instance as a client sees it, with the names of those that it is bound to.
#[derive(Debug, Clone, Copy)]
pub struct InstanceView<'a> {
    /// The instance.
    pub instance: &'a Instance,
    /// Where the names are.
    pub state: &'a State,
}

impl Render for InstanceView<'_> {
    fn render(&self, xml: &mut Xml) {
        let it = self.instance;
        xml.text("DBInstanceIdentifier", &it.name);
        xml.text("DBInstanceArn", it.arn());
        xml.text("DbiResourceId", &it.resource_id);
        xml.word("DBInstanceStatus", it.status);
        xml.text("DBInstanceClass", &it.class);
        xml.text("Engine", ENGINE);
        xml.text("EngineVersion", &it.version);
        xml.text("MasterUsername", &it.master);
        xml.maybe("DBName", it.database.as_ref());
        xml.text("InstanceCreateTime", names::instant(it.created));
        self.endpoint(xml);
        self.storage(xml);
        self.parameters(xml);
        self.replication(xml);
        write_tags(xml, &it.tags);
    }
}

impl InstanceView<'_> {
    fn endpoint(&self, xml: &mut Xml) {
        let Some(server) = &self.instance.server else {
            return;
        };
        xml.nest("Endpoint", |xml| {
            xml.text("Address", names::host_name(&self.instance.name));
            xml.text("Port", server.address().port());
            xml.text("HostedZoneId", names::HOSTED_ZONE);
        });
        xml.text("CACertificateIdentifier", "rds-ca-rsa2048-g1");
        xml.text("PubliclyAccessible", false);
    }

    fn storage(&self, xml: &mut Xml) {
        let it = self.instance;
        xml.text("AllocatedStorage", it.storage);
        xml.text("StorageType", &it.storage_type);
        xml.text("StorageEncrypted", false);
        xml.text("MultiAZ", it.multi_az);
        xml.text("AvailabilityZone", format!("{REGION}a"));
        if it.multi_az {
            xml.text("SecondaryAvailabilityZone", format!("{REGION}b"));
        }
        xml.text("BackupRetentionPeriod", it.backup_retention);
        xml.text("PreferredBackupWindow", "03:00-03:30");
        xml.text("PreferredMaintenanceWindow", "sun:04:00-sun:04:30");
        xml.text("AutoMinorVersionUpgrade", false);
        xml.text("DeletionProtection", it.deletion_protection);
        xml.text("IAMDatabaseAuthenticationEnabled", it.iam_login);
    }

    fn parameters(&self, xml: &mut Xml) {
        let it = self.instance;
        let status = if it.pending_reboot {
            "pending-reboot"
        } else {
            "in-sync"
        };
        xml.nest("DBParameterGroups", |xml| {
            xml.nest("DBParameterGroup", |xml| {
                xml.text("DBParameterGroupName", &it.group);
                xml.text("ParameterApplyStatus", status);
            });
        });
        xml.text("LicenseModel", LICENSE);
        xml.nest("PendingModifiedValues", |_| {});
        xml.nest("VpcSecurityGroups", |_| {});
        xml.nest("DBSecurityGroups", |_| {});
    }

    fn replication(&self, xml: &mut Xml) {
        let (it, name) = (self.instance, "ReadReplicaDBInstanceIdentifier");
        let replicas = self.state.replicas_of(&it.resource_id).map(|it| &it.name);
        xml.texts("ReadReplicaDBInstanceIdentifiers", name, replicas);
        let source = it.replica_of.as_deref();
        let Some(source) = source.and_then(|id| self.state.name_of(id)) else {
            return;
        };
        xml.text("ReadReplicaSourceDBInstanceIdentifier", source);
        xml.nest("StatusInfos", |xml| {
            xml.nest("DBInstanceStatusInfo", |xml| {
                xml.text("StatusType", "read replication");
                xml.text("Normal", true);
                xml.text("Status", "replicating");
            });
        });
    }
}
