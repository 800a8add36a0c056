//! What a person types, and what it means once every default is filled in.

use crate::ids::Database;
use crate::routes::Named;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

mod fields;
mod parse;
#[cfg(test)]
mod tests;

pub use fields::{Fault, Faults};
pub use parse::parse;

/// How the upgrade is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// A minor upgrade of the running instances, replicas first.
    InPlace,
    /// A second, upgraded copy, kept in step, to which traffic moves.
    BlueGreen,
}

/// What happens to old blue at the end of the watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Retire {
    /// Old blue stays, unable to take application logins. The default.
    #[default]
    Keep,
    /// Old blue is deleted after a final snapshot is available.
    SnapshotAndDelete,
}

/// A request with every default filled in. What each field means, and its default, stands in the README.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The instance that takes the writes.
    pub database: Database,
    /// The version to reach, such as `17.4`.
    pub target_version: String,
    /// Plan only.
    pub dry_run: bool,
    /// Forced strategy; by default minor versions go in place, major ones blue/green.
    pub strategy: Option<Strategy>,
    /// Read weights for green, rising, the last one 100. Default 10, 20, 50, 100.
    pub ramp: Vec<u8>,
    /// Minutes to watch the alarms after each step of the ramp. Default 5.
    pub bake_minutes: u32,
    /// Hours to watch the alarms after the switchover. Default 24.
    pub watch_hours: u32,
    /// Minutes that green may take to catch up once it is created. Default 360.
    pub catch_up_minutes: u32,
    /// Bytes that green may be behind. Default 1 MiB.
    pub max_lag_bytes: u64,
    /// Seconds that green may be behind. Default 5.
    pub max_lag_seconds: u32,
    /// Milliseconds of the write pause within which everything before RDS's own switchover must fit. Default 5000.
    pub max_write_pause_ms: u32,
    /// Names of the alarms that guard the upgrade. Default: the alarms tagged `viridian:database` with the database's name.
    pub alarms: Option<Vec<String>>,
    /// When a person is asked. Default: never.
    pub approval: Approval,
    /// Roles that the application logs in as. Default: every LOGIN role but ours, `rds*` and replication's.
    pub application_roles: Option<Vec<String>>,
    /// What routes reads. Default: the instance's tag `viridian:reads`.
    pub reads: Option<Named>,
    /// What leads to the writer. Default: the instance's tag `viridian:writes`.
    #[serde(default)]
    pub writes: Option<Named>,
    /// Whether green's writes are brought to old blue while the watch lasts. Default: yes.
    #[serde(default)]
    pub way_back: WayBack,
    /// What an alarm without data means. Default: the upgrade pauses and asks.
    #[serde(default)]
    pub insufficient_data: InsufficientData,
    /// What green shall be, where it differs from blue.
    pub green: GreenSettings,
    /// What happens to old blue at the end.
    pub retire: Retire,
    /// The schedule's or event's own id: a second delivery starts nothing.
    pub request_id: Option<String>,
}

/// When a person is asked whether it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// No one is asked. The default.
    #[default]
    Never,
    /// Before the writes move.
    BeforeSwitchover,
}

impl<'de> Deserialize<'de> for Approval {
    /// By its word, or by `true` and `false`, as requests had it before there were words.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(false) => Ok(Self::Never),
            Value::Bool(true) => Ok(Self::BeforeSwitchover),
            Value::String(word) if word == "never" => Ok(Self::Never),
            Value::String(word) if word == "before_switchover" => Ok(Self::BeforeSwitchover),
            other => Err(D::Error::custom(format!(
                "no time for an approval: {other}"
            ))),
        }
    }
}

/// How the writes could go back to blue after the switchover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum WayBack {
    /// By logical replication from green to old blue. What it needs and does not find is in the upgrade's way.
    #[default]
    ReverseReplication,
    /// Not at all: an alarm after the switchover calls a person.
    None,
}

/// What is made of an alarm that shows `INSUFFICIENT_DATA`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum InsufficientData {
    /// Inconclusive: before the switchover a person is asked, after it one is called. The default.
    #[default]
    Pause,
    /// The same as ALARM, before the switchover. Production is never moved for it.
    Alarm,
    /// The same as `OK`, for alarms on metrics that are there only when something fails.
    Ok,
}

/// What green shall be, where it differs from blue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct GreenSettings {
    /// The parameter group of the target version. Default: the engine's default group of that version.
    pub parameter_group: Option<String>,
}
