//! RDS's switchover: what it does to both sides, moment by moment, until it is through or takes everything back.

use super::rds::{Bgd, Next};
use super::servers::Entry;
use super::{Fallible, Turn, World, transient};
use crate::faults::Fault;
use domain::ids::{DeploymentId, ResourceId};
use domain::rds::{DeploymentStatus, PairStatus};

impl World {
    /// Asks for a switchover. Its status shows it up to half a second later.
    pub fn switch(&mut self, id: &DeploymentId, foreign: bool) -> Fallible<()> {
        let place = self
            .deployments
            .iter()
            .position(|one| one.id == *id && !one.gone);
        let Some(place) = place.filter(|place| {
            let found = &self.deployments[*place];
            let all = found.pairs.iter().all(|pair| {
                let there = self
                    .server(&pair.1)
                    .is_some_and(|green| green.status == "available");
                pair.2 == PairStatus::Available && there
            });
            found.status == DeploymentStatus::Available && all && !found.asked
        }) else {
            return transient("InvalidBlueGreenDeploymentStateFault");
        };
        self.deployments[place].asked = true;
        self.deployments[place].foreign = foreign;
        let after = self.dice.between(0, 400);
        self.later(after, Turn::Deployment(place, Next::Starts));
        Ok(())
    }

    /// RDS goes on with a deployment.
    pub fn deployment_turns(&mut self, place: usize, next: Next) {
        self.note(|| format!("  RDS: bgd-{place} {next:?}"));
        if self.deployments[place].status == DeploymentStatus::Deleting && next != Next::Deleted {
            return;
        }
        match next {
            Next::Nearly => self.green_is_made(place, false),
            Next::Made if self.deployments[place].asked => {}
            Next::Made => self.green_is_made(place, true),
            Next::Unfit => self.deployments[place].status = DeploymentStatus::InvalidConfiguration,
            Next::Starts => self.switchover_starts(place),
            Next::Stops => self.both_stop(place),
            Next::Carries => self.green_has_all(place),
            Next::Renames => self.names_swap(place),
            Next::Opens => self.new_opens(place),
            Next::Member(member) => {
                self.deployments[place].pairs[member].2 = PairStatus::SwitchoverCompleted;
            }
            Next::Completes => self.switchover_completes(place),
            Next::TakesBack => self.taken_back(place),
            Next::Deleted => self.deployments[place].gone = true,
        }
    }

    fn switchover_starts(&mut self, place: usize) {
        let deployment = &mut self.deployments[place];
        deployment.status = DeploymentStatus::SwitchoverInProgress;
        for pair in &mut deployment.pairs {
            pair.2 = PairStatus::SwitchoverInProgress;
        }
        let (members, foreign) = (deployment.pairs.len(), deployment.foreign);
        let mut course = vec![Next::Stops, Next::Carries, Next::Renames, Next::Opens];
        course.extend((0..members).map(Next::Member));
        // The deployment's word may come before its last member's.
        let early = usize::try_from(self.dice.below(2))
            .unwrap_or(0)
            .min(members - 1);
        course.insert(course.len() - early, Next::Completes);
        if self.links_rest_until > self.now + 5_000 {
            course.truncate(1);
            course.push(Next::TakesBack);
        } else if self.strikes(Fault::TakenBack) {
            let last = if foreign { 3 } else { course.len() - 1 };
            let at = usize::try_from(self.dice.below(last as u64 + 1)).unwrap_or(0);
            course.truncate(at);
            course.push(Next::TakesBack);
        }
        let mut after = 0;
        for next in course {
            let slow = next == Next::TakesBack || self.dice.chance(500);
            after += self.dice.between(0, if slow { 30_000 } else { 700 });
            self.later(after, Turn::Deployment(place, next));
        }
    }

    fn both(&mut self, place: usize) -> [ResourceId; 2] {
        let Bgd { source, target, .. } = &self.deployments[place];
        [source.clone(), target.clone()]
    }

