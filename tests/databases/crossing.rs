//! `check_lag`, `validate` and `switchover`, as compiled binaries: one writer becomes another, whatever happens to the call.

use crate::shop::{OWNER, Shop};
use anyhow::{Context, Result, ensure};
use local_rds::{Breakage, DelayProfile};
use serde_json::{Value, json};
use std::time::Duration;

/// A shop whose green is made, fit, level and alike.
pub async fn level(name: &str) -> Result<(Shop, Value)> {
    let shop = Shop::open(name, "16.14").await?;
    let ticket = make_level(&shop, json!({"target_version": "18.4"})).await?;
    Ok((shop, ticket))
}

pub async fn make_level(shop: &Shop, request: Value) -> Result<Value> {
    let (_, ticket) = shop.claimed(request).await?;
    shop.finish("provision", &ticket).await?;
    shop.finish("prepare", &ticket).await?;
    let mut streak = json!(0);
    for _ in 0..50 {
        let input = json!({"ticket": ticket["ticket"], "streak": streak});
        let answer = shop.step("check_lag", input).await?;
        streak = answer["streak"].clone();
        if answer["caught_up"] == true {
            ensure!(streak == 3, "{answer}");
            let alike = shop.step("validate", ticket.clone()).await?;
            ensure!(alike["rows"] == 1000, "{alike}");
            return Ok(ticket);
        }
    }
    anyhow::bail!("green is never level")
}

#[tokio::test(flavor = "multi_thread")]
async fn green_takes_over_once_although_the_answer_to_the_call_is_lost() -> Result<()> {
    let (shop, ticket) = level("crossing").await?;
    let lost = shop.lose("rds", "SwitchoverBlueGreenDeployment", "switchover");
    let answer = shop.done("switchover", &ticket).await?;
    assert_eq!(lost.fired(), 1);
    let receipt = &answer["receipt"];
    eprintln!("{answer:#}");
    assert_eq!(receipt["complaints"], json!([]));
    assert_eq!(receipt["databases"]["orders"]["rows"], 1000);
    assert_eq!(receipt["roles"], json!(["orders_app", "reader"]));

    assert_eq!(shop.closed("orders").await?, 0);
    assert_eq!(shop.closed("orders-old1").await?, 2);
    assert_eq!(shop.major("orders").await?, 18);
    let record = shop.record().await?;
    assert_eq!(record["phase"], "after");
    let fences = record["fences"].as_array().context("fences")?;
    let on_blue = fences.iter().all(|fence| fence["side"] == "blue");
    assert!(on_blue, "{fences:?}");

    let again = shop.step("switchover", ticket.clone()).await?;
    assert_eq!(again["receipt"]["opened_at"], receipt["opened_at"]);

    let told = |function, name| tests::metric(&shop.platform, function, name);
    assert!(told("check_lag", "LagBytes")?.len() >= 3, "at each look");
    let moment = |name: &str| receipt[name].as_f64().context("a moment");
    let pause = moment("opened_at")? - moment("called_at")?;
    assert_eq!(told("switchover", "WritePauseMs")?, [pause], "told once");
    let phases = receipt["phases"].as_array().context("phases")?;
    assert_eq!(told("switchover", "PhaseMs")?.len(), phases.len());
    shop.close().await
}

/// What RDS itself adds to a switchover: resolvers keep blue's address for a while, and green takes writes before RDS says
/// that it is through.
const UNHURRIED: DelayProfile = DelayProfile {
    switchover_pause: Duration::from_secs(1),
    switchover_end: Duration::from_secs(2),
    endpoint_ttl: 5,
    ..DelayProfile::QUICK
};

