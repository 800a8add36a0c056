//! The shop's database and what stands beside it, made by AWS's API as a person would: for the scenarios and for the tests.

use crate::app::{PASSWORD, READER};
use anyhow::{Result, bail};
use axum::http::Method;
use local_aws::gateway::client::Client;
use local_aws::xml;
use local_rds::host_name;
use local_rds::postgres::Server;
use serde_json::json;
use std::time::Duration;

/// The instance that takes the writes, and its database.
pub const DATABASE: &str = "orders";
/// Its replica.
pub const REPLICA: &str = "orders-replica";
/// The weighted name of reads.
pub const READS: &str = "orders-reads.shop.test";
/// The name under which the application writes.
pub const WRITES: &str = "orders-writes.shop.test";
/// The role as which Viridian works, blue's master user.
pub const OURS: &str = "viridian";
/// The role that owns the tables of the database.
pub const OWNER: &str = "orders_app";
/// The alarm that guards the database.
pub const ALARM: &str = "orders-failed-reads";
/// Parameter group of blue.
const GROUP: &str = "orders-16";
/// Parameter group of green.
pub const GREEN_GROUP: &str = "orders-18";
/// Seconds for which clients keep the address of a name before an upgrade.
const TTL: u32 = 1;

/// A parameter group with logical replication on.
///
/// # Errors
/// When AWS refuses it.
pub async fn create_group(client: &Client, name: &str, family: &str) -> Result<()> {
    let description = "Logical replication for blue/green deployments";
    let group = [
        ("DBParameterGroupName", name),
        ("DBParameterGroupFamily", family),
        ("Description", description),
    ];
    let made = client.query("rds", "CreateDBParameterGroup", &group);
    made.await?;
    let logical = ("rds.logical_replication", "1", "pending-reboot");
    set(client, name, logical).await
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
    let changed = client.query("rds", "ModifyDBParameterGroup", &change);
    changed.await.map(drop)
}

/// The parameter groups, and blue's primary with its database, of a version and with these tags; it is available.
///
/// # Errors
/// When AWS refuses it.
pub async fn create_primary(client: &Client, version: &str, tags: &[(&str, &str)]) -> Result<()> {
    create_group(client, GROUP, "postgres16").await?;
    create_group(client, GREEN_GROUP, "postgres18").await?;
    let mut instance: Vec<(String, &str)> = [
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
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for (number, (key, value)) in (1..).zip(tags) {
        instance.push((format!("Tags.Tag.{number}.Key"), key));
        instance.push((format!("Tags.Tag.{number}.Value"), value));
    }
    let instance: Vec<_> = instance
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    client.query("rds", "CreateDBInstance", &instance).await?;
    available(client, DATABASE).await
}

/// Green keeps no more log for a slot than this; RDS's own group sets no bound.
///
/// # Errors
/// When AWS refuses it.
pub async fn bound_slots(client: &Client) -> Result<()> {
    let bound = ("max_slot_wal_keep_size", "10240", "immediate");
    set(client, GREEN_GROUP, bound).await
}

/// The application's roles, which ours makes as on RDS, and a small table with rows but without statistics.
///
/// # Errors
/// When the server doesn't answer.
pub async fn fill(blue: &Server, rows: u32) -> Result<()> {
    let roles = format!(
        "SET ROLE {OURS}; CREATE ROLE {OWNER} LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'"
    );
    blue.admin("postgres").await?.batch_execute(&roles).await?;
    let table = format!(
        "GRANT CREATE ON SCHEMA public TO {OWNER}; SET ROLE {OWNER}; \
         CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL) WITH (autovacuum_enabled = off); \
         INSERT INTO item SELECT n, 'item ' || n FROM generate_series(1, {rows}) n"
    );
    blue.admin(DATABASE).await?.batch_execute(&table).await?;
    Ok(())
}

/// The replica; it is available.
///
/// # Errors
/// When AWS refuses it.
pub async fn create_replica(client: &Client) -> Result<()> {
    let replica = [
        ("DBInstanceIdentifier", REPLICA),
        ("SourceDBInstanceIdentifier", DATABASE),
    ];
    let made = client.query("rds", "CreateDBInstanceReadReplica", &replica);
    made.await?;
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

/// Makes records in the zone, [`reads`] and [`writes`] among them.
///
/// # Errors
/// When AWS refuses it.
pub async fn create_records(client: &Client, zone: &str, records: &[String]) -> Result<()> {
    let path = format!("/2013-04-01/hostedzone/{zone}/rrset");
    let changes = format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
         <Changes>{}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
        records.concat()
    );
    let made = client.rest("route53", Method::POST, &path, &changes);
    made.await.map(drop)
}

/// The weighted record under which the application reads from the replica.
#[must_use]
pub fn reads() -> String {
    let weighted = "<SetIdentifier>replica</SetIdentifier><Weight>100</Weight>";
    record(READS, weighted, REPLICA)
}

/// The plain record under which the application writes.
#[must_use]
pub fn writes() -> String {
    record(WRITES, "", DATABASE)
}

fn record(name: &str, weight: &str, instance: &str) -> String {
    let target = host_name(instance);
    format!(
        "<Change><Action>CREATE</Action><ResourceRecordSet><Name>{name}.</Name><Type>CNAME</Type>\
         {weight}<TTL>{TTL}</TTL>\
         <ResourceRecords><ResourceRecord><Value>{target}</Value></ResourceRecord></ResourceRecords>\
         </ResourceRecordSet></Change>"
    )
}

/// The alarm, which shows `OK`.
///
/// # Errors
/// When AWS refuses it.
pub async fn create_alarm(client: &Client) -> Result<()> {
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
    let put = "GraniteServiceVersion20100801.PutMetricAlarm";
    client.json("monitoring", put, &alarm).await?;
    set_alarm(client, "OK", "nothing failed yet").await
}

/// Sets the alarm's state, as a person can.
///
/// # Errors
/// When there is no such alarm.
pub async fn set_alarm(client: &Client, state: &str, reason: &str) -> Result<()> {
    let set = json!({ "AlarmName": ALARM, "StateValue": state, "StateReason": reason });
    let target = "GraniteServiceVersion20100801.SetAlarmState";
    let set = client.json("monitoring", target, &set);
    set.await.map(drop)
}
