//! `upgrade_in_place`: a snapshot, the replica, the writer, each once.

use crate::shop::Shop;
use anyhow::{Context, Result};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_minor_version_rolls_replica_first_and_each_instance_once() -> Result<()> {
    let shop = Shop::open("minor", "16.4").await?;
    let (plan, ticket) = shop.claimed(json!({"target_version": "16.14"})).await?;
    let lost = ["CreateDBSnapshot", "ModifyDBInstance"]
        .map(|operation| shop.lose("rds", operation, "upgrade_in_place"));

    let last = shop.done("upgrade_in_place", &ticket).await?;
    assert!(lost.iter().all(|fault| fault.fired() == 1));
    let members = ["orders", "orders-replica"].map(|it| format!("{it} runs 16.14 and answers"));
    assert_eq!(last["members"], json!(members));
    let snapshot = format!("{}-before", plan["name"].as_str().context("a name")?);
    assert_eq!(last["snapshot"], snapshot);
    let taken = shop.count("DescribeDBSnapshots", "DBSnapshotIdentifier");
    assert_eq!(taken.await?, 1);
    for instance in ["orders", "orders-replica"] {
        let admin = shop.admin(instance, "postgres").await?;
        let version: String = admin.query_one("show server_version", &[]).await?.get(0);
        assert!(version.starts_with("16.14"), "{instance} runs {version}");
    }
    assert_eq!(shop.record().await?["phase"], "ended");
    let again = shop.step("upgrade_in_place", ticket).await?;
    assert_eq!(
        again["done"], true,
        "an answer that was lost after the end is given again"
    );
    assert_eq!(again["summary"], last["summary"]);
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_says_what_is_in_service_and_marks_the_claim() -> Result<()> {
    let shop = Shop::open("stuck", "16.4").await?;
    let (_, ticket) = shop.claimed(json!({"target_version": "16.14"})).await?;
    let replica = ("DBInstanceIdentifier", "orders-replica");
    let delete = [replica, ("SkipFinalSnapshot", "true")];
    shop.ask("DeleteDBInstance", &delete).await?;
    let gone = async || Ok(shop.platform.rds.server("orders-replica").is_none());
    tests::wait("the replica is gone", gone).await?;
    let failure = shop.refused("upgrade_in_place", &ticket).await?;
    let gone = ["Upgrade.Failed", "orders-replica", "is gone"];
    tests::says(&failure, &gone);
    tests::says(&failure, &["orders runs 16.4", "-before, available"]);
    assert_eq!(shop.record().await?["phase"], "needs_operator");
    shop.close().await
}
