//! What people are told, and that they are.

use crate::flow::edges;
use crate::machine::evaluate;
use crate::{machines, root};
use domain::ids::Owner;
use domain::plan::{Seen, decide};
use domain::record::Record;
use domain::reverse::Unavailable;
use domain::{on_alarm, request, sweep};
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

/// The subjects of the machines' own messages, and of the questions that they let `watch` ask.
fn subjects_of_machines() -> Vec<String> {
    let plan = json!({"database": "orders", "from_version": "A", "to_version": "B"});
    let variables = json!({"database": "orders", "plan": plan});
    let variables = variables.as_object().expect("an object");
    let machines = machines();
    let tasks = machines.iter().flat_map(|machine| machine.tasks());
    let fields = tasks.flat_map(|(_, task)| {
        let arguments = &task["Arguments"];
        [
            &arguments["Subject"],
            &arguments["Payload"]["ask"]["subject"],
        ]
    });
    let subjects = fields.filter(|field| !field.is_null()).map(|field| {
        let subject = evaluate(field, json!({}), variables).expect("a value");
        subject.as_str().expect("a text").to_owned()
    });
    subjects.collect()
}

/// The subjects of what functions tell by themselves.
fn subjects_of_functions() -> Vec<String> {
    let request = json!({"database": "orders", "target_version": "18.4"});
    let request = request::parse(&request).expect("a request");
    let owner = Owner::from("arn:upgrade");
    let record = Record::new(decide(&request, &owner, &Seen::nothing()).plan, owner);
    let alarm = json!({"id": "1", "detail": {"alarmName": "errors", "state": {"value": "ALARM"}}});
    let alarm = serde_json::from_value(alarm).expect("an event");
    let closed = Unavailable::since("its slot is gone".to_owned());
    let acts = [
        sweep::Act::CloseWayBack(closed.clone()),
        sweep::Act::DropSlots(closed),
        sweep::Act::Warn("a slot holds much".to_owned()),
    ];
    let swept = acts
        .iter()
        .map(|act| sweep::notice(&record, act).expect("a notice"));
    let told = swept.chain([on_alarm::notice(&alarm, &record)]);
    told.map(|(subject, _)| subject).collect()
}

#[test]
fn every_subject_stands_in_the_operator_s_table() {
    let page = std::fs::read_to_string(root().join("docs/operator.md")).expect("operator.md");
    let subjects = [subjects_of_machines(), subjects_of_functions()].concat();
    assert!(subjects.len() > 12, "{subjects:?}");
    for subject in subjects {
        let named = subject.strip_prefix("Viridian: ").expect("who tells it");
        assert!(page.contains(&format!("| `{named}` |")), "{subject}");
    }
}
