//! Events as lines that a person can read in the table.

use super::script::token_in;
use asl::history::{Fact, Failure, HistoryEvent, Outcome};
use serde_json::{Map, Value};

/// Tokens look alike here, so that they can stand in an expected history.
fn text(value: &Value) -> String {
    let text = value.to_string();
    match token_in(value) {
        Some(token) => text.replace(&token, "TOKEN"),
        None if text.len() > 400 => format!("{} bytes", text.len()),
        None => text,
    }
}

/// One event in one line: its type, then what distinguishes it.
pub fn line(event: &HistoryEvent) -> String {
    let name = event.fact.type_name();
    let rest = match &event.fact {
        Fact::ExecutionStarted { input, .. } => text(input),
        Fact::StateEntered { name, input, .. } => format!("{name} {}", text(input)),
        Fact::StateExited {
            name,
            output,
            assigned,
            ..
        } => format!("{name} {}{}", text(output), assignments(assigned)),
        Fact::TaskScheduled {
            parameters,
            timeout,
            heartbeat,
            ..
        } => {
            format!(
                "{}{}{}",
                text(parameters),
                limit("timeout", *timeout),
                limit("heartbeat", *heartbeat)
            )
        }
        Fact::TaskStarted(resource) => format!("{}:{}", resource.service(), resource.action()),
        Fact::TaskSubmitted(_, output)
        | Fact::TaskSucceeded(_, output)
        | Fact::ExecutionEnded(Outcome::Succeeded(output)) => text(output),
        Fact::EvaluationFailed { location, .. } => location.clone(),
        Fact::TaskFailed(_, failure)
        | Fact::TaskTimedOut(_, failure)
        | Fact::ExecutionEnded(
            Outcome::Failed(failure) | Outcome::Aborted(failure) | Outcome::TimedOut(failure),
        ) => words(failure),
    };
    format!("{name} {rest}").trim_end().to_owned()
}

fn assignments(assigned: &Map<String, Value>) -> String {
    let each: Vec<String> = assigned
        .iter()
        .map(|(name, value)| format!(" ${name}={}", text(value)))
        .collect();
    each.concat()
}

fn limit(name: &str, seconds: Option<u64>) -> String {
    seconds
        .map(|seconds| format!(" {name}={seconds}"))
        .unwrap_or_default()
}

fn words(failure: &Failure) -> String {
    let error = failure.error.as_deref().unwrap_or("-");
    match &failure.cause {
        Some(cause) if cause.len() > 400 => format!("{error}: {} letters", cause.chars().count()),
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_owned(),
    }
}
