//! CloudWatch: metrics, alarms and their history. An alarm's state is set, not evaluated; a change of it is an event on the bus.
//!
//! The SDK for Rust speaks CBOR and boto3 speaks JSON; to the operations both are JSON values.

mod alarm;
mod alarms;
mod event;
mod history;
mod metric;
mod metrics;
mod series;
mod tags;
mod wire;

pub use alarm::StateValue;

use crate::events::Events;
use crate::gateway::{Answer, Call, Service};
use alarm::Alarm;
use alarms::SetAlarmState;
use async_trait::async_trait;
use event::Change;
use history::Item;
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use series::Series;
use std::collections::BTreeMap;
use std::sync::Arc;

/// CloudWatch. Clones are the same one.
#[derive(Clone)]
pub struct CloudWatch {
    inner: Arc<Inner>,
}

struct Inner {
    events: Events,
    store: Mutex<Store>,
}

#[derive(Default)]
struct Store {
    alarms: BTreeMap<String, Alarm>,
    history: Vec<Item>,
    series: Series,
}

/// Why an operation was refused, in CloudWatch's words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    code: &'static str,
    message: String,
}

impl Refusal {
    fn invalid(message: impl Into<String>) -> Self {
        Self {
            code: "InvalidParameterValueException",
            message: message.into(),
        }
    }

    fn not_found(what: &str) -> Self {
        Self {
            code: "ResourceNotFoundException",
            message: format!("there is no {what}"),
        }
    }
}

type Done = Result<Value, Refusal>;

impl CloudWatch {
    /// A CloudWatch whose alarms tell `events`.
    #[must_use]
    pub fn new(events: Events) -> Self {
        let store = Mutex::default();
        Self {
            inner: Arc::new(Inner { events, store }),
        }
    }

    /// Sets an alarm's state, as a person with `SetAlarmState` does. Returns the id of its event, if the state changed.
    ///
    /// # Errors
    /// When there is no such alarm.
    pub fn set_alarm(
        &self,
        name: &str,
        state: StateValue,
        reason: &str,
    ) -> anyhow::Result<Option<String>> {
        let told = self.set_state(name, state, reason);
        told.map_err(|refusal| anyhow::anyhow!(refusal.message))
    }

    fn set_state(
        &self,
        name: &str,
        state: StateValue,
        reason: &str,
    ) -> Result<Option<String>, Refusal> {
        let change = self.store().set_state(name, state, reason, now())?;
        let emit = |Change { arn, detail }| {
            let events = &self.inner.events;
            events.emit(event::SOURCE, event::DETAIL_TYPE, &[arn], &detail)
        };
        Ok(change.map(emit))
    }

    fn carry_out(&self, operation: &str, input: Value) -> Done {
        let now = now();
        match operation {
            "PutMetricData" => self.store().put_metric_data(decode(input)?, now),
            "GetMetricData" => Ok(self.store().get_metric_data(&decode(input)?)),
            "GetMetricStatistics" => Ok(self.store().get_metric_statistics(decode(input)?)),
            "ListMetrics" => Ok(self.store().list_metrics(&decode(input)?)),
            "PutMetricAlarm" => Ok(self.store().put_alarm(decode(input)?, now)),
            "DescribeAlarms" => Ok(self.store().describe_alarms(&decode(input)?)),
            "DescribeAlarmHistory" => Ok(self.store().describe_history(&decode(input)?)),
            "SetAlarmState" => {
                let it: SetAlarmState = decode(input)?;
                self.set_state(&it.alarm_name, it.state_value, &it.state_reason)?;
                Ok(json!({}))
            }
            "DeleteAlarms" => self.store().delete_alarms(&decode(input)?, now),
            "EnableAlarmActions" => Ok(self.store().enable_actions(&decode(input)?, true)),
            "DisableAlarmActions" => Ok(self.store().enable_actions(&decode(input)?, false)),
            "TagResource" => self.store().tag(decode(input)?),
            "UntagResource" => self.store().untag(&decode(input)?),
            "ListTagsForResource" => self.store().list_tags(&decode(input)?),
            other => Err(Refusal {
                code: "UnknownOperationException",
                message: format!("the local CloudWatch has no operation {other}"),
            }),
        }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.inner.store.lock()
    }
}

#[async_trait]
impl Service for CloudWatch {
    async fn call(&self, call: Call) -> Answer {
        let done = wire::input(&call).and_then(|input| self.carry_out(&call.operation, input));
        match done {
            Ok(output) => wire::output(&call, &output),
            Err(refusal) => wire::refusal(&call, &refusal),
        }
    }
}

/// Reads an operation's input; what isn't implemented is refused and not ignored.
fn decode<T: DeserializeOwned>(input: Value) -> Result<T, Refusal> {
    serde_json::from_value(input).map_err(|error| Refusal::invalid(error.to_string()))
}

/// Now, in seconds since the epoch, to the millisecond.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since the epoch fit a double for a long time"
)]
fn now() -> f64 {
    jiff::Timestamp::now().as_millisecond() as f64 / 1000.0
}

/// Whether alarms on metrics are among these types; no others exist here.
fn of_metrics(types: Option<&[String]>) -> bool {
    types.is_none_or(|types| types.iter().any(|kind| kind == "MetricAlarm"))
}

/// The part of a list that is asked for, under its name, and the token of the next part.
fn page(
    name: &str,
    items: impl IntoIterator<Item: Serialize>,
    size: Option<usize>,
    token: Option<&String>,
) -> Value {
    const USUAL: usize = 50;
    let start = token.and_then(|token| token.parse().ok()).unwrap_or(0);
    let size = size.unwrap_or(USUAL).clamp(1, 100);
    let mut items = items.into_iter().skip(start);
    let part: Vec<Value> = items.by_ref().take(size).map(|it| json!(it)).collect();
    let mut answer = json!({ name: part });
    if items.next().is_some() {
        answer["NextToken"] = json!((start + size).to_string());
    }
    answer
}
