//! What keeps the parts apart: who may depend on whom, no circle between files, no clock but the port's, no engine in the domain.

use crate::environment::sources;
use crate::root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use syn::{Attribute, Item, UseTree};

/// Folders of packages, and the packages of ours that those in them may depend on. What is below is deeper inside.
const LAYERS: [(&str, &[&str]); 12] = [
    ("tests", &["*"]),
    (
        "local/harness",
        &["asl", "domain", "local-aws", "local-rds"],
    ),
    ("local/rds", &["asl", "local-aws"]),
    ("local/aws", &["asl"]),
    ("local/asl", &[]),
    ("functions/", &["aws", "domain", "ports", "routes", "steps"]),
    ("crates/aws", &["domain", "ports", "postgres"]),
    ("crates/engines/", &["domain", "ports"]),
    ("crates/routes", &["domain", "ports"]),
    ("crates/steps", &["domain", "ports"]),
    ("crates/ports", &["domain"]),
    ("crates/domain", &[]),
];

/// What runs in the walk: there, time is virtual, nothing is concurrent but by the seed, and nothing is written anywhere.
const VIRTUAL: [&str; 5] = [
    "crates/domain/src",
    "crates/ports/src",
    "crates/routes/src",
    "crates/steps/src",
    "functions",
];

/// A package of this workspace.
struct Package {
    name: String,
    folder: PathBuf,
    needs: BTreeSet<String>,
}

fn packages() -> Vec<Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let said = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo");
    let metadata: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let listed = metadata["packages"].as_array().expect("packages");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let names: BTreeSet<String> = listed
        .iter()
        .map(|package| text(&package["name"]))
        .collect();
    let package = |package: &Value| {
        let all = package["dependencies"].as_array().expect("dependencies");
        let shipped = all.iter().filter(|needed| needed["kind"].is_null());
        let needs = shipped.map(|needed| text(&needed["name"]));
        Package {
            name: text(&package["name"]),
            folder: Path::new(&text(&package["manifest_path"])).with_file_name(""),
            needs: needs.filter(|needed| names.contains(needed)).collect(),
        }
    };
    listed.iter().map(package).collect()
}

/// Where a file is, from the repository's root.
fn within(path: &Path) -> String {
    let root = root().canonicalize().expect("the repository");
    let path = path.canonicalize().expect("a file");
    path.strip_prefix(root)
        .expect("a file of ours")
        .display()
        .to_string()
}

#[test]
fn every_package_depends_on_what_lies_deeper_only() {
    for package in packages() {
        let folder = within(&package.folder);
        let layer = LAYERS.iter().find(|(layer, _)| folder.starts_with(layer));
        let (_, allowed) = layer.unwrap_or_else(|| panic!("{folder} is in no layer"));
        let beyond = package
            .needs
            .iter()
            .filter(|needed| !allowed.contains(&"*") && !allowed.contains(&needed.as_str()));
        let beyond: Vec<&String> = beyond.collect();
        assert!(beyond.is_empty(), "{} depends on {beyond:?}", package.name);
    }
}

#[test]
fn only_the_main_of_a_function_knows_aws() {
    for (path, text) in code("functions") {
        let knows = text.contains("aws::") || text.contains("aws_");
        assert_eq!(knows, path.ends_with("src/main.rs"), "{path}");
    }
}

/// The Rust files of a folder with their texts, without the lines that are comments.
fn code(folder: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    sources(&root().join(folder), &mut found);
    let bare = |text: String| {
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let files = found.into_iter().map(|(path, text)| (path, bare(text)));
    files.collect()
}

#[test]
fn what_the_walk_runs_has_no_clock_no_task_and_no_output_of_its_own() {
    const FORBIDDEN: [&str; 8] = [
        "tokio::time",
        "Instant",
        "SystemTime",
        "spawn",
        "print!",
        "println!",
        "std::env",
        "std::thread",
    ];
    let files = VIRTUAL.into_iter().flat_map(code);
    for (path, text) in files.filter(|(path, _)| !path.ends_with("src/main.rs")) {
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{path}: {word}");
        }
        for chosen in text.split("select! {").skip(1) {
            assert!(
                chosen.trim_start().starts_with("biased;"),
                "{path}: select!"
            );
        }
    }
}

#[test]
fn the_domain_speaks_no_sql_and_names_no_engine_but_in_its_enum() {
    let samples = ["domain/src/engine.rs", "domain/src/samples.rs"];
    let files = code("crates/domain/src").into_iter();
    let files = files.filter(|(path, _)| !samples.iter().any(|sample| path.ends_with(sample)));
    for (path, text) in files {
        let shipped = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        if path.contains("/tests") {
            continue;
        }
        let shipped = shipped.to_lowercase();
        let foreign = [
            "postgres",
            "mysql",
            "mariadb",
            "pg_",
            "\"select ",
            "alter role",
            "alter user",
        ];
        let named = foreign.into_iter().find(|word| shipped.contains(word));
        assert_eq!(named, None, "{path}");
    }
}

