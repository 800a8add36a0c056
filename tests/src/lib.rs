//! What the suites share: a folder for each run, steps to invoke, waits that come to an end, and a writer.

pub use local_aws::clock::wait;
pub use local_aws::memory::run_folder;
pub use local_rds::postgres::{ticks, until};

use anyhow::{Context, Result, anyhow, ensure};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use local::app::login;
use local::platform::Platform;
use local::shop::{DATABASE, OWNER};
use local_aws::gateway::Caller;
use local_aws::lambda::client::{Failure, invoke};
use local_rds::host_name;
use local_rds::postgres::Server;
use local_rds::postgres::dial::{Address, Dialer, trusting};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

/// Invokes a step, as a caller whose permissions are not checked.
///
/// # Errors
/// What the step failed with.
pub async fn step(platform: &Platform, name: &str, input: Value) -> Result<Value, Failure> {
    let payload = input.to_string().into();
    let answer = invoke(&platform.gateway, Caller::Service("test"), name, payload).await?;
    Ok(serde_json::from_slice(&answer).unwrap_or_default())
}

/// The SDK's configuration with the key of a function.
#[must_use]
pub fn sdk(endpoint: &str, function: &str) -> SdkConfig {
    let key = format!("function-{function}");
    let key = Credentials::new(key, "local", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(local_aws::REGION))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(key))
        .build()
}

/// What a service of the platform answers that refuses in words of its own.
///
/// # Errors
/// Its refusal.
pub fn accepted<T>(answer: Result<T, impl Debug>) -> Result<T> {
    answer.map_err(|refusal| anyhow!("{refusal:?}"))
}

/// Holds a text against what it must say.
///
/// # Panics
/// When it lacks a part.
#[track_caller]
pub fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// The upgrade's item in the table of upgrades; `null` where there is none.
///
/// # Errors
/// When it can't be read.
pub async fn item(platform: &Platform) -> Result<Value> {
    let key = json!({"database": {"S": DATABASE}});
    let get = json!({"TableName": table(platform)?, "Key": key, "ConsistentRead": true});
    let get_item = "DynamoDB_20120810.GetItem";
    let found = platform.client().json("dynamodb", get_item, &get).await?;
    Ok(found["Item"].clone())
}

/// Changes the upgrade's item.
///
/// # Errors
/// When it can't be read or written.
pub async fn change_item(platform: &Platform, change: impl FnOnce(&mut Value)) -> Result<()> {
    let mut item = item(platform).await?;
    change(&mut item);
    let put = json!({"TableName": table(platform)?, "Item": item});
    let put_item = "DynamoDB_20120810.PutItem";
    platform.client().json("dynamodb", put_item, &put).await?;
    Ok(())
}

fn table(platform: &Platform) -> Result<&Value> {
    let table = platform.template.tables.first().context("a table")?;
    Ok(&table["TableName"])
}

/// How the application finds its writer by name and gets in.
///
/// # Errors
/// When there is no writer.
pub fn application(platform: &Platform) -> Result<Dialer> {
    let server = platform.rds.server(DATABASE).context("no writer")?;
    let (nameserver, port) = (platform.nameserver_address, server.address().port());
    let address = Address::name(&host_name(DATABASE), nameserver.into(), port);
    dialer(platform, address, OWNER)
}

/// How a role of the shop's database gets into one server.
///
/// # Errors
/// When the server has no name.
pub fn door(platform: &Platform, server: &Server, user: &str) -> Result<Dialer> {
    let host = server.names().into_iter().next().context("a name")?;
    let at = server.address().into();
    dialer(platform, Address::Fixed { host, at }, user)
}

fn dialer(platform: &Platform, address: Address, user: &str) -> Result<Dialer> {
    let tls = trusting(platform.host.authority.ca_pem())?;
    Dialer::new(address, login(DATABASE, user), tls)
}

/// A client that writes as fast as a session can, until told to end.
pub struct Beside {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Result<u32>>,
}

impl Beside {
    /// Begins with the writes of the number 1.
    pub fn start<S>(session: S, writes: impl Fn(u32) -> String + Send + 'static) -> Self
    where
        S: Deref<Target = Client> + Send + Sync + 'static,
    {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut number = 0;
            while !stopped.load(Ordering::Relaxed) {
                number += 1;
                session.batch_execute(&writes(number)).await?;
            }
            Ok(number)
        });
        Self { stop, task }
    }

    /// How many times it wrote.
    ///
    /// # Errors
    /// When a write failed.
    pub async fn end(self) -> Result<u32> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await?
    }
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
