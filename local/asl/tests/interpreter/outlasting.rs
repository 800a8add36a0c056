//! The shipped machines, whose steps never come to an end or fail in whatever words: they end as announced all the same.

use super::machines::shipped;
use super::script::{BEGINNING, World, check_history};
use asl::definition::Resource;
use asl::history::Failure;
use asl::interpreter::{CallId, Effect, Event, Outcome};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a step answers.
enum Answer {
    Done,
    NotYet,
    Fails(&'static str, String),
    /// The rollback is done, and leaves the upgrade as this.
    Rests(&'static str),
}

impl Answer {
    /// This where `is` holds, and that it is done elsewhere.
    fn where_it(self, is: bool) -> Self {
        if is { self } else { Self::Done }
    }
}

/// How an execution went.
struct Played {
    /// The name of its error, if it has one.
    error: String,
    cause: String,
    seconds: i64,
    events: usize,
    /// How often each function was called.
    calls: BTreeMap<String, u64>,
}

/// A request that uses all there is, with a plan.
fn plan(strategy: &str) -> Value {
    let ramp: Vec<u8> = (81..=100).collect();
    json!({
        "database": "orders", "from_version": "16.14", "to_version": "18.4", "strategy": strategy, "reads": {},
        "request": {"catch_up_minutes": 1440, "bake_minutes": 5, "watch_hours": 1, "ramp": ramp, "approval": "never"},
    })
}

/// Plays a machine to its end. `step` says what a function answers to its call of a number, which counts from 1.
fn play(machine: &str, plan: &Value, step: &dyn Fn(&str, u64) -> Answer) -> Played {
    let input = json!({"database": "orders", "owner": "arn", "reason": "A test."});
    let mut world = World::of(shipped(machine), input);
    let mut calls = BTreeMap::new();
    let mut seen = 0;
    while world.outcome().is_none() {
        let next = world.asked[seen..].iter().find_map(|effect| match effect {
            Effect::Call {
                call,
                resource,
                arguments,
            } => Some((*call, *resource, function(arguments))),
            _ => None,
        });
        seen = world.asked.len();
        let Some((call, resource, function)) = next else {
            assert!(world.pass_time(), "nothing will ever happen");
            continue;
        };
        let number = calls.entry(function.clone()).or_default();
        *number += 1;
        for event in events(call, resource, plan, step(&function, *number)) {
            world.tell(event);
        }
    }
    check_history(&world.execution);
    let failure = world.outcome().and_then(Outcome::failure).cloned();
    let failure = failure.unwrap_or_default();
    Played {
        error: failure.error.unwrap_or_default(),
        cause: failure.cause.unwrap_or_default(),
        seconds: (world.now - BEGINNING) / 1000,
        events: world.execution.history().len(),
        calls,
    }
}

/// The name of what is called, as the template has it.
fn function(arguments: &Value) -> String {
    let names = ["FunctionName", "StateMachineArn", "TopicArn"];
    let arn = names.iter().find_map(|name| arguments[name].as_str());
    arn.unwrap().rsplit(':').next().unwrap().to_owned()
}

fn events(call: CallId, resource: Resource, plan: &Value, answer: Answer) -> Vec<Event> {
    let (done, rest) = match answer {
        Answer::Fails(error, cause) => {
            let failure = Failure::new(error, cause);
            return vec![Event::Failed { call, failure }];
        }
        Answer::Done => (true, "over"),
        Answer::NotYet => (false, "over"),
        Answer::Rests(rest) => (true, rest),
    };
    let payload = json!({
        "done": done, "caught_up": done, "streak": 3, "outcome": "go", "plan": plan, "text": "A plan.", "ticket": {},
        "receipt": {}, "summary": "So it is.", "actions": ["Something."],
    });
    let output = json!({"rest": rest, "summary": "So it rests.", "actions": []});
    let result = json!({"Payload": payload, "Output": output});
    let returned = Event::Returned {
        call,
        result: result.clone(),
    };
    match resource {
        Resource::Child => vec![returned, Event::ChildSucceeded { call, result }],
        _ => vec![returned],
    }
}

/// Plays a machine in which one function is never done, and all others are at once.
fn without(machine: &str, plan: &Value, function: &str) -> Played {
    play(machine, plan, &|name, _| {
        Answer::NotYet.where_it(name == function)
    })
}

const DAY: i64 = 86_400;
/// The pause after the switchover, and the watch that follows.
const WATCH: i64 = 300 + 3_600;

#[test]
fn a_step_that_is_never_done_ends_in_its_time_and_as_announced() {
    let (back, person) = ("Upgrade.RolledBack", "Upgrade.NeedsOperator");
    let cases = [
        ("upgrade", "in_place", "UpgradeInPlace", person, DAY),
        ("upgrade", "blue_green", "Provision", back, 2 * DAY),
        ("upgrade", "blue_green", "Prepare", back, DAY),
        ("upgrade", "blue_green", "CheckLag", back, DAY),
        ("upgrade", "blue_green", "Switchover", back, 20 * 300 + 900),
        (
            "upgrade",
            "blue_green",
            "Retire",
            person,
            20 * 300 + WATCH + DAY,
        ),
        ("rollback", "", "Rollback", person, 6 * 3_600),
    ];
    for (machine, strategy, function, error, seconds) in cases {
        let played = without(machine, &plan(strategy), function);
        assert_eq!(played.error, error, "{function}");
        assert_eq!(played.seconds, seconds, "{function}");
    }
}

#[test]
fn green_has_as_many_minutes_to_catch_up_as_the_request_allows() {
    for minutes in [1, 10, 11, 360] {
        let mut plan = plan("blue_green");
        plan["request"]["catch_up_minutes"] = json!(minutes);
        let played = without("upgrade", &plan, "CheckLag");
        assert_eq!(played.seconds, minutes * 60);
        assert!(
            played.cause.contains("catch up in time"),
            "{}",
            played.cause
        );
    }
}

#[test]
fn an_upgrade_that_needs_every_poll_of_every_loop_comes_to_its_end() {
    let mut plan = plan("blue_green");
    plan["request"]["bake_minutes"] = json!(1440);
    plan["request"]["watch_hours"] = json!(168);
    let polled = ["Provision", "Prepare", "CheckLag", "Switchover", "Retire"];
    let patience: BTreeMap<&str, u64> = polled
        .into_iter()
        .map(|name| (name, without("upgrade", &plan, name).calls[name]))
        .collect();
    let played = play("upgrade", &plan, &|name, number| {
        Answer::NotYet.where_it(patience.get(name).is_some_and(|last| number < *last))
    });
    assert_eq!(played.error, "", "{}", played.cause);
    assert!(played.events > 20_000, "{} are no bound", played.events);
    for (name, last) in patience {
        assert_eq!(played.calls[name], last, "{name}");
    }
}

/// Errors as the services word them.
fn failures() -> [(&'static str, String); 6] {
    let json = |key: &str, letters: usize| format!("{{\"{key}\":\"{}\"}}", "x".repeat(letters));
    let timed_out = r#"{"errorMessage":"Task timed out after 60.00 seconds"}"#;
    let unnamed = "The cause could not be determined because Lambda did not return an error type.";
    [
        ("Upgrade.Failed", json("errorMessage", 4)),
        ("Upgrade.Failed", json("errorMessage", 40_000)),
        (
            "Lambda.Unknown",
            format!("{unnamed} Returned payload: {timed_out}"),
        ),
        ("States.TaskFailed", json("Cause", 4)),
        ("States.TaskFailed", json("Cause", 40_000)),
        ("States.TaskFailed", String::new()),
    ]
}

#[test]
fn a_step_that_fails_in_whatever_words_ends_as_announced() {
    let machines = [
        ("upgrade", plan("blue_green")),
        ("upgrade", plan("in_place")),
        ("rollback", Value::Null),
    ];
    for (machine, plan) in machines {
        let calm = play(machine, &plan, &|_, _| Answer::Done);
        for function in calm.calls.keys() {
            for (error, cause) in failures() {
                let played = play(machine, &plan, &|name, _| {
                    Answer::Fails(error, cause.clone()).where_it(name == function)
                });
                // What is not announced is not waited for.
                let announced = match function.as_str() {
                    "Announce" => played.error.is_empty(),
                    _ => played.error.starts_with("Upgrade."),
                };
                assert!(announced, "{function}: {error}: {cause}: {}", played.error);
            }
        }
    }
}

#[test]
fn an_upgrade_ends_by_what_its_rollback_has_found() {
    let cases = [
        ("Provision", "over", "Upgrade.RolledBack", 1),
        ("Provision", "person", "Upgrade.NeedsOperator", 2),
        ("Provision", "unclaimed", "Upgrade.Refused", 1),
        ("Claim", "over", "Upgrade.RolledBack", 0),
        ("Claim", "person", "Upgrade.NeedsOperator", 1),
        ("Claim", "unclaimed", "Upgrade.Refused", 1),
    ];
    for (function, rest, error, told) in cases {
        let played = play("upgrade", &plan("blue_green"), &|name, _| match name {
            "RollbackMachine" => Answer::Rests(rest),
            _ => {
                Answer::Fails("Upgrade.Failed", "It failed.".to_owned()).where_it(name == function)
            }
        });
        let place = format!("{function}, {rest}: {}", played.cause);
        assert_eq!(played.error, error, "{place}");
        let announced = played.calls.get("Announce").copied();
        assert_eq!(announced.unwrap_or_default(), told, "{place}");
        let found = played.cause.contains("So it rests.");
        assert_eq!(found, rest != "over", "{place}");
    }
}

#[test]
fn a_rollback_that_fails_in_whatever_words_calls_a_person() {
    for (error, cause) in failures() {
        let played = play("upgrade", &plan("blue_green"), &|name, _| {
            let fails = ["Provision", "RollbackMachine"].contains(&name);
            Answer::Fails(error, cause.clone()).where_it(fails)
        });
        assert_eq!(played.error, "Upgrade.NeedsOperator", "{error}: {cause}");
        // That it begins, and that a person is needed.
        assert_eq!(played.calls["Announce"], 2, "{error}: {cause}");
        let said = played.cause.ends_with("come to its end. xxxx");
        assert_eq!(said, cause == r#"{"Cause":"xxxx"}"#, "{}", played.cause);
    }
}
