//! What people, CloudWatch, networks and RDS do between any two steps; and what happens once everything rests.

use super::agenda::Due;
use super::faults::Fault;
use super::machines::Machine;
use super::setting;
use super::walk::Walk;
use super::world::routes::Balancer;
use super::world::turn::Turn;
use super::world::{DATABASE, World};
use asl::history::Failure;
use asl::interpreter::Event;
use domain::alarms::State;
use domain::ids::ResourceId;
use domain::rds::DeploymentStatus;
use domain::record::Phase;
use serde_json::{Value, json};

/// No walk has more executions than this.
const EXECUTIONS: usize = 9;
/// A person goes on so often from where everything rests.
const RESTS: u32 = 2;

impl Walk<'_> {
    fn strikes(&self, fault: Fault) -> bool {
        self.world().strikes(fault)
    }

    /// Anything may happen.
    pub fn mischief(&mut self) {
        self.world().by_itself();
        let room = self.runs.len() < EXECUTIONS;
        if self.strikes(Fault::Aborted) {
            self.abort();
        }
        if room && self.strikes(Fault::StartedTwice) {
            let request = self.request.clone();
            self.start(Machine::Upgrade, request, None);
        }
        if room && self.strikes(Fault::SecondUpgrade) {
            self.upgrade_again();
        }
        if room && self.strikes(Fault::PersonOrder) {
            self.order();
        }
    }

    /// A person starts another upgrade.
    fn upgrade_again(&mut self) {
        let request = setting::another(&mut self.world());
        self.start(Machine::Upgrade, request, None);
    }

    /// A person starts the rollback machine.
    fn order(&mut self) {
        self.world().memory.person = true;
        self.start(Machine::Rollback, json!({"database": DATABASE}), None);
    }

    fn abort(&mut self) {
        let runs = 0..self.runs.len();
        let running: Vec<usize> = runs
            .filter(|run| self.runs[*run].execution.outcome().is_none())
            .collect();
        if !running.is_empty() {
            let run = self.world().dice.pick(&running);
            self.tell(run, Event::Stopped(Failure::new("Stopped", "by hand")));
        }
    }

    /// Everything rests. Whether it goes on from here: the sweep finds something, or a person does something.
    pub fn goes_on(&mut self) -> bool {
        {
            let mut world = self.world();
            world.weather.resting = true;
            world.note(|| "everything rests".to_owned());
        }
        if self.swept < 4 {
            // The first that comes may be within the head start that the rules have, or within a name's ten minutes.
            self.swept += 1;
            let mut world = self.world();
            world.now += 600_000;
            world.due(0, Due::Invoke(None, "Sweep", Box::new(Value::Null)));
            return true;
        }
        // Which side is to serve there is a person's decision, and not a walk's.
        let stuck = {
            let mut world = self.world();
            world.check_rest();
            world.weather.resting = false;
            world.wrong.is_some() || world.is_undecided()
        };
        let more = self.rests < RESTS && self.runs.len() < EXECUTIONS;
        if stuck || !more || !self.strikes(Fault::Cleared) {
            return false;
        }
        self.rests += 1;
        self.swept = 0;
        self.person_goes_on();
        true
    }

    /// A person sees to what rests: tries the rollback again, or frees the claim for another upgrade.
    fn person_goes_on(&mut self) {
        let tries_again = {
            let mut world = self.world();
            let record = world.record();
            let waits = record.is_some_and(|record| record.phase == Phase::NeedsOperator);
            waits && world.dice.chance(6_000)
        };
        if tries_again {
            return self.order();
        }
        self.world().clear_claim();
        self.upgrade_again();
    }
}

