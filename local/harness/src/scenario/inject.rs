//! What a scenario does to the upgrade.

use super::follow::{Follower, Trace};
use super::kind::Kind;
use super::observe::{Observer, Sight};
use super::world::World;
use crate::shop::DATABASE;
use crate::shop::{available, set_alarm};
use anyhow::{Context, Result};
use local_aws::xml;
use local_rds::postgres::block::ReplicationBlock;
use std::time::{Duration, SystemTime};

/// Reads are watched for so long on green before the alarm rings.
const AT_HALF: Duration = Duration::from_millis(1500);

/// Green takes writes for so long before the alarm rings.
const ON_GREEN: Duration = Duration::from_secs(3);

/// What was done, as far as it was done at all.
pub(super) enum Injected {
    /// Nothing while the upgrade ran.
    Nothing,
    /// The alarm rang.
    Alarm {
        /// When it was told so.
        at: SystemTime,
    },
    /// Replication stands still as long as this is held.
    Lag { _block: ReplicationBlock },
}

/// What is done before the upgrade starts.
pub(super) async fn prepare(kind: Kind, world: &World) -> Result<()> {
    if kind != Kind::Refused {
        return Ok(());
    }
    let table = "CREATE TABLE public.keyless (at timestamptz, what text); ALTER TABLE public.keyless OWNER TO orders_app";
    world
        .blue
        .admin(DATABASE)
        .await?
        .batch_execute(table)
        .await?;
    let client = world.platform.client();
    let off = [
        ("DBInstanceIdentifier", DATABASE),
        ("BackupRetentionPeriod", "0"),
        ("ApplyImmediately", "true"),
    ];
    client.query("rds", "ModifyDBInstance", &off).await?;
    available(&client, DATABASE).await
}

/// What is done while the upgrade runs. Returns when it is done, or never.
pub(super) async fn during(
    kind: Kind,
    world: &World,
    follower: &Follower,
    observer: &dyn Observer,
) -> Result<Injected> {
    match kind {
        Kind::Alarm => {
            let share = world.route.shows();
            follower.until(|trace| watches(trace, share)).await;
            tokio::time::sleep(AT_HALF).await;
            let at = SystemTime::now();
            set_alarm(&world.platform.client(), "ALARM", "reads fail").await?;
            observer.see(&Sight::Injected(format!(
                "an alarm, at {share} % of the reads"
            )));
            Ok(Injected::Alarm { at })
        }
        Kind::Rollback => {
            follower.until(watches_after).await;
            tokio::time::sleep(ON_GREEN).await;
            let at = SystemTime::now();
            set_alarm(&world.platform.client(), "ALARM", "orders fail on 18").await?;
            observer.see(&Sight::Injected(
                "an alarm, while the application writes on 18".to_owned(),
            ));
            Ok(Injected::Alarm { at })
        }
        Kind::Lag => {
            follower
                .until(|trace| trace.first_entered("CheckLag").is_some())
                .await;
            let client = world.platform.client();
            let seen = client
                .query("rds", "DescribeBlueGreenDeployments", &[])
                .await?;
            let id = xml::first(&seen, "BlueGreenDeploymentIdentifier")
                .context("no deployment to block")?;
            let block = world.platform.rds.block_replication(id).await?;
            observer.see(&Sight::Injected(
                "replication to green stands still".to_owned(),
            ));
            Ok(Injected::Lag { _block: block })
        }
        Kind::Upgrade | Kind::Refused | Kind::Minor => std::future::pending().await,
    }
}

/// Green serves and the alarms are watched.
fn watches_after(trace: &Trace) -> bool {
    trace
        .steps
        .last()
        .is_some_and(|step| step.state == "WatchAfter")
}

/// So many of the reads are on green and the alarms are watched.
fn watches(trace: &Trace, share: u64) -> bool {
    let asked = trace
        .last("ShiftWeight")
        .and_then(|step| step.answer["percent"].as_u64());
    let watching = trace.steps.last().is_some_and(|step| step.state == "Watch");
    asked == Some(share) && watching
}
