//! What must hold in every state, and at rest. `docs/guarantees.md` has the words.

use super::setting::TTL;
use super::world::routes::{Balancer, READS, WRITES, weighted};
use super::world::servers::{Server, TABLE, ZONE};
use super::world::{DATABASE, World};
use domain::alarms::State;
use domain::fence::Fence;
use domain::ids::{DeploymentId, ResourceId};
use domain::marker::Marker;
use domain::rds::{DeploymentStatus, PairStatus};
use domain::record::{Green, Phase, Record};
use domain::request::{InsufficientData, Retire, Strategy};
use domain::routes::Route;

/// An alarm may ring so much earlier by another clock than a watch began, in milliseconds.
const CLOCKS_DIFFER: i64 = 3_000;

impl World {
    /// What must hold in every state.
    pub fn check(&mut self) {
        let places = 0..self.servers.len();
        let mut accepting = places.filter(|place| self.servers[*place].accepts());
        match (accepting.next(), accepting.next()) {
            (None, _) => {}
            (Some(one), None) => self.check_serving(one),
            (Some(one), Some(other)) => {
                let ids = [one, other].map(|place| &self.servers[place].id);
                self.violate(format!("G1: {ids:?} accept application writes"));
            }
        }
    }

    /// The record of an upgrade whose switchover has not begun, or was taken back, has nothing of one. The record of a failback
    /// does not say that rows differ, since they never do; a table that was made late may be missing.
    pub fn check_recorded(&mut self) {
        let back = self.record().and_then(|record| record.back.as_ref());
        let mut wrong = back.iter().flat_map(|back| &back.receipt.wrong);
        if let Some(wrong) = wrong.find(|wrong| wrong.contains(TABLE)) {
            let what = format!("G2: after a failback {wrong}");
            self.violate(what);
        }
        let before = self.record().filter(|record| record.phase == Phase::Before);
        if before.is_some_and(|record| record.receipt.is_some() || !record.markers.is_empty()) {
            self.violate("G5: what a switchover left in the record counts for the next".to_owned());
        }
    }

