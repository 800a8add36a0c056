//! What must hold in every state, and at rest. `docs/guarantees.md` has the words.

use super::world::World;
use super::world::servers::Server;
use domain::ids::ResourceId;
use domain::plan::{MemberRole, Plan};
use domain::record::{Fence, Phase, Record};
use domain::request::{Retire, Strategy};
use domain::watch::State;
use std::collections::BTreeSet;

/// An alarm may ring so much earlier by another clock than a watch began, in milliseconds.
const CLOCKS_DIFFER: i64 = 3_000;

/// What the invariants remember.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Every instance that was ever somebody's blue.
    blues: BTreeSet<ResourceId>,
    /// Who took writes, in order.
    served: Vec<ResourceId>,
    /// Whether a person wants to go back.
    pub person: bool,
    /// When the watch after the switchover began, and whether an alarm rang then.
    watch: Option<(i64, bool)>,
    /// When a wait after the switchover was first written down.
    waits_since: Option<i64>,
    /// RDS switched over without what blue had committed.
    pub marker_missing: bool,
    /// Somebody else switched a deployment over.
    pub foreign: bool,
    /// Somebody deleted a deployment's record before old was closed.
    pub deleted_early: bool,
    /// A name that an instance was to get was another's.
    pub name_taken: bool,
}

impl Memory {
    /// What somebody else did, which explains what is wrong.
    pub fn since_when(&self) -> &'static str {
        let causes = [
            (self.name_taken, " since a name was taken"),
            (
                self.deleted_early,
                " since somebody deleted the record early",
            ),
            (self.foreign, " since a foreign switchover"),
        ];
        let mut causes = causes.into_iter();
        causes.find(|(so, _)| *so).map_or("", |(_, told)| told)
    }

    /// A plan's database is claimed.
    pub fn claimed(&mut self, plan: &Plan) {
        self.person = false;
        self.waits_since = None;
        self.blues
            .extend(plan.members.iter().map(|member| member.resource_id.clone()));
    }
}

impl World {
    /// What must hold in every state.
    pub fn check(&mut self) {
        let accepting = self.servers.iter().filter(|server| server.accepts());
        let accepting: Vec<ResourceId> = accepting.map(|server| server.id.clone()).collect();
        match accepting.as_slice() {
            [] => {}
            [one] => self.check_serving(one),
            several => self.violate(format!("G1: {several:?} accept application writes")),
        }
    }

    /// G2 and G8 for the side that takes writes.
    fn check_serving(&mut self, id: &ResourceId) {
        let rows = self.server(id).map_or(0, |server| server.rows);
        if rows != self.acked {
            let missing = self.acked & !rows;
            self.violate(format!(
                "G2: {id} takes writes without the commits {missing:b}"
            ));
        }
        if self.memory.served.last() == Some(id) {
            return;
        }
        if self.memory.served.contains(id) && !self.may_go_back() {
            self.violate(format!(
                "G8: writes went back to {id}, and nobody wanted it"
            ));
        }
        if self.memory.served.contains(id) {
            self.memory.person = false;
        }
        self.memory.served.push(id.clone());
        self.memory.watch = None;
        self.note(|| format!("  {id} serves"));
    }

    /// A person said so, or the alarm rang in the watch after the switchover.
    fn may_go_back(&self) -> bool {
        let alarm = self.memory.watch.is_some_and(|(since, ringing)| {
            ringing
                || self
                    .alarm
                    .rang
                    .iter()
                    .any(|rang| *rang >= since - CLOCKS_DIFFER)
        });
        self.memory.person || alarm
    }

    /// The watch after the switchover begins.
    pub fn watch_begins(&mut self) {
        let ringing = self.alarm.state == State::Ringing;
        let (since, rang) = self.memory.watch.unwrap_or((self.now, false));
        self.memory.watch = Some((since, rang || ringing));
    }

    /// A wait after the switchover is written down.
    pub fn wait_begins(&mut self) {
        let now = self.now;
        self.memory.waits_since.get_or_insert(now);
    }

    /// The watch after the switchover ended well: no alarm rang meanwhile.
    pub fn watch_ends(&mut self) {
        let since = self.memory.waits_since.take().unwrap_or(self.now);
        let until = self.now - CLOCKS_DIFFER;
        let within = |rang: &&i64| **rang > since + CLOCKS_DIFFER && **rang < until;
        if let Some(rang) = self.alarm.rang.iter().find(within) {
            self.violate(format!(
                "G6: the watch ended well, and an alarm rang at {rang}"
            ));
        }
    }

    /// G3: what is deleted was never anybody's blue, or all conditions are met. G2: it is not the last that has it all.
    pub fn check_deletion(&mut self, id: &ResourceId) {
        let elsewhere = self
            .servers
            .iter()
            .any(|server| server.id != *id && server.rows == self.acked);
        if !elsewhere {
            self.violate(format!(
                "G2: {id} is deleted, and nobody else has every commit"
            ));
        }
        if !self.memory.blues.contains(id) {
            return;
        }
        let retired = self
            .record()
            .is_some_and(|record| self.may_retire(record, id));
        if !retired {
            self.violate(format!("G3: {id} was blue and is deleted"));
        }
    }

