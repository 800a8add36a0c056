//! The dashboard shows the metrics that are written, under the namespace and the dimensions that they are written with.

use crate::root;
use crate::template::resources;
use aws::metrics::{DIMENSIONS, NAMESPACE, PHASE_DIMENSIONS};
use serde_json::Value;
use std::collections::BTreeSet;

/// A metric by its name, with the dimensions that it is looked for by.
type Shown = (String, Vec<String>);

/// The dashboard's widgets. What CloudFormation puts in is left as it is written.
fn widgets() -> Vec<Value> {
    let dashboards = resources("AWS::CloudWatch::Dashboard");
    let body = &dashboards["Dashboard"]["Properties"]["DashboardBody"];
    let serde_yaml_ng::Value::Tagged(body) = body else {
        panic!("the dashboard's body is no !Sub")
    };
    let body: Value = serde_json::from_str(body.value.as_str().expect("a text")).expect("JSON");
    body["widgets"].as_array().expect("widgets").clone()
}

/// What the widgets search for: `SEARCH('{Namespace,dimension} MetricName="Name"', 'Maximum', 60)`.
fn searched(namespace: &str) -> BTreeSet<Shown> {
    let shown = widgets().into_iter().flat_map(|widget| {
        let metrics = widget["properties"]["metrics"].as_array().cloned();
        metrics.unwrap_or_default()
    });
    let searches = shown.filter_map(|metric| {
        let expression = metric[0]["expression"].as_str()?;
        let (schema, rest) = expression.strip_prefix("SEARCH('{")?.split_once('}')?;
        let mut parts = schema.split(',').map(str::to_owned);
        let of_it = parts.next()? == namespace;
        let name = rest.strip_prefix(" MetricName=\"")?.split('"').next()?;
        of_it.then(|| (name.to_owned(), parts.collect()))
    });
    searches.collect()
}

/// The metrics of docs/metrics.md, which the code's own test holds against what it writes.
fn documented() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs/metrics.md")).expect("docs/metrics.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split('`').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn every_metric_is_shown_by_the_dimensions_that_it_has() {
    let shown = searched(NAMESPACE);
    let names: BTreeSet<String> = shown.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names, documented());
    for (name, dimensions) in shown {
        let written = match name.as_str() {
            "PhaseMs" => PHASE_DIMENSIONS,
            _ => DIMENSIONS,
        };
        let known = written.iter().any(|set| *set == dimensions);
        assert!(known, "{name}: {dimensions:?}");
    }
}

#[test]
fn the_namespace_is_the_documented_one() {
    let text = std::fs::read_to_string(root().join("docs/metrics.md")).expect("docs/metrics.md");
    let named = format!("The namespace is `{NAMESPACE}`");
    assert!(text.contains(&named), "{named}");
}

#[test]
fn the_instances_connections_are_shown_too() {
    let connections = (
        "DatabaseConnections".to_owned(),
        vec!["DBInstanceIdentifier".to_owned()],
    );
    assert_eq!(searched("AWS/RDS"), [connections].into());
}

#[test]
fn the_errors_of_every_function_and_all_alarms_of_the_stack_are_shown() {
    let all = Value::from(widgets()).to_string();
    for function in crate::template::functions().keys() {
        let errors = format!(r#"["AWS/Lambda","Errors","FunctionName","${{{function}}}""#);
        assert!(all.contains(&errors), "{function}");
    }
    for alarm in resources("AWS::CloudWatch::Alarm").keys() {
        assert!(all.contains(&format!("${{{alarm}.Arn}}")), "{alarm}");
    }
}
