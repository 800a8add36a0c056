//! What people, CloudWatch, networks and RDS do between any two steps; and what happens once everything rests.

use super::faults::Fault;
use super::machines::Machine;
use super::walk::Walk;
use super::world::{DATABASE, Turn};
use asl::history::Failure;
use asl::interpreter::Event;
use domain::rds::DeploymentStatus;
use domain::record::Phase;
use domain::watch::State;
use serde_json::json;

/// No walk has more executions than this.
const EXECUTIONS: usize = 9;
/// A person goes on so often from where everything rests.
const RESTS: u32 = 2;

impl Walk<'_> {
    fn strikes(&self, fault: Fault) -> bool {
        self.world.borrow_mut().strikes(fault)
    }

    /// Anything may happen.
    pub fn mischief(&mut self) {
        let writes = self.world.borrow_mut().dice.chance(1_200);
        if writes {
            self.world.borrow_mut().application();
        }
        self.people();
        self.machinery();
        self.databases();
    }

    fn people(&mut self) {
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
        let mut request = super::setting::request(&mut self.world.borrow_mut().dice);
        request["target_version"] = json!("17.5");
        if let Some(fields) = request.as_object_mut() {
            fields.remove("request_id");
        }
        self.start(Machine::Upgrade, request, None);
    }

    /// A person starts the rollback machine.
    fn order(&mut self) {
        {
            let mut world = self.world.borrow_mut();
            world.memory.person = true;
        }
        self.start(Machine::Rollback, json!({"database": DATABASE}), None);
    }

    fn abort(&mut self) {
        let running: Vec<usize> = (0..self.runs.len())
            .filter(|run| self.runs[*run].execution.outcome().is_none())
            .collect();
        if !running.is_empty() {
            let run = self.world.borrow_mut().dice.pick(&running);
            self.tell(run, Event::Stopped(Failure::new("Stopped", "by hand")));
        }
    }

    fn machinery(&mut self) {
        let mut world = self.world.borrow_mut();
        if world.strikes(Fault::ClockJump) {
            world.now += world.dice.between(10_000, 1_800_000);
        }
        if world.strikes(Fault::AlarmRang) {
            world.alarm_turns(State::Ringing);
        }
        if world.strikes(Fault::AlarmBlind) {
            world.alarm_turns(State::Blind);
        }
        if world.strikes(Fault::LinkRests) {
            let after = world.dice.between(100, 60_000);
            world.links_rest_until = world.now + after;
            world.later(after + 10, Turn::Carry);
        }
    }

    fn databases(&mut self) {
        let mut world = self.world.borrow_mut();
        if world.strikes(Fault::ServerAway) && !world.servers.is_empty() {
            let longest = if world.dice.chance(1_000) {
                1_200_000
            } else {
                60_000
            };
            let until = world.now + world.dice.between(100, longest);
            let places: Vec<usize> = (0..world.servers.len()).collect();
            let place = world.dice.pick(&places);
            world.servers[place].away_until = until;
            world.servers[place].sessions = false;
        }
        if world.strikes(Fault::LinkBreaks) {
            for server in &mut world.servers {
                if let Some(subscription) = &mut server.subscription {
                    subscription.enabled = false;
                }
            }
        }
        let last = world.deployments.last().filter(|one| !one.gone);
        let (id, status, foreign) = match last {
            Some(last) => (last.id.clone(), last.status.clone(), last.foreign),
            None => return,
        };
        let green = world.deployments.last().filter(|one| !one.asked);
        let green = green.map(|one| one.target.clone());
        if let Some(green) = green.filter(|_| status == DeploymentStatus::Available)
            && world.strikes(Fault::GreenBusy)
        {
            world.storage_is_busy(&green);
        }
        if status == DeploymentStatus::Available && world.strikes(Fault::ForeignSwitch) {
            world.memory.foreign |= world.switch(&id, true).is_ok();
        }
        // Who switches over and deletes the record by hand has two writers without us, and so has who deletes it while green
        // serves beside an old that nobody could close.
        let (open, alone) = world.old_is_open();
        if status == DeploymentStatus::SwitchoverCompleted
            && !foreign
            && !(open && alone)
            && world.strikes(Fault::RecordDeleted)
        {
            let deleted = world.delete_deployment(&id, false).is_ok();
            world.memory.deleted_early |= deleted && open;
        }
    }

    /// Everything rests. Whether it goes on from here: the sweep finds something, or a person does something.
    pub fn goes_on(&mut self) -> bool {
        self.world.borrow_mut().weather.resting = true;
        self.world
            .borrow_mut()
            .note(|| "everything rests".to_owned());
        if self.swept < 4 {
            // The first that comes may be within the head start that the rules have, or within a name's ten minutes.
            self.world.borrow_mut().now += 600_000;
            self.swept += 1;
            self.due(
                0,
                super::walk::Due::Invoke(None, "Sweep", serde_json::Value::Null),
            );
            return true;
        }
        self.world.borrow_mut().check_rest();
        self.world.borrow_mut().weather.resting = false;
        let wrong = self.world.borrow().wrong.is_some();
        let more = self.rests < RESTS && self.runs.len() < EXECUTIONS;
        // Where nobody can tell who is to serve, a person decides what no walk can.
        let undecided = self.world.borrow().is_undecided();
        if wrong || !more || undecided || !self.strikes(Fault::Cleared) {
            return false;
        }
        self.rests += 1;
        self.swept = 0;
        self.person_goes_on();
        true
    }

    /// A person sees to what rests: tries the rollback again, or frees the claim for another upgrade.
    fn person_goes_on(&mut self) {
        let waits = self
            .world
            .borrow()
            .record()
            .is_some_and(|record| record.phase == Phase::NeedsOperator);
        let again = self.world.borrow_mut().dice.chance(6_000);
        if waits && again {
            return self.order();
        }
        if let Some(item) = &mut self.world.borrow_mut().item {
            item.record.phase = Phase::Ended;
        }
        self.upgrade_again();
    }
}
