//! What every step's binary does around its own work: tracing, settings, decoding, naming failures.

use crate::config::Need;
use crate::world::Aws;
use domain::error::{ErrorName, StepError};
use domain::ids::Millis;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use ports::{Error, Invocation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::error::Error as StdError;
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Span, error, info_span, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Our own targets besides the step's. `aws::` and not `aws`, since a target is compared by its beginning, and the SDK's
/// packages begin like ours.
const OURS: [&str; 6] = ["aws::", "domain", "ports", "steps", "routes", "postgres"];

/// Serves invocations until Lambda stops the process. `name` is the step's name: directory, package, binary and span; `needs`
/// are the settings that this function can't do without; `step` is given its call `C` and its input.
///
/// # Errors
///
/// If the environment is not complete; if the Lambda runtime can't be reached.
pub async fn serve<C, I, O>(
    name: &'static str,
    needs: &[Need],
    step: impl AsyncFn(&C, I) -> Result<O, Error>,
) -> Result<(), lambda_runtime::Error>
where
    C: From<(&'static Aws, Invocation)>,
    I: DeserializeOwned,
    O: Serialize,
{
    start_tracing(name);
    // It lasts as long as the process, so that every call may keep it.
    let world: &'static Aws = Box::leak(Box::new(Aws::load(needs).await?));
    let step = &step;
    let service = service_fn(async |event: LambdaEvent<Value>| {
        let invocation = Invocation {
            request_id: event.context.request_id,
            deadline: Millis(i64::try_from(event.context.deadline).unwrap_or(i64::MAX)),
        };
        let span = span(name, &invocation, &event.payload);
        let answer = async {
            let call = C::from((world, invocation));
            let answered = answer(step, &call, event.payload).await;
            answered.map_err(|failure| diagnostic(&failure))
        };
        answer.instrument(span).await
    });
    Runtime::new(service).run().await
}

async fn answer<C, I, O>(
    step: &impl AsyncFn(&C, I) -> Result<O, Error>,
    call: &C,
    payload: Value,
) -> Result<Value, Error>
where
    I: DeserializeOwned,
    O: Serialize,
{
    let input = decode(payload)?;
    // On the heap, since the runtime's future and a step's together are nested too deeply for the compiler.
    let output = Box::pin(step(call, input)).await?;
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
    let error_type = failure.name().to_string();
    let sources = sources(failure);
    if failure.name() == ErrorName::Failed {
        error!(error_type, sources, "{failure}");
    } else {
        warn!(error_type, sources, "{failure}");
    }
    Diagnostic {
        error_type,
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
    let all = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target(name, LevelFilter::INFO);
    let ours = OURS
        .iter()
        .fold(all, |all, ours| all.with_target(*ours, LevelFilter::INFO));
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
    use super::{decode, first_text, serve};
    use domain::error::ErrorName;
    use domain::steps::shift_weight::Input;
    use ports::{Error, Invocation, Notices, World};
    use serde_json::json;

    /// What a step gets, as the steps have it.
    struct Call<'a, W> {
        world: &'a W,
        invocation: Invocation,
    }

    impl<'a, W> From<(&'a W, Invocation)> for Call<'a, W> {
        fn from((world, invocation): (&'a W, Invocation)) -> Self {
            Self { world, invocation }
        }
    }

    async fn run(call: &Call<'_, impl World>, _: Input) -> Result<String, Error> {
        call.world.notices().subscribers().await?;
        Ok(call.invocation.request_id.clone())
    }

    #[test]
    fn a_main_names_no_types_and_starts_nothing_before_it_is_awaited() {
        drop(serve("shift_weight", &[], run));
    }

    #[test]
    fn a_field_that_does_not_fit_is_named() {
        let input = json!({"ticket": {"database": "orders", "owner": "arn:x", "epoch": "one"}, "percent": 10});
        let failure = decode::<Input>(input).expect_err("epoch is a number");
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
