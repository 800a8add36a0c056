//! EventBridge: the template's rules, what they match and who gets it, and its schedules.

mod api;
mod input;
mod schedules;

pub use crate::pattern::matches;

use crate::clock::Clock;
use crate::gateway::client::{Client, Refused};
use crate::gateway::{Caller, Gateway};
use crate::states::START_EXECUTION;
use crate::template::{Rule, RuleTarget};
use crate::{ACCOUNT, REGION, lambda};
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
        let rules = self.rules.iter();
        for rule in rules.filter(|rule| matches(&rule.pattern, event)) {
            for target in rule.targets.clone() {
                let (bus, rule, event) = (self.clone(), rule.name.clone(), event.clone());
                tokio::spawn(async move { bus.deliver(&rule, &target, &event).await });
            }
        }
    }

    async fn deliver(&self, rule: &str, target: &RuleTarget, event: &Value) {
        let input = input::of(&target.input, event);
        let name = format!("{}_{}", event["id"].as_str().unwrap_or_default(), target.id);
        for attempt in 0..=target.retries {
            if self.accepted(target, &name, input.clone()).await {
                return;
            }
            let pause = Duration::from_secs(2u64.saturating_pow(attempt + 1)).min(LONGEST_PAUSE);
            tokio::time::sleep(self.clock.real(pause)).await;
        }
        tracing::error!(rule, target = target.arn, "an event was never accepted");
    }

    async fn accepted(&self, target: &RuleTarget, name: &str, input: String) -> bool {
        let role = target.role.clone();
        let caller = role.map_or(Caller::Service("events"), Caller::Deliverer);
        if target.arn.contains(":stateMachine:") {
            // Names of executions have 80 characters at most.
            let name: String = name.chars().take(80).collect();
            let start = json!({"stateMachineArn": target.arn, "name": name, "input": input});
            let client = Client::new(self.gateway.clone(), caller);
            let started = client.json("states", START_EXECUTION, &start).await;
            return started.err().is_none_or(|why| already_started(&why));
        }
        let call = lambda::client::request(caller, "Event", &target.arn, input.into());
        let Some(call) = call else {
            let target = &target.arn;
            tracing::error!(target, "a target that this platform can't reach");
            return true;
        };
        let answer = self.gateway.send(call).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

/// The event was delivered twice, and the second delivery finds the first one's execution.
fn already_started(why: &anyhow::Error) -> bool {
    let refused = why.downcast_ref::<Refused>();
    refused.is_some_and(|refused| refused.code == "ExecutionAlreadyExists")
}
