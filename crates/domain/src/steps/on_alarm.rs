//! A CloudWatch alarm event, and the waits that it ends.

use crate::error::StepError;
use crate::ids::Millis;
use crate::notice::Notice;
use crate::record::{Phase, Record};
use crate::reverse::Reverse;
use serde::{Deserialize, Serialize};

/// Clocks of CloudWatch and a Lambda may differ by this much, in milliseconds.
const CLOCKS_DIFFER: i64 = 1_000;

/// EventBridge's `CloudWatch Alarm State Change`, as far as it is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The event's own id.
    pub id: String,
    /// What happened.
    pub detail: Detail,
}

/// The alarm and its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// The alarm's name.
    pub alarm_name: String,
    /// Its state now.
    pub state: State,
}

/// An alarm's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`; others may come.
    pub value: String,
    /// CloudWatch's reason for the state.
    #[serde(default)]
    pub reason: String,
    /// When the state was entered, such as `2026-11-22T07:06:05.123+0000`.
    #[serde(default)]
    pub timestamp: Option<String>,
}

/// What `on_alarm` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// How many waits it ended.
    pub ended: u32,
}

/// The records whose wait this event ends, each with the wait's token. `raised_at` is the event's timestamp. An
/// event that was delivered late, about a time before the wait began, ends none: the alarm's state was read at that point.
#[must_use]
pub fn waits<'a>(
    input: &Input,
    raised_at: Option<Millis>,
    records: &'a [Record],
) -> Vec<(&'a Record, &'a str)> {
    let raised = input.detail.state.value == "ALARM";
    let guarded = records.iter().filter(|record| {
        let waits = matches!(record.phase, Phase::Before | Phase::After);
        raised && waits && record.plan.alarms.contains(&input.detail.alarm_name)
    });
    let waiting = guarded.filter_map(|record| {
        let wait = record.wait.as_ref()?;
        let in_time = raised_at.is_none_or(|at| at.since(wait.since) >= -CLOCKS_DIFFER);
        let token = record.token().filter(|_| in_time)?;
        Some((record, token))
    });
    waiting.collect()
}

/// What the waits end with.
#[must_use]
pub fn failure(input: &Input) -> StepError {
    let Detail { alarm_name, state } = &input.detail;
    let reason = match state.reason.as_str() {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    StepError::alarm_raised(format!("`{alarm_name}` went to ALARM{reason}"))
}

/// The notice about the alarm.
#[must_use]
pub fn notice(input: &Input, record: &Record) -> Notice {
    let (next, todo) = match record.phase {
        Phase::After if record.reverse.as_ref().is_some_and(Reverse::is_available) => (
            "The writes return to blue, with every one that green has taken.",
            "Look at the alarm, and at what it watches.",
        ),
        Phase::After => (
            "There is no automatic failback: green goes on serving.",
            "Please look at once, at the alarm and at what it watches.",
        ),
        _ => (
            "The upgrade is rolled back: reads return to blue first, and blue has the writes anyway.",
            "Look at the alarm, and at what it watches.",
        ),
    };
    Notice {
        what: "has an alarm during its upgrade".to_owned(),
        happened: format!("{}.", failure(input).message),
        next: next.to_owned(),
        todo: todo.to_owned(),
        ..Notice::of("alarm", &record.ticket)
    }
}

/// What `on_alarm` answers.
#[must_use]
pub fn output(input: &Input, ended: u32) -> Output {
    let alarm = &input.detail.alarm_name;
    let summary = match ended {
        0 => format!("No upgrade waits under the alarm `{alarm}`."),
        1 => format!("The alarm `{alarm}` ended an upgrade's wait."),
        many => format!("The alarm `{alarm}` ended the waits of {many} upgrades."),
    };
    Output { summary, ended }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Wait;
    use crate::samples::at;

    fn event(alarm: &str, value: &str) -> Input {
        Input {
            id: "1".into(),
            detail: Detail {
                alarm_name: alarm.into(),
                state: State {
                    value: value.into(),
                    reason: String::new(),
                    timestamp: None,
                },
            },
        }
    }

    fn waiting(phase: Phase, token: Option<&str>) -> Vec<Record> {
        let mut record = at(phase);
        record.plan.alarms = vec!["errors".into()];
        record.wait = Some(Wait {
            token: token.map(str::to_owned),
            since: Millis(10_000),
        });
        vec![record]
    }

    fn ended(input: &Input, raised_at: Option<i64>, records: &[Record]) -> usize {
        waits(input, raised_at.map(Millis), records).len()
    }

    #[test]
    fn an_alarm_that_guards_a_waiting_upgrade_ends_its_wait() {
        let rang = event("errors", "ALARM");
        for phase in [Phase::Before, Phase::After] {
            assert_eq!(ended(&rang, Some(12_000), &waiting(phase, Some("t"))), 1);
        }
        assert_eq!(ended(&rang, None, &waiting(Phase::Before, Some("t"))), 1);
    }

    #[test]
    fn no_other_alarm_and_no_other_state_ends_a_wait() {
        let records = waiting(Phase::Before, Some("t"));
        assert_eq!(ended(&event("latency", "ALARM"), None, &records), 0);
        for value in ["OK", "INSUFFICIENT_DATA", "SOMETHING_NEW"] {
            assert_eq!(ended(&event("errors", value), None, &records), 0);
        }
    }

    #[test]
    fn an_upgrade_that_does_not_wait_is_left_alone() {
        let rang = event("errors", "ALARM");
        assert_eq!(ended(&rang, None, &waiting(Phase::Before, None)), 0);
        for phase in [
            Phase::Switching,
            Phase::RollingBack,
            Phase::NeedsOperator,
            Phase::Ended,
        ] {
            assert_eq!(ended(&rang, None, &waiting(phase, Some("t"))), 0);
        }
    }

    #[test]
    fn people_are_told_what_becomes_of_the_upgrade() {
        let said = |phase| notice(&event("errors", "ALARM"), &waiting(phase, None)[0]).mail();
        assert!(said(Phase::Before).starts_with("`errors` went to ALARM.\n"));
        assert!(said(Phase::Before).contains("is rolled back"));
        assert!(said(Phase::After).contains("no automatic failback"));
    }

    #[test]
    fn an_event_from_before_the_wait_does_not_end_it() {
        let records = waiting(Phase::Before, Some("t"));
        assert_eq!(ended(&event("errors", "ALARM"), Some(8_000), &records), 0);
        assert_eq!(ended(&event("errors", "ALARM"), Some(9_500), &records), 1);
    }
}
