//! The template, the binaries and the machines name the same functions.

use crate::machine::Machine;
use crate::{machines, root};
use serde_yaml_ng::Value;
use std::collections::{BTreeMap, BTreeSet};

/// `infra/template.yaml`.
pub fn template() -> Value {
    let text =
        std::fs::read_to_string(root().join("infra/template.yaml")).expect("infra/template.yaml");
    serde_yaml_ng::from_str(&text).expect("the template is YAML")
}

/// The resources of a kind by their logical ids.
pub fn resources(kind: &str) -> BTreeMap<String, Value> {
    let template = template();
    let all = template["Resources"]
        .as_mapping()
        .expect("Resources")
        .clone();
    let named = all
        .into_iter()
        .filter(|(_, resource)| resource["Type"] == kind);
    named
        .map(|(name, resource)| (name.as_str().expect("a name").to_owned(), resource))
        .collect()
}

/// The functions by their logical ids.
pub fn functions() -> BTreeMap<String, Value> {
    resources("AWS::Serverless::Function")
}

/// A text, with a function before its argument: `!Ref Topic`.
pub fn reference(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Tagged(tagged) => match &tagged.value {
            Value::String(argument) => format!("{} {argument}", tagged.tag),
            _ => tagged.tag.to_string(),
        },
        _ => String::new(),
    }
}

/// `check_lag` → `CheckLag`.
fn pascal(snake: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    snake.split('_').map(word).collect()
}

fn crates() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join("functions")).expect("functions/");
    let names = entries.map(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("UTF-8")
    });
    names
        .filter(|name| {
            root()
                .join(format!("functions/{name}/src/main.rs"))
                .exists()
        })
        .collect()
}

#[test]
fn each_function_is_one_crate_of_one_name() {
    let binaries: BTreeMap<String, String> = functions()
        .into_iter()
        .map(|(id, function)| {
            (
                id,
                function["Metadata"]["BuildProperties"]["Binary"]
                    .as_str()
                    .expect("Binary")
                    .to_owned(),
            )
        })
        .collect();
    assert_eq!(
        binaries.values().cloned().collect::<BTreeSet<_>>(),
        crates()
    );
    for (id, binary) in binaries {
        assert_eq!(id, pascal(&binary));
    }
}

#[test]
fn the_template_substitutes_what_the_machines_ask_for_and_pins_versions() {
    let deployed = resources("AWS::Serverless::StateMachine");
    assert_eq!(deployed.len(), machines().len());
    for machine in machines() {
        let resource = deployed.values().find(|resource| {
            resource["Properties"]["DefinitionUri"]
                .as_str()
                .is_some_and(|uri| uri.ends_with(&format!("{}.asl.json", machine.name)))
        });
        let substitutions =
            &resource.expect("each machine is deployed")["Properties"]["DefinitionSubstitutions"];
        let given = substitutions.as_mapping().expect("DefinitionSubstitutions");
        let names: BTreeSet<String> = given
            .keys()
            .map(|name| name.as_str().expect("a name").to_owned())
            .collect();
        assert_eq!(names, machine.substitutions(), "{}", machine.name);
        for (name, value) in given
            .iter()
            .filter(|(name, _)| functions().contains_key(name.as_str().unwrap_or_default()))
        {
            let Value::Tagged(tagged) = value else {
                panic!("{name:?} is no !Ref")
            };
            let pinned = format!("{}.Version", name.as_str().expect("a name"));
            assert_eq!(
                tagged.value,
                Value::String(pinned),
                "a running execution keeps the code that it began with"
            );
        }
    }
}

fn timeout_of(task: &serde_json::Value) -> Option<(String, u64)> {
    let function = task["Arguments"]["FunctionName"]
        .as_str()?
        .trim_start_matches("${")
        .trim_end_matches('}')
        .to_owned();
    Some((function, task["TimeoutSeconds"].as_u64()?))
}

#[test]
fn a_task_waits_longer_than_its_function_runs() {
    let functions = functions();
    for machine in machines() {
        for (name, (function, seconds)) in machine
            .tasks()
            .filter_map(|(name, task)| Some((name, timeout_of(task)?)))
        {
            let limit = functions[&function]["Properties"]["Timeout"]
                .as_u64()
                .expect("a function has a Timeout");
            assert!(
                seconds > limit,
                "{}: {name} gives up after {seconds} s, {function} after {limit} s",
                machine.name
            );
        }
    }
}

#[test]
fn every_function_is_invoked_by_a_machine_or_an_event() {
    let invoked: BTreeSet<String> = machines().iter().flat_map(Machine::substitutions).collect();
    for (name, function) in functions() {
        assert!(
            invoked.contains(&name) || !function["Properties"]["Events"].is_null(),
            "nothing ever invokes {name}"
        );
    }
}
