//! What people are told, and that they are.

use crate::flow::edges;
use crate::machine::{Machine, evaluate};
use crate::machines;
use domain::announce::{Event, Input, notice};
use domain::watch::Question;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Ends without a message of their own: nothing happened, or the rollback machine has told.
const UNTOLD: [(&str, &str); 2] = [("rollback", "NothingToDo"), ("upgrade", "RolledBack")];

/// What each announcement says, by machine and state.
const ANNOUNCED: [(&str, &str, Event); 9] = [
    ("upgrade", "AnnounceRejected", Event::Rejected),
    ("upgrade", "AnnouncePlanned", Event::Planned),
    ("upgrade", "AnnounceStart", Event::Started),
    ("upgrade", "AnnounceSwitchover", Event::Switchover),
    ("upgrade", "AnnounceCompleted", Event::Completed),
    ("upgrade", "AnnounceNeedsOperator", Event::UpgradeStopped),
    ("rollback", "AnnounceDelay", Event::RollbackDelayed),
    ("rollback", "AnnounceRolledBack", Event::RolledBack),
    ("rollback", "AnnounceNeedsOperator", Event::RollbackStopped),
];

/// The states of a machine that tell people something, each with what it hands to `announce`.
fn announcements(machine: &Machine) -> BTreeMap<String, Input> {
    let execution = "arn:aws:states:eu-west-1:123456789012:execution:upgrade:one";
    let states =
        json!({"context": {"Execution": {"Id": execution, "Input": {"database": "typed"}}}});
    let variables = json!({
        "database": "bl\u{fc}e\n".repeat(50), "owner": execution, "actions": ["Reads returned."],
        "plan": {"database": "d".repeat(63), "from_version": "16.14", "to_version": "18.4"},
        "text": "A plan.", "why": "An alarm rang.", "progress": "All is done.", "summary": "So it is.", "failure": "It failed.",
    });
    let variables = variables.as_object().expect("an object");
    let telling = machine
        .tasks()
        .filter(|(_, task)| task["Arguments"]["FunctionName"] == "${Announce}");
    let told = telling.map(|(name, task)| {
        let payload = evaluate(&task["Arguments"]["Payload"], states.clone(), variables);
        let input = serde_json::from_value(payload.expect("a value"));
        let input = input.unwrap_or_else(|unfit| panic!("{}: {name}: {unfit}", machine.name));
        (name.clone(), input)
    });
    told.collect()
}

#[test]
fn each_announcement_says_what_its_state_stands_for() {
    let mut found = 0;
    for machine in machines() {
        for (state, input) in announcements(&machine) {
            let known = ANNOUNCED
                .iter()
                .find(|(of, name, _)| *of == machine.name && *name == state);
            let (_, _, event) = known.unwrap_or_else(|| panic!("{}: {state}", machine.name));
            assert_eq!(input.event, *event, "{}: {state}", machine.name);
            let notice = notice(&input);
            assert!(!notice.happened.is_empty(), "{}: {state}", machine.name);
            assert_ne!(notice.database, "a database", "{}: {state}", machine.name);
            found += 1;
        }
    }
    assert_eq!(found, ANNOUNCED.len());
}

#[test]
fn machines_tell_people_by_announce_alone_which_tells_mail_and_chat() {
    for machine in machines() {
        for (name, task) in machine.tasks() {
            let resource = task["Resource"].as_str().unwrap_or_default();
            assert!(!resource.contains(":sns:"), "{}: {name}", machine.name);
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

#[test]
fn a_question_says_for_how_long_its_state_really_waits() {
    let variables = json!({"why": "Blind.", "level": "Level.", "alike": "Alike."});
    let variables = variables.as_object().expect("an object");
    let mut asked = 0;
    for machine in machines() {
        for (name, task) in machine.tasks() {
            let ask = &task["Arguments"]["Payload"]["ask"];
            if ask.is_null() {
                continue;
            }
            let ask = evaluate(ask, Value::Null, variables).expect("a value");
            let question: Question = serde_json::from_value(ask).expect("a question");
            assert_eq!(task["TimeoutSeconds"], question.seconds, "{name}");
            assert!(!question.found.is_empty(), "{name}");
            asked += 1;
        }
    }
    assert_eq!(asked, 2);
}
