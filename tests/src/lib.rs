//! What the suites share: a folder for each run, steps to invoke, waits that come to an end, and a writer.

pub use local_aws::clock::wait;
pub use local_aws::memory::run_folder;
pub use local_rds::postgres::{ticks, until};

use anyhow::{Context, Result, ensure};
use local::platform::Platform;
use local_aws::gateway::Caller;
use local_aws::lambda::client::{Failure, invoke};
use serde_json::Value;

/// Invokes a step, as nobody whose rights are looked at.
///
/// # Errors
/// What the step failed with.
pub async fn step(platform: &Platform, name: &str, input: Value) -> Result<Value, Failure> {
    let payload = input.to_string().into();
    let answer = invoke(&platform.gateway, Caller::Service("test"), name, payload).await?;
    Ok(serde_json::from_slice(&answer).unwrap_or_default())
}

/// Ends a platform's run that passed: stops what it started, and removes its folder.
///
/// # Errors
/// When something can't be stopped or removed.
pub async fn end_platform(platform: Platform) -> Result<()> {
    let folder = platform.host.keeper.folder().to_owned();
    platform.stop().await?;
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