#[tokio::test(flavor = "multi_thread")]
async fn writes_in_flight_outlive_an_unhurried_rds_and_an_address_that_is_kept() -> Result<()> {
    let shop = Shop::open_on("unhurried", "16.14", &UNHURRIED).await?;
    shop.make_table("").await?;
    let ticket = make_level(&shop, json!({"target_version": "18.4"})).await?;
    let writer = shop.writer().await?;

    let receipt = &shop.done("switchover", &ticket).await?["receipt"];
    assert_eq!(receipt["complaints"], json!([]));
    let green = shop.goes_on().await?;

    let written = writer.stop().await?;
    written.check(&green).await?;
    assert!(written.refusals > 0, "blue's address led nowhere else");
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_made_while_green_stands_refuses_the_switchover() -> Result<()> {
    let (shop, ticket) = level("late-database").await?;
    let made = "create database tenant_4 owner viridian";
    shop.execute("orders", "orders", &[made]).await?;
    let table = "create table invoice (id int primary key); insert into invoice values (1)";
    shop.execute("orders", "tenant_4", &[table]).await?;
    let refused = shop.refused("switchover", &ticket).await?;
    let left_behind = "the database `tenant_4` is on blue only";
    tests::says(&refused, &["Upgrade.Refused", left_behind]);
    let switched = shop.platform.calls();
    let switched = switched.matching(|call| call.operation == "SwitchoverBlueGreenDeployment");
    assert_eq!(switched.len(), 0);
    let record = shop.record().await?;
    assert_eq!(record["phase"], "before");
    assert_eq!(record["fences"], json!([]));
    assert_eq!(shop.closed("orders").await?, 0);

    let dropped = "drop database tenant_4 with (force)";
    shop.execute("orders", "orders", &[dropped]).await?;
    shop.finish("switchover", &ticket).await?;
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_marked_as_a_template_is_carried_and_compared() -> Result<()> {
    let shop = Shop::open("template", "16.14").await?;
    let made = "create database tenants owner viridian is_template true";
    shop.execute("orders", "orders", &[made]).await?;
    let rows = "create table tenant (id int primary key); alter table tenant owner to viridian; \
                insert into tenant select generate_series(1, 10)";
    shop.execute("orders", "tenants", &[rows]).await?;
    let (plan, ticket) = shop.claimed(json!({"target_version": "18.4"})).await?;
    assert_eq!(plan["databases"], json!(["orders", "tenants"]));
    shop.finish("provision", &ticket).await?;
    shop.finish("prepare", &ticket).await?;
    let more = "insert into tenant select generate_series(11, 500)";
    shop.execute("orders", "tenants", &[more]).await?;
    let receipt = &shop.done("switchover", &ticket).await?["receipt"];
    assert_eq!(receipt["databases"]["tenants"]["rows"], 500, "{receipt}");
    let green = shop.admin("orders", "tenants").await?;
    let there = green.query_one("select count(*) from tenant", &[]);
    assert_eq!(there.await?.get::<_, i64>(0), 500);
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn blue_goes_on_behind_no_fence_when_rds_takes_the_switchover_back() -> Result<()> {
    let (shop, ticket) = level("taken-back").await?;
    shop.platform.rds.break_next(Breakage::Switchover);
    let refused = shop.refused("switchover", &ticket).await?;
    assert!(refused.contains("Upgrade.Refused"), "{refused}");
    assert_eq!(shop.platform.rds.unplayed(), []);

    let record = shop.record().await?;
    assert_eq!(record["phase"], "before");
    assert_eq!(record["fences"], json!([]));
    assert_eq!(shop.closed("orders").await?, 0);
    assert_eq!(shop.closed(&shop.green().await?).await?, 0);
    let write = "insert into item values (0, 'blue writes')";
    shop.execute("orders", "orders", &[write]).await?;
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_alike_is_named() -> Result<()> {
    let (shop, ticket) = level("unlike").await?;
    let harm = "update item set name = 'other' where id = 77";
    let harm = ["set default_transaction_read_only = off", harm];
    shop.execute(&shop.green().await?, "orders", &harm).await?;
    let unlike = shop.step("validate", ticket).await.expect_err(OWNER);
    assert_eq!(unlike.error, "Upgrade.Refused");
    let named = ["`orders.public.item`: 1 row", "(id) = (77)"];
    tests::says(&unlike.cause, &named);
    shop.close().await
}