/// The files of a package by their modules' paths, such as `["steps", "plan"]`.
fn modules(source: &Path) -> BTreeMap<Vec<String>, PathBuf> {
    let mut found = vec![];
    sources(source, &mut found);
    let module = |path: &Path| {
        let inside = path
            .strip_prefix(source)
            .expect("a file of the package")
            .with_extension("");
        let parts = inside
            .iter()
            .map(|part| part.to_string_lossy().into_owned());
        let names: Vec<String> = parts
            .filter(|part| !["lib", "main", "mod"].contains(&part.as_str()))
            .collect();
        names
    };
    let paths = found.into_iter().map(|(path, _)| PathBuf::from(path));
    let shipped = paths.filter(|path| !path.ends_with("main.rs"));
    shipped.map(|path| (module(&path), path)).collect()
}

/// The paths that the `use`s of a file name, its tests apart.
fn used(items: &[Item], found: &mut Vec<Vec<String>>) {
    for item in items {
        match item {
            Item::Use(item) if !is_test(&item.attrs) => leaves(&item.tree, &[], found),
            Item::Mod(item) if !is_test(&item.attrs) => {
                let inside = item.content.as_ref();
                used(inside.map_or(&[], |(_, items)| items), found);
            }
            _ => {}
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let cfg = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    cfg.filter_map(|attribute| attribute.parse_args::<syn::Path>().ok())
        .any(|condition| condition.is_ident("test"))
}

fn leaves(tree: &UseTree, before: &[String], found: &mut Vec<Vec<String>>) {
    match tree {
        UseTree::Path(path) => {
            let before = [before, &[path.ident.to_string()]].concat();
            leaves(&path.tree, &before, found);
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, before, found);
            }
        }
        UseTree::Name(name) => found.push([before, &[name.ident.to_string()]].concat()),
        UseTree::Rename(name) => found.push([before, &[name.ident.to_string()]].concat()),
        UseTree::Glob(_) => found.push(before.to_vec()),
    }
}

/// The module that a `use` in the module `at` leads to; nothing where that is another package.
fn target(
    at: &[String],
    path: &[String],
    known: &BTreeMap<Vec<String>, PathBuf>,
) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let mut whole = match first.as_str() {
        "crate" => rest.to_vec(),
        "self" => [at, rest].concat(),
        "super" => {
            let above = path.iter().take_while(|part| *part == "super").count();
            [&at[..at.len().checked_sub(above)?], &path[above..]].concat()
        }
        _ if known.contains_key(&[at, std::slice::from_ref(first)].concat()) => [at, path].concat(),
        _ => return None,
    };
    while !known.contains_key(&whole) {
        whole.pop()?;
    }
    Some(whole)
}

/// Which files of a package use which others. What a file takes from the module that it is a part of is no arrow.
fn arrows(source: &Path) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let known = modules(source);
    let arrows = |(at, path): (&Vec<String>, &PathBuf)| {
        let text = std::fs::read_to_string(path).expect("UTF-8");
        let file =
            syn::parse_file(&text).unwrap_or_else(|wrong| panic!("{}: {wrong}", path.display()));
        let mut uses = vec![];
        used(&file.items, &mut uses);
        let to = uses.iter().filter_map(|path| target(at, path, &known));
        (at.clone(), to.filter(|to| !at.starts_with(to)).collect())
    };
    known.iter().map(arrows).collect()
}

/// What can be reached from itself.
fn circles(arrows: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Vec<Vec<String>> {
    let around = |start: &&Vec<String>| {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![*start]);
        while let Some(name) = todo.pop() {
            todo.extend(arrows[name].iter().filter(|to| seen.insert(*to)));
        }
        seen.contains(start)
    };
    arrows.keys().filter(around).cloned().collect()
}

#[test]
fn no_file_uses_one_that_uses_it() {
    for package in packages() {
        let source = package.folder.join("src");
        let source = if source.is_dir() {
            source
        } else {
            package.folder
        };
        let found = circles(&arrows(&source));
        assert!(found.is_empty(), "{}: {found:?}", package.name);
    }
}

#[test]
fn a_circle_is_found() {
    let arrow = |from: &str, to: &[&str]| {
        let to = to.iter().map(|to| vec![(*to).to_owned()]);
        (vec![from.to_owned()], to.collect())
    };
    let arrows = [
        arrow("a", &["b"]),
        arrow("b", &["c"]),
        arrow("c", &["b"]),
        arrow("d", &[]),
    ];
    let found = circles(&arrows.into());
    assert_eq!(found, ["b", "c"].map(|name| vec![name.to_owned()]));
}
