//! `provision` and `prepare`: one green, whatever happens to an answer, and the fence rehearsed on it.

use crate::crossing::make_level;
use crate::shop::Shop;
use anyhow::{Context, Result};
use local_aws::faults::{Fault, Target};
use local_rds::Breakage;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_green_is_made_once_and_made_fit() -> Result<()> {
    let shop = Shop::open("major", "16.14").await?;
    let (plan, ticket) = shop.claimed(json!({"target_version": "18.4"})).await?;
    let lost = shop.lose("rds", "CreateBlueGreenDeployment", "provision");

    let said = shop.finish("provision", &ticket).await?;
    assert_eq!(lost.fired(), 1);
    let (describe, id) = (
        "DescribeBlueGreenDeployments",
        "BlueGreenDeploymentIdentifier",
    );
    assert_eq!(shop.count(describe, id).await?, 1);
    let percents = said.iter().filter_map(|answer| answer["percent"].as_u64());
    let percents: Vec<u64> = percents.collect();
    let rises = percents.is_sorted() && percents.last() == Some(&100);
    assert!(rises, "{percents:?}");
    let again = shop.step("provision", ticket.clone()).await?;
    assert_eq!(again["done"], true);

    let record = shop.record().await?;
    let greens = record["green"]["members"].as_array().context("green")?;
    assert_eq!(greens.len(), 2);
    let marker = "select number from viridian.marker";
    let blue = shop.admin("orders", "orders").await?;
    assert_eq!(blue.query_one(marker, &[]).await?.get::<_, i64>(0), 0);
    assert_eq!(
        plan["members"][0]["resource_id"],
        record["plan"]["members"][0]["resource_id"]
    );

    let lines = shop.done("prepare", &ticket).await?["parity"].to_string();
    tests::says(&lines, &["the fence closed and opened orders_app, reader"]);
    let green = greens[0]["instance"].as_str().context("a name")?;
    let green = shop.admin(green, "orders").await?;
    let roles = "select count(*) from pg_roles where rolname in ('orders_app', 'reader') and rolcanlogin \
                 and shobj_description(oid, 'pg_authid') is null";
    assert_eq!(green.query_one(roles, &[]).await?.get::<_, i64>(0), 2);
    assert_eq!(shop.record().await?["fences"], json!([]));
    let statistics = "select count(*) from pg_stats where tablename = 'item'";
    assert!(green.query_one(statistics, &[]).await?.get::<_, i64>(0) > 0);
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_green_that_rds_does_not_finish_is_refused_in_its_own_words() -> Result<()> {
    let shop = Shop::open("unfinished", "16.14").await?;
    let (_, ticket) = shop.claimed(json!({"target_version": "18.4"})).await?;
    let task = "DB_ENGINE_VERSION_UPGRADE";
    shop.platform.rds.break_next(Breakage::Task(task));
    let refused = shop.refused("provision", &ticket).await?;
    assert_eq!(shop.platform.rds.unplayed(), []);
    tests::says(&refused, &["Upgrade.Refused", "RDS can't make green", task]);
    let deployment = shop.ask("DescribeBlueGreenDeployments", &[]).await?;
    tests::says(&deployment, &["<Status>INVALID_CONFIGURATION<"]);
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_that_a_killed_rehearsal_left_is_taken_down_by_the_next_one() -> Result<()> {
    let shop = Shop::open("rehearsal", "16.14").await?;
    let (_, ticket) = shop.claimed(json!({"target_version": "18.4"})).await?;
    shop.finish("provision", &ticket).await?;
    let green = shop.green().await?;
    let left = [
        "set default_transaction_read_only = off",
        "alter role reader nologin; comment on role reader is 'viridian: fenced by x until y'",
    ];
    shop.execute(&green, "postgres", &left).await?;
    shop.finish("prepare", &ticket).await?;
    let roles =
        "select count(*) from pg_roles where rolname in ('orders_app', 'reader') and rolcanlogin";
    assert_eq!(shop.number(&green, roles).await?, 2);
    assert_eq!(shop.record().await?["fences"], json!([]));
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn old_blue_goes_only_after_its_snapshot_and_by_its_resource_id() -> Result<()> {
    let shop = Shop::open("retire", "16.14").await?;
    let request = json!({"target_version": "18.4", "retire": "snapshot_and_delete"});
    let ticket = make_level(&shop, request).await?;
    let early = shop
        .step("retire", ticket.clone())
        .await
        .expect_err("blue serves");
    assert_eq!(early.error, "Upgrade.Refused");

    shop.finish("switchover", &ticket).await?;
    let plan = shop.record().await?["plan"].clone();
    let lost = shop.lose("rds", "DeleteDBInstance", "retire");
    let last = shop.done("retire", &ticket).await?;
    assert_eq!(lost.fired(), 1);

    let left = shop.ask("DescribeDBInstances", &[]).await?;
    assert!(
        !left.contains("-old1") && left.contains("<DBInstanceIdentifier>orders<"),
        "{left}"
    );
    for member in plan["members"].as_array().context("members")? {
        assert!(
            !left.contains(member["resource_id"].as_str().context("an id")?),
            "{left}"
        );
    }
    let snapshots = shop.ask("DescribeDBSnapshots", &[]).await?;
    let taken = format!("{}-final", plan["name"].as_str().context("a name")?);
    assert!(snapshots.contains(&taken), "{snapshots}");
    let summary = last["summary"].to_string();
    tests::says(&summary, &["old blue is gone", &taken]);
    assert_eq!(shop.record().await?["phase"], "ended");
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_the_deployment_that_the_switchover_could_not_delete_goes_with_the_watch()
-> Result<()> {
    let shop = Shop::open("retire-record", "16.14").await?;
    let request = json!({"target_version": "18.4", "retire": "snapshot_and_delete"});
    let ticket = make_level(&shop, request).await?;
    let early = Target::every("rds", "DeleteBlueGreenDeployment").by("switchover");
    let refused = shop.platform.faults().plant(early, Fault::FailBefore);
    shop.finish("switchover", &ticket).await?;
    assert!(refused.fired() > 0);
    let kept = shop.ask("DescribeBlueGreenDeployments", &[]).await?;
    assert!(kept.contains("SWITCHOVER_COMPLETED"), "{kept}");
    shop.finish("retire", &ticket).await?;
    let gone = shop.ask("DescribeBlueGreenDeployments", &[]).await?;
    assert!(!gone.contains("<BlueGreenDeploymentIdentifier>"), "{gone}");
    assert_eq!(shop.record().await?["phase"], "ended");
    shop.close().await
}
