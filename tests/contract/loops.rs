//! Every loop of the machines counts its rounds and ends.

use crate::flow::{Edge, Names, edges};
use crate::machine::{Machine, evaluate};
use crate::{machines, root};
use asl::history::MAX_EVENTS;
use domain::request::{Request, parse};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The states that can follow a state, one or more steps later, along the ways that are `open`.
fn ahead(machine: &Machine, start: &str, open: impl Fn(&Edge) -> bool) -> Names {
    let mut found = Names::new();
    let mut todo = vec![start.to_owned()];
    while let Some(name) = todo.pop() {
        let ways = edges(machine, &name).into_iter().filter(&open);
        todo.extend(
            ways.map(|way| way.to)
                .filter(|to| found.insert(to.to_owned())),
        );
    }
    found
}

/// The states of the loop that a state lies on, itself included; none if it lies on no loop.
pub fn around(machine: &Machine, name: &str) -> Names {
    let ahead = |name: &str| ahead(machine, name, |_| true);
    let follows = |other: &String| ahead(other).contains(name);
    ahead(name).into_iter().filter(follows).collect()
}

/// The ways from one state of a loop to another.
fn within(machine: &Machine, around: &Names) -> Vec<Edge> {
    let ways = around.iter().flat_map(|name| edges(machine, name));
    ways.filter(|way| around.contains(&way.to)).collect()
}

fn adds(way: &Edge, counter: &str) -> bool {
    let one_more = format!("{{% ${counter} + 1 %}}");
    way.assigns.get(counter) == Some(&Value::from(one_more))
}

/// The variables that a loop adds one to.
fn counters(machine: &Machine, around: &Names) -> Names {
    let ways = within(machine, around);
    let counted = |way: &Edge| -> Vec<String> {
        let all = way.assigns.keys();
        all.filter(|name| adds(way, name)).cloned().collect()
    };
    ways.iter().flat_map(counted).collect()
}

/// A request that `field` is set in, if it is taken.
fn taken(field: &str, value: &Value) -> Option<Request> {
    parse(&json!({"database": "orders", "target_version": "17.4", field: value})).ok()
}

/// The longest catch-up that a request may ask for, in minutes.
fn longest_catch_up() -> u32 {
    let all = (1..).take_while(|minutes| taken("catch_up_minutes", &json!(minutes)).is_some());
    all.last().expect("some minutes are taken")
}

/// The plan of the request that keeps an execution busy longest.
fn largest() -> Value {
    let ramps = (1..=100_u8).map(|steps| (101 - steps..=100).collect::<Vec<_>>());
    let ramp = ramps.take_while(|ramp| taken("ramp", &json!(ramp)).is_some());
    let ramp = ramp.last().expect("some ramp is taken");
    json!({"reads": {}, "request": {"catch_up_minutes": longest_catch_up(), "ramp": ramp}})
}

/// Where a Choice leads while no step is done and the counters stand at `count`.
fn chosen(choice: &Value, plan: &Value, counters: &Names, count: usize) -> Option<String> {
    let mut variables: Map<String, Value> = counters
        .iter()
        .map(|counter| (counter.clone(), Value::from(count)))
        .collect();
    variables.insert("plan".to_owned(), plan.clone());
    variables.insert("actions".to_owned(), json!([]));
    let states = json!({"input": {"done": false, "caught_up": false, "summary": ""}});
    let mut rules = choice["Choices"].as_array().into_iter().flatten();
    let rule = rules
        .find(|rule| evaluate(&rule["Condition"], &states, &variables) == Some(Value::Bool(true)));
    let to = rule.map_or(&choice["Default"], |rule| &rule["Next"]);
    to.as_str().map(str::to_owned)
}

/// Up to where a Choice lets the counter of its loop come; nothing if it bounds no loop.
fn limit(machine: &Machine, name: &str, plan: &Value) -> Option<usize> {
    let around = around(machine, name);
    let choice = &machine.states[name];
    if choice["Type"] != "Choice" || around.is_empty() {
        return None;
    }
    let counters = counters(machine, &around);
    let stays = |count: &usize| {
        chosen(choice, plan, &counters, *count).is_some_and(|to| around.contains(&to))
    };
    // A counter goes up by ones, so that any value that ends the loop bounds it, whether or not it is the first.
    let counts: Vec<usize> = (0..MAX_EVENTS).collect();
    let limit = counts.partition_point(stays);
    // What ends at nothing does not count.
    (1..MAX_EVENTS).contains(&limit).then_some(limit)
}

/// The Choices that bound a loop, and up to where they let its counter come.
pub fn limits(machine: &Machine) -> BTreeMap<String, usize> {
    let plan = largest();
    let limit = |name: &String| Some((name.clone(), limit(machine, name, &plan)?));
    machine.states.keys().filter_map(limit).collect()
}

/// The states that lie on a loop which no Choice ends.
fn endless(machine: &Machine) -> Names {
    let limits = limits(machine);
    let unbounded = |way: &Edge| !limits.contains_key(&way.from);
    let states = machine.states.keys();
    let endless = states.filter(|name| ahead(machine, name, unbounded).contains(*name));
    endless.cloned().collect()
}

#[test]
fn every_loop_passes_a_bound() {
    for machine in machines() {
        assert_eq!(endless(&machine), Names::new(), "{}", machine.name);
        assert!(!limits(&machine).is_empty(), "{}", machine.name);
    }
}

#[test]
fn every_round_of_a_loop_counts() {
    for machine in machines() {
        for name in limits(&machine).keys() {
            let around = around(&machine, name);
            for counter in counters(&machine, &around) {
                let uncounted = ahead(&machine, name, |way| !adds(way, &counter));
                assert!(
                    !uncounted.contains(name),
                    "{}: a round through {name} leaves {counter} as it is",
                    machine.name
                );
                for way in within(&machine, &around) {
                    assert!(
                        adds(&way, &counter) || !way.assigns.contains_key(&counter),
                        "{}: {} sets {counter} back in the midst of a loop",
                        machine.name,
                        way.from
                    );
                }
            }
        }
    }
}

#[test]
fn a_counter_begins_at_zero() {
    for machine in machines() {
        let ways: Vec<Edge> = machine
            .states
            .keys()
            .flat_map(|name| edges(&machine, name))
            .collect();
        for name in limits(&machine).keys() {
            for counter in counters(&machine, &around(&machine, name)) {
                for way in &ways {
                    let set = way.assigns.get(&counter);
                    assert!(
                        adds(way, &counter) || set.is_none_or(|value| *value == 0),
                        "{}: {} sets {counter} to something else",
                        machine.name,
                        way.from
                    );
                }
            }
        }
    }
}

#[test]
fn the_readme_tells_the_longest_catch_up() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let told = readme
        .lines()
        .find(|line| line.starts_with("| `catch_up_minutes` |"));
    let bound = format!("1 to {} |", longest_catch_up());
    assert!(told.expect("a row of the table").ends_with(&bound));
}

#[test]
fn the_detector_of_endless_loops_detects() {
    for machine in machines() {
        let uncounted = machine.text.replace(" + 1 %}", " %}");
        let endless = endless(&Machine::parse(machine.name, uncounted));
        for name in limits(&machine).keys() {
            assert!(endless.contains(name), "{}: {name}", machine.name);
        }
    }
}
