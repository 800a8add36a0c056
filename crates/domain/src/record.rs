//! The record of an upgrade, as it stands in the table `upgrades`: who may act, and what observation could not recover.

use crate::error::StepError;
use crate::fence::Fence;
use crate::ids::{Database, DeploymentId, Epoch, InstanceId, Millis, Owner, ResourceId};
use crate::marker::Marker;
use crate::plan::{Member, Plan};
use crate::rds::Instance;
use crate::receipt::Receipt;
use crate::reverse::Reverse;
use crate::routes::Route;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use strum::AsRefStr;

/// Milliseconds after the switchover for which a nameserver may still have blue's addresses under its names.
const NAMES_MOVE: i64 = 60_000;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, AsRefStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Phase {
    /// Blue serves writes; everything can be undone.
    Before,
    /// `SwitchoverBlueGreenDeployment` is about to be called or was called; only RDS knows which side serves.
    Switching,
    /// Green serves writes.
    After,
    /// A rollback owns the database: blue serves, or only RDS knows which side does.
    RollingBack,
    /// A rollback after the switchover owns the database: green serves until it is fenced, blue from its opening on.
    Returning,
    /// A person has to look. The claim stays.
    NeedsOperator,
    /// The upgrade is over and the claim is free.
    Ended,
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

impl GreenMember {
    /// This instance, which stands for a member of blue.
    #[must_use]
    pub fn of(blue: &Member, instance: &Instance) -> Self {
        Self {
            blue: blue.instance.clone(),
            instance: instance.id.clone(),
            resource_id: instance.resource_id.clone(),
            address: instance.address.clone().unwrap_or_default(),
            port: instance.port,
        }
    }
}

/// A wait that an alarm can end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Step Functions' task token while the wait lasts; none once it is over. A secret: never logged.
    pub token: Option<String>,
    /// When the wait began; alarm history before it does not count.
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
    pub markers: BTreeMap<String, Marker>,
    /// How often RDS accepted each instance's upgrade in place.
    #[serde(default)]
    pub attempts: BTreeMap<ResourceId, u32>,
    /// What the switchover has to show so far; complete once green is open.
    #[serde(default)]
    pub receipt: Option<Receipt>,
    /// The link from new to old, once it was armed.
    #[serde(default)]
    pub reverse: Option<Reverse>,
    /// How far the failback is, once it has begun.
    #[serde(default)]
    pub back: Option<Back>,
    /// The execution of the rollback machine that acts, or acted last.
    #[serde(default)]
    pub rollback: Option<Owner>,
    /// Which Lambda acts right now, and until when at most.
    pub lease: Option<Lease>,
    /// Why a person has to look, or how the upgrade ended.
    pub note: Option<String>,
}

/// How far the failback is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Back {
    /// Every write that green took is proven to be on old. Green stays closed from here on, and old may be opened.
    pub arrived: bool,
    /// Calls that tried the failback.
    pub tries: u32,
    /// How often green was fenced for it.
    #[serde(default)]
    pub crossings: u32,
    /// Hosts that instances had before the failback renamed them. What leads to one of them is this upgrade's.
    #[serde(default)]
    pub renamed: BTreeSet<String>,
    /// The evidence so far; here *new* is what is left, and *old* what serves again.
    pub receipt: Receipt,
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
    /// Green as it was recorded.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if there is none yet.
    pub fn made_green(&self) -> Result<&Green, StepError> {
        let green = self.green.as_ref();
        green.ok_or_else(|| StepError::refused("there is no green yet; provision makes it"))
    }

    /// The future writer, or the writer since the switchover.
    ///
    /// # Errors
    ///
    /// As [`Self::made_green`].
    pub fn green_writer(&self) -> Result<&GreenMember, StepError> {
        let writer = self.made_green()?.writer();
        writer.ok_or_else(|| StepError::refused("green has no instance"))
    }

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

    /// Every host that a member of either side has or had: as recorded, and as these instances have it now.
    #[must_use]
    pub fn hosts(&self, instances: &[Instance]) -> BTreeSet<String> {
        let blue = self.plan.members.iter().map(|member| &member.address);
        let green = self.green.iter().flat_map(|green| &green.members);
        let green = green.map(|member| &member.address);
        let now = instances.iter().filter_map(|one| one.address.as_ref());
        let before = self.back.iter().flat_map(|back| &back.renamed);
        let all = blue.chain(green).chain(now).chain(before);
        all.cloned().collect()
    }

    /// Green's host for each host of blue, as recorded; the switchover ends the use of green's.
    #[must_use]
    pub fn greens(&self) -> BTreeMap<String, String> {
        let members = self.green.iter().flat_map(|green| &green.members);
        let pairs = members.filter_map(|green| {
            let mut blue = self.plan.members.iter();
            let blue = blue.find(|blue| blue.instance == green.blue)?;
            Some((blue.address.clone(), green.address.clone()))
        });
        pairs.collect()
    }

    /// The routes as they are to be while RDS switches over: on blue, by names that survive, and ready for green.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if one leads to a host without a counterpart.
    pub fn poised(&self) -> Result<Vec<Route>, StepError> {
        let greens = self.greens();
        self.plan
            .moved_early()
            .map(|route| route.poised(&greens))
            .collect()
    }

    /// The routes that lead to addresses, on green once it serves; `greens` has its host for each host of blue.
    ///
    /// # Errors
    ///
    /// As [`Self::poised`].
    pub fn crossed(&self, greens: &BTreeMap<String, String>) -> Result<Vec<Route>, StepError> {
        let writer = &self.plan.writer()?.address;
        self.plan
            .by_address()
            .map(|route| route.share(greens, writer, 100, 0).map(Route::at_once))
            .collect()
    }

    /// The routes whose addresses are to follow their hosts now, whatever share of the traffic each side gets.
    ///
    /// # Errors
    ///
    /// As [`Self::poised`].
    pub fn followed(&self, now: Millis) -> Result<Vec<Route>, StepError> {
        let writer = &self.plan.writer()?.address;
        let opened = self.receipt.as_ref().and_then(|receipt| receipt.opened_at);
        match self.phase {
            Phase::Before if self.green.is_none() => Ok(self.plan.by_address().cloned().collect()),
            Phase::Before => {
                let greens = self.greens();
                self.plan
                    .by_address()
                    .map(|route| route.share(&greens, writer, 50, 0))
                    .collect()
            }
            _ if self.is_guarded()
                && opened.is_some_and(|opened| now.since(opened) > NAMES_MOVE) =>
            {
                self.crossed(&self.plan.hosts())
            }
            _ => Ok(vec![]),
        }
    }

    /// Puts a fence into the record. One on the same server is replaced.
    pub fn put_fence(&mut self, fence: Fence) {
        self.fences
            .retain(|other| other.resource_id != fence.resource_id);
        self.fences.push(fence);
    }

    /// The fence that stands on a server.
    ///
    /// # Errors
    ///
    /// `Upgrade.Failed` if none is recorded.
    pub fn fence_on(&self, id: &ResourceId) -> Result<&Fence, StepError> {
        let mut fences = self.fences.iter();
        let stands = fences.find(|fence| fence.resource_id == *id);
        stands.ok_or_else(|| StepError::failed(format!("the record has no fence for {id}")))
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
            markers: BTreeMap::new(),
            attempts: BTreeMap::new(),
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
mod tests;