    /// G2 and G8 for the side that takes writes.
    fn check_serving(&mut self, place: usize) {
        let Server { id, rows, .. } = &self.servers[place];
        if *rows != self.acked {
            let missing = self.acked & !rows;
            let what = format!("G2: {id} takes writes without the commits {missing:b}");
            return self.violate(what);
        }
        if self.memory.served.last() == Some(id) {
            return;
        }
        let id = id.clone();
        if self.memory.served.contains(&id) {
            if !self.may_go_back() {
                self.violate(format!(
                    "G8: writes went back to {id}, without an alarm or an order"
                ));
            }
            self.memory.person = false;
        }
        self.note(|| format!("  {id} serves"));
        self.memory.served.push(id);
        self.memory.watch = None;
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

    /// RDS is asked to switch over, in an invocation that began then: what has stood in the way for longer is on its checklist.
    pub fn check_called(&mut self, deployment: &DeploymentId, began: i64) {
        let mut deployments = self.deployments.iter();
        let asked = deployments.find(|known| known.id == *deployment);
        let sides = asked
            .and_then(|asked| Some((self.server(&asked.source)?, self.server(&asked.target)?)));
        let (Some(record), Some((blue, green))) = (self.record(), sides) else {
            return;
        };
        let (plan, alarm) = (&record.plan, &self.alarm);
        let guarded =
            !plan.alarms.is_empty() && plan.request.insufficient_data != InsufficientData::Ok;
        let blind = guarded && alarm.state == State::InsufficientData && alarm.since < began;
        let unlike = blue.late.0 && !green.late.0 || blue.late.1 && !green.late.1;
        let has = |wanted: &Marker| {
            green
                .marker
                .is_some_and(|seen| seen.number >= wanted.number)
        };
        let is_blue = |fence: &Fence| fence.resource_id == blue.id;
        let said = record.phase != Phase::Before && record.fences.iter().any(is_blue);
        let shared = self
            .listener
            .as_ref()
            .filter(|listener| listener.is_shared());
        let wrong = [
            (blind, "G6: RDS is called while an alarm has no data"),
            (
                unlike && self.memory.made_late < began,
                "G2: RDS is called while green lacks a table or a role",
            ),
            (
                !record.markers.values().all(has),
                "G2: RDS is called while green lacks what blue has committed",
            ),
            (
                green.login || green.sessions,
                "G1: RDS is called while green lets the application in",
            ),
            (!said, "G4: RDS is called before the record says so"),
            (
                shared.is_some_and(|listener| !listener.is_ready(self.now)),
                "G4: RDS is called while the listener's targets are not healthy",
            ),
        ];
        self.violate_all(wrong);
    }

    /// A server's application role is opened.
    pub fn check_opened(&mut self, id: &ResourceId) {
        let last = self.deployments.last().filter(|last| !last.foreign);
        let (Some(last), Some(record)) = (last, self.record()) else {
            return;
        };
        let wrong = if last.target == *id {
            let gone = last.gone || last.status == DeploymentStatus::Deleting;
            let is_through = |(_, _, pair): &_| *pair == PairStatus::SwitchoverCompleted;
            let through = gone || !last.opened || last.pairs.iter().all(is_through);
            let unsaid = matches!(record.phase, Phase::Before | Phase::Switching);
            [
                (
                    last.asked || !through,
                    "G1: green is opened while RDS switches over",
                ),
                (
                    last.opened && unsaid,
                    "G8: green is opened before the record says that it serves",
                ),
            ]
        } else if last.source == *id && last.opened && record.phase == Phase::Returning {
            let green = self.server(&last.target);
            let open = green.is_some_and(|green| green.login || green.sessions);
            let for_good = |fence: &Fence| {
                fence.resource_id == last.target && fence.deadline == Fence::FOR_GOOD
            };
            [
                (
                    open,
                    "G1: old is opened while green lets the application in",
                ),
                (
                    !record.fences.iter().any(for_good),
                    "G1: old is opened, and green's fence has an end",
                ),
            ]
        } else {
            return;
        };
        self.violate_all(wrong);
    }

    /// Green is deleted: no weighted record leads there, and no client has an answer from when one did.
    pub fn check_taken_down(&mut self, greens: &[ResourceId]) {
        let greens = greens.iter().filter_map(|green| self.server(green));
        let hosts: Vec<String> = greens.map(Server::host).collect();
        let records = self.records(READS).iter();
        let mut led = records
            .filter(|set| set.weight != Some(0))
            .flat_map(|set| &set.targets);
        let leads = led.any(|target| hosts.contains(target));
        let kept = i64::from(TTL) * 1_000;
        let left = |host| self.memory.reads_left.get(host).copied().unwrap_or(0);
        let keeps = hosts.iter().any(|host| self.now < left(host) + kept);
        self.violate_all([
            (leads, "G4: green is deleted while reads lead to it"),
            (
                keeps,
                "G4: green is deleted before clients have forgotten its address",
            ),
        ]);
    }

    fn violate_all<const N: usize>(&mut self, wrong: [(bool, &str); N]) {
        for (_, what) in wrong.into_iter().filter(|(is, _)| *is) {
            self.violate(what.to_owned());
        }
    }

    /// The watch after the switchover begins.
    pub fn watch_begins(&mut self) {
        let ringing = self.alarm.state == State::Alarm;
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
        let until = self.memory.watched_until.take().unwrap_or(self.now) - CLOCKS_DIFFER;
        let within = |rang: &&i64| **rang > since + CLOCKS_DIFFER && **rang < until;
        if let Some(rang) = self.alarm.rang.iter().find(within) {
            self.violate(format!(
                "G6: the watch ended well, and an alarm rang at {rang}"
            ));
        }
    }

    /// G3: what is deleted was never blue, or all conditions are met. G2: it is not the last that has it all.
    pub fn check_deletion(&mut self, id: &ResourceId) {
        let elsewhere = self
            .servers
            .iter()
            .any(|server| server.id != *id && server.rows == self.acked);
        if !elsewhere {
            self.violate(format!(
                "G2: {id} is deleted, and no other server has every commit"
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
        let writer = record.plan.writer().ok();
        let writer = writer.map(|writer| &writer.resource_id);
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

    /// A call acts on something without a condition: no other may hold the lease meanwhile.
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
            let phase = record.phase.as_ref();
            self.violate(format!("G4: everything rests, and the record says {phase}"));
        }
        if record.plan.strategy == Strategy::InPlace {
            return;
        }
        let serving = self.servers.iter().filter(|server| server.accepts());
        let serving: Vec<Server> = serving.cloned().collect();
        match serving.as_slice() {
            // RDS opened old before it was closed: a person decides which side serves.
            [one] if self.memory.deleted_early && is_blue(&record, one) => {}
            [one] => self.check_served(&record, one),
            [] if self.is_undecided() => {}
            [] => {
                let note = record.note.unwrap_or_default();
                self.violate(format!(
                    "G4: everything rests, and no side takes writes: {note}"
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
        let id = &one.id;
        let unknown = |green: &Green| !green.members.iter().any(|known| known.resource_id == *id);
        let unknown = record.green.as_ref().map_or(!self.memory.foreign, unknown);
        if !is_blue(record, one) && unknown {
            let what = format!("G4: everything rests, {id} serves, and is recorded nowhere");
            self.violate(what);
        }
        let left = self.deployments.last();
        let left = left.filter(|left| !left.gone && is_blue(record, one));
        if let Some(left) = left.map(|left| left.id.clone()) {
            let what = format!("G4: everything rests, {id} serves as before, and {left} is left");
            self.violate(what);
        }
        let mut fences = record.fences.iter();
        let fenced = fences.any(|fence| fence.resource_id == *id);
        if !one.login || one.fenced_by.is_some() || fenced {
            let what = format!("G4: everything rests, and a fence stands on {id}, which serves");
            self.violate(what);
        }
        let pointer = self.records(WRITES).first();
        let host = pointer.map_or_else(
            || format!("{DATABASE}{ZONE}"),
            |pointer| pointer.targets.concat(),
        );
        if self.listener.is_none() && !one.is_host(&host) {
            let what = format!("G4: everything rests, {id} serves, and {host} does not lead there");
            self.violate(what);
        }
        let listener = self.listener.as_ref();
        let leads = |to: &Balancer| to.leads_to().all(|ip| ip == one.address.to_string());
        let over = record.phase == Phase::Ended && !self.memory.cleared;
        let left = |to: &Balancer| over && to.groups.len() > 1;
        if listener.is_some_and(|listener| !leads(listener) || left(listener)) {
            let what =
                format!("G4: everything rests, {id} serves, and the listener is {listener:?}");
            self.violate(what);
        }
        let lets_in = |old: &&Server| {
            let is_old = old.id != *id && !old.is_replica() && is_blue(record, old);
            let by_hand = self.memory.opened_by_hand && old.read_only;
            is_old && (old.login || old.sessions) && !by_hand
        };
        let old = self.servers.iter().find(lets_in);
        if let Some(old) = old.map(|old| old.id.clone()) {
            let what =
                format!("G1: everything rests, {id} serves, and {old} lets the application in");
            self.violate(what);
        }
        let over = record.phase == Phase::Ended && record.back.is_none() && !self.memory.cleared;
        let reads = record.plan.reads.as_ref().filter(|_| over);
        let is_as_found = |route: &Route| match route {
            Route::Weighted(found) => found
                .records
                .iter()
                .map(weighted)
                .eq(self.records(READS).iter().cloned()),
            Route::Parameter(found) => {
                let now = self.parameter.as_ref();
                now.is_some_and(|now| now.text == found.value)
            }
            Route::Cname(_) | Route::Listener(_) => false,
        };
        if reads.is_some_and(|route| !is_as_found(route)) {
            let what = format!("G4: everything rests, {id} serves, and reads are not as they were");
            self.violate(what);
        }
        let is_gone = |host: &str| !self.servers.iter().any(|server| server.is_host(host));
        let records = self.records(READS).iter();
        let records = records.filter(|record| record.weight > Some(0));
        let records = records.flat_map(|record| record.targets.iter().map(String::as_str));
        let parameter = self.parameter.as_ref();
        let parameter = parameter.and_then(|held| held.text.split(':').next());
        let dead = records.chain(parameter).find(|host| is_gone(host));
        if let Some(target) = dead.map(str::to_owned) {
            let what = format!("G4: everything rests, and reads lead to {target}, which is gone");
            self.violate(what);
        }
    }
}

fn is_blue(record: &Record, one: &Server) -> bool {
    let mut members = record.plan.members.iter();
    members.any(|member| member.resource_id == one.id)
}
