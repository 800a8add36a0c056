//! Production code reads the variables that the template sets, and no others.

use crate::root;
use crate::template::{functions, template};
use serde_yaml_ng::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Every variable that production code reads. What the AWS SDK and the Lambda runtime read is their own business.
const READ: [&str; 7] = [
    "CHAT_TOPIC_ARN",
    "CREDENTIALS_PREFIX",
    "RECORD_TTL_SECONDS",
    "ROLLBACK_MACHINE_ARN",
    "TOPIC_ARN",
    "UPGRADES_TABLE",
    "VIRIDIAN_NAMESERVER",
];

fn names(variables: &Value) -> impl Iterator<Item = String> {
    let names = variables
        .as_mapping()
        .into_iter()
        .flat_map(|all| all.keys());
    names.map(|name| name.as_str().expect("a name").to_owned())
}

#[test]
fn the_template_sets_exactly_what_is_read() {
    let mut set: BTreeSet<String> =
        names(&template()["Globals"]["Function"]["Environment"]["Variables"]).collect();
    for function in functions().values() {
        set.extend(names(&function["Properties"]["Environment"]["Variables"]));
    }
    assert_eq!(set, READ.map(str::to_owned).into());
}

/// The Rust files in a folder, with their texts.
pub fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            found.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn the_environment_is_read_in_one_place() {
    let mut files = Vec::new();
    for folder in ["crates", "functions"] {
        sources(&root().join(folder), &mut files);
    }
    files.retain(|(_, text)| text.contains("env::var"));
    let [(path, config)] = files.as_slice() else {
        panic!("several files read the environment, or none")
    };
    assert!(path.ends_with("aws/src/config.rs"), "{path}");
    for name in READ {
        let read = config.contains(&format!("\"{name}\""));
        assert!(read, "nothing reads {name}");
    }
    let upper = |text: &&str| {
        text.len() > 3
            && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
            && text.contains('_')
    };
    let mentioned: BTreeSet<&str> = config.split('"').filter(upper).collect();
    let unset = "config.rs names a variable that the template does not set";
    assert_eq!(mentioned, READ.into(), "{unset}");
}
