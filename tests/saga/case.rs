//! One case: a journey, a fault on its way, and what it all came to.

use crate::faults::{Inner, Kind, numbered};
use crate::follow;
use crate::journeys::Journey;
use crate::machines::{Called, Place, ROLLBACK, Task, Tasks, UPGRADE, logical_id};
use crate::traps::Traps;
use crate::verdict::{self, Verdict};
use crate::world::{DATABASE, World};
use anyhow::{Context as _, Result, ensure};
use asl::history::Fact;
use asl::interpreter::Execution;
use local::platform::Platform;
use local_aws::moto::Moto;
use local_rds::Frozen;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// What all cases need.
pub struct Bench {
    /// Where each case has a folder.
    pub folder: PathBuf,
    /// How many were begun.
    pub begun: AtomicUsize,
    /// The database at rest.
    pub frozen: Frozen,
    /// The tasks of the shipped machines.
    pub tasks: Tasks,
}

/// A journey, and what goes wrong in which of its states.
#[derive(Debug, Clone)]
pub struct Case {
    /// The journey.
    pub journey: Journey,
    /// The fault; nothing else goes wrong without it.
    pub fault: Option<(Place, Kind)>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / ", self.journey.name)?;
        match &self.fault {
            None => f.write_str("nothing goes wrong"),
            Some((place, kind)) => write!(f, "{place}: {kind}"),
        }
    }
}

/// What a case came to.
#[derive(Debug, Clone)]
pub struct Done {
    /// The case.
    pub case: Case,
    /// What was found at the end.
    pub verdict: Verdict,
    /// A person had to order the rollback once more.
    pub ordered: bool,
    /// It was run once more, with nothing beside it, since it was bad at first.
    pub alone: bool,
    /// How long it took.
    pub seconds: f64,
}

/// The tasks that a journey enters, each with the calls that its function makes there.
pub type Visits = BTreeMap<Place, Vec<Inner>>;

impl Bench {
    /// Runs a case; what stops it is one more problem.
    pub async fn run(&self, moto: &Moto, case: &Case) -> (Done, Visits) {
        let began = Instant::now();
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("case-{number}"));
        let traps = Traps::default();
        let mut done = Done {
            case: case.clone(),
            verdict: Verdict::default(),
            ordered: false,
            alone: false,
            seconds: 0.0,
        };
        let mut visits = Visits::new();
        match World::open(&folder, &self.frozen, &self.tasks, moto).await {
            Err(error) => done.verdict.problems.push(format!("{error:#}")),
            Ok(world) => {
                let followed = self.follow(&world, case, &traps).await;
                visits = self.visits(&world.platform);
                let (platform, verdict) = verdict::reach(world).await;
                done.verdict = verdict;
                let serving = done.verdict.serving.as_str();
                if case.fault.is_none() && serving != case.journey.serves {
                    let wrong = format!("{} is to serve", case.journey.serves);
                    done.verdict.problems.push(wrong);
                }
                match followed {
                    Ok(ordered) => done.ordered = ordered,
                    Err(error) => done.verdict.problems.push(format!("{error:#}")),
                }
                done.verdict.problems.extend(traps.unsprung());
                if let Err(error) = platform.stop().await {
                    done.verdict.problems.push(format!("{error:#}"));
                }
            }
        }
        if done.verdict.problems.is_empty() {
            std::fs::remove_dir_all(&folder).ok();
        }
        done.seconds = began.elapsed().as_secs_f64();
        (done, visits)
    }

    /// Plays a case to its rest. Tells whether a person had to order a rollback that no machine could begin or end.
    async fn follow(&self, world: &World, case: &Case, traps: &Traps) -> Result<bool> {
        let platform = &world.platform;
        for (place, kind) in case.journey.obstacle.iter().chain(&case.fault) {
            let task = self.tasks.get(place);
            traps.add(
                place,
                task.with_context(|| format!("no task {place}"))?,
                kind,
            );
        }
        traps.lay(platform);
        follow::start(platform, UPGRADE, &case.journey.request).await?;
        follow::to_rest(platform, traps, case.journey.alarm).await?;
        if case.fault.is_none() && case.journey.succeeds {
            Self::has_succeeded(platform)?;
        }
        let phase = verdict::phase(platform).await?;
        if !self.hits_rollback(case) || ["none", "ended", "needs_operator"].contains(&&*phase) {
            return Ok(false);
        }
        platform.faults().clear();
        follow::start(platform, ROLLBACK, &json!({"database": DATABASE})).await?;
        follow::to_rest(platform, &Traps::default(), None).await?;
        Ok(true)
    }

    /// A journey that succeeds has to, or it has not been where it was to lead.
    fn has_succeeded(platform: &Platform) -> Result<()> {
        let states = follow::states(platform);
        ensure!(
            states.len() == 1 && states[0].contains("SUCCEEDED"),
            "it did not succeed: {states:?}"
        );
        Ok(())
    }

    /// Whether the fault hits what brings everything back.
    fn hits_rollback(&self, case: &Case) -> bool {
        let starts = |place: &Place| {
            let task = self.tasks.get(place);
            task.is_some_and(|task| task.called == Called::Machine)
        };
        let hit = |place: &Place| place.machine == ROLLBACK || starts(place);
        case.fault.as_ref().is_some_and(|(place, _)| hit(place))
    }

    fn visits(&self, platform: &Platform) -> Visits {
        let mut visits = Visits::new();
        for execution in platform.states.executions().iter().rev() {
            for (place, from, to) in entered(execution) {
                let Some(task) = self.tasks.get(&place) else {
                    continue;
                };
                visits
                    .entry(place)
                    .or_insert_with(|| calls(platform, task, from, to));
            }
        }
        visits
    }
}

/// The states that an execution entered, and when it entered and left them.
fn entered(execution: &Execution) -> Vec<(Place, i64, i64)> {
    let history = execution.history();
    let place = |name: &String| Place {
        machine: logical_id(&execution.identity().machine_name).to_owned(),
        state: name.clone(),
    };
    let mut all = Vec::new();
    for (index, event) in history.iter().enumerate() {
        if let Fact::StateEntered { name, .. } = &event.fact {
            let left = history[index..].iter().find(
                |later| matches!(&later.fact, Fact::StateExited { name: left, .. } if left == name),
            );
            let to = left.or(history.last()).map_or(i64::MAX, |later| later.at);
            all.push((place(name), event.at, to));
        }
    }
    all
}

fn calls(platform: &Platform, task: &Task, from: i64, to: i64) -> Vec<Inner> {
    let Called::Function(name) = &task.called else {
        return Vec::new();
    };
    let within = |at: i64| (from..=to).contains(&at);
    let mut calls = platform
        .calls()
        .matching(|call| call.caller == *name && within(call.started.as_millisecond()));
    calls.sort_by_key(|call| call.started);
    numbered(&calls)
}
