//! The six scenarios on real PostgreSQL servers, with an application that writes and reads all the time.
//!
//! What each must end as, and that what it injects happened, is held by [`local::scenario`] itself for the demo as well:
//! a run's `problems` are empty only then. The figures that matter most are said here once more.

use anyhow::Result;
use local::app::Settings;
use local::routes::Route;
use local::scenario::observe::NoObserver;
use local::scenario::summary::{Share, Side, Summary};
use local::scenario::{Kind, Scenario};
use local_aws::words::word;
use local_rds::DelayProfile;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Two of these at a time would be about each other's load.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

async fn run(kind: Kind) -> Result<Summary> {
    run_by(Route::Weighted, kind).await
}

async fn run_by(route: Route, kind: Kind) -> Result<Summary> {
    let _alone = ONE_AT_A_TIME.lock().await;
    let folder = tests::run_folder(&format!("{}-{route:?}", word(kind)));
    let scenario = Scenario {
        kind,
        request: kind.request(),
        folder: folder.clone(),
        route,
        profile: DelayProfile::QUICK,
        load: Settings {
            rows: 60_000,
            writes_per_second: 320.0,
            readers: 20,
            ..Settings::default()
        },
        observer: Arc::new(NoObserver),
    };
    let summary = scenario.run().await?;
    assert!(
        summary.problems.is_empty(),
        "{}\nsee {}",
        summary.text(),
        folder.display()
    );
    assert_eq!(
        (summary.lost, summary.doubled, summary.wrong, summary.stray),
        (0, 0, 0, 0)
    );
    assert_eq!(summary.outcome, kind.must_end_in());
    std::fs::remove_dir_all(folder)?;
    Ok(summary)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_database_moves_to_18_and_nothing_is_lost() -> Result<()> {
    let summary = run(Kind::Upgrade).await?;
    assert_eq!(summary.serving, Side::Green);
    let asked: Vec<u8> = summary.ramp.iter().map(|share| share.asked).collect();
    assert_eq!(asked, [10, 20, 50, 100]);
    assert!(summary.write_pause_ms.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_at_half_of_the_reads_brings_them_back_to_blue() -> Result<()> {
    let summary = run(Kind::Alarm).await?;
    assert_eq!(summary.serving, Side::Blue);
    assert!(summary.alarm_to_blue_ms.is_some() && summary.write_pause_ms.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_replication_there_is_no_switchover() -> Result<()> {
    let summary = run(Kind::Lag).await?;
    assert_eq!(summary.serving, Side::Blue);
    assert!(!summary.injected.is_empty() && summary.write_pause_ms.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfit_database_is_refused_with_all_findings_and_untouched() -> Result<()> {
    let summary = run(Kind::Refused).await?;
    assert_eq!(summary.serving, Side::Blue);
    assert_eq!(summary.findings.len(), 2, "{:?}", summary.findings);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minor_version_rolls_over_replica_and_primary() -> Result<()> {
    let summary = run(Kind::Minor).await?;
    assert_eq!(summary.serving, Side::Blue);
    assert_eq!(summary.members, ["orders 16.14", "orders-replica 16.14"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_after_the_switchover_brings_every_write_back_to_blue() -> Result<()> {
    let summary = run(Kind::Rollback).await?;
    assert_eq!(summary.serving, Side::Blue);
    assert!(summary.write_pause_ms.is_some() && summary.rollback_pause_ms.is_some());
    assert_eq!(summary.digests_alike, 2, "both databases were compared");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_by_a_parameter_move_at_the_last_step() -> Result<()> {
    let summary = run_by(Route::Parameter, Kind::Upgrade).await?;
    let seen = |share: &Share| (share.asked, share.seen.is_some_and(|seen| seen > 50.0));
    let ramp: Vec<_> = summary.ramp.iter().map(seen).collect();
    let wanted = [(10, false), (20, false), (50, false), (100, true)];
    assert_eq!(ramp, wanted);
    Ok(())
}
