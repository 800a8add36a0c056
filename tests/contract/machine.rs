//! What every shipped state machine keeps to.

use crate::{machines, root};
use asl::expression::{Scope, States, Template};
use asl::interpreter::Moment;
use domain::error::ErrorName;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use strum::VariantArray;

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
        let names = self.text.split("${").skip(1);
        let names = names.filter_map(|rest| rest.split('}').next());
        names.map(str::to_owned).collect()
    }
}

/// Every task of every machine, with its place.
pub fn tasks() -> Vec<(String, Value)> {
    let tasks = machines().into_iter().flat_map(|machine| {
        let place = |(name, task): (_, &Value)| (format!("{}: {name}", machine.name), task.clone());
        machine.tasks().map(place).collect::<Vec<_>>()
    });
    tasks.collect()
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
    const NUMBERS: &str = "IntervalSeconds BackoffRate MaxAttempts MaxDelaySeconds";
    for (place, task) in tasks() {
        let bounded = !task["TimeoutSeconds"].is_null();
        assert!(bounded, "{place} has no TimeoutSeconds");
        let caught = error_names(&task["Catch"]).any(|error| error == "States.ALL");
        assert!(caught, "{place} does not catch States.ALL");
        let retries = task["Retry"].as_array();
        for retry in retries.unwrap_or_else(|| panic!("{place} has no Retry")) {
            for field in NUMBERS.split(' ') {
                assert!(retry[field].is_number(), "{place}: a Retry without {field}");
            }
            assert_eq!(retry["JitterStrategy"], "FULL", "{place}");
        }
    }
}

#[test]
fn only_what_is_safe_to_repeat_is_retried() {
    let ours = |error: &&str| error.starts_with("Upgrade.");
    for (place, task) in tasks() {
        let retried: Vec<&str> = error_names(&task["Retry"]).filter(ours).collect();
        let expected: &[ErrorName] = match task["Arguments"]["FunctionName"].as_str() {
            // People who hear it twice are better off than those who never do.
            Some("${Announce}") => &[ErrorName::Transient, ErrorName::Failed, ErrorName::Refused],
            Some(_) => &[ErrorName::Transient],
            None => &[],
        };
        let expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
        assert_eq!(retried, expected, "{place}");
        let all = error_names(&task["Retry"]).any(|error| error == "States.ALL");
        assert!(!all, "{place}");
    }
}

/// Lambda takes the network from a function in a VPC that no caller has invoked for weeks, and refuses calls until it is
/// back: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>. A failback may be the first call in a long
/// time.
#[test]
fn a_function_whose_network_sleeps_is_waited_for() {
    let lambda = |(_, task): &(_, Value)| !task["Arguments"]["FunctionName"].is_null();
    for (place, task) in tasks().into_iter().filter(lambda) {
        let sleeps = json!("Lambda.ResourceNotReadyException");
        let mut retriers = task["Retry"].as_array().into_iter().flatten();
        let waits = retriers.find(|it| {
            let names = it["ErrorEquals"].as_array();
            names.is_some_and(|names| names.contains(&sleeps))
        });
        let waits = waits.unwrap_or_else(|| panic!("{place}"));
        let number = |field: &str| waits[field].as_f64().expect("a number");
        let (rate, most) = (number("BackoffRate"), number("MaxDelaySeconds"));
        let tries = waits["MaxAttempts"].as_u64().expect("a number");
        let first = Some(number("IntervalSeconds"));
        let delays = std::iter::successors(first, |delay| Some((delay * rate).min(most)));
        let delays = delays.take(usize::try_from(tries).expect("a few"));
        // Half of it, since the jitter is full.
        assert!(delays.sum::<f64>() / 2.0 > 400.0, "{place}");
    }
}

#[test]
fn machines_know_only_error_names_that_the_code_has() {
    let known: BTreeSet<&str> = ErrorName::VARIANTS.iter().map(AsRef::as_ref).collect();
    for (place, task) in tasks() {
        let errors = error_names(&task["Retry"]).chain(error_names(&task["Catch"]));
        for error in errors.filter(|error| error.starts_with("Upgrade.")) {
            let raised = known.contains(error);
            assert!(raised, "{place} handles {error}, which nothing raises");
        }
    }
}

#[test]
fn every_error_name_is_documented() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let states = machines().into_iter().flat_map(|machine| machine.states);
    let ends = states.filter(|(_, state)| state["Type"] == "Fail");
    let ends = ends.map(|(_, state)| {
        let error = state["Error"].as_str();
        error.expect("a Fail state names its error").to_owned()
    });
    let raised = ErrorName::VARIANTS.iter().map(ToString::to_string);
    for error in raised.chain(ends) {
        let told = readme.contains(&format!("`{error}`"));
        assert!(told, "README.md does not tell what to do about {error}");
    }
}

#[test]
fn only_a_wait_s_own_timeout_leads_on() {
    let watch = |(_, task): &(_, Value)| task["Arguments"]["FunctionName"] == "${Watch}";
    for (place, task) in tasks().into_iter().filter(watch) {
        let catches = task["Catch"].as_array().expect("Catch");
        let resource = task["Resource"].as_str();
        let waits = resource.is_some_and(|resource| resource.ends_with("waitForTaskToken"));
        let takes_its_timeout = catches[0]["ErrorEquals"] == json!(["States.Timeout"]);
        let good_news = "only a token wait may take its timeout for good news";
        assert_eq!(takes_its_timeout, waits, "{place}: {good_news}");
        if waits {
            let asks = !task["Arguments"]["Payload"]["ask"].is_null();
            let elsewhere = catches[0]["Next"] != task["Next"];
            let reading = "the timeout is followed by a reading, and no answer is no yes";
            assert_eq!(elsewhere, asks, "{place}: {reading}");
        }
    }
}