    fn may_retire(&self, record: &Record, id: &ResourceId) -> bool {
        let wanted = record.plan.request.retire == Retire::SnapshotAndDelete;
        let ours = record
            .plan
            .members
            .iter()
            .any(|member| member.resource_id == *id);
        let writer = record.plan.writer().map(|writer| &writer.resource_id);
        let taken = self.snapshots.iter().any(|taken| {
            taken.is_available()
                && writer == Some(&taken.resource_id)
                && taken.id == record.plan.snapshot("final")
        });
        let hours = i64::from(record.plan.request.watch_hours) * 3_600_000;
        let watched = self
            .memory
            .watch
            .is_some_and(|(since, _)| self.now >= since + hours);
        wanted && ours && taken && watched && record.phase == Phase::After
    }

    /// A call acts on something without a condition: nobody else may hold the lease meanwhile.
    pub fn check_actor(&mut self, me: &str, what: &str) {
        let other = self.record().and_then(|record| record.lease.clone());
        let other = other.filter(|lease| lease.holder != me && lease.until.0 > self.now);
        if let Some(lease) = other {
            self.violate(format!(
                "two act at a time: {me} does `{what}` while {} of {} holds the lease",
                lease.holder, lease.step
            ));
        }
    }

    /// G4: what must hold once nothing runs and everything was delivered.
    pub fn check_rest(&mut self) {
        let Some(record) = self.record().cloned() else {
            return;
        };
        if !matches!(record.phase, Phase::Ended | Phase::NeedsOperator) {
            let phase = record.phase.as_str();
            self.violate(format!("G4: everything rests, and the record says {phase}"));
        }
        if record.plan.strategy == Strategy::InPlace {
            return;
        }
        let serving = self
            .servers
            .iter()
            .filter(|server| server.accepts())
            .cloned();
        let serving: Vec<Server> = serving.collect();
        match serving.as_slice() {
            // Somebody let RDS open old before anybody had closed it: a person decides which side serves.
            [one] if self.memory.deleted_early && is_blue(&record, one) => {}
            [one] => self.check_served(&record, one),
            [] if self.is_undecided() => {}
            [] => {
                let note = record.note.unwrap_or_default();
                self.violate(format!(
                    "G4: everything rests, and nobody takes writes: {note}"
                ));
            }
            _ => {}
        }
    }

    /// Whether only a person can tell which side is to serve: RDS lost what blue had committed, or old took writes again
    /// before green was opened.
    pub fn is_undecided(&self) -> bool {
        let waits = |record: &Record| record.phase == Phase::NeedsOperator;
        self.record().is_some_and(waits)
            && (self.memory.marker_missing || self.memory.deleted_early)
    }

    fn check_served(&mut self, record: &Record, one: &Server) {
        let ours = |comment: &String| comment.starts_with(effects::postgres::fence::NOTICE);
        let fenced = record
            .fences
            .iter()
            .any(|fence: &Fence| fence.resource_id == one.id);
        let blue = is_blue(record, one);
        let left = self.deployments.last().filter(|left| !left.gone && blue);
        if let Some(left) = left.map(|left| left.id.clone()) {
            self.violate(format!(
                "G4: everything rests, {} serves as before, and {left} is left",
                one.id
            ));
        }
        if !one.login || one.comment.as_ref().is_some_and(ours) || fenced {
            self.violate(format!(
                "G4: everything rests, and a fence stands on {}, which serves",
                one.id
            ));
        }
        let host = self.pointer.as_ref().map(|pointer| pointer.target.clone());
        let host = host.unwrap_or_else(|| format!("{}.rds.test", super::world::DATABASE));
        let led = self.servers.iter().find(|server| server.address() == host);
        if led.map(|server| &server.id) != Some(&one.id) {
            self.violate(format!(
                "G4: everything rests, {} serves, and {host} does not lead there",
                one.id
            ));
        }
        let blues: Vec<&Server> = self
            .servers
            .iter()
            .filter(|old| {
                let members = record.plan.members.iter();
                old.id != one.id
                    && old.role == MemberRole::Writer
                    && members.clone().any(|it| it.resource_id == old.id)
            })
            .collect();
        if let Some(old) = blues.iter().find(|old| old.login || old.sessions) {
            let id = old.id.clone();
            self.violate(format!(
                "G1: everything rests, {} serves, and {id} lets the application in",
                one.id
            ));
        }
        let dead = self.reads.iter().find(|route| {
            let there = self
                .servers
                .iter()
                .any(|server| server.address() == route.target);
            route.weight > 0 && !there
        });
        if let Some(route) = dead {
            let target = route.target.clone();
            self.violate(format!(
                "G4: everything rests, and reads lead to {target}, which is gone"
            ));
        }
    }
}

fn is_blue(record: &Record, one: &Server) -> bool {
    let mut members = record.plan.members.iter();
    members.any(|member| member.resource_id == one.id)
}
