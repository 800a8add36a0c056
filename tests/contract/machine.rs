//! What every shipped state machine keeps to.

use crate::{machines, root};
use asl::expression::{Scope, States, Template};
use asl::interpreter::Moment;
use domain::error::ErrorName;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A shipped state machine, as JSON.
pub struct Machine {
    pub name: &'static str,
    pub start: String,
    pub states: Map<String, Value>,
    pub text: String,
}

impl Machine {
    pub fn read(name: &'static str) -> Self {
        let path = root().join(format!("statemachine/{name}.asl.json"));
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(name, text)
    }

    pub fn parse(name: &'static str, text: String) -> Self {
        let json: Value = serde_json::from_str(&text).expect("the machine is JSON");
        Self {
            name,
            start: json["StartAt"].as_str().expect("StartAt").to_owned(),
            states: json["States"].as_object().expect("States").clone(),
            text,
        }
    }

    pub fn tasks(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.states
            .iter()
            .filter(|(_, state)| state["Type"] == "Task")
    }

    /// Every `${Name}`.
    pub fn substitutions(&self) -> BTreeSet<String> {
        let starts = self.text.match_indices("${").map(|(at, _)| at + 2);
        starts
            .map(|at| {
                self.text[at..]
                    .split('}')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }
}

/// What a field with expressions in it comes to, where `states` has the input and the context; nothing if one of them has
/// no value.
pub fn evaluate(field: &Value, states: &Value, variables: &Map<String, Value>) -> Option<Value> {
    let mut wrong = vec![];
    let template = Template::compile(field, "", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:?}");
    let states = States {
        members: [states.get("input").map(|input| ("input", input)), None],
        context: Box::new(|| states["context"].clone()),
    };
    let scope = Scope::new(states, variables, Moment { now: 0, seed: 0 });
    template.evaluate("", &scope).ok()
}

fn error_names(handlers: &Value) -> impl Iterator<Item = &str> {
    let handlers = handlers.as_array().into_iter().flatten();
    handlers
        .flat_map(|handler| handler["ErrorEquals"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
}

#[test]
fn every_task_is_bounded_retried_and_caught() {
    for machine in machines() {
        for (name, task) in machine.tasks() {
            let place = format!("{}: {name}", machine.name);
            assert!(
                !task["TimeoutSeconds"].is_null(),
                "{place} has no TimeoutSeconds"
            );
            assert!(
                error_names(&task["Catch"]).any(|error| error == "States.ALL"),
                "{place} does not catch States.ALL"
            );
            for retry in task["Retry"]
                .as_array()
                .unwrap_or_else(|| panic!("{place} has no Retry"))
            {
                for field in [
                    "IntervalSeconds",
                    "BackoffRate",
                    "MaxAttempts",
                    "MaxDelaySeconds",
                ] {
                    assert!(retry[field].is_number(), "{place}: a Retry without {field}");
                }
                assert_eq!(retry["JitterStrategy"], "FULL", "{place}");
            }
        }
    }
}

#[test]
fn only_what_is_safe_to_repeat_is_retried() {
    let ours = |error: &&str| error.starts_with("Upgrade.");
    for machine in machines() {
        for (name, task) in machine.tasks() {
            let retried: Vec<&str> = error_names(&task["Retry"]).filter(ours).collect();
            let expected: &[ErrorName] = match task["Arguments"]["FunctionName"].as_str() {
                // People who hear it twice are better off than those who never do.
                Some("${Announce}") => {
                    &[ErrorName::Transient, ErrorName::Failed, ErrorName::Refused]
                }
                Some(_) => &[ErrorName::Transient],
                None => &[],
            };
            let expected: Vec<&str> = expected.iter().map(|name| name.as_str()).collect();
            assert_eq!(retried, expected, "{}: {name}", machine.name);
            assert!(
                error_names(&task["Retry"]).all(|error| error != "States.ALL"),
                "{}: {name}",
                machine.name
            );
        }
    }
}

/// Lambda takes the network from a function in a VPC that nobody has called for weeks, and refuses calls until it is back:
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>. The way back may be the first call in a long time.
#[test]
fn a_function_whose_network_sleeps_is_waited_for() {
    for machine in machines() {
        let lambda = |task: &Value| !task["Arguments"]["FunctionName"].is_null();
        for (name, task) in machine.tasks().filter(|(_, task)| lambda(task)) {
            let sleeps = json!("Lambda.ResourceNotReadyException");
            let mut retriers = task["Retry"].as_array().into_iter().flatten();
            let waits = retriers.find(|it| {
                let names = it["ErrorEquals"].as_array();
                names.is_some_and(|names| names.contains(&sleeps))
            });
            let waits = waits.unwrap_or_else(|| panic!("{}: {name}", machine.name));
            let number = |field: &str| waits[field].as_f64().expect("a number");
            let (first, rate, most) = (
                number("IntervalSeconds"),
                number("BackoffRate"),
                number("MaxDelaySeconds"),
            );
            let tries = waits["MaxAttempts"].as_u64().expect("a number");
            let delays = std::iter::successors(Some(first), |delay| Some((delay * rate).min(most)));
            let delays = delays.take(usize::try_from(tries).expect("a few"));
            // Half of it, since the jitter is full.
            assert!(
                delays.sum::<f64>() / 2.0 > 400.0,
                "{}: {name}",
                machine.name
            );
        }
    }
}

#[test]
fn machines_know_only_error_names_that_the_code_has() {
    let known: BTreeSet<&str> = ErrorName::ALL.iter().map(|name| name.as_str()).collect();
    for machine in machines() {
        for (name, task) in machine.tasks() {
            for handlers in [&task["Retry"], &task["Catch"]] {
                for error in error_names(handlers).filter(|error| error.starts_with("Upgrade.")) {
                    assert!(
                        known.contains(error),
                        "{}: {name} handles {error}, which nothing raises",
                        machine.name
                    );
                }
            }
        }
    }
}

#[test]
fn every_error_name_is_documented() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let ends = machines()
        .into_iter()
        .flat_map(|machine| machine.states)
        .filter(|(_, state)| state["Type"] == "Fail");
    let ends = ends.map(|(_, state)| {
        state["Error"]
            .as_str()
            .expect("a Fail state names its error")
            .to_owned()
    });
    let raised = ErrorName::ALL.iter().map(|name| name.as_str().to_owned());
    for error in raised.chain(ends) {
        assert!(
            readme.contains(&format!("`{error}`")),
            "README.md does not tell what to do about {error}"
        );
    }
}

#[test]
fn only_a_wait_s_own_timeout_leads_on() {
    for machine in machines() {
        for (name, task) in machine
            .tasks()
            .filter(|(_, task)| task["Arguments"]["FunctionName"] == "${Watch}")
        {
            let catches = task["Catch"].as_array().expect("Catch");
            let waits = task["Resource"]
                .as_str()
                .is_some_and(|resource| resource.ends_with("waitForTaskToken"));
            let takes_its_timeout = catches[0]["ErrorEquals"] == json!(["States.Timeout"]);
            assert_eq!(
                takes_its_timeout, waits,
                "{}: {name}: only a token wait may take its timeout for good news",
                machine.name
            );
            if waits {
                let asks = !task["Arguments"]["Payload"]["ask"].is_null();
                assert_eq!(
                    catches[0]["Next"] != task["Next"],
                    asks,
                    "{}: {name}: the timeout is followed by a reading, and no answer is no yes",
                    machine.name
                );
            }
        }
    }
}
