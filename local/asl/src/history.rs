//! What happened in an execution, event by event, in the service's own shapes.

use crate::definition::Resource;
use serde_json::{Map, Value, json};

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

    fn add_to(&self, details: &mut Map<String, Value>) {
        for (key, part) in [("error", &self.error), ("cause", &self.cause)] {
            if let Some(text) = part {
                details.insert(key.to_owned(), Value::from(text.as_str()));
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
    /// Nobody waits for the result any longer.
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
    /// The execution ended well.
    ExecutionSucceeded(Value),
    /// The execution ended badly.
    ExecutionFailed(Failure),
    /// Somebody stopped the execution.
    ExecutionAborted(Failure),
    /// The execution took too long.
    ExecutionTimedOut(Failure),
}

impl Fact {
    /// Whether nothing can follow.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(
            self,
            Self::ExecutionSucceeded(_)
                | Self::ExecutionFailed(_)
                | Self::ExecutionAborted(_)
                | Self::ExecutionTimedOut(_)
        )
    }

    /// The event's type, such as `TaskStateEntered`.
    #[must_use]
    pub fn type_name(&self) -> String {
        match self {
            Self::StateEntered { kind, .. } => format!("{kind}StateEntered"),
            Self::StateExited { kind, .. } => format!("{kind}StateExited"),
            Self::ExecutionStarted { .. } => "ExecutionStarted".to_owned(),
            Self::TaskScheduled { .. } => "TaskScheduled".to_owned(),
            Self::TaskStarted(_) => "TaskStarted".to_owned(),
            Self::TaskSubmitted(..) => "TaskSubmitted".to_owned(),
            Self::TaskSucceeded(..) => "TaskSucceeded".to_owned(),
            Self::TaskFailed(..) => "TaskFailed".to_owned(),
            Self::TaskTimedOut(..) => "TaskTimedOut".to_owned(),
            Self::EvaluationFailed { .. } => "EvaluationFailed".to_owned(),
            Self::ExecutionSucceeded(_) => "ExecutionSucceeded".to_owned(),
            Self::ExecutionFailed(_) => "ExecutionFailed".to_owned(),
            Self::ExecutionAborted(_) => "ExecutionAborted".to_owned(),
            Self::ExecutionTimedOut(_) => "ExecutionTimedOut".to_owned(),
        }
    }

    /// The key and the content of the details.
    fn details(&self, region: &str) -> (String, Map<String, Value>) {
        let mut details = Map::new();
        let mut key = self.type_name();
        match self {
            Self::ExecutionStarted { input, role_arn } => {
                payload(&mut details, "input", input);
                details.insert("roleArn".to_owned(), json!(role_arn));
            }
            Self::StateEntered { name, input, .. } => {
                "StateEntered".clone_into(&mut key);
                details.insert("name".to_owned(), json!(name));
                payload(&mut details, "input", input);
            }
            Self::StateExited {
                name,
                output,
                assigned,
                ..
            } => {
                "StateExited".clone_into(&mut key);
                details.insert("name".to_owned(), json!(name));
                payload(&mut details, "output", output);
                assignments(&mut details, assigned);
            }
            Self::TaskScheduled {
                resource,
                parameters,
                timeout,
                heartbeat,
            } => {
                called(&mut details, *resource);
                details.insert("region".to_owned(), json!(region));
                details.insert("parameters".to_owned(), json!(parameters.to_string()));
                for (key, seconds) in [
                    ("timeoutInSeconds", timeout),
                    ("heartbeatInSeconds", heartbeat),
                ] {
                    if let Some(seconds) = seconds {
                        details.insert(key.to_owned(), json!(seconds));
                    }
                }
            }
            Self::TaskStarted(resource) => called(&mut details, *resource),
            Self::TaskSubmitted(resource, output) | Self::TaskSucceeded(resource, output) => {
                called(&mut details, *resource);
                payload(&mut details, "output", output);
            }
            Self::TaskFailed(resource, failure) | Self::TaskTimedOut(resource, failure) => {
                called(&mut details, *resource);
                failure.add_to(&mut details);
            }
            Self::EvaluationFailed {
                state,
                location,
                failure,
            } => {
                details.insert("state".to_owned(), json!(state));
                details.insert("location".to_owned(), json!(location));
                failure.add_to(&mut details);
            }
            Self::ExecutionSucceeded(output) => payload(&mut details, "output", output),
            Self::ExecutionFailed(failure)
            | Self::ExecutionAborted(failure)
            | Self::ExecutionTimedOut(failure) => {
                failure.add_to(&mut details);
            }
        }
        (details_key(&key), details)
    }
}

/// `TaskFailed` → `taskFailedEventDetails`.
fn details_key(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}EventDetails", first.to_lowercase())
}

/// Payloads travel as JSON text.
fn payload(details: &mut Map<String, Value>, key: &str, value: &Value) {
    details.insert(key.to_owned(), json!(value.to_string()));
    details.insert(format!("{key}Details"), json!({ "truncated": false }));
}

fn called(details: &mut Map<String, Value>, resource: Resource) {
    details.insert("resourceType".to_owned(), json!(resource.service()));
    details.insert("resource".to_owned(), json!(resource.action()));
}

fn assignments(details: &mut Map<String, Value>, assigned: &Map<String, Value>) {
    if assigned.is_empty() {
        return;
    }
    let texts: Map<_, _> = assigned
        .iter()
        .map(|(name, value)| (name.clone(), json!(value.to_string())))
        .collect();
    details.insert("assignedVariables".to_owned(), Value::Object(texts));
    details.insert(
        "assignedVariablesDetails".to_owned(),
        json!({ "truncated": false }),
    );
}

impl HistoryEvent {
    /// As `GetExecutionHistory` returns it.
    #[must_use]
    pub fn to_json(&self, region: &str) -> Value {
        let (key, details) = self.fact.details(region);
        let mut event = Map::new();
        event.insert("id".to_owned(), json!(self.id));
        event.insert("previousEventId".to_owned(), json!(self.previous_id));
        event.insert("timestamp".to_owned(), json!(seconds(self.at)));
        event.insert("type".to_owned(), json!(self.fact.type_name()));
        event.insert(key, Value::Object(details));
        Value::Object(event)
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
