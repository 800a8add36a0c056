//! `sweep` repairs what a lost event left undone, once.

use crate::watch::{guarded, rolled_back, waiting};
use crate::world::{OWNER, World, claim, plan};
use anyhow::{Context, Result};
use local_aws::faults::{Fault, Target};
use serde_json::{Value, json};

async fn swept(world: &World) -> Result<Value> {
    Ok(world.step("sweep", json!({})).await?["actions"].clone())
}

/// A ticket whose execution Step Functions has never heard of, as after its history was removed.
async fn abandoned(name: &str) -> Result<World> {
    let world = World::start(name).await?;
    world.claimed().await?;
    Ok(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_whose_execution_is_gone_is_rolled_back_and_then_left_alone() -> Result<()> {
    let world = abandoned("sweep-gone").await?;
    let first = swept(&world).await?;
    assert!(first.to_string().contains("Restart"), "{first}");
    let started = world.platform.states.executions();
    let rollback = started.first().context("no rollback was started")?;
    assert!(rollback.identity().name.starts_with("sweep-one-1-"));
    assert_eq!(rollback.input()["cause"], "stopped");
    let again = swept(&world).await?;
    assert_eq!(
        world.platform.states.executions().len(),
        1,
        "a second sweep starts no second rollback: {again}"
    );
    world.leave("ended").await?;
    assert_eq!(swept(&world).await?, json!([]));
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_runs_is_not_started_once_more() -> Result<()> {
    let world = abandoned("sweep-runs").await?;
    let machine = world.platform.template.machine("RollbackMachine");
    let machine = machine.context("a machine")?.arn.clone();
    // It waits for a lease that no call gives back.
    world
        .change_item(|item| {
            item["phase"] = json!({"S": "rolling_back"});
            item["lease_holder"] = json!({"S": "a call that stalls"});
            item["lease_step"] = json!({"S": "switchover"});
            item["lease_until"] = json!({"N": "99999999999999"});
        })
        .await?;
    let order = json!({"database": "orders", "owner": OWNER, "reason": "A test."});
    let started = world.platform.states.start(&machine, None, order);
    let execution = tests::accepted(started)?;
    world
        .change_record(|record| record["rollback"] = json!(execution))
        .await?;
    assert_eq!(swept(&world).await?, json!([]));
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_whose_event_was_lost_ends_the_wait() -> Result<()> {
    let (world, ticket) = guarded("sweep-alarm").await?;
    let lost = Target::every("lambda", "Invoke").by("events");
    let lost = world.platform.faults().plant(lost, Fault::FailBefore);
    let execution = waiting(&world, &ticket).await?;
    world.ring("errors")?;
    let done = swept(&world).await?;
    assert!(done.to_string().contains("EndWait"), "{done}");
    let why = rolled_back(&world, &execution).await?;
    assert!(why.starts_with("Upgrade.AlarmRaised"), "{why}");
    tests::wait("the event is lost", async || Ok(lost.fired() > 0)).await?;
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_seen_is_no_reason_to_do_anything() -> Result<()> {
    let world = abandoned("sweep-blind").await?;
    let unseen = Target::every("states", "DescribeExecution").by("sweep");
    let unseen = world.platform.faults().plant(unseen, Fault::FailBefore);
    assert_eq!(swept(&world).await?, json!([]));
    assert!(unseen.fired() > 0);
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_of_a_database_that_another_one_has_is_refused_and_rolls_nothing_back()
-> Result<()> {
    let world = abandoned("sweep-second").await?;
    let before = world.item().await?;
    let second = world.step("claim", claim("arn:second", &plan())).await;
    assert_eq!(crate::world::error(second)?, "Upgrade.Refused");
    let order = json!({"database": "orders", "owner": "arn:second", "reason": "It was refused."});
    let answer = world.step("rollback", order).await?;
    assert_eq!(answer["actions"], json!([]));
    assert_eq!(world.item().await?, before);
    world.end().await
}
