//! A Lambda function that does what its event says: what the local Lambda is tested with.

use aws_config::BehaviorVersion;
use aws_sdk_cloudwatch::types::StateValue;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    if std::env::var_os("SUBJECT_CANT_START").is_some() {
        std::process::exit(3);
    }
    lambda_runtime::run(service_fn(serve)).await
}

async fn serve(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let payload = event.payload;
    match payload["do"].as_str() {
        Some("fail") => return Err(failure("Upgrade.Refused", "it belongs to another upgrade")),
        Some("exit") => std::process::exit(7),
        Some("panic") => panic!("as asked"),
        Some("meet") => meet(&payload).await?,
        Some("ring") => ring().await?,
        Some("environment") => return Ok(environment()),
        Some(_) => {}
        None => record(&payload)?,
    }
    Ok(payload)
}

/// Waits until the other one is there as well, which it never is if invocations wait for each other.
async fn meet(payload: &Value) -> Result<(), Diagnostic> {
    let path = |name: &str| {
        Path::new(payload["folder"].as_str().unwrap_or_default())
            .join(payload[name].as_str().unwrap_or_default())
    };
    std::fs::write(path("mine"), "").map_err(|error| unwritten(&error))?;
    while !path("other").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Rings the alarm `lag`, without a second try.
async fn ring() -> Result<(), Diagnostic> {
    let retries = aws_config::retry::RetryConfig::disabled();
    let config = aws_config::defaults(BehaviorVersion::latest()).retry_config(retries);
    let rung = aws_sdk_cloudwatch::Client::new(&config.load().await)
        .set_alarm_state()
        .alarm_name("lag")
        .state_value(StateValue::Alarm)
        .state_reason("as asked")
        .send()
        .await;
    rung.map_err(|error| failure("Subject.Unheard", &format!("{error:?}")))?;
    Ok(())
}

/// An event that another service made is written down.
fn record(event: &Value) -> Result<(), Diagnostic> {
    let path = std::env::var("SUBJECT_RECORD").unwrap_or_default();
    std::fs::write(format!("{path}.part"), event.to_string()).map_err(|error| unwritten(&error))?;
    std::fs::rename(format!("{path}.part"), path).map_err(|error| unwritten(&error))
}

fn environment() -> Value {
    json!(std::env::vars().collect::<std::collections::BTreeMap<_, _>>())
}

fn unwritten(error: &std::io::Error) -> Diagnostic {
    failure("Subject.Unwritten", &error.to_string())
}

fn failure(kind: &str, message: &str) -> Diagnostic {
    Diagnostic {
        error_type: kind.to_owned(),
        error_message: message.to_owned(),
    }
}
