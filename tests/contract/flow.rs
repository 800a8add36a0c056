//! Every path through the machines: where it leads, and what is assigned before it is read.

use crate::machine::Machine;
use crate::machines;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

pub type Names = BTreeSet<String>;

/// One way out of a state: where to, and what it assigns on the way.
pub struct Edge {
    pub from: String,
    pub to: String,
    pub assigns: Map<String, Value>,
}

/// Every way out of a state.
pub fn edges(machine: &Machine, from: &str) -> Vec<Edge> {
    let state = &machine.states[from];
    let edge = |to: &Value, assign: &Value| {
        to.as_str().map(|to| Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            assigns: assign.as_object().cloned().unwrap_or_default(),
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
        for edge in edges(machine, &name) {
            let assigned = edge.assigns.keys().chain(&known[&name]);
            let arriving: Names = assigned.cloned().collect();
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

#[test]
fn the_detector_of_unassigned_variables_detects() {
    let read: Vec<String> = variables("{% $plan.name & $count($x) = $states.input.y %}").collect();
    assert_eq!(read, ["plan", "x"]);
}
