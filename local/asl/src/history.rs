//! What happened in an execution, event by event, in the service's own shapes.

use crate::definition::Resource;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// No execution has more events than this.
pub const MAX_EVENTS: usize = 25_000;

/// No task's error has a longer cause, in characters; JSON that is longer arrives as less than JSON.
const MAX_CAUSE: usize = 32_768;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEvent {
    /// Counts from 1.
    pub id: u64,
    /// The event that led to this one; 0 for the first ones and for an abort.
    pub previous_id: u64,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// What.
    pub fact: Fact,
}

/// An error's name and what happened, as far as given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// What `Retry` and `Catch` match.
    pub error: Option<String>,
    /// For a person.
    pub cause: Option<String>,
}

impl Failure {
    /// With both parts.
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            error: Some(error.into()),
            cause: Some(cause.into()),
        }
    }

    /// With a name only, as timeouts are.
    #[must_use]
    pub fn named(error: &str) -> Self {
        Self {
            error: Some(error.to_owned()),
            cause: None,
        }
    }

    /// With its cause cut off where the service cuts it.
    #[must_use]
    pub(crate) fn cut(mut self) -> Self {
        if let Some(cause) = &mut self.cause
            && let Some((end, _)) = cause.char_indices().nth(MAX_CAUSE)
        {
            cause.truncate(end);
        }
        self
    }
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With an output.
    Succeeded(Value),
    /// With an error.
    Failed(Failure),
    /// Stopped by a caller.
    Aborted(Failure),
    /// Too late.
    TimedOut(Failure),
}

impl Outcome {
    /// `SUCCEEDED`, `FAILED`, `ABORTED` or `TIMED_OUT`.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Succeeded(_) => "SUCCEEDED",
            Self::Failed(_) => "FAILED",
            Self::Aborted(_) => "ABORTED",
            Self::TimedOut(_) => "TIMED_OUT",
        }
    }

    /// What went wrong, if anything did.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Succeeded(_) => None,
            Self::Failed(failure) | Self::Aborted(failure) | Self::TimedOut(failure) => {
                Some(failure)
            }
        }
    }
}

/// What can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// The execution began.
    ExecutionStarted {
        /// Its input.
        input: Value,
        /// Its role.
        role_arn: String,
    },
    /// A state was entered.
    StateEntered {
        /// `Task`, `Choice` …
        kind: &'static str,
        /// The state.
        name: String,
        /// Its input.
        input: Value,
    },
    /// A state was left.
    StateExited {
        /// `Task`, `Choice` …
        kind: &'static str,
        /// The state.
        name: String,
        /// What it hands on.
        output: Value,
        /// The variables that it set.
        assigned: Map<String, Value>,
    },
    /// A call is about to be made.
    TaskScheduled {
        /// To what.
        resource: Resource,
        /// With what.
        parameters: Value,
        /// How long it may take, in seconds.
        timeout: Option<u64>,
        /// How long it may stay silent, in seconds.
        heartbeat: Option<u64>,
    },
    /// The call is on its way.
    TaskStarted(Resource),
    /// The call returned; its result is still awaited.
    TaskSubmitted(Resource, Value),
    /// The result is there.
    TaskSucceeded(Resource, Value),
    /// There will be no result.
    TaskFailed(Resource, Failure),
    /// The execution no longer waits for the result.
    TaskTimedOut(Resource, Failure),
    /// An expression has no value.
    EvaluationFailed {
        /// The state.
        state: String,
        /// The field.
        location: String,
        /// `States.QueryEvaluationError` and why.
        failure: Failure,
    },
    /// The execution ended.
    ExecutionEnded(Outcome),
}

