//! Conditions by tag and by name, held against what RDS's tags and names really are before and after a switchover.

use crate::crossing::make_level;
use crate::shop::{OWNER, Shop};
use anyhow::{Context, Result};
use domain::ids::DeploymentId;
use local_aws::gateway::Caller;
use local_aws::gateway::client::Client;
use local_aws::iam::union;
use local_aws::xml;
use ports::Rds as _;
use serde_json::json;

/// A call of RDS with the key of a function.
async fn asks(
    shop: &Shop,
    function: &str,
    operation: &str,
    parameter: (&str, &str),
) -> Result<String> {
    let caller = Caller::Function(function.to_owned());
    let client = Client::new(shop.platform.gateway.clone(), caller);
    let parameters = [parameter, ("Version", "2014-10-31")];
    client.query("rds", operation, &parameters).await
}

/// That IAM refuses it, and nothing else does.
async fn is_refused(
    shop: &Shop,
    function: &str,
    operation: &str,
    parameter: (&str, &str),
) -> Result<()> {
    let refused = asks(shop, function, operation, parameter).await;
    let why = refused.err().context("it was allowed")?.to_string();
    assert!(
        why.contains("AccessDenied"),
        "{function}, {operation}: {why}"
    );
    Ok(())
}

async fn own(shop: &Shop, deployment: &str, owner: &str) -> Result<()> {
    let arn = format!("arn:aws:rds:eu-west-1:123456789012:deployment:{deployment}");
    let tag = [
        ("ResourceName", arn.as_str()),
        ("Tags.Tag.1.Key", "viridian:owner"),
        ("Tags.Tag.1.Value", owner),
    ];
    shop.ask("AddTagsToResource", &tag).await?;
    Ok(())
}

async fn tags(shop: &Shop, instance: &str) -> Result<String> {
    let arn = format!("arn:aws:rds:eu-west-1:123456789012:db:{instance}");
    let resource = [("ResourceName", arn.as_str())];
    let answer = shop.ask("ListTagsForResource", &resource).await?;
    Ok(xml::first(&answer, "TagList").context("tags")?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployment_s_tag_outlasts_the_switchover_which_gives_green_the_tags_of_blue()
-> Result<()> {
    let shop = Shop::open_apart("privileges", "16.14").await?;
    let ticket = make_level(&shop, json!({"target_version": "18.4"})).await?;
    let (deployment, writer) = (&*shop.deployment().await?, &shop.green().await?);
    let named = ("BlueGreenDeploymentIdentifier", deployment);

    let another = OWNER.replace("viridian-upgrade", "another-upgrade");
    own(&shop, deployment, &another).await?;
    is_refused(&shop, "switchover", "SwitchoverBlueGreenDeployment", named).await?;
    for function in ["switchover", "rollback", "retire"] {
        is_refused(&shop, function, "DeleteBlueGreenDeployment", named).await?;
    }
    own(&shop, deployment, OWNER).await?;
    let blue = tags(&shop, "orders").await?;
    assert_ne!(tags(&shop, writer).await?, blue, "green has its own tags");

    shop.finish("switchover", &ticket).await?;
    assert_eq!(tags(&shop, "orders").await?, blue, "green has blue's tags");
    let lines = union(&shop.platform.host.keeper.folder().join("privileges"))?;
    let used = |statement: &str, action: &str| {
        let mut lines = lines.iter();
        lines.any(|line| {
            line.caller == "switchover"
                && line.statement.as_deref() == Some(statement)
                && line.action == action
        })
    };
    assert!(used("SwitchOver", "rds:SwitchoverBlueGreenDeployment"));
    assert!(used("DeleteRecord", "rds:DeleteBlueGreenDeployment"));
    tests::wait("the record is gone", async || {
        let left = shop.ask("DescribeBlueGreenDeployments", &[]).await?;
        Ok(!left.contains(deployment))
    })
    .await?;

    let rds = aws::Rds::new(&tests::sdk(&shop.platform.endpoint, "switchover"));
    is_refused(&shop, "switchover", "DeleteBlueGreenDeployment", named).await?;
    rds.delete_deployment(&DeploymentId(deployment.to_owned()), false)
        .await
        .context("what is gone has no tag, and is gone")?;

    for function in ["switchover", "retire"] {
        for production in ["orders", "orders-replica"] {
            let named = ("DBInstanceIdentifier", production);
            is_refused(&shop, function, "DeleteDBInstance", named).await?;
        }
    }
    shop.close().await
}
