//! The plan: what was found, what will happen, and what is in the way.

use crate::engine::Engine;
use crate::error::StepError;
use crate::ids::{Database, Epoch, InstanceId, Owner, ResourceId};
use crate::rds::tags;
use crate::request::{Request, Strategy};
use crate::routes::Route;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod name;

pub use name::name;

impl Plan {
    /// Names the snapshot that this upgrade takes of an instance: `before` it starts, or as the `final` one.
    #[must_use]
    pub fn snapshot(&self, moment: &str) -> String {
        format!("{}-{moment}", self.name)
    }

    /// The member that takes writes.
    ///
    /// # Errors
    ///
    /// `Upgrade.Failed` if there is none, as only a refused plan has it.
    pub fn writer(&self) -> Result<&Member, StepError> {
        let mut members = self.members.iter();
        let writer = members.find(|member| member.role == MemberRole::Writer);
        writer.ok_or_else(|| StepError::failed("the plan has no member that takes writes"))
    }

    /// The version of the server with this identity: blue's if it is a member, and the one to reach otherwise.
    #[must_use]
    pub fn version_of(&self, id: &ResourceId) -> &str {
        let is_blue = self.members.iter().any(|member| member.resource_id == *id);
        if is_blue {
            &self.from_version
        } else {
            &self.to_version
        }
    }

    /// Each of blue's hosts by itself: once RDS has switched over, the name leads to green's instance in its place.
    #[must_use]
    pub fn hosts(&self) -> BTreeMap<String, String> {
        let hosts = self.members.iter().map(|member| member.address.clone());
        hosts.map(|host| (host.clone(), host)).collect()
    }

    /// The routes that an upgrade changes before the switchover, as found. Production waits for the writes, so they are first.
    pub fn moved_early(&self) -> impl Iterator<Item = &Route> {
        let writes = self.writes.iter().filter(|route| route.has_addresses());
        writes.chain(&self.reads)
    }

    /// The routes that lead to addresses, as found.
    pub fn by_address(&self) -> impl Iterator<Item = &Route> {
        self.moved_early().filter(|route| route.has_addresses())
    }

    /// The engine of every member.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.members
            .first()
            .map_or_else(Engine::default, |member| member.engine)
    }

    /// How the writes go back to blue after the switchover.
    #[must_use]
    pub const fn way(&self) -> Way {
        match self.writes {
            Some(_) => Way::Route,
            None => Way::Renames,
        }
    }

    /// The tags of everything that this upgrade makes.
    #[must_use]
    pub fn tags(&self, owner: &Owner) -> BTreeMap<String, String> {
        tags(&self.database, owner)
    }
}

/// Everything that later steps need and could not observe any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The writer's identifier before the upgrade.
    pub database: Database,
    /// The last claim on the database, which was over before anything was read; 0 if there was none, and nothing while one
    /// stood. Once there is a later one, the plan is stale.
    #[serde(default)]
    pub last_claim: Option<Epoch>,
    /// Names what this upgrade makes in RDS: 1 to 60 letters, digits and single hyphens, the same for each retry.
    pub name: String,
    /// The request with every default filled in.
    pub request: Request,
    /// In place or blue/green.
    pub strategy: Strategy,
    /// The writer's version now.
    pub from_version: String,
    /// The version to reach.
    pub to_version: String,
    /// Blue's instances, the writer first.
    pub members: Vec<Member>,
    /// The databases of the server that take application connections, marker table and replication included.
    pub databases: Vec<String>,
    /// The application's roles, which can log in now.
    pub application_roles: Vec<String>,
    /// Where reads go, as found; `None` where nothing routes them.
    pub reads: Option<Route>,
    /// What leads writes to blue, as found; `None` where the application has nothing of its own for that.
    #[serde(default)]
    pub writes: Option<Route>,
    /// Names of the alarms that guard the upgrade.
    pub alarms: Vec<String>,
    /// What was checked.
    pub checks: Vec<Check>,
    /// What will happen, a sentence per step.
    pub steps: Vec<String>,
}

/// One instance of blue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The name before the upgrade.
    pub instance: InstanceId,
    /// Its ARN before the upgrade.
    pub arn: String,
    /// Its identity for good.
    pub resource_id: ResourceId,
    /// Writer or reader.
    pub role: MemberRole,
    /// The host name, which the switchover hands to green.
    pub address: String,
    /// The port.
    pub port: u16,
    /// Such as `db.r6g.large`.
    pub class: String,
    /// A standby in another Availability Zone.
    pub multi_az: bool,
    /// Allocated storage in GiB.
    pub storage_gib: u32,
    /// Such as `gp3`.
    pub storage_type: String,
    /// The parameter group.
    pub parameter_group: String,
    /// Such as `16.14`.
    pub version: String,
    /// Its engine.
    #[serde(default)]
    pub engine: Engine,
}

/// How writes would go back to blue after the switchover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By the customer's own route.
    Route,
    /// By giving the instances their old names back.
    Renames,
}

/// What an instance is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Takes writes.
    Writer,
    /// A physical replica.
    Reader,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What, in two or three words: `backups on`.
    pub name: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found, in a sentence.
    pub found: String,
    /// What to do about it; empty where nothing is in the way.
    pub remedy: String,
}

impl Check {
    /// Nothing is in the way.
    pub fn pass(name: &str, found: impl Into<String>) -> Self {
        Self::new(name, Verdict::Pass, found.into(), "")
    }

    /// The upgrade can go on.
    pub fn warning(name: &str, found: impl Into<String>, remedy: &str) -> Self {
        Self::new(name, Verdict::Warning, found.into(), remedy)
    }

    /// The upgrade does not start.
    pub fn blocker(name: &str, found: impl Into<String>, remedy: &str) -> Self {
        Self::new(name, Verdict::Blocker, found.into(), remedy)
    }

    fn new(name: &str, verdict: Verdict, found: String, remedy: &str) -> Self {
        Self {
            name: name.to_owned(),
            verdict,
            found,
            remedy: remedy.to_owned(),
        }
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing in the way.
    Pass,
    /// The upgrade can go on, but a person should know.
    Warning,
    /// The upgrade does not start.
    Blocker,
}
