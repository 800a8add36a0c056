//! The machines that are shipped.

use local::states::definition::{Definition, substitute};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The names in `DefinitionSubstitutions` of the template, whatever their values.
fn substitutions() -> BTreeMap<String, String> {
    let template = std::fs::read_to_string(root().join("infra/template.yaml")).unwrap();
    let mut names = BTreeMap::new();
    let mut inside = None;
    for line in template.lines() {
        let indent = line.len() - line.trim_start().len();
        match inside {
            Some(outer) if indent > outer => {
                if let Some((name, _)) = line.trim().split_once(": ") {
                    names.insert(name.to_owned(), format!("arn:aws:any:::{name}"));
                }
            }
            _ => {
                inside = line
                    .trim_end()
                    .ends_with("DefinitionSubstitutions:")
                    .then_some(indent);
            }
        }
    }
    names
}

#[test]
fn the_shipped_machines_are_understood_to_the_last_field_and_expression() {
    for name in ["upgrade", "rollback"] {
        let text =
            std::fs::read_to_string(root().join(format!("statemachine/{name}.asl.json"))).unwrap();
        let text = substitute(&text, &substitutions()).unwrap();
        let definition =
            Definition::parse(&text).unwrap_or_else(|faults| panic!("{name}: {faults:#?}"));
        assert!(definition.states.len() > 5);
    }
}