impl Fact {
    /// Whether nothing can follow.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(self, Self::ExecutionEnded(_))
    }

    /// The event's type, such as `TaskStateEntered`.
    #[must_use]
    pub fn type_name(&self) -> String {
        let name = match self {
            Self::StateEntered { kind, .. } => return format!("{kind}StateEntered"),
            Self::StateExited { kind, .. } => return format!("{kind}StateExited"),
            Self::ExecutionStarted { .. } => "ExecutionStarted",
            Self::TaskScheduled { .. } => "TaskScheduled",
            Self::TaskStarted(_) => "TaskStarted",
            Self::TaskSubmitted(..) => "TaskSubmitted",
            Self::TaskSucceeded(..) => "TaskSucceeded",
            Self::TaskFailed(..) => "TaskFailed",
            Self::TaskTimedOut(..) => "TaskTimedOut",
            Self::EvaluationFailed { .. } => "EvaluationFailed",
            Self::ExecutionEnded(Outcome::Succeeded(_)) => "ExecutionSucceeded",
            Self::ExecutionEnded(Outcome::Failed(_)) => "ExecutionFailed",
            Self::ExecutionEnded(Outcome::Aborted(_)) => "ExecutionAborted",
            Self::ExecutionEnded(Outcome::TimedOut(_)) => "ExecutionTimedOut",
        };
        name.to_owned()
    }

    /// The key and the content of the details. Payloads travel as JSON text, and what is null is left out.
    fn details(&self, region: &str) -> (String, Value) {
        let whole = json!({ "truncated": false });
        let mut key = self.type_name();
        let mut details = match self {
            Self::ExecutionStarted { input, role_arn } => json!({
                "input": input.to_string(), "inputDetails": whole, "roleArn": role_arn,
            }),
            Self::StateEntered { name, input, .. } => {
                "StateEntered".clone_into(&mut key);
                json!({ "name": name, "input": input.to_string(), "inputDetails": whole })
            }
            Self::StateExited {
                name,
                output,
                assigned,
                ..
            } => {
                "StateExited".clone_into(&mut key);
                let texts = assigned
                    .iter()
                    .map(|(name, value)| (name, value.to_string()));
                let texts: BTreeMap<_, _> = texts.collect();
                let assigned = (!texts.is_empty()).then_some(texts);
                json!({
                    "name": name, "output": output.to_string(), "outputDetails": whole,
                    "assignedVariablesDetails": assigned.as_ref().map(|_| &whole), "assignedVariables": assigned,
                })
            }
            Self::TaskScheduled {
                parameters,
                timeout,
                heartbeat,
                ..
            } => json!({
                "region": region, "parameters": parameters.to_string(),
                "timeoutInSeconds": timeout, "heartbeatInSeconds": heartbeat,
            }),
            Self::TaskSubmitted(_, output)
            | Self::TaskSucceeded(_, output)
            | Self::ExecutionEnded(Outcome::Succeeded(output)) => {
                json!({ "output": output.to_string(), "outputDetails": whole })
            }
            Self::EvaluationFailed {
                state, location, ..
            } => json!({ "state": state, "location": location }),
            // The rest is about a resource, a failure or both.
            _ => json!({}),
        };
        if let Some(resource) = self.resource() {
            details["resourceType"] = json!(resource.service());
            details["resource"] = json!(resource.action());
        }
        if let Some(failure) = self.failure() {
            details["error"] = json!(failure.error);
            details["cause"] = json!(failure.cause);
        }
        if let Value::Object(details) = &mut details {
            details.retain(|_, detail| !detail.is_null());
        }
        (details_key(&key), details)
    }

    /// What is called, if anything is.
    const fn resource(&self) -> Option<Resource> {
        match self {
            Self::TaskScheduled { resource, .. }
            | Self::TaskStarted(resource)
            | Self::TaskSubmitted(resource, _)
            | Self::TaskSucceeded(resource, _)
            | Self::TaskFailed(resource, _)
            | Self::TaskTimedOut(resource, _) => Some(*resource),
            _ => None,
        }
    }

    /// What went wrong, if anything did.
    const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::TaskFailed(_, failure)
            | Self::TaskTimedOut(_, failure)
            | Self::EvaluationFailed { failure, .. } => Some(failure),
            Self::ExecutionEnded(outcome) => outcome.failure(),
            _ => None,
        }
    }
}

/// `TaskFailed` → `taskFailedEventDetails`.
fn details_key(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}EventDetails", first.to_lowercase())
}

impl HistoryEvent {
    /// As `GetExecutionHistory` returns it.
    #[must_use]
    pub fn to_json(&self, region: &str) -> Value {
        let (key, details) = self.fact.details(region);
        json!({
            "id": self.id,
            "previousEventId": self.previous_id,
            "timestamp": seconds(self.at),
            "type": self.fact.type_name(),
            (key): details,
        })
    }
}

/// A time as awsJson carries it: seconds with a fraction.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit a double for ages"
)]
#[must_use]
pub fn seconds(at: i64) -> f64 {
    at as f64 / 1000.0
}
