//! RDS's deployments until they are switched over. The switchover is [`super::switching`]'s.

use super::servers::Server;
use super::{ARN, Fallible, Turn, World, transient};
use crate::faults::Fault;
use domain::error::StepError;
use domain::ids::{DeploymentId, ResourceId};
use domain::rds::{Deployment, DeploymentStatus, Instance, Pair, PairStatus};
use std::collections::BTreeMap;

/// How RDS goes on with a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The deployment says that green is there, although a member is not.
    Nearly,
    /// Green is there.
    Made,
    /// It can't be made.
    Unfit,
    /// The switchover that was asked for shows.
    Starts,
    /// Nobody may write on either side.
    Stops,
    /// Green has everything.
    Carries,
    /// The names are swapped, and old is read-only.
    Renames,
    /// New takes writes.
    Opens,
    /// A member is through.
    Member(usize),
    /// The deployment is through.
    Completes,
    /// It is all taken back.
    TakesBack,
    /// The record is gone.
    Deleted,
}

/// A deployment.
#[derive(Debug, Clone)]
pub struct Bgd {
    /// Its id.
    pub id: DeploymentId,
    /// The name under which it was made.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Blue's writer.
    pub source: ResourceId,
    /// Green's writer.
    pub target: ResourceId,
    /// All members, the writers first.
    pub pairs: Vec<(ResourceId, ResourceId, PairStatus)>,
    /// RDS's word.
    pub status: DeploymentStatus,
    /// RDS's reason.
    pub details: String,
    /// How much of blue's log was carried over.
    pub carried: usize,
    /// Whether anything is carried over.
    pub linked: bool,
    /// How much of it green lost while RDS switched; RDS carries it again if it takes that back.
    pub lost: usize,
    /// Whether a switchover was asked for and is not over.
    pub asked: bool,
    /// Whether somebody else asked for it.
    pub foreign: bool,
    /// Whether it is gone.
    pub gone: bool,
}

impl World {
    /// The instance with an identity.
    pub fn find(&self, id: &ResourceId) -> Option<Instance> {
        self.server(id).map(Server::instance)
    }

    /// The instance with a name.
    pub fn describe(&self, name: &str) -> Option<Instance> {
        self.named(name).map(Server::instance)
    }

    /// A deployment by its id.
    pub fn deployment(&self, id: &DeploymentId) -> Option<Deployment> {
        let found = self
            .deployments
            .iter()
            .find(|one| one.id == *id && !one.gone)?;
        Some(self.described(found))
    }

    /// A deployment by its name.
    pub fn deployment_named(&self, name: &str) -> Option<Deployment> {
        let found = self
            .deployments
            .iter()
            .find(|one| one.name == name && !one.gone)?;
        Some(self.described(found))
    }

    fn described(&self, found: &Bgd) -> Deployment {
        let arn = |id: &ResourceId| {
            self.server(id)
                .map(|server| format!("{ARN}{}", server.name))
        };
        let pair = |(source, target, status): &(ResourceId, ResourceId, PairStatus)| Pair {
            source: arn(source).unwrap_or_default(),
            target: arn(target),
            status: status.clone(),
        };
        Deployment {
            id: found.id.clone(),
            name: found.name.clone(),
            source: arn(&found.source).unwrap_or_default(),
            target: arn(&found.target),
            status: found.status.clone(),
            status_details: found.details.clone(),
            pairs: found.pairs.iter().map(pair).collect(),
            tasks: vec![],
            tags: found.tags.clone(),
        }
    }

    /// Makes a deployment with a green; an error if the source has one. `blue` are the members, the writer first.
    pub fn create(
        &mut self,
        name: &str,
        tags: BTreeMap<String, String>,
        blue: &[ResourceId],
        version: &str,
    ) -> Fallible<()> {
        if self
            .deployments
            .iter()
            .any(|one| !one.gone && one.source == blue[0])
        {
            return Err(StepError::failed("BlueGreenDeploymentAlreadyExists"));
        }
        let place = self.deployments.len();
        let pairs: Vec<_> = blue
            .iter()
            .filter_map(|id| self.copy(place, id, version))
            .collect();
        self.deployments.push(Bgd {
            id: format!("bgd-{place}").into(),
            name: name.to_owned(),
            tags,
            source: pairs[0].0.clone(),
            target: pairs[0].1.clone(),
            pairs,
            status: DeploymentStatus::Provisioning,
            details: String::new(),
            carried: 0,
            linked: false,
            lost: 0,
            asked: false,
            foreign: false,
            gone: false,
        });
        let next = if self.strikes(Fault::NoGreen) {
            Next::Unfit
        } else {
            Next::Nearly
        };
        let after = self.dice.between(20_000, 200_000);
        self.later(after, Turn::Deployment(place, next));
        Ok(())
    }

