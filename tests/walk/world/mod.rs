//! Everything outside of the code: servers, RDS, Route 53, CloudWatch, the table, in virtual time.
//!
//! It changes by what the steps do to it ([`super::call`]) and by its own [`Turn`]s, which are due at some moment.

pub mod alarms;
pub mod instances;
pub mod postgres;
pub mod rds;
pub mod routes;
pub mod servers;
pub mod switching;
pub mod table;

use super::dice::Dice;
use super::faults::{Coverage, Fault, Weather};
use alarms::Alarm;
use domain::error::StepError;
use domain::ids::ResourceId;
use domain::routes::Weighted;
use domain::writes::Pointer;
use rds::Bgd;
use servers::Server;
use std::collections::{BTreeMap, BTreeSet};
use table::Item;

/// What a step gets of the world.
pub type Fallible<T> = Result<T, StepError>;

/// The database of every walk.
pub const DATABASE: &str = "orders";
/// The account's part of an instance's ARN.
pub const ARN: &str = "arn:aws:rds:eu-west-1:123456789012:db:";

/// What the world does by itself, at its time.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// Logical links carry what they can.
    Carry,
    /// RDS goes on with a deployment, by its place.
    Deployment(usize, rds::Next),
    /// An instance is gone.
    Gone(ResourceId),
    /// An instance has its new name.
    Named(ResourceId, String),
    /// RDS lets old take writes, since the deployment's record is gone.
    OldOpens(ResourceId),
    /// An instance has the version that it was asked for.
    Upgraded(ResourceId, String),
    /// RDS is through with an instance's storage.
    Rested(ResourceId),
    /// A snapshot is through, by its place.
    Snapshot(usize),
    /// An alarm is quiet again.
    Quiet,
}

/// Everything.
pub struct World {
    /// Milliseconds since the Unix epoch.
    pub now: i64,
    /// The walk's dice.
    pub dice: Dice,
    /// What goes wrong.
    pub weather: Weather,
    /// What happened.
    pub coverage: Coverage,
    /// The state for which what happens is counted.
    pub state: String,
    /// The table of upgrades.
    pub item: Option<Item>,
    /// All instances.
    pub servers: Vec<Server>,
    /// All deployments, ended ones included.
    pub deployments: Vec<Bgd>,
    /// Manual snapshots: name, status, of whom, by which name.
    pub snapshots: Vec<domain::rds::Snapshot>,
    /// The weighted records of the reads.
    pub reads: Vec<Weighted>,
    /// The record of the writes.
    pub pointer: Option<Pointer>,
    /// The alarm that guards the upgrade.
    pub alarm: Alarm,
    /// Commits that the application was told of, a bit each.
    pub acked: u128,
    /// How many there are.
    pub commits: u32,
    /// Logical links stand still until then.
    pub links_rest_until: i64,
    /// What is due, for the walk to keep.
    pub ahead: Vec<(i64, Turn)>,
    /// Waits that were ended, well or not, for the walk to deliver.
    pub ended_waits: Vec<(String, Fallible<()>)>,
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
    pub memory: super::invariants::Memory,
    /// What must never be, and is.
    pub wrong: Option<String>,
    /// Everything that happened, if somebody wants to read it.
    pub trace: Option<Vec<String>>,
}

impl World {
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
        let state = self.state.clone();
        self.coverage.fault(fault, &state);
    }

    /// Something is due in so many milliseconds.
    pub fn later(&mut self, after: i64, turn: Turn) {
        self.ahead.push((self.now + after, turn));
    }

    /// Does what is due.
    pub fn take(&mut self, turn: Turn) {
        match turn {
            Turn::Carry => self.carry(),
            Turn::Deployment(place, next) => self.deployment_turns(place, next),
            Turn::Gone(id) => self.instance_is_gone(&id),
            Turn::Named(id, name) => self.instance_is_named(&id, &name),
            Turn::OldOpens(id) => self.change_server(&id, |old| old.read_only = false),
            Turn::Upgraded(id, version) => self.instance_is_upgraded(&id, &version),
            Turn::Rested(id) => self.instance_rests(&id),
            Turn::Snapshot(place) => self.snapshot_turns(place),
            Turn::Quiet => self.alarm_turns(domain::watch::State::Quiet),
        }
    }
}

/// A moment later everything may be well.
pub fn transient<T>(why: impl Into<String>) -> Fallible<T> {
    Err(StepError::transient(why))
}

/// Waiting does not help.
pub fn refused<T>(why: impl Into<String>) -> Fallible<T> {
    Err(StepError::refused(why))
}
