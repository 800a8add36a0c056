//! What RDS knows.

mod deployment;
mod instance;
mod parameter_group;
mod snapshot;

pub use deployment::{
    Deployment, DeploymentStatus, DeploymentView, Member, MemberStatus, Task, TaskStatus,
};
pub use instance::{Instance, InstanceStatus, InstanceView};
pub use parameter_group::ParameterGroup;
pub use snapshot::Snapshot;

use super::events::Event;
use super::fault::Fault;
use super::wire::Xml;
use std::collections::BTreeMap;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// Everything, keyed by what never changes: an instance by its resource id, the rest by name or identifier.
#[derive(Debug, Default)]
pub struct State {
    /// By resource id.
    pub instances: BTreeMap<String, Instance>,
    /// By identifier.
    pub snapshots: BTreeMap<String, Snapshot>,
    /// By name.
    pub groups: BTreeMap<String, ParameterGroup>,
    /// By identifier.
    pub deployments: BTreeMap<String, Deployment>,
    /// In order of time.
    pub events: Vec<Event>,
}

impl State {
    /// The instance of this name.
    pub fn instance(&self, name: &str) -> Result<&Instance, Fault> {
        let found = self.instances.values().find(|it| it.name == name);
        found.ok_or_else(|| Fault::no_instance(name))
    }

    /// The instance of this name, to be changed.
    pub fn instance_mut(&mut self, name: &str) -> Result<&mut Instance, Fault> {
        let found = self.instances.values_mut().find(|it| it.name == name);
        found.ok_or_else(|| Fault::no_instance(name))
    }

    /// The instance of this resource id.
    pub fn by_id(&self, resource_id: &str) -> Result<&Instance, Fault> {
        let found = self.instances.get(resource_id);
        found.ok_or_else(|| Fault::no_instance(resource_id))
    }

    /// The name of an instance right now.
    pub fn name_of(&self, resource_id: &str) -> Option<&str> {
        let instance = self.instances.get(resource_id);
        instance.map(|instance| instance.name.as_str())
    }

    /// The replicas of an instance.
    pub fn replicas_of<'a>(&'a self, resource_id: &'a str) -> impl Iterator<Item = &'a Instance> {
        let instances = self.instances.values();
        instances.filter(move |instance| instance.replica_of.as_deref() == Some(resource_id))
    }

    /// The living deployment in which an instance is a member.
    pub fn deployment_of(&self, resource_id: &str) -> Option<&Deployment> {
        let mut deployments = self.deployments.values();
        deployments.find(|deployment| deployment.has(resource_id))
    }

    /// The deployment of this identifier.
    pub fn deployment(&self, id: &str) -> Result<&Deployment, Fault> {
        let found = self.deployments.get(id);
        found.ok_or_else(|| Fault::no_deployment(id))
    }

    /// The deployment of this identifier, to be changed.
    pub fn deployment_mut(&mut self, id: &str) -> Result<&mut Deployment, Fault> {
        let found = self.deployments.get_mut(id);
        found.ok_or_else(|| Fault::no_deployment(id))
    }
}

/// Tags in an answer.
pub fn write_tags(xml: &mut Xml, tags: &Tags) {
    xml.list("TagList", "Tag", tags, |xml, (key, value)| {
        xml.text("Key", key);
        xml.text("Value", value);
    });
}
