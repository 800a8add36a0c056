//! What people are told, and that they are.

use crate::flow::edges;
use crate::machine::{Machine, evaluate, tasks};
use crate::{machines, root};
use domain::alarms::Verdict;
use domain::ids::Owner;
use domain::inspection::Seen;
use domain::notice::Notice;
use domain::record::Record;
use domain::request;
use domain::reverse::Unavailable;
use domain::steps::announce::{Event, Input, notice};
use domain::steps::plan::decide;
use domain::steps::watch::{Question, asked};
use domain::steps::{on_alarm, sweep};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Ends without a message of their own: nothing happened, or the rollback machine has told.
const UNTOLD: [(&str, &str); 3] = [
    ("rollback", "NothingToDo"),
    ("upgrade", "RolledBack"),
    ("upgrade", "Superseded"),
];

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
        "text": "A plan.", "why": "An alarm went to ALARM.", "progress": "All is done.", "summary": "So it is.", "failure": "It failed.",
    });
    let variables = variables.as_object().expect("an object");
    let telling = machine
        .tasks()
        .filter(|(_, task)| task["Arguments"]["FunctionName"] == "${Announce}");
    let told = telling.map(|(name, task)| {
        let payload = evaluate(&task["Arguments"]["Payload"], &states, variables);
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
    for (place, task) in tasks() {
        let resource = task["Resource"].as_str().unwrap_or_default();
        assert!(!resource.contains(":sns:"), "{place}");
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

/// The questions that the machines let `watch` ask, each with how long its state waits.
fn waited() -> Vec<(String, Question, Value)> {
    let variables = json!({"why": "Blind.", "level": "Level.", "alike": "Alike."});
    let variables = variables.as_object().expect("an object");
    let asking = |(_, task): &(_, Value)| !task["Arguments"]["Payload"]["ask"].is_null();
    let asking = tasks().into_iter().filter(asking);
    let questions = asking.map(|(place, task)| {
        let ask = &task["Arguments"]["Payload"]["ask"];
        let ask = evaluate(ask, &Value::Null, variables);
        let question = serde_json::from_value(ask.expect("a value")).expect("a question");
        (place, question, task["TimeoutSeconds"].clone())
    });
    questions.collect()
}

#[test]
fn a_question_says_for_how_long_its_state_really_waits() {
    let waited = waited();
    for (name, question, seconds) in &waited {
        assert_eq!(*seconds, question.seconds, "{name}");
        assert!(!question.found.is_empty(), "{name}");
    }
    assert_eq!(waited.len(), 2);
}

/// The record of an upgrade of `orders` from A to B.
fn record() -> Record {
    let request = json!({"database": "orders", "target_version": "18.4"});
    let request = request::parse(&request).expect("a request");
    let owner = Owner::from("arn:upgrade");
    let mut plan = decide(&request, &owner, &Seen::nothing()).plan;
    (plan.from_version, plan.to_version) = ("A".to_owned(), "B".to_owned());
    Record::new(plan, owner)
}

/// What the machines let `announce` tell, of `orders` from A to B.
fn told_by_machines() -> Vec<Notice> {
    let machines = machines();
    let inputs = machines.iter().flat_map(announcements);
    let told = inputs.map(|(_, input)| {
        let (from, to) = match input.to_version.as_str() {
            "" => ("", ""),
            _ => ("A", "B"),
        };
        notice(&Input {
            database: json!("orders"),
            from_version: from.to_owned(),
            to_version: to.to_owned(),
            ..input
        })
    });
    told.collect()
}

/// What functions tell by themselves.
fn told_by_functions() -> Vec<Notice> {
    let record = record();
    let alarm = json!({"id": "1", "detail": {"alarmName": "errors", "state": {"value": "ALARM"}}});
    let alarm = serde_json::from_value(alarm).expect("an event");
    let closed = Unavailable::since("its slot is gone".to_owned());
    let acts = [
        sweep::Act::GiveUpFailback(closed.clone()),
        sweep::Act::DropSlots(closed),
        sweep::Act::Warn("a slot holds much".to_owned()),
    ];
    let swept = acts
        .iter()
        .map(|act| sweep::notice(&record, act).expect("a notice"));
    let waited = waited();
    let asked = waited
        .iter()
        .map(|(_, question, _)| asked(&record, question, &Verdict::Quiet, "token", "noon"));
    swept
        .chain(asked)
        .chain([on_alarm::notice(&alarm, &record)])
        .collect()
}

#[test]
fn every_subject_stands_in_the_operator_s_table() {
    let page = std::fs::read_to_string(root().join("docs/operator.md")).expect("operator.md");
    let told = [told_by_machines(), told_by_functions()].concat();
    let subjects: Vec<String> = told.iter().map(Notice::subject).collect();
    assert!(subjects.len() > 12, "{subjects:?}");
    let named = |subject: &String| subject.replacen("Viridian: ", "", 1);
    let named = subjects.iter().map(named);
    let missing = named.filter(|named| !page.contains(&format!("| `{named}` |")));
    let missing: Vec<String> = missing.collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_stopped_upgrade_is_called_by_the_name_that_its_request_had() {
    let machines = machines();
    let rollback = machines.iter().find(|machine| machine.name == "rollback");
    let order = &rollback.expect("the rollback machine").states["Order"];
    let named = |input: &Value| {
        let states = json!({"input": {"detail": {"input": input.to_string()}}});
        let database = &order["Choices"][0]["Assign"]["database"];
        evaluate(database, &states, &Map::new())
    };
    let event = json!({"id": "1", "detail": {"database": "orders"}});
    let cases = [
        (json!({"database": "orders"}), "orders"),
        (event, "orders"),
        (json!({"database": 7}), "7"),
        (json!({"detail": "nonsense"}), "-"),
        (json!([]), "-"),
        (json!("nonsense"), "-"),
        (Value::Null, "-"),
    ];
    for (input, name) in cases {
        assert_eq!(named(&input), Some(json!(name)), "{input}");
    }
}
