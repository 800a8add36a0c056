//! The database that each case begins with: made once, thawed for every case.

use crate::journeys::FROM;
use crate::machines::{Called, Tasks};
use anyhow::{Context as _, Result};
use axum::http::Method;
use local::platform::{Options, Platform};
use local::scenario::world::available;
use local_aws::clock::Clock;
use local_aws::gateway::client::Client;
use local_aws::moto::Moto;
use local_rds::postgres::Server;
use local_rds::postgres::dial::{Address, Dialer, Login, trusting};
use local_rds::{Frozen, host_name};
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use tests::ticks::{TABLE, Writer};
use tests::until;

/// The database.
pub const DATABASE: &str = "orders";
/// The roles of the application.
pub const ROLES: [&str; 2] = ["orders_app", "reader"];
const REPLICA: &str = "orders-replica";
const PASSWORD: &str = "not-a-secret-1";
const READS: &str = "orders-reads.shop.test";
const GREEN_GROUP: &str = "orders18";
const ALARM: &str = "orders-failures";

/// How many seconds of waiting pass in one.
const SCALE: f64 = 200.0;
/// What no invocation outlasts here: a killed one's lease ends when its time would have been over, and others wait for that.
const LONGEST: Duration = Duration::from_secs(22);
/// A critical section begins only with enough time left.
const CRITICAL: Duration = Duration::from_secs(45);

/// How long the application rests after each commit: it is there, but it is no load.
const REST: Duration = Duration::from_millis(20);

/// What every case has in common.
fn options(folder: &Path, tasks: &Tasks) -> Options {
    let shortened = tasks
        .values()
        .filter_map(|task| match &task.called {
            Called::Function(name) if ["switchover", "rollback"].contains(&name.as_str()) => {
                Some((name.clone(), CRITICAL))
            }
            Called::Function(name) => Some((name.clone(), LONGEST)),
            Called::Machine => None,
        })
        .collect();
    Options {
        clock: Clock::scaled(SCALE),
        parameters: [("RecordTtlSeconds".to_owned(), "1".to_owned())].into(),
        timeouts: shortened,
        // A case is about its own fault; what looks after lost events has tests of its own.
        schedules: false,
        ..Options::new(folder)
    }
}

/// Makes the database as RDS makes it, and keeps it at rest in `folder`.
pub async fn freeze(folder: &Path, tasks: &Tasks) -> Result<Frozen> {
    let platform = Platform::start(options(&folder.join("origin"), tasks), &|_| {}).await?;
    create(&platform).await?;
    fill(&platform).await?;
    let frozen = platform.rds.freeze(DATABASE, &folder.join("blue")).await?;
    platform.stop().await?;
    Ok(frozen)
}

async fn create(platform: &Platform) -> Result<()> {
    let client = platform.client();
    create_group(&client, "orders16", "postgres16").await?;
    create_group(&client, GREEN_GROUP, "postgres18").await?;
    let instance = [
        ("DBInstanceIdentifier", DATABASE),
        ("DBInstanceClass", "db.t4g.medium"),
        ("Engine", "postgres"),
        ("EngineVersion", FROM),
        ("MasterUsername", "viridian"),
        ("MasterUserPassword", PASSWORD),
        ("AllocatedStorage", "20"),
        ("BackupRetentionPeriod", "7"),
        ("DBParameterGroupName", "orders16"),
        ("Tags.Tag.1.Key", "viridian:reads"),
        ("Tags.Tag.1.Value", READS),
        ("Tags.Tag.2.Key", "viridian:green-parameter-group"),
        ("Tags.Tag.2.Value", GREEN_GROUP),
    ];
    client.query("rds", "CreateDBInstance", &instance).await?;
    available(&client, DATABASE).await
}

/// A group whose servers write a log that can be decoded.
async fn create_group(client: &Client, name: &str, family: &str) -> Result<()> {
    let group = [
        ("DBParameterGroupName", name),
        ("DBParameterGroupFamily", family),
        ("Description", "orders"),
    ];
    client
        .query("rds", "CreateDBParameterGroup", &group)
        .await?;
    let logical = "Parameters.Parameter.1";
    let name_of = format!("{logical}.ParameterName");
    let value_of = format!("{logical}.ParameterValue");
    let method_of = format!("{logical}.ApplyMethod");
    let logical = [
        ("DBParameterGroupName", name),
        (name_of.as_str(), "rds.logical_replication"),
        (value_of.as_str(), "1"),
        (method_of.as_str(), "pending-reboot"),
    ];
    client
        .query("rds", "ModifyDBParameterGroup", &logical)
        .await?;
    Ok(())
}

