//! EventBridge: the template's rules, what they match and who gets it, and its schedules.

mod api;
mod input;
mod schedules;

pub use crate::pattern::matches;
pub use schedules::Kept;

use crate::clock::Clock;
use crate::gateway::{Call, Caller, Gateway};
use crate::template::{Rule, RuleTarget};
use crate::{ACCOUNT, REGION};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The longest pause between two tries of a delivery.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// The default event bus. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    rules: Arc<Vec<Rule>>,
    gateway: Gateway,
    clock: Clock,
}

impl Events {
    /// A bus with these rules, whose targets are reached through the gateway.
    #[must_use]
    pub fn new(rules: Vec<Rule>, gateway: Gateway, clock: Clock) -> Self {
        Self {
            rules: Arc::new(rules),
            gateway,
            clock,
        }
    }

    /// A service of AWS tells what happened. Returns the event's id.
    #[expect(clippy::must_use_candidate, reason = "the id is of use to tests only")]
    pub fn emit(
        &self,
        source: &str,
        detail_type: &str,
        resources: &[String],
        detail: &Value,
    ) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        self.put(&json!({
            "version": "0",
            "id": id,
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": REGION,
            "resources": resources,
            "detail": detail,
        }));
        id
    }

    /// Delivers a whole event to every target whose rule matches it, at least once, in the background.
    pub fn put(&self, event: &Value) {
        for rule in self
            .rules
            .iter()
            .filter(|rule| matches(&rule.pattern, event))
        {
            for target in &rule.targets {
                let (bus, rule, target, event) = (
                    self.clone(),
                    rule.name.clone(),
                    target.clone(),
                    event.clone(),
                );
                tokio::spawn(async move { bus.deliver(&rule, &target, &event).await });
            }
        }
    }

    async fn deliver(&self, rule: &str, target: &RuleTarget, event: &Value) {
        let input = input::of(&target.input, event);
        let name = format!("{}_{}", event["id"].as_str().unwrap_or_default(), target.id);
        for attempt in 0..=target.retries {
            if self.accepted(target, &name, &input).await {
                return;
            }
            let pause = Duration::from_secs(2u64.saturating_pow(attempt + 1)).min(LONGEST_PAUSE);
            tokio::time::sleep(self.clock.real(pause)).await;
        }
        tracing::error!(rule, target = target.arn, "an event was never accepted");
    }

    async fn accepted(&self, target: &RuleTarget, name: &str, input: &str) -> bool {
        let call = if target.arn.contains(":stateMachine:") {
            Some(execution(target, name, input))
        } else {
            invocation(target, input)
        };
        let Some(call) = call else {
            tracing::error!(
                target = target.arn,
                "a target that this platform can't reach"
            );
            return true;
        };
        self.gateway
            .send(call)
            .await
            .is_ok_and(|answer| answer.status().is_success() || already_started(&answer))
    }
}

/// The event was delivered twice, and the second delivery finds the first one's execution.
fn already_started(answer: &crate::gateway::Answer) -> bool {
    crate::gateway::protocol::error_code(answer) == "ExecutionAlreadyExists"
}

fn invocation(target: &RuleTarget, input: &str) -> Option<Call> {
    let uri = format!("/2015-03-31/functions/{}/invocations", target.arn);
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-invocation-type", HeaderValue::from_static("Event"));
    Some(call(
        target,
        "lambda",
        "Invoke",
        uri.parse().ok()?,
        headers,
        input.to_owned(),
    ))
}

fn execution(target: &RuleTarget, name: &str, input: &str) -> Call {
    // Names of executions have 80 characters at most.
    let name: String = name.chars().take(80).collect();
    let body = json!({"stateMachineArn": target.arn, "name": name, "input": input});
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-amz-target",
        HeaderValue::from_static("AWSStepFunctions.StartExecution"),
    );
    headers.insert(
        "content-type",
        HeaderValue::from_static("application/x-amz-json-1.0"),
    );
    call(
        target,
        "states",
        "StartExecution",
        Uri::from_static("/"),
        headers,
        body.to_string(),
    )
}

fn call(
    target: &RuleTarget,
    service: &str,
    operation: &str,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Call {
    let role = target.role.clone();
    Call {
        caller: role.map_or(Caller::Service("events"), Caller::Deliverer),
        service: service.to_owned(),
        operation: operation.to_owned(),
        method: Method::POST,
        uri,
        headers,
        body: Bytes::from(body),
    }
}
