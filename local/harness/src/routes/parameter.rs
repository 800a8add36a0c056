//! A parameter that the readers poll, as an application does that takes its configuration from Systems Manager.

use super::Site;
use crate::shop::REPLICA;
use anyhow::{Context, Result};
use local_aws::gateway::client::Client;
use local_rds::host_name;
use local_rds::postgres::dial::Address;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::watch;

/// The parameter that holds `host:port` of the reads.
const NAME: &str = "/orders/reads";
/// How often it is looked at.
const POLL: Duration = Duration::from_millis(500);

/// Makes the parameter, and begins to look at it for as long as any reader does.
pub(super) async fn create(site: &Site<'_>) -> Result<Address> {
    let value = format!("{}:{}", host_name(REPLICA), site.port);
    let put = json!({"Name": NAME, "Value": value, "Type": "String"});
    site.client
        .json("ssm", "AmazonSSM.PutParameter", &put)
        .await?;
    let (told, name) = watch::channel(host_name(REPLICA));
    tokio::spawn(poll(site.client.clone(), told));
    Ok(Address::Name {
        name,
        nameserver: site.nameserver,
        port: site.port,
    })
}

/// What stands in the request: the application looks at it within a second.
pub(super) fn request() -> Value {
    json!({"parameter": NAME, "poll_seconds": 1})
}

pub(super) async fn state(client: &Client) -> Result<Vec<String>> {
    Ok(vec![value(client).await?])
}

async fn value(client: &Client) -> Result<String> {
    let get = json!({"Name": NAME});
    let found = client.json("ssm", "AmazonSSM.GetParameter", &get).await?;
    let value = found["Parameter"]["Value"].as_str();
    Ok(value.context("a parameter without a value")?.to_owned())
}

/// A value that can't be read leaves the readers where they are.
async fn poll(client: Client, told: watch::Sender<String>) {
    while !told.is_closed() {
        tokio::time::sleep(POLL).await;
        match value(&client).await {
            Ok(value) => {
                let host = value.split(':').next().unwrap_or_default().to_owned();
                told.send_if_modified(|known| {
                    let changed = *known != host;
                    *known = host;
                    changed
                });
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the parameter can't be read");
            }
        }
    }
}
