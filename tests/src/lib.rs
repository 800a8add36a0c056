//! What the suites share: a folder for each run, steps to invoke, waits that come to an end, and a writer.

pub mod ticks;

use anyhow::{Context, Result, ensure};
use local::platform::Platform;
use local_aws::gateway::Caller;
use local_aws::keeper::Keeper;
use local_aws::lambda::client::{Failure, invoke};
use local_aws::memory;
use local_aws::toolchain::workspace;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

/// The longest wait, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where a run leaves what there is to see if it fails; `name` tells it from the others.
#[must_use]
pub fn run_folder(name: &str) -> PathBuf {
    let runs = memory::folder().unwrap_or_else(|| workspace().join(".local/test-runs"));
    runs.join(format!("{name}-{}", std::process::id()))
}

/// Invokes a step, as nobody whose rights are looked at.
///
/// # Errors
/// What the step failed with.
pub async fn step(platform: &Platform, name: &str, input: Value) -> Result<Value, Failure> {
    let payload = input.to_string().into();
    let answer = invoke(&platform.gateway, Caller::Service("test"), name, payload).await?;
    Ok(serde_json::from_slice(&answer).unwrap_or_default())
}

/// Ends a run that passed: stops what it started, and removes its folder.
///
/// # Errors
/// When something can't be stopped or removed.
pub async fn end(keeper: &Keeper) -> Result<()> {
    keeper.shutdown().await?;
    remove(keeper.folder())
}

/// Ends a platform's run that passed, likewise.
///
/// # Errors
/// As [`end`].
pub async fn end_platform(platform: Platform) -> Result<()> {
    let folder = platform.host.keeper.folder().to_owned();
    platform.stop().await?;
    remove(&folder)
}

fn remove(folder: &Path) -> Result<()> {
    Ok(std::fs::remove_dir_all(folder)?)
}

/// What a function has written to its log so far; nothing if it was not called yet.
#[must_use]
pub fn log(platform: &Platform, function: &str) -> String {
    let logs = platform.host.keeper.folder().join("logs");
    std::fs::read_to_string(logs.join(format!("{function}.log"))).unwrap_or_default()
}

/// The values of a metric that a function has written to its log so far, in order.
///
/// # Errors
/// When a line with this metric does not name it as CloudWatch wants it named.
pub fn metric(platform: &Platform, function: &str, name: &str) -> Result<Vec<f64>> {
    let log = log(platform, function);
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let told = lines.filter(|line: &Value| !line["_aws"].is_null() && !line[name].is_null());
    told.map(|line| {
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
        let named = metrics.is_some_and(|all| all.iter().any(|metric| metric["Name"] == name));
        ensure!(named && line["database"] == "orders", "{line}");
        line[name].as_f64().context("a number")
    })
    .collect()
}

/// Waits until `done`, a minute at most.
///
/// # Errors
/// When it takes longer, and those of `done`.
pub async fn wait(what: &str, mut done: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done().await? {
        ensure!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Waits until a query gives true, likewise.
///
/// # Errors
/// As [`wait`].
pub async fn until(client: &Client, query: &str) -> Result<()> {
    wait(query, async || {
        Ok(client.query_one(query, &[]).await?.get(0))
    })
    .await
}
