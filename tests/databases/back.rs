//! `rollback` after the switchover, as a compiled binary: every write that green took is on blue, or green goes on serving.

use crate::crossing::make_level;
use crate::shop::{OWNER, Shop};
use anyhow::{Context, Result, ensure};
use local::routes::listener;
use local_aws::faults::{Fault, Target};
use local_rds::host_name;
use serde_json::{Value, json};
use std::net::SocketAddrV4;

/// A shop that writes on green, with old following.
async fn switched(name: &str) -> Result<Shop> {
    let shop = Shop::open(name, "16.14").await?;
    switch(&shop, json!({"target_version": "18.4"})).await?;
    Ok(shop)
}

async fn switch(shop: &Shop, request: Value) -> Result<()> {
    shop.make_table("").await?;
    let ticket = make_level(shop, request).await?;
    let receipt = &shop.done("switchover", &ticket).await?["receipt"];
    ensure!(receipt["complaints"] == json!([]), "{receipt}");
    let record = shop.record().await?;
    ensure!(record["reverse"]["subscribed"] == true, "{record}");
    Ok(())
}

/// The order that an alarm gives.
pub fn alarm() -> Value {
    json!({"database": "orders", "owner": OWNER, "reason": "An alarm went to ALARM.", "cause": "alarm"})
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_in_flight_come_back_to_blue_under_its_old_name_although_answers_are_lost()
-> Result<()> {
    let shop = switched("back").await?;
    let writer = shop.writer().await?;

    let lost = [("dynamodb", "UpdateItem"), ("rds", "ModifyDBInstance")]
        .map(|(service, operation)| shop.lose(service, operation, "rollback"));
    let answer = shop.done("rollback", &alarm()).await?;
    assert!(lost.iter().all(|fault| fault.fired() == 1), "{lost:?}");
    let receipt = &answer["receipt"];
    assert_eq!(receipt["wrong"], json!([]), "{answer:#}");
    let digest = &receipt["databases"]["orders"]["digest"];
    assert!(digest.is_string(), "{answer:#}");

    let record = shop.record().await?;
    let identity = record["green"]["members"][0]["resource_id"].as_str();
    let identity = identity.context("a green")?.to_lowercase();
    let kept = format!("orders-new-{}", &identity[identity.len() - 6..]);
    assert_eq!(shop.major("orders").await?, 16);
    assert_eq!(shop.major(&kept).await?, 18);
    assert_eq!(shop.closed("orders").await?, 0);
    assert_eq!(shop.closed(&kept).await?, 2, "green stays closed");
    let blue = shop.goes_on().await?;
    writer.stop().await?.check(&blue).await?;
    let left = "select (select count(*) from pg_subscription) + (select count(*) from pg_namespace where nspname = 'viridian')";
    let ours = shop.number("orders", left).await?;
    assert_eq!(ours, 0, "nothing of ours is left on blue");
    let slots = "select count(*) from pg_replication_slots where slot_type = 'logical'";
    assert_eq!(shop.number(&kept, slots).await?, 0);
    assert_eq!(shop.record().await?["phase"], "ended");

    let again = shop.step("rollback", alarm()).await?;
    let late = "a late order finds nothing to do";
    assert_eq!(again["actions"], json!([]), "{late}");
    let told = |name| tests::metric(&shop.platform, "rollback", name);
    assert_eq!(told("Rollbacks")?, [1.0]);
    assert_eq!(told("WayBackPauseMs")?.len(), 1);
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_of_the_writes_leads_to_old_blue_once_although_an_answer_is_lost() -> Result<()>
{
    const NAME: &str = "/orders/writes";
    let shop = Shop::open("back-parameter", "16.14").await?;
    let client = shop.platform.client();
    let found = format!("{}:5432", host_name("orders"));
    let put = json!({"Name": NAME, "Value": found, "Type": "String"});
    client.json("ssm", "AmazonSSM.PutParameter", &put).await?;
    let writes = json!({"parameter": NAME, "poll_seconds": 1});
    switch(&shop, json!({"target_version": "18.4", "writes": writes})).await?;
    let read = async || {
        let get = json!({"Name": NAME});
        let found = client.json("ssm", "AmazonSSM.GetParameter", &get).await?;
        anyhow::Ok(found["Parameter"].clone())
    };
    let version = &read().await?["Version"];
    assert_eq!(*version, 1, "the switchover needs no change");

    let lost = shop.lose("ssm", "PutParameter", "rollback");
    shop.finish("rollback", &alarm()).await?;
    let left = read().await?;
    let wanted = format!("{}:5432", host_name("orders-old1"));
    assert_eq!(left["Value"], wanted);
    assert_eq!(left["Version"], 2);
    assert_eq!(lost.fired(), 1);
    assert_eq!(shop.closed("orders-old1").await?, 0);
    assert_eq!(shop.closed("orders").await?, 2, "green stays closed");
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_of_the_writes_leads_to_green_and_back_exactly() -> Result<()> {
    let shop = Shop::open("back-listener", "16.14").await?;
    let client = shop.platform.client();
    let at = |name: &str| {
        let server = shop.platform.rds.server(name).context("a server")?;
        anyhow::Ok(server.address())
    };
    let blue = at("orders")?;
    let listener = listener::make(&client, "orders", blue.port()).await?;
    let swap = async |group: &str, [gone, come]: [SocketAddrV4; 2]| {
        listener::change(&client, "RegisterTargets", group, come).await?;
        listener::change(&client, "DeregisterTargets", group, gone).await
    };
    let groups = listener::groups(&client, &listener).await?;
    let customers = groups.first().context("a group")?.0.clone();
    listener::change(&client, "RegisterTargets", &customers, blue).await?;
    let found = listener::of(&client, &listener).await?;
    let request = json!({"target_version": "18.4", "writes": {"listener": listener}});
    let ticket = make_level(&shop, request).await?;
    let green = at(&shop.green().await?)?;

    // Addresses of the other side are put right, before the switchover and after it.
    swap(&customers, [blue, green]).await?;
    shop.finish("switchover", &ticket).await?;
    let moved = listener::of(&client, &listener).await?;
    assert_eq!(moved[0], format!("orders 0 {blue}"));
    assert!(moved[1].ends_with(&format!(" 900 {green}")), "{moved:?}");

    swap(&customers, [blue, green]).await?;
    let lost = shop.lose("elasticloadbalancing", "ModifyListener", "rollback");
    shop.finish("rollback", &alarm()).await?;
    assert_eq!(lost.fired(), 1);
    assert_eq!(listener::of(&client, &listener).await?, found);
    let groups = listener::call(&client, "DescribeTargetGroups", &[]).await?;
    assert!(!groups.contains("viridian-green-"), "{groups}");
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_table_on_green_closes_the_way_back_and_is_told_once() -> Result<()> {
    let shop = switched("back-ddl").await?;
    let fresh = "set role orders_app; create table fresh (id int primary key)";
    shop.execute("orders", "orders", &[fresh]).await?;
    let told = || shop.platform.calls().of("sns", "Publish").len();
    // No execution stands behind this record, which the sweep would see to as well.
    let swept = shop.step("sweep", json!({})).await?;
    tests::says(&swept.to_string(), &["public.fresh is new"]);
    shop.step("sweep", json!({})).await?;
    assert_eq!(told(), 2, "once by mail and once in the chat");
    let held = tests::metric(&shop.platform, "sweep", "BackLagBytes")?;
    assert!(held.len() >= 2, "at each look: {held:?}");
    let record = shop.record().await?;
    let why = &record["reverse"]["unavailable"]["why"];
    assert!(why.is_string(), "{record}");
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unhealthy_link_refuses_and_green_goes_on_behind_no_fence() -> Result<()> {
    let shop = switched("back-broken").await?;
    let old = shop.admin("orders-old1", "orders").await?;
    for statement in [
        "alter subscription viridian_back_0 disable",
        "set role orders_app",
    ] {
        old.batch_execute(statement).await?;
    }
    let asked = shop.refused("rollback", &alarm()).await?;
    let repair = "ALTER SUBSCRIPTION viridian_back_0 ENABLE";
    tests::says(&asked, &["green goes on serving", repair]);
    assert_eq!(shop.major("orders").await?, 18);
    assert_eq!(shop.closed("orders").await?, 0);
    assert_eq!(shop.closed("orders-old1").await?, 2, "old stays closed");
    assert_eq!(shop.record().await?["phase"], "needs_operator");

    let enable = "alter subscription viridian_back_0 enable";
    shop.execute("orders-old1", "orders", &[enable]).await?;
    let by_person = json!({"database": "orders"});
    let said = shop.done("rollback", &by_person).await?;
    assert!(said["receipt"].is_object());
    let back = "a person mended it and went back";
    assert_eq!(shop.major("orders").await?, 16, "{back}");
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_who_writes_past_the_fence_is_noticed() -> Result<()> {
    let shop = switched("back-intruder").await?;
    // A superuser gets past every fence.
    let superuser = Box::new(shop.admin("orders", "orders").await?);
    let write = "insert into ticks (number) values (-1)";
    let intruder = tests::Beside::start(superuser, |_| write.to_owned());
    let answer = shop.step("rollback", alarm()).await?;
    let said = answer["summary"].as_str().context("a summary")?;
    assert_eq!(answer["done"], false, "{answer}");
    if said.contains("past the fence") {
        assert_eq!(shop.closed("orders").await?, 0, "green serves meanwhile");
        assert_eq!(shop.closed("orders-old1").await?, 2);
        assert!(intruder.end().await? > 10);
        shop.finish("rollback", &alarm()).await?;
    } else {
        // It held its breath for the moment of the proof; what it wrote afterwards is found on green only.
        let asked = shop.refused("rollback", &alarm()).await?;
        tests::says(&asked, &["`orders.public.ticks` is not the same"]);
        intruder.end().await?;
    }
    assert_eq!(shop.major("orders").await?, 16);
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_is_killed_at_its_worst_moments_goes_on_to_its_end() -> Result<()> {
    let shop = switched("back-killed").await?;
    let writer = shop.writer().await?;
    // Each write of the record in the crossing: the fence, the point of no return, the opening.
    let mut killed = 0;
    for nth in 1..=9 {
        let target = Target::nth("dynamodb", "UpdateItem", nth..=nth).by("rollback");
        let fault = shop.platform.faults().plant(target, Fault::KillAfter);
        let ended = shop.step("rollback", alarm()).await;
        killed += fault.fired();
        shop.platform.faults().clear();
        if ended.is_ok_and(|answer| answer["done"] == true) {
            break;
        }
        // The dead call's lease ends with its time.
        shop.leave_lease().await?;
    }
    assert!(killed > 2, "hardly anything was killed: {killed}");
    shop.finish("rollback", &alarm()).await?;
    assert_eq!(shop.major("orders").await?, 16);
    assert_eq!(shop.closed("orders").await?, 0);
    let blue = shop.goes_on().await?;
    writer.stop().await?.check(&blue).await?;
    shop.close().await
}
