//! The template by what others wrote: AWS's own translator makes CloudFormation of it, and moto an account with the stack in it.

use anyhow::{Result, ensure};
use local_aws::toolchain::{Toolchain, workspace};
use std::process::Command;

/// Runs a stage of `conformance/stack.py`.
fn stage(name: &str) -> Result<()> {
    let mut script = Command::new(Toolchain::find()?.python());
    script.arg(workspace().join("tests/conformance/stack.py"));
    let status = script.arg(name).status()?;
    ensure!(status.success(), "the stage `{name}` failed");
    Ok(())
}

#[test]
fn each_type_of_resource_is_made_by_moto() -> Result<()> {
    stage("types")
}

#[test]
fn the_stack_is_made_with_every_set_of_conditions() -> Result<()> {
    stage("conditions")
}

#[test]
fn two_stacks_live_side_by_side_and_the_end_of_one_leaves_its_table() -> Result<()> {
    stage("side_by_side")
}
