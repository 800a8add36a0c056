//! The machines that are shipped.

use asl::definition::{Definition, substitute};
use serde_yaml_ng::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

/// The names in `DefinitionSubstitutions` of the template, each with an ARN that ends with it.
fn substitutions() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join("infra/template.yaml")).unwrap();
    let template: Value = serde_yaml_ng::from_str(&text).unwrap();
    let resources = template["Resources"].as_mapping().unwrap().values();
    let given = resources
        .filter_map(|resource| resource["Properties"]["DefinitionSubstitutions"].as_mapping());
    given
        .flat_map(|given| given.keys())
        .map(|name| name.as_str().unwrap())
        .map(|name| {
            let stands_for = match name {
                "Partition" => "aws".to_owned(),
                name => format!("arn:aws:any:::{name}"),
            };
            (name.to_owned(), stands_for)
        })
        .collect()
}

/// A machine as it is deployed.
pub fn shipped(name: &str) -> Arc<Definition> {
    let path = root().join(format!("statemachine/{name}.asl.json"));
    let text = std::fs::read_to_string(path).unwrap();
    let text = substitute(&text, &substitutions()).unwrap();
    match Definition::parse(&text) {
        Ok(definition) => Arc::new(definition),
        Err(faults) => panic!("{name}: {faults:#?}"),
    }
}

#[test]
fn the_shipped_machines_are_understood_to_the_last_field_and_expression() {
    for name in ["upgrade", "rollback"] {
        assert!(shipped(name).states.len() > 5);
    }
}
