//! The parts hold each other: state machines, Lambdas, template, error names and documentation name the same things.

mod architecture;
mod dashboard;
mod environment;
mod events;
mod flow;
mod infra;
mod loops;
mod machine;
mod notices;
mod permissions;
mod privileges;
mod template;

use machine::Machine;
use std::path::PathBuf;

/// The repository's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Both shipped machines, by the names of their files.
fn machines() -> Vec<Machine> {
    ["upgrade", "rollback"].map(Machine::read).into()
}
