//! A blue/green deployment.

use super::{State, Tags, write_tags};
use crate::names;
use crate::postgres::link::Link;
use crate::wire::{Render, Xml};
use jiff::Timestamp;
use serde::Serialize;

/// How a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeploymentStatus {
    /// Green is being made.
    Provisioning,
    /// Green follows blue.
    Available,
    /// Between the call and the end of a switchover.
    SwitchoverInProgress,
    /// Green took over.
    SwitchoverCompleted,
    /// It can't be switched over any more.
    InvalidConfiguration,
    /// A switchover was tried, and taken back.
    SwitchoverFailed,
    /// It goes away.
    Deleting,
}

impl DeploymentStatus {
    /// Whether it can be switched over.
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Available | Self::SwitchoverFailed)
    }
}

/// How one pair of instances stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MemberStatus {
    /// Green's instance is being made.
    Provisioning,
    /// It is there.
    Available,
    /// Between the call and the end of a switchover.
    SwitchoverInProgress,
    /// Green's instance has blue's name.
    SwitchoverCompleted,
    /// A switchover was tried, and taken back.
    SwitchoverFailed,
    /// Blue's instance is gone.
    MissingSource,
    /// Green's instance is gone.
    MissingTarget,
}

/// One instance of blue and its instance of green, by resource id.
#[derive(Debug, Clone)]
pub struct Member {
    /// Blue's.
    pub blue: String,
    /// Green's.
    pub green: String,
    /// How the pair stands.
    pub status: MemberStatus,
}

/// How far one task of the provisioning is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskStatus {
    /// Not begun.
    Pending,
    /// Running.
    InProgress,
    /// Done.
    Completed,
    /// It went wrong.
    Failed,
}

/// One task of the provisioning.
#[derive(Debug, Clone)]
pub struct Task {
    /// Such as `DB_ENGINE_VERSION_UPGRADE`.
    pub name: &'static str,
    /// How far it is.
    pub status: TaskStatus,
}

/// A deployment.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// `bgd-…`.
    pub id: String,
    /// The name that its maker gave.
    pub name: String,
    /// How it stands.
    pub status: DeploymentStatus,
    /// Why it stands so.
    pub details: Option<String>,
    /// The pairs, the primary's first.
    pub members: Vec<Member>,
    /// How green follows blue, per database of the server; nothing after the switchover.
    pub links: Vec<Link>,
    /// The version that green gets.
    pub version: String,
    /// What is done to make green.
    pub tasks: Vec<Task>,
    /// When it was asked for.
    pub created: Timestamp,
    /// When its end was asked for.
    pub deleted: Option<Timestamp>,
    /// Its tags.
    pub tags: Tags,
}

impl Deployment {
    /// The primary's pair.
    pub fn primary(&self) -> &Member {
        &self.members[0]
    }

    /// What its publication in each database of blue is called.
    pub fn publication(&self) -> String {
        self.id.replace('-', "_")
    }

    /// Sets the status of every pair.
    pub fn set_members(&mut self, status: MemberStatus) {
        for member in &mut self.members {
            member.status = status;
        }
    }

    /// Whether an instance belongs to it, on either side.
    pub fn has(&self, resource_id: &str) -> bool {
        let mut members = self.members.iter();
        members.any(|member| member.blue == resource_id || member.green == resource_id)
    }
}

/// A deployment as a client sees it, with the instances' names of right now.
#[derive(Debug, Clone, Copy)]
pub struct DeploymentView<'a> {
    /// The deployment.
    pub deployment: &'a Deployment,
    /// Where the names are.
    pub state: &'a State,
}

impl DeploymentView<'_> {
    /// The ARN of blue's primary.
    pub fn source(&self) -> Option<String> {
        self.arn(&self.deployment.primary().blue)
    }

    /// The ARN of green's primary.
    pub fn target(&self) -> Option<String> {
        self.arn(&self.deployment.primary().green)
    }

    fn arn(&self, resource_id: &str) -> Option<String> {
        let instance = self.state.instances.get(resource_id);
        instance.map(super::Instance::arn)
    }
}

impl Render for DeploymentView<'_> {
    fn render(&self, xml: &mut Xml) {
        let it = self.deployment;
        xml.text("BlueGreenDeploymentIdentifier", &it.id);
        xml.text("BlueGreenDeploymentName", &it.name);
        xml.maybe("Source", self.source());
        xml.maybe("Target", self.target());
        let members = &it.members;
        xml.list("SwitchoverDetails", "member", members, |xml, member| {
            xml.maybe("SourceMember", self.arn(&member.blue));
            xml.maybe("TargetMember", self.arn(&member.green));
            xml.word("Status", member.status);
        });
        xml.list("Tasks", "member", &it.tasks, |xml, task| {
            xml.text("Name", task.name);
            xml.word("Status", task.status);
        });
        xml.word("Status", it.status);
        xml.maybe("StatusDetails", it.details.as_ref());
        xml.text("CreateTime", names::instant(it.created));
        xml.maybe("DeleteTime", it.deleted.map(names::instant));
        write_tags(xml, &it.tags);
    }
}
