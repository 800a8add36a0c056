//! What holds for any valid machine, whatever happens to it and in whatever order.

use super::script::{World, check_history, in_jsonata};
use asl::definition::Definition;
use asl::history::Failure;
use asl::interpreter::{CallId, Event, TimerId};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const NAMES: [&str; 4] = ["A", "B", "C", "D"];

/// Where states lead that wait for something: anywhere.
fn next() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..NAMES.len()).prop_map(|i| json!({ "Next": NAMES[i] })),
        Just(json!({ "End": true })),
    ]
}

/// Where states lead that wait for nothing: forward, or they would never rest.
fn onward(place: usize) -> Value {
    NAMES
        .get(place + 1)
        .map_or(json!({ "End": true }), |name| json!({ "Next": name }))
}

fn leaving() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        Just(json!({ "Output": "{% $states.input.n + 1 %}" })),
        Just(json!({ "Assign": { "count": "{% $exists($count) ? $count + 1 : 0 %}" } })),
        Just(json!({ "Output": { "n": "{% $random() %}", "id": "{% $uuid() %}" } })),
        Just(json!({ "Output": "{% $nothing.at.all %}" })),
    ]
}

fn resource() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "lambda:invoke",
        "lambda:invoke.waitForTaskToken",
        "states:startExecution.sync:2",
        "sns:publish.waitForTaskToken",
    ])
}

fn arguments(resource: &str) -> Value {
    match resource.split(':').next() {
        Some("lambda") if resource.ends_with("Token") => {
            json!({ "FunctionName": "f", "Payload": { "token": "{% $states.context.Task.Token %}" } })
        }
        Some("lambda") => json!({ "FunctionName": "f", "Payload": "{% $states.input %}" }),
        Some("sns") => {
            json!({ "TopicArn": "t", "Message": { "token": "{% $states.context.Task.Token %}" } })
        }
        _ => json!({ "StateMachineArn": "m" }),
    }
}

fn errors() -> impl Strategy<Value = Vec<&'static str>> {
    let names = vec![
        "States.Timeout",
        "States.HeartbeatTimeout",
        "E",
        "States.TaskFailed",
        "States.DataLimitExceeded",
    ];
    prop_oneof![
        prop::sample::subsequence(names, 1..3),
        Just(vec!["States.ALL"]),
    ]
}

fn task() -> impl Strategy<Value = Value> {
    let retry = (errors(), 0_u64..3, any::<bool>()).prop_map(|(errors, attempts, jitter)| {
        let jitter = if jitter { "FULL" } else { "NONE" };
        json!({ "ErrorEquals": errors, "MaxAttempts": attempts, "JitterStrategy": jitter })
    });
    let catch = (errors(), leaving(), 0..NAMES.len()).prop_map(|(errors, leaving, i)| {
        merged([leaving, json!({ "ErrorEquals": errors, "Next": NAMES[i] })])
    });
    let lists = (prop::option::of(retry), prop::option::of(catch));
    (resource(), leaving(), next(), lists, any::<bool>()).prop_map(
        |(resource, leaving, next, (retry, catch), beats)| {
            let mut task = merged([
                leaving,
                next,
                json!({
                    "Type": "Task",
                    "Resource": format!("arn:aws:states:::{resource}"),
                    "Arguments": arguments(resource),
                    "TimeoutSeconds": 30,
                    "Retry": retry.into_iter().collect::<Vec<_>>(),
                    "Catch": catch.into_iter().collect::<Vec<_>>(),
                }),
            ]);
            if beats && resource.ends_with("Token") {
                task["HeartbeatSeconds"] = json!("{% 5 %}");
            }
            task
        },
    )
}

fn state(place: usize) -> impl Strategy<Value = Value> {
    let choice = (leaving(), any::<bool>()).prop_map(move |(leaving, default)| {
        let Some(next) = NAMES.get(place + 1) else {
            return json!({ "Type": "Succeed" });
        };
        let rule = json!({ "Condition": "{% $states.input.n > 0.5 %}", "Next": next });
        let default = if default {
            json!({ "Default": next })
        } else {
            json!({})
        };
        merged([
            leaving,
            default,
            json!({ "Type": "Choice", "Choices": [rule] }),
        ])
    });
    prop_oneof![
        5 => task(),
        1 => choice,
        1 => leaving().prop_map(move |leaving| merged([leaving, onward(place), json!({ "Type": "Pass" })])),
        1 => (leaving(), next()).prop_map(|(l, n)| merged([l, n, json!({ "Type": "Wait", "Seconds": 3 })])),
        1 => Just(json!({ "Type": "Succeed" })),
        1 => Just(json!({ "Type": "Fail", "Error": "E", "Cause": "{% $states.context.State.Name %}" })),
    ]
}

