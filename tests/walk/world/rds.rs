//! RDS's deployments until they are switched over. The switchover is [`super::switching`]'s.

use super::servers::Server;
use super::{Fallible, Turn, World, answered, busy};
use crate::faults::Fault;
use domain::ids::{DeploymentId, ResourceId};
use domain::rds::{Deployment, DeploymentStatus, Pair, PairStatus};
use ports::{Created, Failure, Nature, NewDeployment};
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
    /// Neither side takes writes.
    Stops,
    /// Green has everything.
    Carries,
    /// The names are swapped, and old is read-only.
    Renames,
    /// New takes writes.
    Opens,
    /// Nothing is replicated any more.
    Unlinks,
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
#[expect(
    clippy::struct_excessive_bools,
    reason = "what RDS does with one is so, or so, independently"
)]
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
    /// Whether green lacked a row when it was made.
    pub unlike: bool,
    /// How much of it green lost while RDS switched; RDS carries it again if it takes that back.
    pub lost: usize,
    /// Whether a switchover was asked for and is not over.
    pub asked: bool,
    /// Whether it was asked for by hand.
    pub foreign: bool,
    /// Whether new was opened, and not closed again.
    pub opened: bool,
    /// Whether it is gone.
    pub gone: bool,
}

impl World {
    /// A deployment by its id.
    pub fn deployment(&self, id: &DeploymentId) -> Option<Deployment> {
        self.first_described(|one| one.id == *id)
    }

    /// A deployment by its name.
    pub fn deployment_named(&self, name: &str) -> Option<Deployment> {
        self.first_described(|one| one.name == name)
    }

    /// The deployments of which an instance is the source or the target.
    pub fn deployments_of(&self, arn: &str) -> Vec<Deployment> {
        let Some(server) = self.server_of(arn) else {
            return vec![];
        };
        let of = |one: &&Bgd| !one.gone && (one.source == server.id || one.target == server.id);
        let found = self.deployments.iter().filter(of);
        found.map(|found| self.told(found)).collect()
    }

    fn first_described(&self, is_it: impl Fn(&Bgd) -> bool) -> Option<Deployment> {
        let mut found = self.deployments.iter();
        let found = found.find(|one| !one.gone && is_it(one))?;
        Some(self.told(found))
    }