/// Roles that our role made, as on RDS, a few rows, and tables for the writer and for the probe.
async fn fill(platform: &Platform) -> Result<()> {
    let server = platform.rds.server(DATABASE).context("no server")?;
    let admin = server.admin("postgres").await?;
    let [app, reader] = ROLES;
    let roles = format!(
        "set role viridian; create role {app} login password '{PASSWORD}'; create role {reader} login password '{PASSWORD}'"
    );
    admin.batch_execute(&roles).await?;
    admin
        .batch_execute("create database orders owner viridian")
        .await?;
    let inside = server.admin(DATABASE).await?;
    let tables = format!(
        "grant create on schema public to {app}; set role {app}; {TABLE}; \
         create table item (id int primary key, name text not null); \
         insert into item select n, 'item ' || n from generate_series(1, 200) n; \
         create table probe (id bigserial primary key)"
    );
    Ok(inside.batch_execute(&tables).await?)
}

/// One case's AWS and database, with an application that writes.
pub struct World {
    /// AWS.
    pub platform: Platform,
    /// The resource id of the primary that the case began with.
    pub blue: String,
    /// The application.
    pub writer: Writer,
}

impl World {
    /// Brings everything up in `folder`.
    pub async fn open(folder: &Path, frozen: &Frozen, tasks: &Tasks, moto: &Moto) -> Result<Self> {
        moto.reset().await?;
        let options = Options {
            moto: Some(moto.clone()),
            ..options(folder, tasks)
        };
        let platform = Platform::start(options, &|_| {}).await?;
        platform.rds.thaw(frozen, &[REPLICA]).await?;
        platform
            .keep_credentials(DATABASE, "viridian", PASSWORD)
            .await?;
        furnish(&platform).await?;
        let blue = platform.rds.server(DATABASE).context("blue")?;
        // A plan refuses a writer whose replica does not stream yet.
        let streams = "select count(*) = 1 from pg_stat_replication where state = 'streaming'";
        until(&blue.admin("postgres").await?, streams).await?;
        let writer = Writer::paced(application(&platform)?, REST);
        Ok(Self {
            platform,
            blue: blue.id().to_owned(),
            writer,
        })
    }
}

/// Green's group, the weighted record, and an alarm.
async fn furnish(platform: &Platform) -> Result<()> {
    let client = platform.client();
    create_group(&client, GREEN_GROUP, "postgres18").await?;
    let path = format!("/2013-04-01/hostedzone/{}/rrset", platform.zone_id);
    client
        .rest("route53", Method::POST, &path, &reads_record())
        .await?;
    let alarm = json!({
        "AlarmName": ALARM, "Namespace": "Shop", "MetricName": "Failures", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 50.0, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore", "Tags": [{"Key": "viridian:database", "Value": DATABASE}],
    });
    let put = "GraniteServiceVersion20100801.PutMetricAlarm";
    client.json("monitoring", put, &alarm).await?;
    set_alarm(platform, "OK").await
}

/// Sets the alarm's state, as a person can.
pub async fn set_alarm(platform: &Platform, state: &str) -> Result<()> {
    let set = json!({"AlarmName": ALARM, "StateValue": state, "StateReason": "the saga"});
    let operation = "GraniteServiceVersion20100801.SetAlarmState";
    platform
        .client()
        .json("monitoring", operation, &set)
        .await?;
    Ok(())
}

fn reads_record() -> String {
    let target = host_name(REPLICA);
    format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>\
         <Change><Action>CREATE</Action><ResourceRecordSet><Name>{READS}.</Name><Type>CNAME</Type>\
         <SetIdentifier>replica</SetIdentifier><Weight>100</Weight><TTL>1</TTL>\
         <ResourceRecords><ResourceRecord><Value>{target}</Value></ResourceRecord></ResourceRecords>\
         </ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
    )
}

fn login() -> Login {
    Login {
        database: DATABASE.to_owned(),
        user: ROLES[0].to_owned(),
        password: PASSWORD.to_owned(),
    }
}

/// How the application finds its writer and gets in.
fn application(platform: &Platform) -> Result<Dialer> {
    let server = platform.rds.server(DATABASE).context("no writer")?;
    let address = Address::Name {
        name: host_name(DATABASE),
        nameserver: platform.nameserver_address().into(),
        port: server.address().port(),
    };
    let tls = trusting(platform.host.authority.ca_pem())?;
    Dialer::new(address, login(), tls)
}

/// How the application's role gets into one server.
pub fn door(platform: &Platform, server: &Server) -> Result<Dialer> {
    let host = server.names().into_iter().next().context("a name")?;
    let at = server.address().into();
    let tls = trusting(platform.host.authority.ca_pem())?;
    Dialer::new(Address::Fixed { host, at }, login(), tls)
}
