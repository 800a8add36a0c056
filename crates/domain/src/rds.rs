//! Instances, blue/green deployments and snapshots, as far as anything is decided by them.
//!
//! RDS's enums are plain strings on the wire, and new ones come; whatever is not known is kept as `Other`, and nothing
//! here takes an unknown status for a good one.

use crate::ids::{Database, DeploymentId, InstanceId, Owner, ResourceId};
use std::collections::BTreeMap;
use std::fmt;
use strum::EnumString;

#[cfg(test)]
mod tests;

/// The tag under which everything that an upgrade makes carries its owner.
pub const OWNER_TAG: &str = "viridian:owner";
/// The tag with the database that an upgrade belongs to.
pub const DATABASE_TAG: &str = "viridian:database";
/// The tag on an instance that names the weighted records of its reads.
pub const READS_TAG: &str = "viridian:reads";
/// The tag on an instance that names the parameter group of its green.
pub const GREEN_GROUP_TAG: &str = "viridian:green-parameter-group";
/// The tag on an instance that names the record of its writes.
pub const WRITES_TAG: &str = "viridian:writes";

/// The tags of everything that an upgrade makes.
#[must_use]
pub fn tags(database: &Database, owner: &Owner) -> BTreeMap<String, String> {
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    [
        tag(DATABASE_TAG, database.as_str()),
        tag(OWNER_TAG, owner.as_str()),
    ]
    .into()
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "RDS describes an instance by independent flags"
)]
pub struct Instance {
    /// Its name, which a switchover may give to another instance.
    pub id: InstanceId,
    /// Its ARN, which holds the name.
    pub arn: String,
    /// Its identity for good.
    pub resource_id: ResourceId,
    /// What it is doing.
    pub status: InstanceStatus,
    /// RDS's word for its engine; see [`crate::engine::Engine`].
    pub engine: String,
    /// Such as `16.14`.
    pub version: String,
    /// The version that a modification under way will bring.
    pub pending_version: Option<String>,
    /// Such as `db.r6g.large`.
    pub class: String,
    /// A standby in another Availability Zone.
    pub multi_az: bool,
    /// Allocated storage in GiB.
    pub storage_gib: u32,
    /// Such as `gp3`.
    pub storage_type: String,
    /// Storage operations that run; empty where none does.
    pub storage_status: String,
    /// The parameter group.
    pub parameter_group: String,
    /// Whether its parameters are what its group says.
    pub parameters_applied: ParameterStatus,
    /// Days for which automated backups are kept; 0 means none.
    pub backup_days: u32,
    /// The host name, once there is one.
    pub address: Option<String>,
    /// The port.
    pub port: u16,
    /// The writer of which it is a replica.
    pub replica_of: Option<InstanceId>,
    /// Its replicas in this Region.
    pub replicas: Vec<InstanceId>,
    /// What its replication reports, where it is a replica: `replicating`, `error`, …
    pub replication: Option<String>,
    /// The cluster to which it belongs.
    pub cluster: Option<String>,
    /// Whether RDS refuses to delete it.
    pub deletion_protection: bool,
    /// Whether Secrets Manager manages the master user's password.
    pub managed_password: bool,
    /// Whether IAM's tokens let roles in.
    pub iam_login: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Instance {
    /// Available, with nothing under way that we know of.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.status == InstanceStatus::Available
    }

    /// In a word or two, why it is not at rest; `available` if it is.
    #[must_use]
    pub fn state(&self) -> &str {
        if self.is_available() && !self.storage_status.is_empty() {
            &self.storage_status
        } else {
            self.status.as_str()
        }
    }

    /// Whether its storage still loads or is being changed.
    #[must_use]
    pub fn storage_is_busy(&self) -> bool {
        self.status.as_str().starts_with("storage-") || !self.storage_status.is_empty()
    }
}

/// What an instance is doing: RDS's word, and whether it passes. See "Viewing Amazon RDS DB instance status" in the RDS User
/// Guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceStatus {
    /// It serves, with nothing under way that we know of.
    Available,
    /// It is going.
    Deleting,
    /// Something is under way that ends by itself, or a word that came after this was written.
    Busy(String),
    /// It stays so until a person sees to it.
    Stuck(String),
}

impl InstanceStatus {
    /// RDS's word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Available => "available",
            Self::Deleting => "deleting",
            Self::Busy(word) | Self::Stuck(word) => word,
        }
    }
}

impl From<&str> for InstanceStatus {
    fn from(word: &str) -> Self {
        match word {
            "available" => Self::Available,
            "deleting" => Self::Deleting,
            "failed"
            | "restore-error"
            | "storage-full"
            | "inaccessible-encryption-credentials"
            | "stopped"
            | "stopping"
            | "upgrade-failed" => Self::Stuck(word.to_owned()),
            stuck if stuck.starts_with("incompatible-") => Self::Stuck(stuck.to_owned()),
            busy => Self::Busy(busy.to_owned()),
        }
    }
}

