use super::*;
use domain::ids::Epoch;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::UNIX_EPOCH;

/// When the lines are written, in milliseconds.
const AT: u64 = 1_570_035_880_985;

/// Where people look a metric up.
const TABLE: &str = include_str!("../../../../docs/metrics.md");

fn ticket() -> Ticket {
    Ticket {
        database: "orders".into(),
        owner: "arn:aws:states:eu-west-1:123456789012:execution:upgrade:one".into(),
        epoch: Epoch(1),
    }
}

fn lag_of(bytes: Option<u64>, ms: Option<u64>) -> Observed {
    observed(&Observation::Lag(Lag { bytes, ms }))
}

fn phase_of(step: &'static str) -> Observation {
    Observation::Phase {
        step,
        name: "fence".into(),
        ms: 12,
    }
}

fn observed(observation: &Observation) -> Observed {
    Observed::of(observation).expect("something to tell")
}

/// Everything that can be told.
fn all() -> Vec<Observed> {
    let all = [
        Observation::Lag(Lag {
            bytes: Some(1024),
            ms: Some(1250),
        }),
        Observation::Weight(50),
        Observation::WritePause(194),
        Observation::FailbackPause(131),
        phase_of("switchover"),
        Observation::Alarm,
        Observation::Rollback,
        Observation::BackLag(u64::MAX),
    ];
    all.iter().map(observed).collect()
}

fn written(observed: &Observed) -> String {
    let at = UNIX_EPOCH + Duration::from_millis(AT);
    let line = line(&ticket(), observed, at).expect("a line");
    String::from_utf8(line).expect("UTF-8")
}

fn root(observed: &Observed) -> Value {
    serde_json::from_str(&written(observed)).expect("JSON")
}

fn directive(root: &Value) -> &Value {
    let directives = root["_aws"]["CloudWatchMetrics"].as_array();
    let [one] = directives.expect("directives").as_slice() else {
        panic!("one directive: {root}");
    };
    one
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[test]
fn a_line_is_a_whole_line() {
    for observed in all() {
        let line = written(&observed);
        assert!(line.starts_with('{') && line.ends_with("}\n"), "{line}");
        assert_eq!(line.matches('\n').count(), 1, "{line}");
    }
}

#[test]
fn a_line_is_what_the_embedded_metric_format_asks_for() {
    for observed in all() {
        let root = root(&observed);
        assert_eq!(root["_aws"]["Timestamp"], AT);
        let directive = directive(&root);
        assert_eq!(directive["Namespace"], "Viridian");
        let mut known = BTreeSet::from(["_aws", "upgrade"]);
        for set in list(&directive["Dimensions"]) {
            assert!((1..=30).contains(&list(set).len()), "{root}");
            for name in list(set).iter().map(text) {
                let value = text(&root[name]);
                assert!((1..=1024).contains(&value.len()), "{name}: {root}");
                known.insert(name);
            }
        }
        assert!(!list(&directive["Metrics"]).is_empty(), "{root}");
        for metric in list(&directive["Metrics"]) {
            let name = text(&metric["Name"]);
            assert!(root[name].is_number(), "{name}: {root}");
            let unit = text(&metric["Unit"]);
            let units = ["Bytes", "Seconds", "Milliseconds", "Percent", "Count"];
            assert!(units.contains(&unit), "{name}: {unit}");
            known.insert(name);
        }
        let members = root.as_object().expect("an object").keys();
        let members: BTreeSet<&str> = members.map(String::as_str).collect();
        assert_eq!(members, known, "all that is in it is told of: {root}");
    }
}

#[test]
fn an_upgrade_is_found_by_a_property_and_is_no_dimension() {
    for observed in all() {
        let root = root(&observed);
        assert_eq!(root["database"], "orders");
        assert_eq!(root["upgrade"], ticket().owner.as_str());
        let sets = list(&directive(&root)["Dimensions"]);
        assert!(!sets.iter().flat_map(list).any(|name| name == "upgrade"));
    }
}

#[test]
fn bytes_and_milliseconds_become_bytes_and_seconds() {
    let root = root(&lag_of(Some(1024), Some(1250)));
    assert_eq!(root["LagBytes"], 1024);
    assert_eq!(root["LagSeconds"], 1.25);
    let units = json!([
        {"Name": "LagBytes", "Unit": "Bytes"}, {"Name": "LagSeconds", "Unit": "Seconds"},
    ]);
    assert_eq!(directive(&root)["Metrics"], units);
}

#[test]
fn what_could_not_be_read_is_no_metric() {
    let root = root(&lag_of(None, Some(0)));
    assert_eq!(root["LagSeconds"], 0);
    assert_eq!(root["LagBytes"], Value::Null);
    assert_eq!(list(&directive(&root)["Metrics"]).len(), 1);
    assert!(Observed::of(&Observation::Lag(Lag::default())).is_none());
}

#[test]
fn a_phase_is_told_together_and_by_its_name() {
    let root = root(&observed(&phase_of("rollback")));
    let sets = json!([["database"], ["database", "phase"]]);
    assert_eq!(directive(&root)["Dimensions"], sets);
    assert_eq!(root["phase"], "rollback fence");
    assert_eq!(root["PhaseMs"], 12);
}

#[test]
fn each_metric_stands_in_the_documentation_with_its_unit() {
    let mut told = 0;
    for root in all().iter().map(root) {
        for metric in list(&directive(&root)["Metrics"]) {
            let row = format!(
                "| `{}` | {} |",
                text(&metric["Name"]),
                text(&metric["Unit"])
            );
            assert!(TABLE.contains(&row), "{row}");
            told += 1;
        }
    }
    assert_eq!(TABLE.matches("\n| `").count(), told);
}
