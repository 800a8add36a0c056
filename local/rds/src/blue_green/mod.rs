//! Blue/green deployments: made, described, switched over, deleted as RDS does it.

mod breakage;
mod create;
mod delete;
mod describe;
mod guardrails;
mod health;
mod provision;
mod renames;
mod switchover;

pub use breakage::Breakage;

use super::Rds;
use super::events::{Event, Source};
use super::fault::Fault;
use super::model::Deployment;
use super::wire::Xml;
use crate::postgres::Server;
use anyhow::Context as _;

/// The servers of a pair.
#[derive(Debug, Clone)]
struct Pair {
    blue_id: String,
    blue: Server,
    green_id: String,
    green: Server,
}

impl Rds {
    fn deployment_view(&self, id: &str) -> Result<Xml, Fault> {
        let state = self.state();
        let view = state.deployment(id)?.view(&state);
        Ok(Xml::one("BlueGreenDeployment", &view))
    }

    /// Changes a deployment, if it is still there.
    fn update(&self, id: &str, change: impl FnOnce(&mut Deployment)) {
        if let Some(deployment) = self.state().deployments.get_mut(id) {
            change(deployment);
        }
    }

    fn tell_of(&self, id: &str, event: &'static str, message: impl Into<String>) {
        self.tell(Event::now(event, Source::Deployment, id, message));
    }

    /// The servers of all pairs, the primary's first.
    fn pairs(&self, id: &str) -> anyhow::Result<Vec<Pair>> {
        let state = self.state();
        let members = state.deployment(id)?.members.iter();
        let server = |id: &str| {
            let instance = state.instances.get(id).context("an instance is gone")?;
            let none = || format!("{} has no server", instance.name);
            instance.server.clone().with_context(none)
        };
        members
            .map(|member| {
                Ok(Pair {
                    blue: server(&member.blue)?,
                    green: server(&member.green)?,
                    blue_id: member.blue.clone(),
                    green_id: member.green.clone(),
                })
            })
            .collect()
    }
}
