//! A switchover that stopped once RDS was through: what its rollback makes of it.

use crate::crossing::level;
use crate::shop::{OWNER, Shop};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::wait;

/// Lets RDS switch over while none of our functions runs.
async fn rds_switches(shop: &Shop) -> Result<()> {
    let deployment = shop.deployment().await?;
    let which = [("BlueGreenDeploymentIdentifier", &*deployment)];
    shop.ask("SwitchoverBlueGreenDeployment", &which).await?;
    wait("RDS has switched", async || {
        let seen = shop.ask("DescribeBlueGreenDeployments", &which).await?;
        ensure!(!seen.contains("SWITCHOVER_FAILED"), "{seen}");
        let completed = seen.contains("<Status>SWITCHOVER_COMPLETED</Status>");
        Ok(completed && !seen.contains("SWITCHOVER_IN_PROGRESS"))
    })
    .await
}

/// A fence as the record has it.
fn fence(side: &str, member: &Value) -> Value {
    let role = |name| json!({"name": name, "comment": null});
    json!({
        "side": side, "resource_id": member["resource_id"], "owner": OWNER, "deadline": 253_402_300_799_000_i64,
        "roles": [role("orders_app"), role("reader")],
    })
}

/// As `switchover` leaves the record when it calls RDS; `marker` is what it says to have written on blue.
async fn called(shop: &Shop, marker: i64) -> Result<()> {
    shop.leave("switching", |record| {
        let (blue, green) = (
            &record["plan"]["members"][0],
            &record["green"]["members"][0],
        );
        record["fences"] = json!([fence("green", green), fence("blue", blue)]);
        record["markers"] =
            json!({"orders": {"number": marker, "position": "0/1", "written_at": 1}});
    })
    .await
}

/// Closes an instance's roles as a fence does.
async fn close(shop: &Shop, instance: &str) -> Result<()> {
    let close = |role| {
        format!(
            "alter role {role} nologin; comment on role {role} is 'viridian: fenced by {OWNER} until later'"
        )
    };
    let off = "set default_transaction_read_only = off";
    let closing = [off, &close("orders_app"), &close("reader")];
    shop.execute(instance, "orders", &closing).await
}

/// Lets the record say that the upgrade is between these versions.
async fn planned(shop: &Shop, from: &str, to: &str) -> Result<()> {
    shop.leave("switching", |record| {
        record["plan"]["from_version"] = json!(from);
        record["plan"]["to_version"] = json!(to);
    })
    .await
}

/// Closes green's roles, as `switchover` does before it calls RDS, and lets RDS switch; the marker that blue had then.
async fn switched_to_closed(shop: &Shop) -> Result<i64> {
    close(shop, &shop.green().await?).await?;
    let marker = "select number from viridian.marker";
    let written = shop.number("orders", marker).await?;
    rds_switches(shop).await?;
    Ok(written)
}

/// Orders the rollback as the rule does that an upgrade's end starts: by its execution, whatever the request said.
async fn undo(shop: &Shop) -> Result<String> {
    let order = json!({"database": "-", "owner": OWNER, "reason": "The upgrade ended as ABORTED."});
    shop.refused("rollback", &order).await
}

#[tokio::test(flavor = "multi_thread")]
async fn green_is_opened_only_if_it_holds_the_marker_and_only_beside_a_closed_old() -> Result<()> {
    let (shop, _) = level("stopped").await?;
    let written = switched_to_closed(&shop).await?;

    called(&shop, written + 1).await?;
    let asked = undo(&shop).await?;
    assert!(asked.contains("is not on green in orders"), "{asked}");
    assert_eq!(shop.closed("orders").await?, 2, "green stays closed");
    assert_eq!(shop.record().await?["phase"], "needs_operator");

    called(&shop, written).await?;
    assert_eq!(shop.closed("orders-old1").await?, 0, "old is open");
    let asked = undo(&shop).await?;
    let serves = ["green serves", "green goes on serving"];
    assert!(serves.iter().any(|said| asked.contains(said)), "{asked}");
    assert_eq!(shop.closed("orders").await?, 0);
    assert_eq!(shop.closed("orders-old1").await?, 2);
    assert_eq!(shop.record().await?["phase"], "needs_operator");
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn green_stays_closed_where_old_could_write_before_it_was_seen_to_be_closed() -> Result<()> {
    let (shop, _) = level("unseen").await?;
    let written = switched_to_closed(&shop).await?;

    called(&shop, written).await?;
    planned(&shop, "18.4", "16.14").await?;
    let order = json!({"database": "-", "owner": OWNER});
    let said = shop.step("rollback", order).await?.to_string();
    assert!(said.contains("its name does not lead there yet"), "{said}");

    let deployment = shop.deployment().await?;
    let which = [("BlueGreenDeploymentIdentifier", &*deployment)];
    shop.ask("DeleteBlueGreenDeployment", &which).await?;
    wait("the deployment is gone", async || {
        let left = shop.ask("DescribeBlueGreenDeployments", &[]).await?;
        Ok(!left.contains(&deployment))
    })
    .await?;
    close(&shop, "orders-old1").await?;
    called(&shop, written).await?;
    planned(&shop, "16.14", "18.4").await?;
    let asked = undo(&shop).await?;
    assert!(asked.contains("was seen to be closed"), "{asked}");
    assert_eq!(shop.closed("orders").await?, 2);

    shop.leave("switching", |record| {
        record["receipt"] = json!({"checklist": [], "complaints": [], "databases": {}, "sessions_drained": 0,
            "roles": [], "phases": [], "rds_ms": 0, "ours_ms": 0, "left_closed": true});
    })
    .await?;
    let asked = undo(&shop).await?;
    assert!(asked.contains("green goes on serving"), "{asked}");
    assert_eq!(shop.closed("orders").await?, 0);
    shop.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_of_a_call_that_died_does_not_block_the_switchover() -> Result<()> {
    let (shop, ticket) = level("refenced").await?;
    close(&shop, &shop.green().await?).await?;
    shop.leave("before", |record| {
        record["fences"] = json!([fence("green", &record["green"]["members"][0])]);
    })
    .await?;
    let receipt = &shop.done("switchover", &ticket).await?["receipt"];
    assert_eq!(receipt["roles"], json!(["orders_app", "reader"]));
    assert_eq!(receipt["left_closed"], true);
    assert_eq!(shop.closed("orders").await?, 0);
    assert_eq!(shop.closed("orders-old1").await?, 2);
    let comments =
        "select count(*) from pg_roles where shobj_description(oid, 'pg_authid') like 'viridian%'";
    assert_eq!(shop.number("orders", comments).await?, 0);
    shop.close().await
}
