//! Everything outside of the code: servers, RDS, Route 53, CloudWatch, the table, in virtual time.
//!
//! It changes by what the steps do to it through its ports ([`super::call`]) and by its own [`Turn`]s, which are due at some
//! moment.

pub mod alarms;
pub mod instances;
pub mod memory;
pub mod rds;
pub mod routes;
pub mod servers;
pub mod switching;
pub mod table;
pub mod turn;

use super::agenda::{Agenda, Due};
use super::dice::Dice;
use super::faults::{Coverage, Fault, Weather};
use alarms::Alarm;
use domain::error::StepError;
use domain::rds::Snapshot;
use memory::Memory;
use ports::{Cause, Error, Failure, Nature, RecordSet};
use rds::Bgd;
use routes::{Balancer, Led};
use servers::Server;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use table::Stored;
use turn::Turn;

/// What a step gets of the world.
pub type Fallible<T> = Result<T, Error>;

/// The database of every walk.
pub const DATABASE: &str = "orders";
/// When every walk begins: 2026-01-01T00:00:00Z.
const BEGINNING: i64 = 1_767_225_600_000;

/// Everything.
#[derive(Default)]
pub struct World {
    /// Milliseconds since the Unix epoch.
    pub now: i64,
    /// What is due.
    pub agenda: Agenda,
    /// The walk's dice.
    pub dice: Dice,
    /// What goes wrong.
    pub weather: Weather,
    /// What happened.
    pub coverage: Coverage,
    /// The state for which what happens is counted.
    pub state: Arc<str>,
    /// The table of upgrades.
    pub item: Option<Stored>,
    /// All instances.
    pub servers: Vec<Server>,
    /// How many there ever were.
    pub numbered: u8,
    /// All deployments, ended ones included.
    pub deployments: Vec<Bgd>,
    /// Manual snapshots.
    pub snapshots: Vec<Snapshot>,
    /// The records of Route 53 by name, in the order of their identifiers.
    pub records: BTreeMap<String, Vec<RecordSet>>,
    /// The parameter of the reads.
    pub parameter: Option<ports::Value>,
    /// The listener that leads to the writer in a record's place.
    pub listener: Option<Balancer>,
    /// When every nameserver of Route 53 has the last change.
    pub everywhere_at: i64,
    /// No server lets our role in until then.
    pub refused_until: i64,
    /// Names of servers that lead where they led before.
    pub led: Vec<Led>,
    /// The alarm that guards the upgrade.
    pub alarm: Alarm,
    /// Commits that the application was told of, a bit each.
    pub acked: u128,
    /// How many there are.
    pub commits: u32,
    /// Logical links stand still until then.
    pub links_rest_until: i64,
    /// Tokens of the waits that last.
    pub awaited: BTreeSet<String>,
    /// Waits that were ended, well or not, for the walk to deliver.
    pub ended_waits: Vec<(String, Result<(), StepError>)>,
    /// The deployment of which RDS has something to tell.
    pub green_untold: Option<String>,
    /// Waits that a person was asked to answer.
    pub questions: Vec<String>,
    /// Executions that are to be started: their names and inputs.
    pub starts: Vec<(String, serde_json::Value)>,
    /// The names of those that were.
    pub started: BTreeSet<String>,
    /// All executions by ARN; when they ended.
    pub executions: BTreeMap<String, Option<i64>>,
    /// The last number that a sequence gave out.
    pub given: Option<u32>,
    /// What the invariants remember.
    pub memory: Memory,
    /// What must never be, and is.
    pub wrong: Option<String>,
    /// Everything that happened, in a replay.
    pub trace: Option<Vec<String>>,
}

impl World {
    /// A world in which there is nothing yet.
    pub fn new(mut dice: Dice, traced: bool) -> Self {
        Self {
            now: BEGINNING,
            weather: Weather::of(&mut dice),
            dice,
            state: "Beginning".into(),
            trace: traced.then(Vec::new),
            ..Self::default()
        }
    }

    /// Notes what happens.
    pub fn note(&mut self, what: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{now} {}", what()));
        }
    }

    /// Something that must never be.
    pub fn violate(&mut self, what: String) {
        let what = format!("{what}{}", self.memory.since_when());
        self.note(|| format!("WRONG: {what}"));
        self.wrong.get_or_insert(what);
    }

    /// Whether a fault happens now; it is counted then.
    pub fn strikes(&mut self, fault: Fault) -> bool {
        let strikes = self.weather.strikes(fault, &mut self.dice);
        if strikes {
            self.strike(fault);
        }
        strikes
    }

    /// A fault happens.
    pub fn strike(&mut self, fault: Fault) {
        self.note(|| format!("  fault: {fault:?}"));
        self.coverage.fault(fault, &self.state);
    }

    /// Something is due in so many milliseconds.
    pub fn due(&mut self, after: i64, due: Due) {
        self.agenda.put(self.now + after, due);
    }

    /// The world does something in so many milliseconds.
    pub fn later(&mut self, after: i64, turn: Turn) {
        self.due(after, Due::World(turn));
    }

    /// Does what is due.
    pub fn take(&mut self, turn: Turn) {
        match turn {
            Turn::Carry => self.carry(),
            Turn::Deployment(place, next) => self.deployment_turns(place, next),
            Turn::Gone(id) => self.instance_is_gone(&id),
            Turn::Named(id, name) => self.instance_is_named(&id, &name),
            Turn::Certified(id) => self.change_server(&id, |server| server.also = None),
            Turn::OldOpens(id) => self.change_server(&id, |old| old.read_only = false),
            Turn::Upgraded(id, version) => self.instance_is_upgraded(&id, &version),
            Turn::Rested(id) => self.instance_rests(&id),
            Turn::Snapshot(place) => self.snapshot_turns(place),
            Turn::Quiet => self.alarm_turns(domain::alarms::State::Ok),
        }
    }
}

/// No answer came.
pub fn silence<T>(nature: Nature, doing: &str) -> Fallible<T> {
    let cause = Cause::without_code(Failure::NoAnswer, "no answer came");
    Err(Error::of(nature, doing, cause))
}

/// A service or a server answered that it did not do it.
pub fn answered<T>(nature: Nature, doing: &str, failure: Failure, code: &str) -> Fallible<T> {
    let cause = Cause {
        code: Some(code.to_owned()),
        ..Cause::without_code(failure, code)
    };
    Err(Error::of(nature, doing, cause))
}

/// A service is busy with something that ends by itself.
pub fn busy<T>(doing: &str) -> Fallible<T> {
    answered(Nature::Acted, doing, Failure::Unavailable, "InvalidState")
}
