//! The database that each case begins with: made once, thawed for every case.

use crate::journeys::FROM;
use crate::machines::{Called, Tasks};
use anyhow::{Context as _, Result};
use local::app::{PASSWORD, READER};
use local::platform::{Options, Platform};
pub use local::shop::DATABASE;
use local::shop::{self, GREEN_GROUP, OURS, OWNER, READS, REPLICA};
use local_aws::clock::Clock;
use local_aws::moto::Moto;
use local_rds::Frozen;
use std::path::Path;
use std::time::Duration;
use tests::ticks::{TABLE, Writer};
use tests::until;

/// The roles of the application.
pub const ROLES: [&str; 2] = [OWNER, READER];

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
    let tags = [
        ("viridian:reads", READS),
        ("viridian:green-parameter-group", GREEN_GROUP),
    ];
    shop::create_primary(&platform.client(), FROM, &tags).await?;
    fill(&platform).await?;
    let frozen = platform.rds.freeze(DATABASE, &folder.join("blue")).await?;
    platform.stop().await?;
    Ok(frozen)
}

/// The shop's roles and items, and tables for the writer and for the probe.
async fn fill(platform: &Platform) -> Result<()> {
    let server = platform.rds.server(DATABASE).context("no server")?;
    shop::fill(&server, 200).await?;
    let tables =
        format!("set role {OWNER}; {TABLE}; create table probe (id bigserial primary key)");
    Ok(server.admin(DATABASE).await?.batch_execute(&tables).await?)
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
        platform.keep_credentials(DATABASE, OURS, PASSWORD).await?;
        furnish(&platform).await?;
        let blue = platform.rds.server(DATABASE).context("blue")?;
        // A plan refuses a writer whose replica does not stream yet.
        let streams = "select count(*) = 1 from pg_stat_replication where state = 'streaming'";
        until(&blue.admin("postgres").await?, streams).await?;
        let writer = Writer::paced(tests::application(&platform)?, REST);
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
    shop::create_group(&client, GREEN_GROUP, "postgres18").await?;
    shop::create_records(&client, &platform.zone_id, &[shop::reads()]).await?;
    shop::create_alarm(&client).await
}

/// Sets the alarm's state, as a person can.
pub async fn set_alarm(platform: &Platform, state: &str) -> Result<()> {
    shop::set_alarm(&platform.client(), state, "the saga").await
}