impl World {
    /// What happens outside of the machines.
    fn by_itself(&mut self) {
        if self.dice.chance(1_200) {
            self.application();
        }
        if self.strikes(Fault::ClockJump) {
            self.now += self.dice.between(10_000, 1_800_000);
        }
        if self.strikes(Fault::AlarmRang) {
            self.alarm_turns(State::Alarm);
        }
        if self.strikes(Fault::AlarmBlind) {
            self.alarm_turns(State::InsufficientData);
        }
        if self.strikes(Fault::LinkRests) {
            let after = self.dice.between(100, 60_000);
            self.links_rest_until = self.now + after;
            self.later(after + 10, Turn::Carry);
        }
        if self.strikes(Fault::LinkBreaks) {
            for server in &mut self.servers {
                server.enable_link(false);
            }
        }
        if self.strikes(Fault::LoginRefused) {
            self.refused_until = self.now + self.dice.between(100, 300_000);
        }
        if self.strikes(Fault::MadeLate) {
            self.made_late();
        }
        if self.strikes(Fault::ServerAway) && !self.servers.is_empty() {
            self.server_goes_away();
        }
        self.deployment_mischief();
    }

    /// A table or a role is made where the application writes; it is not replicated.
    fn made_late(&mut self) {
        let table = self.dice.chance(5_000);
        self.memory.made_late = self.now;
        let mut servers = self.servers.iter_mut();
        if let Some(server) = servers.find(|server| server.accepts()) {
            if table {
                server.late.0 = true;
            } else {
                server.late.1 = true;
            }
        }
    }

    fn server_goes_away(&mut self) {
        let long = self.dice.chance(1_000);
        let longest = if long { 1_200_000 } else { 60_000 };
        let until = self.now + self.dice.between(100, longest);
        let place = self.dice.below(self.servers.len() as u64);
        let ends = self.dice.chance(5_000);
        // Outside of an upgrade an address is the listener's owner's to follow. Of one that an upgrade has registered in the
        // owner's group at its end no one knows any more whose it was.
        let phase = self.record().map(|record| record.phase);
        let shared = self.listener.as_ref().is_none_or(Balancer::is_shared);
        let followed = match phase {
            Some(Phase::Before) => true,
            Some(Phase::After) => shared,
            _ => false,
        };
        let moves = ends && followed && self.strikes(Fault::AddressMoved);
        let server = &mut self.servers[usize::try_from(place).unwrap_or(0)];
        server.away_until = until;
        server.sessions = false;
        if ends {
            server.end_sessions();
        }
        if moves {
            server.move_once();
        }
    }

    /// Only while RDS keeps old read-only and no call holds the lease: one might be about to delete RDS's record, and to trust
    /// that old was closed.
    fn old_is_opened(&mut self, old: &ResourceId) {
        let free = self.record().is_some_and(|record| record.lease.is_none());
        let kept = self
            .server(old)
            .is_some_and(|old| old.read_only && !old.login);
        if free && kept && self.strikes(Fault::OldOpened) {
            self.memory.opened_by_hand = true;
            self.change_server(old, |old| old.login = true);
        }
    }

    fn deployment_mischief(&mut self) {
        let Some(last) = self.deployments.last().filter(|one| !one.gone) else {
            return;
        };
        let (stands, switched) = (
            last.status == DeploymentStatus::Available,
            last.status == DeploymentStatus::SwitchoverCompleted && !last.foreign,
        );
        let (asked, unlike) = (last.asked, last.unlike);
        let (id, old, green) = (last.id.clone(), last.source.clone(), last.target.clone());
        if stands && !asked && self.strikes(Fault::GreenBusy) {
            self.storage_is_busy(&green);
        }
        // Who switches over by hand has not compared both sides.
        if stands && !unlike && self.strikes(Fault::ForeignSwitch) {
            self.memory.foreign |= self.switch(&id, true).is_ok();
        }
        if !switched {
            return;
        }
        self.old_is_opened(&old);
        // Who switches over and deletes the record by hand has two writers without us, and so has who deletes it while green
        // serves beside an old that could not be closed.
        let (open, alone) = self.old_is_open();
        if !(open && alone) && self.strikes(Fault::RecordDeleted) {
            let receipt = self.record().and_then(|record| record.receipt.as_ref());
            let known = receipt.is_some_and(|it| it.left_closed || it.opened_at.is_some());
            let deleted = self.delete_deployment(&id, false).is_ok();
            self.memory.deleted_early |= deleted && (open || !known);
        }
    }
}
