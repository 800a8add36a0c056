//! What people are told, and that they are.

use crate::flow::edges;
use crate::machine::evaluate;
use crate::machines;
use serde_json::{Value, json};

/// Ends without a message of their own: nothing happened, or the rollback machine has told.
const UNTOLD: [(&str, &str); 2] = [("rollback", "NothingToDo"), ("upgrade", "RolledBack")];

/// SNS takes no longer subject.
const SUBJECT: usize = 99;

#[test]
fn a_subject_is_one_short_line_of_ascii_whatever_it_names() {
    // A rollback names what was typed, an upgrade what its plan has checked.
    let variables = json!({
        "database": "bl\u{fc}e\n".repeat(50),
        "plan": {"database": "d".repeat(63), "from_version": "1".repeat(20), "to_version": "2".repeat(20)},
    });
    let variables = variables.as_object().expect("an object");
    for machine in machines() {
        let published = machine.tasks().filter(|(_, task)| {
            let resource = task["Resource"].as_str().unwrap_or_default();
            resource.contains(":sns:publish")
        });
        for (name, task) in published {
            let subject = evaluate(&task["Arguments"]["Subject"], json!({}), variables);
            let fits = |subject: &str| {
                let printable = subject.bytes().all(|byte| (b' '..=b'~').contains(&byte));
                printable && (1..=SUBJECT).contains(&subject.len())
            };
            assert!(
                subject.as_ref().and_then(Value::as_str).is_some_and(fits),
                "{}: {name}: {subject:?}",
                machine.name
            );
        }
    }
}

#[test]
fn nothing_ends_unannounced() {
    for machine in machines() {
        let ends = machine.states.iter().filter(|(name, state)| {
            let ends = state["Type"] == "Succeed" || state["Type"] == "Fail";
            ends && !UNTOLD.contains(&(machine.name, name.as_str()))
        });
        for (end, _) in ends {
            let announcement = format!("Announce{end}");
            let ways = machine.states.keys().flat_map(|name| edges(&machine, name));
            for way in ways.filter(|way| way.to == *end) {
                assert_eq!(way.from, announcement, "{}: to {end}", machine.name);
            }
        }
    }
}
