//! What there is before the upgrade: a platform, blue with a replica, the application's tables, a route for reads, an
//! alarm and our credentials; all made by the API, as a person would make them.

use super::{DATABASE, READS, REPLICA, WRITES};
use crate::app::audit::Databases;
use crate::app::dial::{Address, Login, trusting};
use crate::app::schema::{self, Seed};
use crate::app::shop::SHOPS;
use crate::app::{Doors, PASSWORD};
use crate::clock::Clock;
use crate::gateway::client::Client;
use crate::platform::{Options, Platform};
use crate::postgres::Server;
use crate::rds::{DelayProfile, host_name};
use crate::{ACCOUNT, REGION};
use anyhow::{Context, Result, bail};
use axum::http::Method;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// The role as which Viridian works, blue's master user.
pub const OURS: &str = "viridian";
/// The alarm that guards the database.
pub const ALARM: &str = "orders-failed-reads";
/// Parameter group of blue.
const GROUP: &str = "orders-16";
/// Parameter group of green.
const GREEN_GROUP: &str = "orders-18";
/// Seconds for which clients keep the address of reads before an upgrade.
const READS_TTL: u32 = 1;
/// Seconds for which clients keep the address of the writer.
const WRITES_TTL: u32 = 1;

/// What can be chosen about it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The run's folder.
    pub folder: PathBuf,
    /// How fast waits pass.
    pub clock: Clock,
    /// How long RDS takes.
    pub profile: DelayProfile,
    /// Blue's version.
    pub version: &'static str,
    /// Rows in all tables.
    pub rows: u32,
}

/// Everything, running.
pub struct World {
    /// AWS.
    pub platform: Platform,
    /// Blue's primary, whatever it will be called.
    pub blue: Server,
    /// How the application gets in.
    pub doors: Doors,
    /// What was in the tables at first.
    pub seeds: Vec<Seed>,
}

impl World {
    /// Brings everything up.
    ///
    /// # Errors
    /// When anything can't be started or made.
    pub async fn create(plan: &Plan, say: &(dyn Fn(&str) + Sync)) -> Result<Self> {
        let options = Options {
            clock: plan.clock,
            delays: plan.profile,
            ..Options::new(&plan.folder)
        };
        let platform = Platform::start(options, say).await?;
        let client = platform.client();
        say(&format!("creating {DATABASE}, PostgreSQL {}", plan.version));
        create_primary(&client, plan.version).await?;
        create_records(&client, &platform.zone_id).await?;
        let blue = platform
            .rds
            .server(DATABASE)
            .context("blue has no server")?;
        let doors = doors(&platform, &blue)?;
        say(&format!(
            "filling it with {} rows",
            super::summary::thousands(plan.rows.into())
        ));
        let seeds = schema::install(&doors, &master(), plan.rows).await?;
        say("creating its replica");
        create_replica(&client).await?;
        furnish(&client, &platform).await?;
        Ok(Self {
            platform,
            blue,
            doors,
            seeds,
        })
    }

    /// The server that takes the writes now.
    ///
    /// # Errors
    /// When there is none where the application's name leads.
    pub fn serving(&self) -> Result<Server> {
        let found = self.platform.nameserver.find(WRITES, &mut |_| 0);
        let at = found
            .address()
            .with_context(|| format!("{WRITES} leads nowhere"))?;
        let serving = self.platform.rds.server_at(at);
        serving.with_context(|| format!("no server is at {at}"))
    }

    /// The server that took the writes once and does not any more, if there is one: old blue, or green once it was left.
    #[must_use]
    pub fn left(&self) -> Option<Server> {
        let serving = self.serving().ok()?;
        if !self.is_blue(&serving) {
            return Some(self.blue.clone());
        }
        let named = self.platform.rds.server(DATABASE)?;
        (!self.is_blue(&named)).then_some(named)
    }

    /// Whether that server is blue, whatever it is called.
    #[must_use]
    pub fn is_blue(&self, server: &Server) -> bool {
        self.blue.id() == server.id()
    }

    /// Stops everything that was started.
    ///
    /// # Errors
    /// When something could not be stopped.
    pub async fn stop(self) -> Result<()> {
        self.platform.stop().await
    }
}

/// The master user's login.
#[must_use]
pub fn master() -> Login {
    Login {
        database: DATABASE.to_owned(),
        user: OURS.to_owned(),
        password: PASSWORD.to_owned(),
    }
}

fn doors(platform: &Platform, blue: &Server) -> Result<Doors> {
    let nameserver = platform.nameserver_address().into();
    let port = blue.address().port();
    let named = |name: String| Address::Name {
        name,
        nameserver,
        port,
    };
    Ok(Doors {
        writer: named(WRITES.to_owned()),
        reader: named(READS.to_owned()),
        tls: trusting(platform.host.authority.ca_pem())?,
    })
}

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
    let logical = [
        ("DBParameterGroupName", name),
        (
            "Parameters.Parameter.1.ParameterName",
            "rds.logical_replication",
        ),
        ("Parameters.Parameter.1.ParameterValue", "1"),
        ("Parameters.Parameter.1.ApplyMethod", "pending-reboot"),
    ];
    client
        .query("rds", "ModifyDBParameterGroup", &logical)
        .await?;
    Ok(())
}

async fn create_primary(client: &Client, version: &str) -> Result<()> {
    create_group(client, GROUP, "postgres16").await?;
    create_group(client, GREEN_GROUP, "postgres18").await?;
    let bound = [
        ("DBParameterGroupName", GREEN_GROUP),
        (
            "Parameters.Parameter.1.ParameterName",
            "max_slot_wal_keep_size",
        ),
        ("Parameters.Parameter.1.ParameterValue", "10240"),
        ("Parameters.Parameter.1.ApplyMethod", "immediate"),
    ];
    client
        .query("rds", "ModifyDBParameterGroup", &bound)
        .await?;
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

async fn create_replica(client: &Client) -> Result<()> {
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
        match super::xml::first(&seen, "DBInstanceStatus") {
            Some("available") => return Ok(()),
            Some("failed") | None => bail!("RDS says of {instance}: {seen}"),
            Some(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    bail!("{instance} is not available after an hour")
}

/// The names under which the application reads and writes.
async fn create_records(client: &Client, zone: &str) -> Result<()> {
    let path = format!("/2013-04-01/hostedzone/{zone}/rrset");
    client
        .rest("route53", Method::POST, &path, &records())
        .await?;
    Ok(())
}

/// What stands beside the database: the secret and the alarm.
async fn furnish(client: &Client, platform: &Platform) -> Result<()> {
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
    subscribe(client, platform).await
}

/// Somebody wants to hear of it.
async fn subscribe(client: &Client, platform: &Platform) -> Result<()> {
    for topic in &platform.template.topics {
        let arn = format!("arn:aws:sns:{REGION}:{ACCOUNT}:{topic}");
        let subscription = [
            ("TopicArn", arn.as_str()),
            ("Protocol", "email"),
            ("Endpoint", "on-call@shop.test"),
            ("Version", "2010-03-31"),
        ];
        client.query("sns", "Subscribe", &subscription).await?;
    }
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

/// Connections to the application's databases on a server, as its superuser.
///
/// # Errors
/// When the server doesn't answer.
pub async fn databases(server: &Server) -> Result<Databases> {
    let mut databases = Databases::new();
    for shop in &SHOPS {
        databases.insert(shop.database.to_owned(), server.admin(shop.database).await?);
    }
    Ok(databases)
}