fn merged<const N: usize>(parts: [Value; N]) -> Value {
    let mut whole = Map::new();
    for part in parts {
        if let Value::Object(map) = part {
            whole.extend(map);
        }
    }
    Value::Object(whole)
}

/// A machine of four states. What can't be reached is cut off by a first state that leads everywhere.
fn machine() -> impl Strategy<Value = Arc<Definition>> {
    (state(0), state(1), state(2), state(3)).prop_map(|(a, b, c, d)| {
        let ways: Vec<Value> = NAMES
            .iter()
            .map(|name| json!({ "Condition": format!("{{% $states.input.go = '{name}' %}}"), "Next": name }))
            .collect();
        let machine = json!({
            "StartAt": "First",
            "TimeoutSeconds": 100_000,
            "States": { "First": { "Type": "Choice", "Choices": ways, "Default": "A" }, "A": a, "B": b, "C": c, "D": d },
        });
        let text = in_jsonata(&machine).to_string();
        Arc::new(Definition::parse(&text).unwrap_or_else(|faults| panic!("{text}: {faults:?}")))
    })
}

#[derive(Debug, Clone)]
enum Move {
    Time,
    Return(Value),
    Fail(&'static str),
    Child,
    Token(bool),
    Beat,
    Stray(u64),
    Stop,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        6 => Just(Move::Time),
        6 => prop::sample::select(vec![json!({ "n": 1 }), json!(null), json!([1])]).prop_map(Move::Return),
        3 => prop::sample::select(vec!["E", "States.Runtime", "States.DataLimitExceeded", "F"]).prop_map(Move::Fail),
        3 => Just(Move::Child),
        3 => any::<bool>().prop_map(Move::Token),
        2 => Just(Move::Beat),
        2 => (0_u64..40).prop_map(Move::Stray),
        1 => Just(Move::Stop),
    ];
    prop::collection::vec(one, 0..60)
}

fn make(world: &mut World, chosen: Move) {
    let call = world.calls().last().map_or(CallId(0), |(call, _)| *call);
    let token = world.tokens().last().cloned().unwrap_or_default();
    let failure = |error: &str| Failure::new(error, "it happened");
    let event = match chosen {
        Move::Time => {
            world.pass_time();
            return;
        }
        Move::Return(result) => Event::Returned { call, result },
        Move::Fail(error) => {
            let failure = failure(error);
            Event::Failed { call, failure }
        }
        Move::Child => {
            let result = json!({ "Output": {} });
            Event::ChildSucceeded { call, result }
        }
        Move::Token(true) => {
            let output = json!({ "n": 2 });
            Event::TokenSucceeded { token, output }
        }
        Move::Token(false) => {
            let failure = failure("E");
            Event::TokenFailed { token, failure }
        }
        Move::Beat => Event::TokenHeartbeat { token },
        Move::Stray(id) => Event::TimerFired(TimerId(id)),
        Move::Stop => Event::Stopped(Failure::default()),
    };
    world.tell(event);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_machine_survives_whatever_happens_and_is_silent_after_its_end(
        definition in machine(), go in prop::sample::select(NAMES.to_vec()), moves in moves(),
    ) {
        let mut world = World::of(definition, json!({ "go": go, "n": 0 }));
        for chosen in moves {
            let (over, events, asked) = (world.outcome().cloned(), world.execution.history().len(), world.asked.len());
            make(&mut world, chosen);
            if over.is_some() {
                prop_assert_eq!(world.outcome().cloned(), over);
                prop_assert_eq!(world.execution.history().len(), events);
                prop_assert_eq!(world.asked.len(), asked);
            }
            check_history(&world.execution);
        }
    }

    #[test]
    fn the_same_moves_always_make_the_same_history(
        definition in machine(), go in prop::sample::select(NAMES.to_vec()), moves in moves(),
    ) {
        let run = || {
            let mut world = World::of(Arc::clone(&definition), json!({ "go": go, "n": 0 }));
            moves.iter().cloned().for_each(|chosen| make(&mut world, chosen));
            (world.execution.history().to_vec(), world.asked)
        };
        prop_assert_eq!(run(), run());
    }
}
