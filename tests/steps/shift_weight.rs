//! `shift_weight`: reads move by weight, and come back exactly as they were.

use crate::world::{READS, World, error};
use anyhow::Result;
use local_aws::faults::{Fault, Target};
use serde_json::{Value, json};
use std::time::Duration;

const BLUE: &str = "orders-replica.rds.test";
const GREEN: &str = "orders-replica-green-abc123.rds.test";

/// A claimed upgrade with green, whose reads go to a replica and, without any weight, to the writer.
async fn ready(name: &str) -> Result<(World, Value)> {
    let world = World::start(name).await?;
    let ticket = world.claimed().await?;
    let originals = [("replica", BLUE, 90), ("writer", "orders.rds.test", 0)];
    world.route(&originals).await?;
    let records: Vec<Value> = originals
        .iter()
        .map(|(name, target, weight)| {
            json!({"set_identifier": name, "target": target, "weight": weight, "ttl": 60})
        })
        .collect();
    let route = json!({"zone": world.platform.zone_id, "name": READS, "records": records});
    world.has_green(route).await?;
    Ok((world, ticket))
}

fn record(name: &str, target: &str, weight: u32, ttl: u32) -> (String, String, u32, u32) {
    (name.to_owned(), target.to_owned(), weight, ttl)
}

fn originals() -> Vec<(String, String, u32, u32)> {
    vec![
        record("replica", BLUE, 90, 60),
        record("writer", "orders.rds.test", 0, 60),
    ]
}

fn shared(blue: u32, green: u32) -> Vec<(String, String, u32, u32)> {
    vec![
        record("replica", BLUE, blue, 1),
        record("viridian-green-replica", GREEN, green, 1),
        record("writer", "orders.rds.test", 0, 1),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_ramp_and_come_back_exactly() -> Result<()> {
    let (world, ticket) = ready("shift").await?;
    let answer = world.shift(&ticket, 10).await?;
    assert_eq!(world.routes().await?, shared(180, 20));
    assert_eq!(
        answer["settle_seconds"], 60,
        "the original answers have to expire first"
    );
    let answer = world.shift(&ticket, 100).await?;
    assert_eq!(world.routes().await?, shared(0, 200));
    assert_eq!(answer["settle_seconds"], 1);
    world.shift(&ticket, 0).await?;
    assert_eq!(world.routes().await?, originals());
    world.shift(&ticket, 0).await?;
    assert_eq!(world.weights()?, [10.0, 100.0, 0.0], "each change once");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_and_a_throttled_call_move_reads_once() -> Result<()> {
    let (world, ticket) = ready("shift-lost").await?;
    let faults = world.platform.faults();
    let change = |nth| Target::nth("route53", "ChangeResourceRecordSets", nth).by("shift_weight");
    let lost = faults.plant(change(1..=1), Fault::LoseAnswer);
    let throttled = faults.plant(change(2..=2), Fault::Throttle);
    world.shift(&ticket, 10).await?;
    assert_eq!(world.routes().await?, shared(180, 20));
    assert_eq!(lost.fired(), 1);
    world.shift(&ticket, 50).await?;
    assert_eq!(world.routes().await?, shared(100, 100));
    assert_eq!(throttled.fired(), 1);
    assert_eq!(world.weights()?, [10.0, 50.0]);
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_ticket_moves_nothing() -> Result<()> {
    let (world, ticket) = ready("shift-old").await?;
    world
        .change_item(|item| item["epoch"] = json!({"N": "2"}))
        .await?;
    assert_eq!(error(world.shift(&ticket, 10).await)?, "Upgrade.RolledBack");
    assert_eq!(world.routes().await?, originals());
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_calls_lease_is_waited_for() -> Result<()> {
    let (world, ticket) = ready("shift-lease").await?;
    world
        .change_item(|item| {
            item["lease_holder"] = json!({"S": "another"});
            item["lease_step"] = json!({"S": "provision"});
            item["lease_until"] = json!({"N": i64::MAX.to_string()});
        })
        .await?;
    let lease_ends = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(world.routes().await?, originals());
        let over = |item: &mut serde_json::Value| item["lease_until"] = json!({"N": "1"});
        world.change_item(over).await
    };
    let (moved, ended) = tokio::join!(world.shift(&ticket, 10), lease_ends);
    ended?;
    moved?;
    assert_ne!(world.routes().await?, originals());
    assert!(
        world.item().await?["lease_holder"].is_null(),
        "the lease was given back"
    );
    world.end().await
}
