//! The interpreter against a table of cases with their whole histories, and against what must hold for any machine.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something is not what it must be"
)]

mod lines;
mod machines;
mod outlasting;
mod properties;
mod refusals;
mod script;
mod shape;

use script::{Case, World, check_history};
use std::path::Path;

/// Plays every case of a file of the table.
fn play(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interpreter/cases")
        .join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    // Through JSON, because YAML has a syntax of its own for variants.
    let table: serde_json::Value = serde_yaml_ng::from_str(&text).unwrap();
    let cases: Vec<Case> = serde_json::from_value(table).unwrap();
    let wrong: Vec<String> = cases.iter().filter_map(complaint).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} cases in {file}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

/// What is wrong with a case, if anything is.
fn complaint(case: &Case) -> Option<String> {
    let mut world = World::begin(&case.machine, case.input.clone());
    for happening in &case.happens {
        world.play(happening.clone());
    }
    check_history(&world.execution);
    let (history, timers) = (world.lines(), world.timers());
    if history == case.history && (case.timers.is_empty() || timers == case.timers) {
        return None;
    }
    let shown: Vec<String> = history
        .iter()
        .map(|line| format!("    - '{}'", line.replace('\'', "''")))
        .collect();
    Some(format!(
        "- {}\n  the history is\n{}\n  the timers are {timers:?}",
        case.claim,
        shown.join("\n")
    ))
}

macro_rules! tables {
    ($($name:ident: $file:literal,)*) => {
        $(#[test] fn $name() { play($file); })*
    };
}

tables! {
    states_do_what_their_type_says: "states.yaml",
    expressions_see_what_they_should: "expressions.yaml",
    tasks_call_and_time_out: "tasks.yaml",
    errors_are_retried_and_caught: "errors.yaml",
    tokens_end_their_tasks_once: "tokens.yaml",
    children_end_with_their_parents: "children.yaml",
    executions_stop_in_every_state: "stops.yaml",
    nothing_grows_beyond_its_limit: "limits.yaml",
}

#[test]
fn a_machine_that_never_rests_ends_at_25_000_events() {
    let machine = serde_json::json!({
        "StartAt": "A",
        "States": { "A": { "Type": "Pass", "Next": "B" }, "B": { "Type": "Pass", "Next": "A" } },
    });
    let world = World::begin(&machine, serde_json::json!({}));
    check_history(&world.execution);
    assert_eq!(world.execution.history().len(), 25_000);
    let expected = "ExecutionFailed States.Runtime: The execution reached the maximum number of history events (25000).";
    assert_eq!(world.lines().last().unwrap(), expected);
}
