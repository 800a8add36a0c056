//! Every path through the machines: what is assigned before it is read, and that every loop ends.

use crate::machine::Machine;
use crate::machines;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

type Names = BTreeSet<String>;

/// One way out of a state: where to, and which variables it assigns on the way.
struct Edge {
    to: String,
    assigns: Names,
}

fn keys(assign: &Value) -> Names {
    assign
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys().cloned())
        .collect()
}

fn edges(state: &Value) -> Vec<Edge> {
    let edge = |to: &Value, assign: &Value| {
        to.as_str().map(|to| Edge {
            to: to.to_owned(),
            assigns: keys(assign),
        })
    };
    let inner = |field: &str| {
        let ways = state[field].as_array().into_iter().flatten();
        ways.filter_map(|way| edge(&way["Next"], &way["Assign"]))
            .collect::<Vec<_>>()
    };
    let straight = [&state["Next"], &state["Default"]]
        .into_iter()
        .filter_map(|to| edge(to, &state["Assign"]));
    straight
        .chain(inner("Choices"))
        .chain(inner("Catch"))
        .collect()
}

/// The variables that the expressions under `value` read: `$name`, but no function call, binding or `$states`.
fn reads(value: &Value, found: &mut Names) {
    match value {
        Value::String(text) if text.starts_with("{%") => found.extend(variables(text)),
        Value::Array(values) => values.iter().for_each(|value| reads(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| reads(value, found)),
        _ => {}
    }
}

fn variables(expression: &str) -> impl Iterator<Item = String> {
    let name_length = |text: &str| {
        text.find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    let found = expression.match_indices('$').filter_map(move |(at, _)| {
        let rest = &expression[at + 1..];
        let (name, after) = rest.split_at(name_length(rest));
        let variable = !name.is_empty() && name != "states" && !after.starts_with('(');
        variable.then(|| name.to_owned())
    });
    found.collect::<Vec<_>>().into_iter()
}

/// Which variables are assigned on **every** path to each state.
fn assigned(machine: &Machine) -> BTreeMap<String, Names> {
    let mut known = BTreeMap::from([(machine.start.clone(), Names::new())]);
    let mut todo = vec![machine.start.clone()];
    while let Some(name) = todo.pop() {
        for edge in edges(&machine.states[&name]) {
            let arriving: Names = known[&name].union(&edge.assigns).cloned().collect();
            let merged = match known.get(&edge.to) {
                Some(before) => before.intersection(&arriving).cloned().collect(),
                None => arriving,
            };
            if known.get(&edge.to) != Some(&merged) {
                known.insert(edge.to.clone(), merged);
                todo.push(edge.to);
            }
        }
    }
    known
}

#[test]
fn every_path_assigns_a_variable_before_it_reads_it() {
    for machine in machines() {
        for (name, assigned) in assigned(&machine) {
            let mut read = Names::new();
            reads(&machine.states[&name], &mut read);
            let optional = |variable: &String| {
                machine.states[&name]
                    .to_string()
                    .contains(&format!("$exists(${variable})"))
            };
            let missing: Vec<_> = read
                .difference(&assigned)
                .filter(|variable| !optional(variable))
                .collect();
            assert!(
                missing.is_empty(),
                "{}: {name} reads {missing:?}, which not every path has assigned",
                machine.name
            );
        }
    }
}

#[test]
fn every_state_can_be_reached_and_every_target_exists() {
    for machine in machines() {
        let reached: Names = assigned(&machine).into_keys().collect();
        let all: Names = machine.states.keys().cloned().collect();
        assert_eq!(reached, all, "{}", machine.name);
    }
}

/// A state that counts: after so many rounds it leaves the loop.
fn is_bound(state: &Value) -> bool {
    let conditions = state["Choices"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|rule| rule["Condition"].as_str());
    conditions
        .into_iter()
        .any(|condition| condition.contains("$polls >=") || condition.contains("$step <"))
}

#[test]
fn every_loop_passes_a_bound() {
    for machine in machines() {
        let bounded = |name: &String| is_bound(&machine.states[name]);
        for start in machine.states.keys().filter(|name| !bounded(name)) {
            let mut seen = Names::new();
            let mut todo: Vec<String> = edges(&machine.states[start])
                .into_iter()
                .map(|edge| edge.to)
                .collect();
            while let Some(name) = todo.pop() {
                assert_ne!(
                    &name, start,
                    "{}: {start} lies on a loop that nothing bounds",
                    machine.name
                );
                if !bounded(&name) && seen.insert(name.clone()) {
                    todo.extend(
                        edges(&machine.states[&name])
                            .into_iter()
                            .map(|edge| edge.to),
                    );
                }
            }
        }
    }
}

#[test]
fn a_bound_s_counter_counts() {
    for machine in machines() {
        for (name, state) in machine.states.iter().filter(|(_, state)| is_bound(state)) {
            let counts = |counter: &str| machine.text.contains(&format!("{{% ${counter} + 1 %}}"));
            let text = state.to_string();
            let counter = if text.contains("$polls >=") {
                "polls"
            } else {
                "step"
            };
            assert!(
                counts(counter),
                "{}: {name} waits for {counter}, which nothing counts",
                machine.name
            );
        }
    }
}

#[test]
fn the_detector_of_unassigned_variables_detects() {
    let read: Vec<String> = variables("{% $plan.name & $count($x) = $states.input.y %}").collect();
    assert_eq!(read, ["plan", "x"]);
}