    fn both_stop(&mut self, place: usize) {
        for side in self.both(place) {
            self.change_server(&side, |server| {
                server.blocked = true;
                server.sessions = false;
            });
        }
    }

    fn green_has_all(&mut self, place: usize) {
        self.carry_forward(place, usize::MAX);
        let [blue, green] = self.both(place);
        let next = self.server(&blue).map_or(0, |blue| blue.sequence);
        self.change_server(&green, |green| green.sequence = next);
        let ours = self
            .record()
            .is_some_and(|record| !record.markers.is_empty());
        if ours && !self.deployments[place].foreign && self.strikes(Fault::MarkerMissing) {
            self.memory.marker_missing = true;
            let mut lost = 0;
            self.change_server(&green, |green| {
                let kept = green
                    .log
                    .iter()
                    .rposition(|entry| matches!(entry, Entry::Marker(_)));
                let kept = kept.unwrap_or(0);
                lost = green.log.len() - kept;
                green.log.truncate(kept);
                green.marker = green.marker.map(|number| number - 1);
                green.rows = green.log.iter().fold(0, |rows, entry| match entry {
                    Entry::App(number) => rows | 1 << number,
                    Entry::Marker(_) => rows,
                });
            });
            self.deployments[place].lost = lost;
        }
    }

    fn names_swap(&mut self, place: usize) {
        for (blue, green, _) in self.deployments[place].pairs.clone() {
            let name = self
                .server(&blue)
                .map(|server| server.name.clone())
                .unwrap_or_default();
            let free = (1..).map(|number| format!("{name}-old{number}"));
            let free = free.into_iter().find(|free| self.named(free).is_none());
            self.change_server(&blue, |old| old.name = free.unwrap_or_default());
            self.change_server(&green, |new| new.name = name);
        }
        let [old, _] = self.both(place);
        self.change_server(&old, |old| {
            old.read_only = true;
            old.blocked = false;
        });
    }

    fn new_opens(&mut self, place: usize) {
        let [old, new] = self.both(place);
        if self.strikes(Fault::OldAway) {
            let until = self.now + self.dice.between(2_000, 30_000);
            self.change_server(&old, |old| old.away_until = until);
        }
        self.deployments[place].linked = false;
        self.change_server(&new, |new| {
            new.read_only = false;
            new.blocked = false;
        });
    }

    fn switchover_completes(&mut self, place: usize) {
        self.deployments[place].status = DeploymentStatus::SwitchoverCompleted;
        self.deployments[place].asked = false;
    }

    fn taken_back(&mut self, place: usize) {
        let swapped = self.deployments[place].pairs.clone();
        for (blue, green, _) in swapped {
            let old = self
                .server(&blue)
                .map(|old| old.name.clone())
                .unwrap_or_default();
            if let Some((name, _)) = old.rsplit_once("-old") {
                self.change_server(&green, |green| {
                    green.name = format!("{name}-green-{place:06}");
                });
                self.change_server(&blue, |blue| name.clone_into(&mut blue.name));
            }
        }
        let [blue, green] = self.both(place);
        self.change_server(&green, |green| {
            (green.read_only, green.blocked) = (true, false);
        });
        self.change_server(&blue, |blue| {
            (blue.read_only, blue.blocked) = (false, false);
        });
        let stays = self.dice.chance(5_000);
        let deployment = &mut self.deployments[place];
        deployment.asked = false;
        deployment.linked = true;
        deployment.carried -= std::mem::take(&mut deployment.lost);
        deployment.status = if stays {
            DeploymentStatus::Available
        } else {
            DeploymentStatus::SwitchoverFailed
        };
        "the timeout was reached".clone_into(&mut deployment.details);
        for pair in &mut deployment.pairs {
            pair.2 = if stays {
                PairStatus::Available
            } else {
                PairStatus::SwitchoverFailed
            };
        }
    }
}
