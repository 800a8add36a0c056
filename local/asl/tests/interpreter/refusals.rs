//! What the interpreter refuses to interpret, with the path of each fault.

use super::script::in_jsonata;
use asl::definition::Definition;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Refusal {
    claim: String,
    /// A whole machine, or one state that is put into a machine as `A`.
    machine: Option<Value>,
    state: Option<Value>,
    /// All faults: path and, after a space, how the message begins.
    faults: Vec<String>,
}

#[test]
fn whatever_is_not_implemented_is_refused_with_its_path() {
    let cases: Vec<Refusal> = serde_yaml_ng::from_str(include_str!("cases/refusals.yaml")).unwrap();
    for case in cases {
        let machine = case
            .machine
            .unwrap_or_else(|| around(&case.state.unwrap_or_default()));
        let faults = Definition::parse(&in_jsonata(&machine).to_string())
            .err()
            .unwrap_or_default();
        let mut shown: Vec<String> = faults
            .iter()
            .map(|f| format!("{} {}", f.path, f.message))
            .collect();
        let mut expected = case.faults;
        shown.sort();
        expected.sort();
        let alike = shown.len() == expected.len()
            && shown
                .iter()
                .zip(&expected)
                .all(|(shown, expected)| shown.starts_with(expected));
        assert!(alike, "{}: {shown:#?}", case.claim);
    }
}

fn around(state: &Value) -> Value {
    json!({ "StartAt": "A", "States": { "A": state } })
}

#[test]
fn a_definition_that_is_no_json_is_refused() {
    assert_eq!(Definition::parse("{").unwrap_err().len(), 1);
}
