//! `plan`: everything that is in the way at once, and nothing touched.

use crate::shop::{Shop, checks};
use anyhow::{Context, Result};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_the_way_is_said_at_once_and_nothing_is_touched() -> Result<()> {
    let shop = Shop::open("refused", "16.14").await?;
    let made = [
        "create table log (line text); create table t (n int, p regproc, primary key (n)); \
         create table secret (n int primary key); alter table secret enable row level security; \
         create table track (place int primary key deferrable); \
         create table lent (place int primary key deferrable); alter table lent replica identity full",
        "create database archive allow_connections false",
        "create database full_one connection limit 0",
        "create role root login superuser",
    ];
    shop.execute("orders", "orders", &made).await?;
    let orders_id = ("DBInstanceIdentifier", "orders");
    let off = [orders_id, ("BackupRetentionPeriod", "0")];
    shop.ask("ModifyDBInstance", &off).await?;
    shop.available("orders").await?;
    let slot = "select pg_create_logical_replication_slot('cdc', 'pgoutput')";
    shop.execute("orders", "orders", &[slot]).await?;
    let request = json!({"target_version": "18.4", "alarms": ["no-such-alarm"]});
    let planned = shop.plan(request).await?;
    assert_eq!(planned["outcome"], "refused");
    let found = checks(&planned, "blocker");
    let expected = [
        "backups on",
        "no foreign replication",
        "databases",
        "replica identity",
        "row-level security",
        "column types",
        "application roles",
        "no way past the fence",
        "failback",
        "alarms quiet",
    ];
    assert_eq!(found, expected, "{}", planned["text"]);
    let text = planned["text"].as_str().context("text")?;
    let keyless = "2 tables without replica identity: orders.public.log, orders.public.track";
    let closed = "archive does not allow connections, full_one has CONNECTION LIMIT 0";
    tests::says(text, &[keyless, closed]);
    for call in shop.platform.calls().all() {
        let (verbs, operation) = (["Describe", "List", "Get"], &call.operation);
        let reads = verbs.iter().any(|verb| operation.starts_with(verb));
        assert!(reads || call.caller != "plan", "plan called {operation}");
    }
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_passes_as_rds_s_own_only_if_it_is() -> Result<()> {
    let shop = Shop::open("own-rdsadmin", "16.14").await?;
    let planned = shop.plan(json!({"target_version": "18.4"})).await?;
    assert_eq!(planned["plan"]["databases"], json!(["orders"]));
    let another = [
        "drop database if exists rdsadmin",
        "create database rdsadmin owner viridian",
    ];
    shop.execute("orders", "orders", &another).await?;
    let table = "create table country (code text primary key)";
    shop.execute("orders", "template1", &[table]).await?;
    let planned = shop.plan(json!({"target_version": "18.4"})).await?;
    assert_eq!(planned["plan"]["databases"], json!(["orders", "rdsadmin"]));
    assert_eq!(checks(&planned, "blocker"), ["databases"]);
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_faults_is_answered_with_all_of_them() -> Result<()> {
    let shop = Shop::open("faulty", "16.14").await?;
    let faulty = json!({"target_verson": "18.4", "ramp": [100, 10]});
    let failure = shop.plan(faulty).await.expect_err("faulty");
    assert_eq!(failure.error, "Upgrade.InvalidInput");
    let missing = "`target_version` is missing";
    let meant = "did you mean `target_version`";
    tests::says(&failure.cause, &["`ramp`", missing, meant]);
    let planned = shop.plan(json!({"target_version": "99.1"})).await?;
    let blockers = checks(&planned, "blocker").join(", ");
    tests::says(&blockers, &["target version"]);
    shop.close().await
}