impl fmt::Display for InstanceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether an instance's parameters are what its group says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterStatus {
    /// They are.
    InSync,
    /// They are not yet, and RDS's word for what they wait for: `applying`, `pending-reboot`, ….
    Waiting(String),
}

impl From<&str> for ParameterStatus {
    fn from(word: &str) -> Self {
        match word {
            "in-sync" => Self::InSync,
            _ => Self::Waiting(word.to_owned()),
        }
    }
}

impl fmt::Display for ParameterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InSync => "in-sync",
            Self::Waiting(word) => word,
        })
    }
}

/// How far a blue/green deployment is.
#[derive(Debug, Clone, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum DeploymentStatus {
    /// Green is being made.
    Provisioning,
    /// Green stands.
    Available,
    /// RDS switches.
    SwitchoverInProgress,
    /// RDS says that it switched. Look at every member, too.
    SwitchoverCompleted,
    /// RDS can't go on; `status_details` says why.
    InvalidConfiguration,
    /// RDS gave up switching and took it back.
    SwitchoverFailed,
    /// The record is going.
    Deleting,
    /// Something that came after this was written.
    #[strum(default)]
    Other(String),
}

/// How far one member of a deployment is.
#[derive(Debug, Clone, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum PairStatus {
    /// The target is being made.
    Provisioning,
    /// The target stands.
    Available,
    /// RDS switches.
    SwitchoverInProgress,
    /// Switched.
    SwitchoverCompleted,
    /// RDS gave up.
    SwitchoverFailed,
    /// The source is gone.
    MissingSource,
    /// The target is gone.
    MissingTarget,
    /// Something that came after this was written.
    #[strum(default)]
    Other(String),
}

/// A blue/green deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// `bgd-…`.
    pub id: DeploymentId,
    /// The name under which it was made.
    pub name: String,
    /// The ARN of the source; after the switchover it ends in `-old1`.
    pub source: String,
    /// The ARN of the target, once there is one.
    pub target: Option<String>,
    /// How far it is.
    pub status: DeploymentStatus,
    /// Why, in RDS's words.
    pub status_details: String,
    /// Its members.
    pub pairs: Vec<Pair>,
    /// What RDS does to make green.
    pub tasks: Vec<Task>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Deployment {
    /// Green stands: the deployment and every member say so. Ask on several observations in a row.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.status == DeploymentStatus::Available && self.every(&PairStatus::Available)
    }

    /// RDS can't take the switchover back any more: the deployment and every member have switched. Its record may be
    /// being deleted since.
    #[must_use]
    pub fn is_switched(&self) -> bool {
        let through = matches!(
            self.status,
            DeploymentStatus::SwitchoverCompleted | DeploymentStatus::Deleting
        );
        through && self.every(&PairStatus::SwitchoverCompleted)
    }

    /// Whether RDS keeps old read-only after the switchover: as long as the record stands.
    #[must_use]
    pub fn keeps_old(&self) -> bool {
        self.status != DeploymentStatus::Deleting
    }

    fn every(&self, status: &PairStatus) -> bool {
        !self.pairs.is_empty() && self.pairs.iter().all(|pair| pair.status == *status)
    }
}

/// One member of a deployment: an instance of blue and the one of green that stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The source's ARN.
    pub source: String,
    /// The target's ARN, once there is one.
    pub target: Option<String>,
    /// How far it is.
    pub status: PairStatus,
}

/// One of the things that RDS does to make green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Such as `DB_ENGINE_VERSION_UPGRADE`.
    pub name: String,
    /// `PENDING`, `IN_PROGRESS`, `COMPLETED` or `FAILED`.
    pub status: String,
}

/// A manual snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub id: String,
    /// `creating`, `available`, `failed`, …
    pub status: String,
    /// How far it is, 0 to 100.
    pub percent: u8,
    /// The instance, by the name that it had then.
    pub instance: InstanceId,
    /// The instance's identity for good.
    pub resource_id: ResourceId,
}

impl Snapshot {
    /// Whether it can be restored from.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.status == "available"
    }
}

/// A version to which an instance's version can be upgraded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeTarget {
    /// Such as `17.4`.
    pub version: String,
    /// Whether it is another major version.
    pub major: bool,
}

/// The instance's name at the end of an ARN such as `arn:aws:rds:eu-west-1:123456789012:db:orders`.
#[must_use]
pub fn instance_of(arn: &str) -> InstanceId {
    InstanceId::from(arn.rsplit(':').next().unwrap_or(arn))
}
