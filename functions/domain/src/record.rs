//! The record of an upgrade, as it stands in the table `upgrades`: who may act, and what observation could not recover.

use crate::ids::{Database, DeploymentId, Epoch, InstanceId, Lsn, Millis, Owner, ResourceId};
use crate::plan::Plan;
use crate::reverse::Reverse;
use serde::{Deserialize, Serialize};

/// What a step shows to be let through: it acts only while the record has the same owner and epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// The database under upgrade, the record's key.
    pub database: Database,
    /// The execution that claimed it.
    pub owner: Owner,
    /// The epoch in which it was claimed, or to which a rollback raised it.
    pub epoch: Epoch,
}

/// How far the upgrade is, as far as it decides who serves and what a rollback may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Blue serves writes; everything can be undone.
    Before,
    /// `SwitchoverBlueGreenDeployment` is about to be called or was called; only RDS knows which side serves.
    Switching,
    /// Green serves writes.
    After,
    /// A rollback owns the database: blue serves, or nobody but RDS knows who does.
    RollingBack,
    /// A rollback after the switchover owns the database: green serves until it is fenced, blue from its opening on.
    Returning,
    /// A person has to look. The claim stays.
    NeedsOperator,
    /// The upgrade is over and the claim is free.
    Ended,
}

impl Phase {
    /// The phase as it stands in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Switching => "switching",
            Self::After => "after",
            Self::RollingBack => "rolling_back",
            Self::Returning => "returning",
            Self::NeedsOperator => "needs_operator",
            Self::Ended => "ended",
        }
    }
}

/// Green as RDS made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Green {
    /// The deployment that made it.
    pub deployment: DeploymentId,
    /// Its instances, the future writer first.
    pub members: Vec<GreenMember>,
}

impl Green {
    /// The future writer.
    #[must_use]
    pub fn writer(&self) -> Option<&GreenMember> {
        self.members.first()
    }
}

/// One instance of green and the instance of blue that it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GreenMember {
    /// Blue's instance, by the name that it had when the upgrade was planned.
    pub blue: InstanceId,
    /// Green's instance, by its name before the switchover.
    pub instance: InstanceId,
    /// Green's identity for good.
    pub resource_id: ResourceId,
    /// The host name before the switchover. It is retired by the switchover.
    pub address: String,
    /// The port.
    pub port: u16,
}

/// Which side a fence stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The old version.
    Blue,
    /// The new version.
    Green,
}

/// A fence: application roles that can't log in. Whoever finds it after its deadline may lift it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Where the roles were closed.
    pub side: Side,
    /// The server's identity for good.
    pub resource_id: ResourceId,
    /// Who put it up.
    pub owner: Owner,
    /// After this moment no running step owns it.
    pub deadline: Millis,
    /// The roles that were closed, and could log in before.
    pub roles: Vec<FencedRole>,
}

impl Fence {
    /// The deadline of a fence that only a person lifts: the end of the year 9998.
    pub const FOR_GOOD: Millis = Millis(253_370_764_799_000);
}

/// A role that a fence closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FencedRole {
    /// Its name.
    pub name: String,
    /// Its comment before the fence's notice took the place.
    pub comment: Option<String>,
}

/// A wait that an alarm can end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Step Functions' task token while the wait lasts; none once it is over. A secret: never logged.
    pub token: Option<String>,
    /// When the wait began; alarm history before it is somebody else's.
    pub since: Millis,
}

/// A wait for green that an event of RDS can end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GreenWait {
    /// Step Functions' task token. A secret: never logged.
    pub token: String,
    /// The deployment that makes green, once RDS tells of it.
    pub deployment: Option<DeploymentId>,
}

/// A marker row that was written on blue, by which green proves that it has everything up to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The marker's number, one per database of the server.
    pub number: i64,
    /// Blue's log position after the marker's commit.
    pub position: Lsn,
    /// When it was written, by blue's own clock.
    pub written_at: Millis,
}

/// The whole record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Who may act.
    pub ticket: Ticket,
    /// How far it is.
    pub phase: Phase,
    /// What was planned, with everything that was found before anything was touched.
    pub plan: Plan,
    /// Green, once it exists.
    pub green: Option<Green>,
    /// The fences that stand.
    pub fences: Vec<Fence>,
    /// The last wait for green, which an event of RDS ends.
    #[serde(default)]
    pub green_wait: Option<GreenWait>,
    /// The last wait that an alarm could end.
    pub wait: Option<Wait>,
    /// When a rollback saw that all reads go to blue again.
    #[serde(default)]
    pub reads_back: Option<Millis>,
    /// Markers by database of the server, the last that `switchover` wrote.
    pub markers: std::collections::BTreeMap<String, Marker>,
    /// How often RDS accepted each instance's upgrade in place.
    #[serde(default)]
    pub attempts: std::collections::BTreeMap<ResourceId, u32>,
    /// What the switchover has to show so far; complete once green is open.
    #[serde(default)]
    pub receipt: Option<crate::switchover::Receipt>,
    /// The link from new to old, once it was armed.
    #[serde(default)]
    pub reverse: Option<Reverse>,
    /// How far the writes' way back to blue is, once it was begun.
    #[serde(default)]
    pub back: Option<crate::rollback::Back>,
    /// The execution of the rollback machine that acts, or acted last.
    #[serde(default)]
    pub rollback: Option<Owner>,
    /// Which Lambda acts right now, and until when at most.
    pub lease: Option<Lease>,
    /// Why a person has to look, or how the upgrade ended.
    pub note: Option<String>,
}

/// The right to act, held by one invocation until its deadline at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The invocation's request id.
    pub holder: String,
    /// The step's name.
    pub step: String,
    /// When Lambda will have ended the invocation.
    pub until: Millis,
}

impl Record {
    /// The token of the wait that lasts, if one does. A secret: never logged.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.wait.as_ref()?.token.as_deref()
    }

    /// The tokens of all waits that may last, that for green among them.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        let green = self.green_wait.as_ref().map(|wait| wait.token.as_str());
        let both = [self.token(), green];
        both.into_iter().flatten().map(str::to_owned).collect()
    }

    /// Whether the application was let into green, and blue was not opened again since.
    #[must_use]
    pub fn green_serves(&self) -> bool {
        let opened = self.receipt.as_ref().and_then(|receipt| receipt.opened_at);
        let back = self.back.as_ref().is_some_and(|back| back.arrived);
        opened.is_some() && !back
    }

    /// Whether the link to old still counts: green serves, and no rollback is about to cut it.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        let guarded = matches!(self.phase, Phase::After | Phase::NeedsOperator);
        guarded && self.green_serves()
    }

    /// The record with which an upgrade begins. The epoch is the table's to give.
    #[must_use]
    pub fn new(plan: Plan, owner: Owner) -> Self {
        Self {
            ticket: Ticket {
                database: plan.database.clone(),
                owner,
                epoch: Epoch(0),
            },
            phase: Phase::Before,
            plan,
            green: None,
            fences: Vec::new(),
            green_wait: None,
            wait: None,
            reads_back: None,
            markers: std::collections::BTreeMap::new(),
            attempts: std::collections::BTreeMap::new(),
            receipt: None,
            reverse: None,
            back: None,
            rollback: None,
            lease: None,
            note: None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
