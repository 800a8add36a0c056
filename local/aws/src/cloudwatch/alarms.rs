//! The operations on alarms.

use super::alarm::{Alarm, Settings, State, StateValue};
use super::event::Change;
use super::history::{Item, Kind};
use super::{Done, Refusal, Store, of_metrics, page};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeAlarms {
    alarm_names: Option<Vec<String>>,
    alarm_name_prefix: Option<String>,
    alarm_types: Option<Vec<String>>,
    state_value: Option<StateValue>,
    max_records: Option<usize>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SetAlarmState {
    pub(super) alarm_name: String,
    pub(super) state_value: StateValue,
    pub(super) state_reason: String,
    #[serde(rename = "StateReasonData")]
    _state_reason_data: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AlarmNames {
    alarm_names: Vec<String>,
}

impl Store {
    pub(super) fn put_alarm(&mut self, settings: Settings, now: f64) -> Value {
        let name = settings.alarm_name.clone();
        let done = if let Some(known) = self.alarms.get_mut(&name) {
            // Tags are set when the alarm is made, and by TagResource from then on.
            let tags = std::mem::take(&mut known.settings.tags);
            known.settings = Settings { tags, ..settings };
            known.configured = now;
            "updated"
        } else {
            self.alarms.insert(name.clone(), Alarm::new(settings, now));
            "created"
        };
        self.history.push(Item::configured(&name, now, done));
        json!({})
    }

    pub(super) fn describe_alarms(&self, request: &DescribeAlarms) -> Value {
        let wanted = |alarm: &&Alarm| {
            let (names, prefix) = (&request.alarm_names, &request.alarm_name_prefix);
            let name = &alarm.settings.alarm_name;
            of_metrics(request.alarm_types.as_deref())
                && names.as_ref().is_none_or(|names| names.contains(name))
                && prefix
                    .as_ref()
                    .is_none_or(|prefix| name.starts_with(prefix))
                && request
                    .state_value
                    .is_none_or(|value| alarm.state.value == value)
        };
        let found = self.alarms.values().filter(wanted).map(Alarm::described);
        let mut answer = page(
            "MetricAlarms",
            found,
            request.max_records,
            request.next_token.as_ref(),
        );
        answer["CompositeAlarms"] = json!([]);
        answer
    }

    /// The alarm is in this state from now on; if that is another one, it is history and an event.
    pub(super) fn set_state(
        &mut self,
        name: &str,
        value: StateValue,
        reason: &str,
        now: f64,
    ) -> Result<Option<Change>, Refusal> {
        let Some(alarm) = self.alarms.get_mut(name) else {
            return Err(Refusal::not_found(&format!("alarm {name}")));
        };
        if alarm.state.value == value {
            return Ok(None);
        }
        let state = State {
            value,
            reason: reason.to_owned(),
            since: now,
        };
        let previous = std::mem::replace(&mut alarm.state, state);
        let change = Change::of(alarm, &previous);
        let summary = format!("Alarm updated from {} to {value}", previous.value);
        let data = json!({
            "version": "1.0",
            "oldState": {"stateValue": previous.value, "stateReason": previous.reason},
            "newState": {"stateValue": value, "stateReason": reason},
        });
        let item = Item::new(name, Kind::StateUpdate, now, summary, &data);
        self.history.push(item);
        Ok(Some(change))
    }

    pub(super) fn delete_alarms(&mut self, request: &AlarmNames, now: f64) -> Done {
        let mut names = request.alarm_names.iter();
        if let Some(missing) = names.find(|name| !self.alarms.contains_key(*name)) {
            return Err(Refusal::not_found(&format!("alarm {missing}")));
        }
        for name in &request.alarm_names {
            self.alarms.remove(name);
            self.history.push(Item::configured(name, now, "deleted"));
        }
        Ok(json!({}))
    }

    pub(super) fn enable_actions(&mut self, request: &AlarmNames, enabled: bool) -> Value {
        for name in &request.alarm_names {
            if let Some(alarm) = self.alarms.get_mut(name) {
                alarm.settings.actions_enabled = enabled;
            }
        }
        json!({})
    }
}
