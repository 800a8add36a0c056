//! The template, the binaries and the machines name the same functions.

use crate::machine::{Machine, tasks};
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
    let all = template["Resources"].as_mapping().expect("Resources");
    let of_it = all.iter().filter(|(_, resource)| resource["Type"] == kind);
    let text = |name: &Value| name.as_str().expect("a name").to_owned();
    of_it
        .map(|(name, resource)| (text(name), resource.clone()))
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
    let folders = entries.map(|entry| entry.expect("an entry"));
    let crates = folders.filter(|folder| folder.path().join("src/main.rs").exists());
    let names = crates.map(|folder| folder.file_name().into_string().expect("UTF-8"));
    names.collect()
}

#[test]
fn each_function_is_one_crate_of_one_name() {
    let mut binaries = BTreeSet::new();
    for (id, function) in functions() {
        let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str();
        let binary = binary.expect("Binary").to_owned();
        assert_eq!(id, pascal(&binary));
        binaries.insert(binary);
    }
    assert_eq!(binaries, crates());
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
    let name = task["Arguments"]["FunctionName"].as_str()?;
    let name = name.trim_matches(['$', '{', '}']).to_owned();
    Some((name, task["TimeoutSeconds"].as_u64()?))
}

#[test]
fn a_task_waits_longer_than_its_function_runs() {
    let functions = functions();
    for (place, task) in tasks() {
        let Some((function, seconds)) = timeout_of(&task) else {
            continue;
        };
        let limit = functions[&function]["Properties"]["Timeout"].as_u64();
        let limit = limit.expect("a function has a Timeout");
        let told = format!("{place} gives up after {seconds} s, {function} after {limit} s");
        assert!(seconds > limit, "{told}");
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
