//! The machines, rules and timeouts that are shipped, and executions of the machines.

use super::functions::FUNCTIONS;
use asl::definition::{Definition, substitute};
use asl::interpreter::{CallId, Execution, Identity, Outcome};
use local_aws::template::{Rule, Template};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Which machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// The upgrade.
    Upgrade,
    /// The rollback.
    Rollback,
}

/// What is shipped.
pub struct Shipped {
    definitions: [(Arc<Definition>, String); 2],
    /// The rules of EventBridge.
    rules: Vec<Rule>,
    /// How long a function may take, in milliseconds.
    timeouts: BTreeMap<&'static str, i64>,
}

impl Shipped {
    /// Reads the template and the machines that it names.
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let template = Template::read(&root.join("infra/template.yaml"), &BTreeMap::new())
            .expect("the template");
        let machine = |name: &str| {
            let spec = template.machine(name).expect("a machine");
            let text = std::fs::read_to_string(&spec.definition).expect("a definition");
            let names = spec.substitutions.iter();
            let names = names.map(|(key, value)| match key.as_str() {
                "Partition" => (key.clone(), value.clone()),
                // Functions are known here by their names.
                _ => (key.clone(), key.clone()),
            });
            let names = names.collect();
            let text = substitute(&text, &names).expect("a value for each name");
            let definition = Definition::parse(&text).expect("a machine that is understood");
            (Arc::new(definition), spec.arn.clone())
        };
        let timeout = |(name, binary, _): &(&'static str, &str, _)| {
            let mut functions = template.functions.iter();
            let function = functions.find(|function| function.binary == *binary);
            let timeout = function.expect("a function of the template").timeout;
            (*name, super::call::millis(timeout))
        };
        Self {
            definitions: [machine("UpgradeMachine"), machine("RollbackMachine")],
            timeouts: FUNCTIONS.iter().map(timeout).collect(),
            rules: template.rules,
        }
    }

    /// All states of a machine.
    pub fn states(&self, machine: Machine) -> Vec<String> {
        let states = self.definitions[machine as usize].0.states.keys();
        states.map(|state| named(machine, state)).collect()
    }

    /// How long a function may take, in milliseconds.
    pub fn timeout(&self, step: &str) -> i64 {
        self.timeouts[step]
    }

    /// An execution that has not begun.
    pub fn execution(&self, machine: Machine, number: usize, input: Value) -> Execution {
        let (definition, arn) = &self.definitions[machine as usize];
        let name = format!("run-{number}");
        let identity = Identity {
            arn: format!("{}:{name}", arn.replace(":stateMachine:", ":execution:")),
            name,
            role_arn: "arn:aws:iam::123456789012:role/machine".to_owned(),
            machine_arn: arn.clone(),
            machine_name: format!("{machine:?}"),
        };
        Execution::new(Arc::clone(definition), identity, input)
    }

    /// Whether the rules start the rollback machine for an event.
    pub fn starts_rollback(&self, event: &Value) -> bool {
        let rollback = &self.definitions[Machine::Rollback as usize].1;
        let alias = format!("{rollback}:live");
        self.targets(event).any(|arn| arn == alias)
    }

    /// Whether the rules call the sweep for an event.
    pub fn sweeps(&self, event: &Value) -> bool {
        self.targets(event).any(|arn| arn.ends_with(":sweep"))
    }

    fn targets(&self, event: &Value) -> impl Iterator<Item = &str> {
        let rules = self
            .rules
            .iter()
            .filter(|rule| local_aws::events::matches(&rule.pattern, event));
        rules
            .flat_map(|rule| &rule.targets)
            .map(|target| target.arn.as_str())
    }
}

/// A state's name as it is counted.
pub fn named(machine: Machine, state: &str) -> String {
    match machine {
        Machine::Upgrade => state.to_owned(),
        Machine::Rollback => format!("{state}*"),
    }
}

/// An execution.
pub struct Run {
    /// Where it stands.
    pub execution: Execution,
    /// What it runs.
    pub machine: Machine,
    /// Who started it and waits for it.
    pub parent: Option<(usize, CallId)>,
    /// How much of its history was looked at.
    pub seen: usize,
    /// The token of the wait that lasts.
    pub token: Option<String>,
}

impl Run {
    /// The state that it is in, as it is counted.
    pub fn state(&self) -> String {
        named(self.machine, self.execution.state().unwrap_or_default())
    }
}

/// What EventBridge is told of an execution that ended.
pub fn status_change(execution: &Execution) -> Value {
    let who = execution.identity();
    let failure = execution.outcome().and_then(Outcome::failure);
    json!({
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {
            "executionArn": who.arn,
            "stateMachineArn": who.machine_arn,
            "name": who.name,
            "status": execution.status(),
            "input": execution.input().to_string(),
            "error": failure.and_then(|failure| failure.error.as_deref()),
            "cause": failure.and_then(|failure| failure.cause.as_deref()),
        },
    })
}

/// What a parent is told of its child: the description, in which a success has its output as JSON.
pub fn description(child: &Execution) -> Value {
    let who = child.identity();
    let failure = child.outcome().and_then(Outcome::failure);
    let mut told = json!({
        "ExecutionArn": who.arn,
        "Name": who.name,
        "Status": child.status(),
        "StartDate": child.started_at(),
        "Error": failure.and_then(|failure| failure.error.as_deref()),
        "Cause": failure.and_then(|failure| failure.cause.as_deref()),
    });
    if let Some(Outcome::Succeeded(output)) = child.outcome() {
        told["Output"] = output.clone();
    }
    if let Value::Object(members) = &mut told {
        members.retain(|_, value| !value.is_null());
    }
    told
}
