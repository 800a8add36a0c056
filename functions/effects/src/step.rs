//! What every step's binary does around its own work: tracing, decoding, naming failures.

use crate::error::Error;
use domain::error::{ErrorName, StepError};
use domain::ids::Millis;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::error::Error as StdError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Span, error, info_span, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// What is kept free before an invocation's deadline, in milliseconds.
const LAST_CALL: i64 = 5_000;

/// One call of a step by Lambda.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Lambda's own id of the call. Each retry has another.
    pub request_id: String,
    /// When Lambda ends the call, whatever it is doing.
    pub deadline: Millis,
}

impl Invocation {
    /// The time that is left until Lambda ends the call; zero once it is over.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let left = self.deadline.since(now());
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    /// The moment from which nothing new is begun, so that an answer still gets out before Lambda ends the call.
    #[must_use]
    pub const fn last_call(&self) -> Millis {
        Millis(self.deadline.0 - LAST_CALL)
    }
}

/// This machine's clock.
#[must_use]
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// Serves invocations until Lambda stops the process. `name` is the step's name: directory, package, binary and span.
///
/// # Errors
///
/// If the Lambda runtime can't be reached.
pub async fn serve<I, O>(
    name: &'static str,
    handler: impl AsyncFn(I, Invocation) -> Result<O, Error>,
) -> Result<(), lambda_runtime::Error>
where
    I: DeserializeOwned,
    O: Serialize,
{
    start_tracing(name);
    let handler = &handler;
    let service = service_fn(async |event: LambdaEvent<Value>| {
        let invocation = Invocation {
            request_id: event.context.request_id,
            deadline: Millis(i64::try_from(event.context.deadline).unwrap_or(i64::MAX)),
        };
        let span = span(name, &invocation, &event.payload);
        let answer = async {
            let answered = answer(handler, event.payload, invocation).await;
            answered.map_err(|failure| diagnostic(&failure))
        };
        answer.instrument(span).await
    });
    Runtime::new(service).run().await
}

async fn answer<I, O>(
    handler: &impl AsyncFn(I, Invocation) -> Result<O, Error>,
    payload: Value,
    invocation: Invocation,
) -> Result<Value, Error>
where
    I: DeserializeOwned,
    O: Serialize,
{
    // On the heap, since the runtime's future and a step's together are nested too deeply for the compiler.
    let output = Box::pin(handler(decode(payload)?, invocation)).await?;
    serde_json::to_value(output)
        .map_err(|cause| StepError::failed(format!("the output is no JSON: {cause}")).into())
}

/// Reads a step's input; a failure names the field.
///
/// # Errors
///
/// `Upgrade.InvalidInput` with the field's path.
pub fn decode<I: DeserializeOwned>(payload: Value) -> Result<I, StepError> {
    serde_path_to_error::deserialize(payload).map_err(|unfit| {
        let path = unfit.path().to_string();
        let why = unfit.into_inner();
        StepError::invalid_input(match path.as_str() {
            "." => format!("the input does not fit: {why}"),
            field => format!("the input's field `{field}` does not fit: {why}"),
        })
    })
}

/// Says the failure once in the log, sources included, and names it for the state machine.
fn diagnostic(failure: &Error) -> Diagnostic {
    let error_type = failure.name().as_str();
    let sources = sources(failure);
    if failure.name() == ErrorName::Failed {
        error!(error_type, sources, "{failure}");
    } else {
        warn!(error_type, sources, "{failure}");
    }
    Diagnostic {
        error_type: error_type.to_owned(),
        error_message: failure.to_string(),
    }
}

fn sources(failure: &Error) -> String {
    let chain = std::iter::successors(failure.source(), |cause| (*cause).source());
    let said: Vec<String> = chain.map(ToString::to_string).collect();
    said.join(": ")
}

fn span(step: &'static str, invocation: &Invocation, payload: &Value) -> Span {
    let request_id = invocation.request_id.as_str();
    let owners = ["/ticket/owner", "/owner", "/upgrade", "/execution"];
    let upgrade = first_text(payload, &owners);
    let database = first_text(
        payload,
        &[
            "/ticket/database",
            "/plan/database",
            "/database",
            "/request/database",
        ],
    );
    info_span!("step", step, upgrade, database, request_id)
}

fn first_text<'a>(payload: &'a Value, pointers: &[&str]) -> &'a str {
    let mut found = pointers
        .iter()
        .filter_map(|pointer| payload.pointer(pointer));
    found.find_map(Value::as_str).unwrap_or_default()
}

/// Our own events from `info` on, everybody else's from `warn` on, one JSON object per line.
fn start_tracing(name: &'static str) {
    let ours = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target(name, LevelFilter::INFO)
        .with_target("effects", LevelFilter::INFO)
        .with_target("domain", LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_current_span(true)
        .with_span_list(false)
        .with_ansi(false);
    // A second call, as tests make it, keeps the first subscriber.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(ours)
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::{decode, first_text};
    use domain::error::ErrorName;
    use serde_json::json;

    #[test]
    fn a_field_that_does_not_fit_is_named() {
        let input = json!({"ticket": {"database": "orders", "owner": "arn:x", "epoch": "one"}, "percent": 10});
        let failure = decode::<domain::shift_weight::Input>(input).expect_err("epoch is a number");
        assert_eq!(failure.name, ErrorName::InvalidInput);
        assert!(failure.message.contains("`ticket.epoch`"), "{failure}");
    }

    #[test]
    fn the_span_finds_the_database_wherever_a_step_has_it() {
        let ticket = json!({"ticket": {"database": "orders"}});
        let request = json!({"request": {"database": "billing"}});
        let pointers = ["/ticket/database", "/request/database"];
        assert_eq!(first_text(&ticket, &pointers), "orders");
        assert_eq!(first_text(&request, &pointers), "billing");
        assert_eq!(first_text(&json!(7), &pointers), "");
    }
}
