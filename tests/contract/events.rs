//! No execution ends because its history is full.

use crate::flow::{Names, edges};
use crate::loops::{around, limits};
use crate::machine::Machine;
use crate::machines;
use asl::history::MAX_EVENTS;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a machine may use of an execution's history. Retries, which can't be foreseen, need the rest.
const ROOM: usize = MAX_EVENTS / 10 * 9;

/// The events that one visit of a state leaves behind.
fn of_state(state: &Value) -> usize {
    let resource = state["Resource"].as_str().unwrap_or_default();
    let submits = [".waitForTaskToken", ".sync:2"];
    match state["Type"].as_str() {
        // Entered, scheduled, started, submitted, succeeded, exited.
        Some("Task") if submits.iter().any(|pattern| resource.ends_with(pattern)) => 6,
        Some("Task") => 5,
        // Entered and exited; a Fail is entered and ends the execution.
        Some("Choice" | "Wait" | "Pass" | "Fail") => 2,
        // Entered, exited, and the end of the execution.
        Some("Succeed") => 3,
        other => panic!("a state of the type {other:?}"),
    }
}

/// The most events from a state to the end: every loop on the way is gone round as often as its counter lets it.
fn from(machine: &Machine, limits: &BTreeMap<String, usize>, name: &str) -> usize {
    let mut here = around(machine, name);
    let rounds = if here.is_empty() {
        here.insert(name.to_owned());
        1
    } else {
        let bounds: Vec<usize> = here
            .iter()
            .filter_map(|state| limits.get(state).copied())
            .collect();
        assert_eq!(
            bounds.len(),
            1,
            "{}: rounds of {here:?} can be counted only if it has one bound",
            machine.name
        );
        // From nothing to the limit.
        bounds[0] + 1
    };
    let round: usize = here
        .iter()
        .map(|name| of_state(&machine.states[name]))
        .sum();
    let ways = here.iter().flat_map(|name| edges(machine, name));
    let next: Names = ways
        .map(|way| way.to)
        .filter(|to| !here.contains(to))
        .collect();
    let rest = next.iter().map(|name| from(machine, limits, name)).max();
    rounds * round + rest.unwrap_or(0)
}

/// The most events that an execution can have, retries aside.
fn most(machine: &Machine) -> usize {
    // The first one tells that it has started.
    1 + from(machine, &limits(machine), &machine.start)
}

#[test]
fn the_longest_execution_has_room_in_its_history() {
    for machine in machines() {
        let events = most(&machine);
        assert!(
            events <= ROOM,
            "{}: {events} of {ROOM} events",
            machine.name
        );
    }
}

#[test]
fn a_bound_that_is_too_high_is_noticed() {
    for machine in machines() {
        for state in limits(&machine).into_keys().filter(|name| name != "Ramp") {
            let mut higher = Machine::parse(machine.name, machine.text.clone());
            let raised = higher.states[&state].to_string();
            let raised = raised.replace("$polls > ", "$polls > 2800 + ");
            higher.states[&state] = serde_json::from_str(&raised).expect("JSON");
            assert!(most(&higher) > ROOM, "{}: {state}", machine.name);
        }
    }
}
