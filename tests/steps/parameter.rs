//! Reads by a parameter that clients poll: they move at the last step of the ramp, and come back exactly.

use crate::rollback::{until_done, with_green};
use crate::world::{World, error};
use anyhow::{Context, Result};
use local_aws::faults::{Fault, Target};
use local_rds::host_name;
use serde_json::{Value, json};
use std::time::Duration;

const NAME: &str = "/orders/reads";
const BLUE: &str = "orders-replica.rds.test:5432";
const GREEN: &str = "orders-replica-green-abc123.rds.test:5432";

async fn put(world: &World, value: &str) -> Result<()> {
    let put = json!({"Name": NAME, "Value": value, "Type": "String", "Overwrite": true});
    let client = &world.client;
    client.json("ssm", "AmazonSSM.PutParameter", &put).await?;
    Ok(())
}

/// The value and its version.
async fn read(world: &World) -> Result<(String, i64)> {
    let get = json!({"Name": NAME});
    let client = &world.client;
    let found = client.json("ssm", "AmazonSSM.GetParameter", &get).await?;
    let parameter = &found["Parameter"];
    let value = parameter["Value"].as_str().context("a value")?.to_owned();
    Ok((value, parameter["Version"].as_i64().context("a version")?))
}

fn at(value: &str, version: i64) -> (String, i64) {
    (value.to_owned(), version)
}

/// A claimed upgrade with green, whose reads go by the parameter.
async fn ready(name: &str) -> Result<(World, Value)> {
    let world = World::start(name).await?;
    let ticket = world.claimed().await?;
    put(&world, BLUE).await?;
    let route = json!({"parameter": NAME, "value": BLUE, "version": 1, "poll_seconds": 20});
    world.has_green(route).await?;
    Ok((world, ticket))
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_move_at_the_last_step_and_come_back_exactly() -> Result<()> {
    let (world, ticket) = ready("parameter").await?;
    let answer = world.shift(&ticket, 50).await?;
    assert_eq!(read(&world).await?, at(BLUE, 1));
    let stay = "All reads stay on blue: the parameter /orders/reads moves at 100 %.";
    assert_eq!(answer["summary"], stay);
    let answer = world.shift(&ticket, 100).await?;
    assert_eq!(read(&world).await?, at(GREEN, 2));
    assert_eq!(
        answer["settle_seconds"], 20,
        "every client has to look again"
    );
    world.shift(&ticket, 0).await?;
    assert_eq!(read(&world).await?, at(BLUE, 3));
    world.shift(&ticket, 0).await?;
    assert_eq!(read(&world).await?, at(BLUE, 3));
    assert_eq!(world.weights()?, [100.0, 0.0], "each change once");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_and_a_throttled_call_move_the_parameter_once() -> Result<()> {
    let (world, ticket) = ready("parameter-lost").await?;
    let faults = world.platform.faults();
    let write = || Target::first("ssm", "PutParameter").by("shift_weight");
    let lost = faults.plant(write(), Fault::LoseAnswer);
    world.shift(&ticket, 100).await?;
    assert_eq!((read(&world).await?, lost.fired()), (at(GREEN, 2), 1));
    let throttled = faults.plant(write(), Fault::Throttle);
    world.shift(&ticket, 0).await?;
    assert_eq!((read(&world).await?, throttled.fired()), (at(BLUE, 3), 1));
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_clients_change_is_noticed_and_left_alone() -> Result<()> {
    let (world, ticket) = ready("parameter-theirs").await?;
    for (percent, theirs) in [
        (100, "elsewhere.shop.test:5432"),
        (0, "orders-replica-green-abc123.rds.test:6432"),
    ] {
        put(&world, theirs).await?;
        let before = read(&world).await?;
        let refused = world.shift(&ticket, percent).await;
        assert_eq!(error(refused)?, "Upgrade.Refused");
        assert_eq!(read(&world).await?, before);
    }
    assert_eq!(world.weights()?, [0.0; 0]);
    world.end().await
}

/// Lets one look of the step's be answered late, and writes something else meanwhile.
async fn race(name: &str, look: u32) -> Result<(String, (String, i64))> {
    let (world, ticket) = ready(name).await?;
    let look = Target::nth("ssm", "GetParameter", look..=look).by("shift_weight");
    let late = Fault::Delay(Duration::from_secs(3));
    let planted = world.platform.faults().plant(look, late);
    let theirs = async {
        tests::wait("the step looks", async || Ok(planted.fired() > 0)).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        put(&world, "elsewhere.shop.test:5432").await
    };
    let (refused, put) = tokio::join!(world.shift(&ticket, 100), theirs);
    put?;
    let failure = refused.expect_err("it is noticed");
    assert_eq!(failure.error, "Upgrade.Refused");
    let left = read(&world).await?;
    world.end().await?;
    Ok((failure.cause, left))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_before_the_last_look_is_not_overwritten_and_a_later_one_is_reported() -> Result<()>
{
    let (why, left) = race("parameter-before", 1).await?;
    assert!(
        why.contains("version 2") && why.contains("left alone"),
        "{why}"
    );
    assert_eq!(left, at("elsewhere.shop.test:5432", 2));
    let (why, left) = race("parameter-after", 2).await?;
    assert!(why.contains("at the same moment"), "{why}");
    assert_eq!(left, at(GREEN, 3));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_restores_what_was_planned() -> Result<()> {
    let world = World::start("parameter-back").await?;
    let value = format!(
        "postgres://reader@{}:5432/orders",
        host_name("orders-replica")
    );
    put(&world, &value).await?;
    let ticket = with_green(&world, &json!({"parameter": NAME, "poll_seconds": 1})).await?;
    world.shift(&ticket, 100).await?;
    let (moved, _) = read(&world).await?;
    assert!(moved.contains("orders-replica-green-"), "{moved}");
    until_done(&world, "rollback", &json!({"database": "orders"})).await?;
    assert_eq!(read(&world).await?, at(&value, 3));
    world.end().await
}