    fn copy(
        &mut self,
        place: usize,
        of: &ResourceId,
        version: &str,
    ) -> Option<(ResourceId, ResourceId, PairStatus)> {
        let blue = self.server(of)?;
        let name = format!("{}-green-{place:06}", blue.name);
        let mut green = Server::new(format!("{of}-g{place}"), name, blue.role, version);
        "creating".clone_into(&mut green.status);
        green.read_only = true;
        let pair = (of.clone(), green.id.clone(), PairStatus::Provisioning);
        self.servers.push(green);
        Some(pair)
    }

    /// Green shows up: the first time the writer only.
    pub fn green_is_made(&mut self, place: usize, whole: bool) {
        let Bgd { source, target, .. } = self.deployments[place].clone();
        let Some(blue) = self.server(&source).cloned() else {
            return;
        };
        self.change_server(&target, |green| {
            if green.status == "creating" {
                (green.log, green.rows, green.marker) = (blue.log.clone(), blue.rows, blue.marker);
                green.sequence = blue.sequence;
            }
        });
        let deployment = &mut self.deployments[place];
        if !deployment.linked {
            deployment.carried = blue.log.len();
            deployment.linked = true;
        }
        deployment.status = DeploymentStatus::Available;
        let told = deployment.id.to_string();
        self.green_untold = Some(told);
        let deployment = &mut self.deployments[place];
        let targets: Vec<ResourceId> = deployment.pairs.iter().map(|pair| pair.1.clone()).collect();
        for pair in deployment.pairs.iter_mut().take(if whole { 9 } else { 1 }) {
            pair.2 = PairStatus::Available;
        }
        for (place, target) in targets.iter().enumerate() {
            let status = if whole || place > 0 {
                "available"
            } else {
                "storage-initialization"
            };
            self.change_server(target, |green| status.clone_into(&mut green.status));
        }
        if !whole {
            let after = self.dice.between(0, 100_000);
            self.later(after, Turn::Deployment(place, Next::Made));
        }
    }

    /// Deletes the record of a deployment, and green with it if that is asked for.
    pub fn delete_deployment(&mut self, id: &DeploymentId, with_target: bool) -> Fallible<()> {
        let Some(place) = self
            .deployments
            .iter()
            .position(|one| one.id == *id && !one.gone)
        else {
            return Ok(());
        };
        let deployment = &self.deployments[place];
        let switched = deployment.status == DeploymentStatus::SwitchoverCompleted;
        let busy = deployment.status == DeploymentStatus::SwitchoverInProgress || deployment.asked;
        if busy || deployment.status == DeploymentStatus::Deleting || with_target && switched {
            return transient("InvalidBlueGreenDeploymentStateFault");
        }
        let (source, targets) = (deployment.source.clone(), deployment.pairs.clone());
        self.deployments[place].status = DeploymentStatus::Deleting;
        self.deployments[place].linked = false;
        self.note(|| format!("  record of {id} is deleted, with green: {with_target}"));
        if with_target {
            targets
                .iter()
                .for_each(|(_, green, _)| self.delete_green(green));
        }
        let after = self.dice.between(500, 60_000);
        self.later(after, Turn::Deployment(place, Next::Deleted));
        if switched {
            let after = after + self.dice.between(0, 120_000);
            self.later(after, Turn::OldOpens(source));
        }
        Ok(())
    }

    fn delete_green(&mut self, green: &ResourceId) {
        if self.strikes(Fault::GreenLeft) {
            return;
        }
        self.instance_goes(green);
    }
}
