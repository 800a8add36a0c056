//! A shop that is entered by IAM: over to green and back, without a password of ours anywhere.

use crate::back::alarm;
use crate::crossing::make_level;
use crate::shop::{PASSWORD, Shop, checks};
use anyhow::{Context, Result};
use local_rds::postgres::gate::Iam;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{until, wait};

impl Shop {
    /// Keeps another secret.
    async fn change_secret(&self, mut secret: Value) -> Result<()> {
        secret["ca"] = json!(self.platform.host.authority.ca_pem());
        let put = json!({"SecretId": "viridian/orders", "SecretString": secret.to_string()});
        let (client, target) = (self.platform.client(), "secretsmanager.PutSecretValue");
        client.json("secretsmanager", target, &put).await?;
        Ok(())
    }

    async fn let_in_by_iam(&self) -> Result<()> {
        for instance in ["orders", "orders-replica"] {
            let on = [
                ("DBInstanceIdentifier", instance),
                ("EnableIAMDatabaseAuthentication", "true"),
            ];
            self.ask("ModifyDBInstance", &on).await?;
            self.available(instance).await?;
        }
        let grant = "grant rds_iam to viridian";
        self.execute("orders", "postgres", &[grant]).await
    }
}

/// Plans, and holds the checks that block against those which should; what the plan says.
async fn is_blocked(shop: &Shop, by: &[&str]) -> Result<String> {
    let planned = shop.plan(json!({"target_version": "18.4"})).await?;
    let text = planned["text"].to_string();
    assert_eq!(checks(&planned, "blocker"), by, "{text}");
    Ok(text)
}

/// Whether the instance and those of green have IAM database authentication on.
async fn all_let_in_by_iam(shop: &Shop) -> Result<bool> {
    let described = shop.ask("DescribeDBInstances", &[]).await?;
    Ok(!described.contains("<IAMDatabaseAuthenticationEnabled>false<"))
}

/// From when green has the name on, longer than the switchover waits for green in one call.
async fn iam_goes_away(shop: &Shop) -> Result<()> {
    wait("green has the name", async || {
        Ok(shop.platform.rds.server("orders-old1").is_some())
    })
    .await?;
    shop.platform.rds.set_iam_away(true);
    tokio::time::sleep(Duration::from_secs(7)).await;
    shop.platform.rds.set_iam_away(false);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_goes_over_and_comes_back_without_a_password_of_ours() -> Result<()> {
    let shop = Shop::open("iam", "16.14").await?;
    shop.change_secret(json!({"username": "viridian"})).await?;
    is_blocked(&shop, &["IAM login", "our login"]).await?;

    shop.let_in_by_iam().await?;
    is_blocked(&shop, &["replication role"]).await?;

    shop.platform.rds.set_iam_away(true);
    is_blocked(&shop, &["our login"]).await?;
    shop.platform.rds.set_iam_away(false);

    let follower = format!("create role follower login replication password '{PASSWORD}';");
    shop.make_table(&follower).await?;
    let replication = |password: &str| json!({"username": "viridian", "replication": {"username": "follower", "password": password}});
    shop.change_secret(replication("wrong")).await?;
    let text = is_blocked(&shop, &["replication role"]).await?;
    tests::says(&text, &["password authentication failed"]);

    shop.change_secret(replication(PASSWORD)).await?;
    let ticket = make_level(&shop, json!({"target_version": "18.4"})).await?;
    assert!(all_let_in_by_iam(&shop).await?, "green has what blue has");
    let fenced = shop.record().await?["plan"]["application_roles"].clone();
    assert_eq!(fenced, json!(["orders_app", "reader"]));

    let writer = shop.writer().await?;
    let switchover = shop.finish("switchover", &ticket);
    let (said, away) = tokio::join!(switchover, iam_goes_away(&shop));
    away?;
    let said = said?;
    let receipt = &said.last().context("an answer")?["receipt"];
    assert_eq!(receipt["complaints"], json!([]), "{receipt}");
    let green = shop.admin("orders", "orders").await?;
    let follows = "select count(*) = 1 from pg_stat_replication where usename = 'follower' and application_name like 'viridian%'";
    until(&green, follows).await?;

    shop.finish("rollback", &alarm()).await?;
    assert_eq!(shop.major("orders").await?, 16);
    assert_eq!(shop.closed("orders").await?, 0);
    let open = "select count(*) from pg_roles where rolname = 'follower' and rolcanlogin";
    assert_eq!(shop.number("orders", open).await?, 1);
    let blue = shop.goes_on().await?;
    writer.stop().await?.check(&blue).await?;
    let refused = shop.platform.rds.refused_tokens();
    assert!(refused.len() > 1, "the outage was met: {refused:?}");
    assert!(refused.iter().all(|why| why == Iam::AWAY), "{refused:?}");
    shop.close().await
}
