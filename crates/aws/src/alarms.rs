//! CloudWatch's alarms: what they show, and what they showed.

use crate::error::looked;
use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmType, HistoryItemType};
use domain::alarms::{Reading, State};
use domain::ids::{Database, Millis};
use futures_util::{StreamExt, TryStreamExt, stream};
use ports::Error;
use serde_json::Value;
use std::collections::BTreeMap;

/// The tag by which an alarm guards a database.
const TAG: &str = "viridian:database";

/// Calls for single alarms that run at the same time; CloudWatch throttles from some fifty a second on.
const AT_ONCE: usize = 8;

/// The Region's alarms.
#[derive(Debug, Clone)]
pub struct Alarms {
    client: Client,
}

impl Alarms {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    async fn has_tag(&self, arn: &str, database: &Database) -> Result<bool, Error> {
        let tags = self
            .client
            .list_tags_for_resource()
            .resource_arn(arn)
            .send()
            .await
            .map_err(looked("reading an alarm's tags"))?;
        Ok(tags
            .tags()
            .iter()
            .any(|tag| tag.key() == Some(TAG) && tag.value() == Some(database.as_str())))
    }

    async fn states(&self, names: &[String]) -> Result<BTreeMap<String, State>, Error> {
        let mut states = BTreeMap::new();
        // DescribeAlarms takes a hundred names at most.
        for some in names.chunks(100) {
            let found = self
                .client
                .describe_alarms()
                .set_alarm_types(Some(kinds()))
                .set_alarm_names(Some(some.to_vec()))
                .max_records(100)
                .send()
                .await
                .map_err(looked("reading the alarms"))?;
            states.extend(named_states(&found));
        }
        Ok(states)
    }

    /// What the alarm did since a moment. An entry that can't be read counts as ALARM.
    async fn history(&self, name: &str, since: Millis) -> Result<History, Error> {
        let mut items = self
            .client
            .describe_alarm_history()
            .alarm_name(name)
            .set_alarm_types(Some(kinds()))
            .history_item_type(HistoryItemType::StateUpdate)
            .start_date(DateTime::from_millis(since.0))
            .into_paginator()
            .items()
            .send();
        let mut history = History::default();
        while let Some(item) = items.next().await {
            let item = item.map_err(looked("reading an alarm's history"))?;
            match entered(item.history_data()).as_deref() {
                Some("OK") => {}
                Some("INSUFFICIENT_DATA") => history.lapses += 1,
                _ => history.went_to_alarm = true,
            }
        }
        Ok(history)
    }
}

impl ports::Alarms for Alarms {
    async fn tagged(&self, database: &Database) -> Result<Vec<String>, Error> {
        let mut pages = self
            .client
            .describe_alarms()
            .set_alarm_types(Some(kinds()))
            .into_paginator()
            .send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            all.extend(names_and_arns(page.map_err(looked("listing the alarms"))?));
        }
        let guards: Vec<Option<String>> = stream::iter(all)
            .map(|(name, arn)| async move {
                let guards = self.has_tag(&arn, database).await?;
                Ok::<_, Error>(guards.then_some(name))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(guards.into_iter().flatten().collect())
    }

    async fn read(&self, names: &[String], since: Option<Millis>) -> Result<Vec<Reading>, Error> {
        let states = self.states(names).await?;
        stream::iter(names)
            .map(|name| {
                let state = states.get(name).copied().unwrap_or(State::Missing);
                async move {
                    let history = match since {
                        Some(since) => self.history(name, since).await?,
                        None => History::default(),
                    };
                    Ok(Reading {
                        alarm: name.clone(),
                        state,
                        went_to_alarm: history.went_to_alarm,
                        flapped: history.lapses > LAPSES,
                    })
                }
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }
}

/// What an alarm did in a window.
#[derive(Debug, Default)]
struct History {
    went_to_alarm: bool,
    /// How often its data stopped.
    lapses: u32,
}

/// An alarm whose data stopped more often in one window is inconclusive.
const LAPSES: u32 = 2;

/// Without this, CloudWatch leaves composite alarms out of its answers.
fn kinds() -> Vec<AlarmType> {
    vec![AlarmType::MetricAlarm, AlarmType::CompositeAlarm]
}

fn names_and_arns(page: DescribeAlarmsOutput) -> Vec<(String, String)> {
    let metric = page.metric_alarms.unwrap_or_default().into_iter();
    let composite = page.composite_alarms.unwrap_or_default().into_iter();
    metric
        .map(|alarm| (alarm.alarm_name, alarm.alarm_arn))
        .chain(composite.map(|alarm| (alarm.alarm_name, alarm.alarm_arn)))
        .filter_map(|(name, arn)| name.zip(arn))
        .collect()
}

fn named_states(page: &DescribeAlarmsOutput) -> Vec<(String, State)> {
    let metric = page.metric_alarms().iter();
    let composite = page.composite_alarms().iter();
    metric
        .map(|alarm| (alarm.alarm_name(), alarm.state_value()))
        .chain(composite.map(|alarm| (alarm.alarm_name(), alarm.state_value())))
        .filter_map(|(name, state)| Some((name?.to_owned(), State::of(state?.as_str()))))
        .collect()
}

/// The state that an entry of the history says was entered.
fn entered(history_data: Option<&str>) -> Option<String> {
    let data: Value = serde_json::from_str(history_data?).ok()?;
    let state = data.pointer("/newState/stateValue")?.as_str()?;
    Some(state.to_owned())
}

#[cfg(test)]
mod tests {
    use super::entered;

    #[test]
    fn the_history_tells_the_state_that_was_entered() {
        let data =
            r#"{"version":"1.0","oldState":{"stateValue":"OK"},"newState":{"stateValue":"ALARM"}}"#;
        assert_eq!(entered(Some(data)).as_deref(), Some("ALARM"));
        assert_eq!(entered(Some("torn")), None);
        assert_eq!(entered(None), None);
    }
}
