//! RDS's switchover: what it does to both sides, moment by moment, until it is through or takes everything back.

use super::rds::{Bgd, Next};
use super::routes::Led;
use super::servers::Entry;
use super::{Fallible, Turn, World, busy};
use crate::faults::Fault;
use domain::ids::{DeploymentId, ResourceId};
use domain::rds::{DeploymentStatus, PairStatus};

impl World {
    /// Asks for a switchover. Its status shows it up to half a second later.
    pub fn switch(&mut self, id: &DeploymentId, foreign: bool) -> Fallible<()> {
        let is_ready = |found: &Bgd| {
            let all = found.pairs.iter().all(|pair| {
                let green = self.server(&pair.1);
                let there = green.is_some_and(|green| green.status == "available");
                pair.2 == PairStatus::Available && there
            });
            found.status == DeploymentStatus::Available && all && !found.asked
        };
        let mut found = self.deployments.iter();
        let Some(place) = found.position(|one| one.id == *id && !one.gone && is_ready(one)) else {
            return busy("switching over");
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
            Next::Unlinks => self.unlink(place),
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
        if self.dice.chance(6_000) {
            self.certify(place);
        }
        let mut course = vec![Next::Stops, Next::Carries, Next::Renames, Next::Opens];
        course.extend((0..members).map(Next::Member));
        // The deployment's word may come before its last member's.
        let early = usize::try_from(self.dice.below(2)).unwrap_or(0);
        course.insert(course.len() - early.min(members - 1), Next::Completes);
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

    /// Certificates that are good before and after.
    fn certify(&mut self, place: usize) {
        for (blue, green, _) in self.deployments[place].pairs.clone() {
            let name = self.server(&blue).map(|blue| blue.name.clone());
            let free = self.free_name(name.as_deref().unwrap_or_default());
            self.change_server(&blue, |old| old.also = Some(free));
            self.change_server(&green, |new| new.also = name);
        }
    }

    /// What an old instance is called after the switchover.
    fn free_name(&self, name: &str) -> String {
        let mut free = (1..).map(|number| format!("{name}-old{number}"));
        free.find(|free| self.named(free).is_none())
            .unwrap_or_default()
    }

    fn both(&self, place: usize) -> [ResourceId; 2] {
        let Bgd { source, target, .. } = &self.deployments[place];
        [source.clone(), target.clone()]
    }

    fn both_stop(&mut self, place: usize) {
        let shut = self.dice.chance(7_000);
        for side in self.both(place) {
            self.change_server(&side, |server| {
                server.blocked = true;
                server.shut = shut;
                server.sessions = false;
                if shut {
                    server.end_sessions();
                }
            });
        }
    }

    fn green_has_all(&mut self, place: usize) {
        self.carry_forward(place);
        let [blue, green] = self.both(place);
        let next = self.server(&blue).map_or(0, |blue| blue.sequence);
        self.change_server(&green, |green| green.sequence = next);
        let record = self.record();
        let ours = record.is_some_and(|record| !record.markers.is_empty());
        if ours && !self.deployments[place].foreign && self.strikes(Fault::MarkerMissing) {
            self.lose_marker(place, &green);
        }
    }

    /// Green loses everything from its last marker on.
    fn lose_marker(&mut self, place: usize, green: &ResourceId) {
        self.memory.marker_missing = true;
        let mut lost = 0;
        self.change_server(green, |green| {
            let is_marker = |entry: &Entry| matches!(entry, Entry::Marker(_));
            let kept = green.log.iter().rposition(is_marker).unwrap_or(0);
            lost = green.log.len() - kept;
            green.log.truncate(kept);
            if let Some(marker) = &mut green.marker {
                marker.number -= 1;
            }
            green.rows = green.log.iter().fold(0, |rows, entry| match entry {
                Entry::App(number) => rows | 1 << number,
                Entry::Marker(_) => rows,
            });
        });
        self.deployments[place].lost = lost;
    }

    fn names_swap(&mut self, place: usize) {
        let late = self.strikes(Fault::NamesLate);
        let late = late.then(|| self.now + self.dice.between(1_000, 40_000));
        for (blue, green, _) in self.deployments[place].pairs.clone() {
            let Some(name) = self.server(&blue).map(|blue| blue.name.clone()) else {
                continue;
            };
            let free = self.free_name(&name);
            if let Some(until) = late {
                self.lead_late(&name, &free, &blue, until);
            }
            let both = |also: &Option<String>, was: &str| also.as_ref().map(|_| was.to_owned());
            self.change_server(&blue, |old| {
                old.also = both(&old.also, &name);
                old.name = free;
            });
            self.change_server(&green, |new| {
                new.also = both(&new.also, &new.name);
                new.name = name;
            });
        }
        let [old, _] = self.both(place);
        self.change_server(&old, |old| old.released(true));
    }

    /// The names lead where they led, and old's new name nowhere, for a while.
    fn lead_late(&mut self, name: &str, free: &str, blue: &ResourceId, until: i64) {
        let zone = super::servers::ZONE;
        let led = |name: &str, to: ResourceId| Led {
            host: format!("{name}{zone}"),
            to,
            until,
        };
        self.led = vec![led(name, blue.clone()), led(free, "nowhere".into())];
    }

    fn new_opens(&mut self, place: usize) {
        let [old, new] = self.both(place);
        if self.strikes(Fault::OldAway) {
            let until = self.now + self.dice.between(2_000, 30_000);
            self.change_server(&old, |old| old.away_until = until);
        }
        self.deployments[place].opened = true;
        self.change_server(&new, |new| new.released(false));
        let slow = self.dice.chance(3_000);
        let after = if slow { self.dice.between(1, 8_000) } else { 0 };
        self.later(after, Turn::Deployment(place, Next::Unlinks));
    }

    /// Nothing is replicated any more, unless everything was taken back.
    fn unlink(&mut self, place: usize) {
        let deployment = &mut self.deployments[place];
        deployment.linked &= !deployment.opened;
    }

    fn switchover_completes(&mut self, place: usize) {
        self.deployments[place].status = DeploymentStatus::SwitchoverCompleted;
        self.deployments[place].asked = false;
        for side in self.both(place) {
            let after = self.dice.between(0, 20_000);
            self.later(after, Turn::Certified(side));
        }
        if !self.deployments[place].foreign && self.strikes(Fault::DeletedAtOnce) {
            let id = self.deployments[place].id.clone();
            self.memory.deleted_early |= self.delete_deployment(&id, false).is_ok();
        }
    }

    fn taken_back(&mut self, place: usize) {
        for (blue, green, _) in self.deployments[place].pairs.clone() {
            let old = self.server(&blue).map(|old| old.name.clone());
            let old = old.unwrap_or_default();
            if let Some((name, _)) = old.rsplit_once("-old") {
                self.change_server(&green, |green| {
                    green.name = format!("{name}-green-{place:06}");
                });
                self.change_server(&blue, |blue| name.clone_into(&mut blue.name));
            }
            for side in [blue, green] {
                self.change_server(&side, |server| server.also = None);
            }
        }
        self.led.clear();
        let [blue, green] = self.both(place);
        self.change_server(&green, |green| green.released(true));
        self.change_server(&blue, |blue| blue.released(false));
        let stays = self.dice.chance(5_000);
        let deployment = &mut self.deployments[place];
        (deployment.asked, deployment.opened, deployment.linked) = (false, false, true);
        deployment.carried -= std::mem::take(&mut deployment.lost);
        let (status, pairs) = if stays {
            (DeploymentStatus::Available, PairStatus::Available)
        } else {
            (
                DeploymentStatus::SwitchoverFailed,
                PairStatus::SwitchoverFailed,
            )
        };
        deployment.status = status;
        "the timeout was reached".clone_into(&mut deployment.details);
        for pair in &mut deployment.pairs {
            pair.2 = pairs.clone();
        }
    }
}
