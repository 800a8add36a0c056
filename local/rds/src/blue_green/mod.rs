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
use super::model::{Deployment, DeploymentView, Member};
use super::wire::Xml;
use crate::postgres::Server;

/// The servers of a pair.
#[derive(Debug, Clone)]
struct Pair {
    blue: Server,
    green: Server,
}

impl Rds {
    fn deployment_view(&self, id: &str) -> Result<Xml, Fault> {
        let state = &self.state();
        let deployment = state.deployment(id)?;
        let view = DeploymentView { deployment, state };
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
    fn pairs(&self, id: &str) -> Result<Vec<Pair>, Fault> {
        let state = self.state();
        let pair = |member: &Member| {
            Ok(Pair {
                blue: state.by_id(&member.blue)?.server()?,
                green: state.by_id(&member.green)?.server()?,
            })
        };
        state.deployment(id)?.members.iter().map(pair).collect()
    }
}
