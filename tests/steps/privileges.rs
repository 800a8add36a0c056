//! The check of the policies itself: it finds a permission that a run lacks, and one that no run uses.

use crate::world::{OTHER, World, claim, plan};
use anyhow::{Context, Result};
use local::platform::Options;
use local_aws::iam::{Findings, Line, Roles, compare, union};
use local_aws::template::Template;
use local_aws::toolchain::workspace;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A copy of the stack in which one line of the policy of `claim` is another.
fn copied(folder: &Path, from: &str, to: &str) -> Result<PathBuf> {
    let stack = workspace();
    for part in ["infra", "statemachine"] {
        std::fs::create_dir_all(folder.join(part))?;
    }
    for machine in ["upgrade.asl.json", "rollback.asl.json"] {
        let path = Path::new("statemachine").join(machine);
        std::fs::copy(stack.join(&path), folder.join(&path))?;
    }
    let text = std::fs::read_to_string(stack.join("infra/template.yaml"))?;
    let (before, policy) = text
        .split_once("PolicyName: Claim\n")
        .context("the policy of `claim`")?;
    let copy = folder.join("infra/template.yaml");
    let policy = policy.replacen(from, to, 1);
    std::fs::write(&copy, format!("{before}PolicyName: Claim\n{policy}"))?;
    Ok(copy)
}

/// One upgrade claims the database, and another finds it claimed: what `claim` used of its permissions under this template.
async fn used(name: &str, template: PathBuf) -> Result<BTreeSet<Line>> {
    let folder = tests::run_folder(&format!("steps-{name}"));
    let privileges = folder.join("privileges");
    let options = Options {
        template,
        schedules: false,
        privileges: privileges.clone(),
        ..Options::new(folder)
    };
    let world = World::with(options).await?;
    world.claimed().await?;
    let refused = world.step("claim", claim(OTHER, &plan())).await;
    assert!(refused.is_err(), "{refused:?}");
    let used = union(&privileges)?;
    world.end().await?;
    Ok(used)
}

/// What the check finds about `claim` alone.
fn findings(template: &Path, used: &BTreeSet<Line>) -> Result<Findings> {
    let mut roles = Template::read(template, &BTreeMap::new())?.roles();
    let claim = roles.remove("claim").context("claim")?;
    Ok(compare(&Roles::from([("claim".to_owned(), claim)]), used))
}

const GET: &str = "                  - dynamodb:GetItem\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_too_few_and_one_too_many_are_found() -> Result<()> {
    let stacks = tests::run_folder("steps-privileges-stacks");
    let shipped = workspace().join("infra/template.yaml");
    let all = used("privileges", shipped.clone()).await?;
    assert_eq!(findings(&shipped, &all)?, Findings::default());

    let more = format!("{GET}                  - dynamodb:DeleteItem\n");
    let generous = copied(&stacks.join("generous"), GET, &more)?;
    let found = findings(&generous, &all)?;
    assert_eq!(
        found.unused,
        [["claim", "KeepTheRecord", "dynamodb:DeleteItem"]]
    );
    assert!(found.lacking.is_empty() && !found.is_good(), "{found}");

    let mean = copied(&stacks.join("mean"), GET, "")?;
    let some = used("privileges-mean", mean.clone()).await?;
    let found = findings(&mean, &some)?;
    let table = "arn:aws:dynamodb:eu-west-1:123456789012:table/Upgrades";
    let lacking = format!("dynamodb:GetItem on {table}");
    assert_eq!(found.lacking, [["claim", "none", lacking.as_str()]]);
    assert!(found.unused.is_empty() && !found.is_good(), "{found}");
    Ok(std::fs::remove_dir_all(stacks)?)
}
