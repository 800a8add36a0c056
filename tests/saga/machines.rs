//! The tasks of the shipped machines: what each state calls, read from the files that are deployed.

use anyhow::{Context as _, Result};
use local_aws::faults::Target;
use local_aws::lambda;
use local_aws::template::{MachineSpec, Template};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The machine that upgrades.
pub const UPGRADE: &str = "UpgradeMachine";
/// The machine that goes back.
pub const ROLLBACK: &str = "RollbackMachine";

/// The logical id of a machine that the stack has given this name.
pub fn logical_id(name: &str) -> &str {
    match name.rsplit('-').next() {
        Some("upgrade") => UPGRADE,
        Some("rollback") => ROLLBACK,
        _ => name,
    }
}

/// A state of a machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The machine's logical id.
    pub machine: String,
    /// The state.
    pub state: String,
}

impl Place {
    /// A state of the upgrade.
    pub fn upgrade(state: &str) -> Self {
        Self {
            machine: UPGRADE.to_owned(),
            state: state.to_owned(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let back = if self.machine == ROLLBACK {
            "rollback: "
        } else {
            ""
        };
        write!(f, "{back}{}", self.state)
    }
}

/// What a task calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// A function, by its name on this platform.
    Function(String),
    /// Another machine.
    Machine,
}

impl Called {
    /// So many of the task's own calls.
    pub fn calls(&self, number: u32) -> Target {
        let target = match self {
            Self::Function(name) => Target::nth("lambda", "Invoke", 1..=number).of(name),
            Self::Machine => Target::nth("states", "StartExecution", 1..=number),
        };
        target.by("states")
    }
}

/// A task.
#[derive(Debug, Clone)]
pub struct Task {
    /// What it calls.
    pub called: Called,
    /// How often it tries again whatever went wrong.
    pub stubborn: u32,
}

/// Tasks by their places.
pub type Tasks = BTreeMap<Place, Task>;

/// All tasks of all machines.
pub fn tasks(template: &Template) -> Result<Tasks> {
    let mut all = Tasks::new();
    for machine in &template.machines {
        let text = std::fs::read_to_string(&machine.definition)?;
        let definition: Value = serde_json::from_str(&text)?;
        let states = definition["States"].as_object().context("states")?;
        for (state, definition) in states.iter().filter(|(_, it)| it["Type"] == "Task") {
            let place = Place {
                machine: machine.logical_id.clone(),
                state: state.clone(),
            };
            let task = task(machine, definition);
            all.insert(place.clone(), task.with_context(|| place.to_string())?);
        }
    }
    Ok(all)
}

fn task(machine: &MachineSpec, state: &Value) -> Result<Task> {
    let resource = state["Resource"].as_str().context("a resource")?;
    let called = if resource.contains(":lambda:") {
        let name = state["Arguments"]["FunctionName"].as_str();
        let name = name.context("a function")?.trim_matches(['$', '{', '}']);
        let arn = machine.substitutions.get(name).context("its ARN")?;
        Called::Function(lambda::name_of(arn).to_owned())
    } else {
        Called::Machine
    };
    let stubborn = stubborn(&state["Retry"]);
    Ok(Task { called, stubborn })
}

/// How often an entry for every error tries again.
fn stubborn(retry: &Value) -> u32 {
    let for_all = |entry: &&Value| {
        let errors = entry["ErrorEquals"].as_array().cloned().unwrap_or_default();
        let any = |error: &Value| error == "States.ALL" || error == "States.TaskFailed";
        errors.iter().any(any)
    };
    let entries = retry.as_array().map(Vec::as_slice).unwrap_or_default();
    let attempts = entries.iter().find(for_all);
    let attempts = attempts.and_then(|entry| entry["MaxAttempts"].as_u64());
    attempts.and_then(|it| u32::try_from(it).ok()).unwrap_or(0)
}
