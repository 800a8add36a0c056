//! Weighted records: the nameserver answers each reader by the weights.

use crate::shop::READS;
use anyhow::Result;
use axum::http::Method;
use local_aws::gateway::client::Client;
use local_aws::xml;

/// The records of the reads: set identifier, weight, TTL, target.
pub(super) async fn state(client: &Client, zone: &str) -> Result<Vec<String>> {
    let path = format!("/2013-04-01/hostedzone/{zone}/rrset");
    let seen = client.rest("route53", Method::GET, &path, "").await?;
    let name = format!("{READS}.");
    let sets = xml::all(&seen, "ResourceRecordSet").into_iter();
    let ours = sets.filter(|set| xml::first(set, "Name") == Some(name.as_str()));
    let part = |set: &str, name| xml::first(set, name).unwrap_or_default().to_owned();
    let mut records: Vec<String> = ours
        .map(|set| {
            ["SetIdentifier", "Weight", "TTL", "Value"]
                .map(|name| part(set, name))
                .join(" ")
        })
        .collect();
    records.sort();
    Ok(records)
}
