//! The template's table, topic and queues, and the customer's zone, made in moto.

use anyhow::{Context as _, Result};
use axum::http::Method;
use local_aws::gateway::client::Client;
use local_aws::template::Template;
use local_aws::xml;

/// Makes them; returns the zone's id.
pub(super) async fn create(client: &Client, template: &Template, zone: &str) -> Result<String> {
    for table in &template.tables {
        client
            .json("dynamodb", "DynamoDB_20120810.CreateTable", table)
            .await?;
    }
    for topic in &template.topics {
        client
            .query(
                "sns",
                "CreateTopic",
                &[("Name", topic), ("Version", "2010-03-31")],
            )
            .await?;
    }
    for queue in &template.queues {
        client
            .json(
                "sqs",
                "AmazonSQS.CreateQueue",
                &serde_json::json!({"QueueName": queue}),
            )
            .await?;
    }
    create_zone(client, zone).await
}

async fn create_zone(client: &Client, name: &str) -> Result<String> {
    let body = format!(
        "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
         <Name>{name}.</Name><CallerReference>viridian</CallerReference></CreateHostedZoneRequest>"
    );
    let made = client
        .rest("route53", Method::POST, "/2013-04-01/hostedzone", &body)
        .await?;
    let id = xml::first(&made, "Id").and_then(|id| id.strip_prefix("/hostedzone/"));
    Ok(id.context("a zone without an id")?.to_owned())
}
