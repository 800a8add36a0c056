//! What is made of AWS before an upgrade, by its API: the database and its replica, the names, the secret, the alarm, and
//! somebody who is told.

use super::{ALARM, OURS};
use crate::app::PASSWORD;
use crate::platform::Platform;
use crate::scenario::{DATABASE, READS, REPLICA, WRITES, xml};
use anyhow::{Result, bail};
use axum::http::Method;
use local_aws::gateway::client::Client;
use local_aws::{ACCOUNT, REGION};
use local_rds::host_name;
use serde_json::json;
use std::time::Duration;

/// Parameter group of blue.
const GROUP: &str = "orders-16";
/// Parameter group of green.
const GREEN_GROUP: &str = "orders-18";
/// Seconds for which clients keep the address of reads before an upgrade.
const READS_TTL: u32 = 1;
/// Seconds for which clients keep the address of the writer.
const WRITES_TTL: u32 = 1;

/// A parameter group with logical replication on.
async fn create_group(client: &Client, name: &str, family: &str) -> Result<()> {
    let group = [
        ("DBParameterGroupName", name),
        ("DBParameterGroupFamily", family),
        (
            "Description",
            "Logical replication for blue/green deployments",
        ),
    ];
    client
        .query("rds", "CreateDBParameterGroup", &group)
        .await?;
    set(
        client,
        name,
        ("rds.logical_replication", "1", "pending-reboot"),
    )
    .await
}

/// Sets a parameter of a group: its name, its value, and when it is applied.
async fn set(client: &Client, group: &str, parameter: (&str, &str, &str)) -> Result<()> {
    let (name, value, method) = parameter;
    let change = [
        ("DBParameterGroupName", group),
        ("Parameters.Parameter.1.ParameterName", name),
        ("Parameters.Parameter.1.ParameterValue", value),
        ("Parameters.Parameter.1.ApplyMethod", method),
    ];
    client
        .query("rds", "ModifyDBParameterGroup", &change)
        .await?;
    Ok(())
}

pub(super) async fn create_primary(client: &Client, version: &str) -> Result<()> {
    create_group(client, GROUP, "postgres16").await?;
    create_group(client, GREEN_GROUP, "postgres18").await?;
    let bound = ("max_slot_wal_keep_size", "10240", "immediate");
    set(client, GREEN_GROUP, bound).await?;
    let instance = [
        ("DBInstanceIdentifier", DATABASE),
        ("DBInstanceClass", "db.r6g.large"),
        ("Engine", "postgres"),
        ("EngineVersion", version),
        ("DBName", DATABASE),
        ("MasterUsername", OURS),
        ("MasterUserPassword", PASSWORD),
        ("AllocatedStorage", "100"),
        ("StorageType", "gp3"),
        ("DBParameterGroupName", GROUP),
        ("BackupRetentionPeriod", "7"),
        ("Tags.Tag.1.Key", "viridian:reads"),
        ("Tags.Tag.1.Value", READS),
        ("Tags.Tag.2.Key", "viridian:writes"),
        ("Tags.Tag.2.Value", WRITES),
        ("Tags.Tag.3.Key", "viridian:green-parameter-group"),
        ("Tags.Tag.3.Value", GREEN_GROUP),
        ("Tags.Tag.4.Key", "team"),
        ("Tags.Tag.4.Value", "shop"),
    ];
    client.query("rds", "CreateDBInstance", &instance).await?;
    available(client, DATABASE).await
}

pub(super) async fn create_replica(client: &Client) -> Result<()> {
    let replica = [
        ("DBInstanceIdentifier", REPLICA),
        ("SourceDBInstanceIdentifier", DATABASE),
    ];
    client
        .query("rds", "CreateDBInstanceReadReplica", &replica)
        .await?;
    available(client, REPLICA).await
}

/// Waits until RDS says that an instance is available.
///
/// # Errors
/// When it failed, or is not available within the hour.
pub async fn available(client: &Client, instance: &str) -> Result<()> {
    let which = [("DBInstanceIdentifier", instance)];
    for _ in 0..36_000 {
        let seen = client.query("rds", "DescribeDBInstances", &which).await?;
        match xml::first(&seen, "DBInstanceStatus") {
            Some("available") => return Ok(()),
            Some("failed") | None => bail!("RDS says of {instance}: {seen}"),
            Some(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    bail!("{instance} is not available after an hour")
}

/// The names under which the application reads and writes.
pub(super) async fn create_records(client: &Client, zone: &str) -> Result<()> {
    let path = format!("/2013-04-01/hostedzone/{zone}/rrset");
    client
        .rest("route53", Method::POST, &path, &records())
        .await?;
    Ok(())
}

/// What stands beside the database: the secret and the alarm.
pub(super) async fn furnish(client: &Client, platform: &Platform) -> Result<()> {
    platform.keep_credentials(DATABASE, OURS, PASSWORD).await?;
    let alarm = json!({
        "AlarmName": ALARM,
        "AlarmDescription": "Reads of the shop fail",
        "Namespace": "Shop",
        "MetricName": "FailedReads",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 50.0,
        "ComparisonOperator": "GreaterThanThreshold",
        // What the application doesn't tell leaves the alarm as it is.
        "TreatMissingData": "ignore",
        "Tags": [{ "Key": "viridian:database", "Value": DATABASE }],
    });
    client
        .json(
            "monitoring",
            "GraniteServiceVersion20100801.PutMetricAlarm",
            &alarm,
        )
        .await?;
    set_alarm(client, "OK", "nothing failed yet").await?;
    subscribe(client).await
}

/// Somebody wants to hear of it.
async fn subscribe(client: &Client) -> Result<()> {
    let topic = format!("arn:aws:sns:{REGION}:{ACCOUNT}:Topic");
    let subscription = [
        ("TopicArn", topic.as_str()),
        ("Protocol", "email"),
        ("Endpoint", "on-call@shop.test"),
        ("Version", "2010-03-31"),
    ];
    client.query("sns", "Subscribe", &subscription).await?;
    Ok(())
}

/// Sets the alarm's state, as a person can.
///
/// # Errors
/// When there is no such alarm.
pub async fn set_alarm(client: &Client, state: &str, reason: &str) -> Result<()> {
    let set = json!({ "AlarmName": ALARM, "StateValue": state, "StateReason": reason });
    client
        .json(
            "monitoring",
            "GraniteServiceVersion20100801.SetAlarmState",
            &set,
        )
        .await?;
    Ok(())
}

/// The weighted record of the reads, and the plain one of the writes.
fn records() -> String {
    let weighted = "<SetIdentifier>replica</SetIdentifier><Weight>100</Weight>";
    let changes = [
        (READS, weighted, READS_TTL, host_name(REPLICA)),
        (WRITES, "", WRITES_TTL, host_name(DATABASE)),
    ]
    .map(|(name, weight, ttl, target)| {
        format!(
            "<Change><Action>CREATE</Action><ResourceRecordSet><Name>{name}.</Name><Type>CNAME</Type>\
             {weight}<TTL>{ttl}</TTL>\
             <ResourceRecords><ResourceRecord><Value>{target}</Value></ResourceRecord></ResourceRecords>\
             </ResourceRecordSet></Change>"
        )
    });
    format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
         <Changes>{}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
        changes.concat()
    )
}
