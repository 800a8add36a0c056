use super::*;
use proptest::prelude::{Just, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as Generate;
use serde_json::{Value, json};

fn fields_of(value: &Value) -> Vec<String> {
    let faults = parse(value).expect_err("faulty");
    faults.0.into_iter().map(|fault| fault.field).collect()
}

#[test]
fn two_fields_are_enough() {
    let request = parse(&json!({"database": "orders", "target_version": "17.4"})).expect("valid");
    assert_eq!(request.ramp, [10, 20, 50, 100]);
    assert_eq!((request.bake_minutes, request.watch_hours), (5, 24));
    assert_eq!(
        (request.max_lag_bytes, request.max_lag_seconds),
        (1_048_576, 5)
    );
    assert_eq!(request.retire, Retire::Keep);
    assert!(!request.dry_run && request.alarms.is_none());
    assert_eq!(request.approval, Approval::Never);
}

#[test]
fn an_approval_is_asked_for_by_its_word_or_as_it_was_before_there_were_words() {
    let read = |approval: Value| {
        let request = json!({"database": "orders", "target_version": "17.4", "approval": approval});
        parse(&request).map(|request| request.approval)
    };
    let (never, before) = (Ok(Approval::Never), Ok(Approval::BeforeSwitchover));
    assert_eq!(
        (read(json!("never")), read(json!(false))),
        (never.clone(), never)
    );
    let asked = (read(json!("before_switchover")), read(json!(true)));
    assert_eq!(asked, (before.clone(), before));
    let said = read(json!("always")).expect_err("unknown").to_string();
    assert!(said.contains("write before_switchover or never"), "{said}");
}

#[test]
fn every_fault_is_named_at_once() {
    let value = json!({
        "databse": "orders", "target_version": 17.4, "dry_run": "yes", "ramp": [50, 20, 100], "watch_hours": 0,
        "alarms": ["a", "a"], "application_roles": [], "reads": {"name": "x"}, "green": {"parameter_group": ""},
        "retire": "delete", "strategy": "canary"
    });
    let mut found = fields_of(&value);
    found.sort();
    let expected = [
        "alarms",
        "application_roles",
        "database",
        "databse",
        "dry_run",
        "green.parameter_group",
        "ramp",
        "reads.name",
        "reads.record",
        "retire",
        "strategy",
        "target_version",
        "watch_hours",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_misspelt_field_is_answered_with_the_right_one() {
    let value = json!({"database": "orders", "target_version": "17.4", "bake_minuts": 3});
    let said = parse(&value).expect_err("unknown").to_string();
    assert!(
        said.contains("`bake_minuts`") && said.contains("did you mean `bake_minutes`"),
        "{said}"
    );
}

#[test]
fn names_are_compared_as_rds_does() {
    let value = json!({"database": "Orders", "target_version": "17.4"});
    assert_eq!(parse(&value).expect("valid").database.as_str(), "orders");
    for name in ["", "1orders", "or--ders", "orders-", "or_ders", "órders"] {
        assert_eq!(
            fields_of(&json!({"database": name, "target_version": "17.4"})),
            ["database"],
            "{name}"
        );
    }
}

#[test]
fn a_line_of_versions_is_no_target() {
    assert_eq!(
        fields_of(&json!({"database": "orders", "target_version": "17"})),
        ["target_version"]
    );
}

#[test]
fn green_is_not_waited_for_longer_than_an_execution_can() {
    let minutes = |minutes: u32| json!({"database": "orders", "target_version": "17.4", "catch_up_minutes": minutes});
    assert_eq!(parse(&minutes(1440)).expect("a day").catch_up_minutes, 1440);
    for wrong in [0, 1441] {
        assert_eq!(fields_of(&minutes(wrong)), ["catch_up_minutes"]);
    }
}

const LISTENER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/net/orders/50dc6c495c0c9188/f2f7";

#[test]
fn a_route_is_a_record_or_a_parameter_or_a_listener_and_never_two() {
    let with =
        |reads: Value| json!({"database": "orders", "target_version": "17.4", "reads": reads});
    let read = |reads| parse(&with(reads)).map(|request| request.reads);
    let parameter = |poll_seconds| {
        Ok(Some(Named::Parameter {
            parameter: "/orders/reads".into(),
            poll_seconds,
        }))
    };
    assert_eq!(read(json!({"parameter": "/orders/reads"})), parameter(30));
    let listener = Named::from(LISTENER);
    assert_eq!(read(json!({"listener": LISTENER})), Ok(Some(listener)));
    let polled = json!({"parameter": "/orders/reads", "poll_seconds": 5});
    assert_eq!(read(polled), parameter(5));
    for (wrong, field) in [
        (
            json!({"record": "reads.example.com", "parameter": "/orders/reads"}),
            "reads.parameter",
        ),
        (json!({"parameter": "orders"}), "reads.parameter"),
        (json!({"parameter": "/orders//reads"}), "reads.parameter"),
        (json!({"parameter": "/orders/reads:3"}), "reads.parameter"),
        (
            json!({"parameter": "/orders/reads", "poll_seconds": 0}),
            "reads.poll_seconds",
        ),
        (
            json!({"record": "reads.example.com", "poll_seconds": 5}),
            "reads.poll_seconds",
        ),
        (
            json!({"listener": LISTENER, "poll_seconds": 5}),
            "reads.poll_seconds",
        ),
        (
            json!({"listener": LISTENER, "parameter": "/orders/reads"}),
            "reads.listener",
        ),
        (
            json!({"listener": LISTENER.replace("listener/", "loadbalancer/")}),
            "reads.listener",
        ),
        (json!({}), "reads.record"),
    ] {
        assert_eq!(fields_of(&with(wrong.clone())), [field], "{wrong}");
    }
}

#[test]
fn a_tag_says_by_its_shape_what_it_names() {
    assert!(matches!(
        Named::from("/orders/reads"),
        Named::Parameter { .. }
    ));
    assert!(matches!(Named::from(LISTENER), Named::Listener { .. }));
    assert!(matches!(
        Named::from("reads.example.com"),
        Named::Record { .. }
    ));
}

#[test]
fn an_event_brings_its_own_id() {
    let event = json!({
        "id": "e-1", "detail-type": "Upgrade", "source": "shop",
        "detail": {"database": "orders", "target_version": "17.4"}
    });
    assert_eq!(
        parse(&event).expect("valid").request_id.as_deref(),
        Some("e-1")
    );
}

#[test]
fn what_is_no_object_is_told_what_to_write() {
    for value in [json!(null), json!("orders"), json!([])] {
        assert_eq!(fields_of(&value), ["request"]);
    }
}

fn name() -> impl Generate<Value = String> {
    "[a-z][a-z0-9]{0,20}"
}

fn requests() -> impl Generate<Value = Request> {
    let ramp = proptest::collection::btree_set(1u8..100, 0..6);
    let names = || proptest::option::of(proptest::collection::btree_set("q[a-z]{1,9}", 1..4));
    let numbers = (
        1u32..=1440,
        1u32..=168,
        1u64..=1 << 40,
        1u32..=3600,
        100u32..=3_600_000,
        1u32..=1440,
    );
    let options = (
        proptest::option::of(name()),
        proptest::option::of(name()),
        proptest::option::of(name()),
    );
    let flags = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        proptest::option::of(any::<bool>()),
    );
    (name(), ramp, names(), names(), numbers, options, flags).prop_map(
        |(database, ramp, alarms, roles, numbers, (reads, group, id), flags)| Request {
            database: database.as_str().into(),
            target_version: "17.4".to_owned(),
            dry_run: flags.0,
            strategy: flags.3.map(|flag| {
                if flag {
                    Strategy::InPlace
                } else {
                    Strategy::BlueGreen
                }
            }),
            ramp: ramp.into_iter().chain([100]).collect(),
            bake_minutes: numbers.0,
            watch_hours: numbers.1,
            catch_up_minutes: numbers.5,
            max_lag_bytes: numbers.2,
            max_lag_seconds: numbers.3,
            max_write_pause_ms: numbers.4,
            alarms: alarms.map(|set| set.into_iter().collect()),
            approval: if flags.1 {
                Approval::BeforeSwitchover
            } else {
                Approval::Never
            },
            application_roles: roles.map(|set| set.into_iter().collect()),
            reads: reads.map(|name| Named::Record {
                record: format!("{name}.example.com"),
            }),
            writes: id.clone().map(|name| Named::Parameter {
                parameter: format!("/shop/{name}"),
                poll_seconds: numbers.5 % 60 + 1,
            }),
            way_back: if flags.1 {
                WayBack::None
            } else {
                WayBack::ReverseReplication
            },
            insufficient_data: if flags.2 {
                InsufficientData::Alarm
            } else {
                InsufficientData::Ok
            },
            green: GreenSettings {
                parameter_group: group,
            },
            retire: if flags.2 {
                Retire::Keep
            } else {
                Retire::SnapshotAndDelete
            },
            request_id: id,
        },
    )
}

fn anything() -> impl Generate<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,70}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        "database",
        "target_version",
        "ramp",
        "reads",
        "green",
        "detail",
        "detail-type",
        "id",
        ".{0,5}"
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_request_reads_back_what_it_writes(request in requests()) {
        let value = serde_json::to_value(&request).expect("serializes");
        prop_assert_eq!(parse(&value), Ok(request));
    }

    #[test]
    fn reading_is_total_and_a_refusal_says_why(value in anything()) {
        if let Err(faults) = parse(&value) {
            prop_assert!(!faults.0.is_empty());
            prop_assert!(faults.0.iter().all(|fault| !fault.field.is_empty() || value.is_object()));
        }
    }

    #[test]
    fn one_unknown_field_refuses_the_whole_request(request in requests(), unknown in "x[a-z]{1,12}") {
        let mut value = serde_json::to_value(&request).expect("serializes");
        value[&unknown] = json!(1);
        prop_assert_eq!(fields_of(&value), [unknown]);
    }
}