    fn told(&self, found: &Bgd) -> Deployment {
        let arn = |id: &ResourceId| self.server(id).map(Server::arn);
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

    /// Makes a deployment with a green.
    pub fn create(&mut self, new: &NewDeployment) -> Fallible<Created> {
        let Some(blue) = self.server_of(&new.source) else {
            let code = "DBInstanceNotFound";
            return answered(Nature::Acted, "making green", Failure::Unfit, code);
        };
        let source = blue.id.clone();
        let taken = |one: &Bgd| !one.gone && (one.source == source || one.name == new.name);
        if self.deployments.iter().any(taken) {
            return Ok(Created::Exists);
        }
        if blue.status != "available" {
            return busy("making green");
        }
        let place = self.deployments.len();
        let follows = |server: &&Server| server.source.as_ref() == Some(&source);
        let replicas = self.servers.iter().filter(follows);
        let replicas: Vec<ResourceId> = replicas.map(|server| server.id.clone()).collect();
        let target = self.copy(place, &source, None, new);
        let mut pairs = vec![(source.clone(), target.clone(), PairStatus::Provisioning)];
        for replica in replicas {
            let green = self.copy(place, &replica, Some(target.clone()), new);
            pairs.push((replica, green, PairStatus::Provisioning));
        }
        self.deployments.push(Bgd {
            id: format!("bgd-{place}").into(),
            name: new.name.clone(),
            tags: new.tags.clone(),
            source,
            target,
            pairs,
            status: DeploymentStatus::Provisioning,
            details: String::new(),
            carried: 0,
            linked: false,
            unlike: false,
            lost: 0,
            asked: false,
            foreign: false,
            opened: false,
            gone: false,
        });
        let next = if self.strikes(Fault::NoGreen) {
            Next::Unfit
        } else {
            Next::Nearly
        };
        let after = self.dice.between(20_000, 200_000);
        self.later(after, Turn::Deployment(place, next));
        Ok(Created::Begun)
    }

    fn copy(
        &mut self,
        place: usize,
        of: &ResourceId,
        source: Option<ResourceId>,
        new: &NewDeployment,
    ) -> ResourceId {
        let blue = self.server(of);
        let (name, protected) = blue.map_or(("", false), |blue| (&blue.name, blue.protected));
        let name = format!("{name}-green-{place:06}");
        self.numbered += 1;
        let id = format!("{of}-g{place}");
        let mut green = Server::new(self.numbered, id, name, source, &new.version);
        if let Some(group) = &new.parameter_group {
            green.group.clone_from(group);
        }
        green.status = "creating";
        green.read_only = true;
        green.analyzed = false;
        green.protected = protected;
        let id = green.id.clone();
        self.servers.push(green);
        id
    }

    /// Green shows up: the first time the writer only.
    pub fn green_is_made(&mut self, place: usize, whole: bool) {
        let Bgd { source, target, .. } = self.deployments[place].clone();
        let Some(blue) = self.server(&source).cloned() else {
            return;
        };
        let made = self.server(&target);
        if made.is_some_and(|green| green.status == "creating") {
            let unlike = self.strikes(Fault::GreenUnlike);
            self.deployments[place].unlike = unlike;
            self.change_server(&target, |green| {
                (green.log, green.rows, green.marker) = (blue.log.clone(), blue.rows, blue.marker);
                (green.sequence, green.late) = (blue.sequence, blue.late);
                if unlike {
                    green.rows &= green.rows.wrapping_sub(1);
                }
            });
        }
        let deployment = &mut self.deployments[place];
        if !deployment.linked {
            deployment.carried = blue.log.len();
            deployment.linked = true;
        }
        deployment.status = DeploymentStatus::Available;
        for pair in deployment.pairs.iter_mut().take(if whole { 9 } else { 1 }) {
            pair.2 = PairStatus::Available;
        }
        self.green_untold = Some(deployment.id.to_string());
        let targets: Vec<ResourceId> = deployment.pairs.iter().map(|pair| pair.1.clone()).collect();
        for (place, target) in targets.iter().enumerate() {
            let rests = whole || place > 0;
            self.change_server(target, |green| {
                green.status = if rests {
                    "available"
                } else {
                    "storage-initialization"
                };
            });
        }
        if !whole {
            let after = self.dice.between(0, 100_000);
            self.later(after, Turn::Deployment(place, Next::Made));
        }
    }

    /// Deletes the record of a deployment, and green with it if that is asked for.
    pub fn delete_deployment(&mut self, id: &DeploymentId, with_target: bool) -> Fallible<()> {
        let mut found = self.deployments.iter();
        let Some(place) = found.position(|one| one.id == *id && !one.gone) else {
            return Ok(());
        };
        let deployment = &self.deployments[place];
        let switched = deployment.status == DeploymentStatus::SwitchoverCompleted;
        let asked = deployment.status == DeploymentStatus::SwitchoverInProgress || deployment.asked;
        if asked || deployment.status == DeploymentStatus::Deleting || with_target && switched {
            return busy("deleting the deployment");
        }
        let (source, pairs) = (deployment.source.clone(), deployment.pairs.clone());
        let is_protected = |green: &Server| green.protected;
        let mut greens = pairs.iter().filter_map(|pair| self.server(&pair.1));
        if with_target && greens.any(is_protected) {
            let code = "InvalidParameterCombination";
            return answered(Nature::Acted, "deleting green", Failure::Unknown, code);
        }
        self.deployments[place].status = DeploymentStatus::Deleting;
        self.deployments[place].linked = false;
        self.note(|| format!("  record of {id} is deleted, with green: {with_target}"));
        if with_target {
            let greens: Vec<ResourceId> = pairs.iter().map(|pair| pair.1.clone()).collect();
            self.check_taken_down(&greens);
            for green in &greens {
                self.delete_green(green);
            }
        }
        let after = self.dice.between(500, 60_000);
        self.later(after, Turn::Deployment(place, Next::Deleted));
        if switched {
            let quick = self.dice.chance(3_000);
            let after = if quick { 0 } else { after };
            let after = after + self.dice.between(0, if quick { 500 } else { 120_000 });
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
