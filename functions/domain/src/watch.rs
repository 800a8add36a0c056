//! A wait that an alarm can end, and the reading that follows it.

use crate::error::StepError;
use crate::ids::Millis;
use crate::record::{Phase, Ticket};
use serde::{Deserialize, Serialize};

/// What the state machine gives to `watch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
    /// Step Functions' task token, to begin a wait; absent to read the alarms at the end of one.
    #[serde(default)]
    pub token: Option<String>,
}

/// What `watch` answers. A clean reading; anything else is `Upgrade.AlarmRaised`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// Since when the alarms have been quiet.
    pub quiet_since: Millis,
}

/// What an alarm shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// `OK`.
    Quiet,
    /// `ALARM`.
    Ringing,
    /// `INSUFFICIENT_DATA`, or a state that we don't know: it can't tell.
    Blind,
    /// There is no alarm with this name.
    Missing,
}

impl State {
    /// Reads CloudWatch's word.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "OK" => Self::Quiet,
            "ALARM" => Self::Ringing,
            _ => Self::Blind,
        }
    }
}

/// One alarm, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Its name.
    pub alarm: String,
    /// What it shows now.
    pub state: State,
    /// Whether it rang in the window that was asked for.
    pub rang: bool,
}

/// Whether the upgrade may go on. Quiet is only what shows `OK` now and did not ring in the window.
///
/// # Errors
///
/// `Upgrade.AlarmRaised` if an alarm rings or rang. One that can't tell counts as ringing **before** the switchover,
/// where going back costs nothing. After it, production is not moved for something that nobody confirmed: the error is
/// `Upgrade.Failed`, green goes on serving, and a person is asked.
pub fn judge(phase: Phase, readings: &[Reading]) -> Result<(), StepError> {
    let ringing = names(readings, |alarm| {
        alarm.state == State::Ringing || alarm.rang
    });
    let blind = names(readings, |alarm| {
        matches!(alarm.state, State::Blind | State::Missing)
    });
    match (ringing.as_str(), blind.as_str()) {
        ("", "") => Ok(()),
        ("", unread) if phase == Phase::After => Err(StepError::failed(format!(
            "can't tell whether all is well: {unread} missing or without data; green goes on serving"
        ))),
        ("", unread) => Err(StepError::alarm_raised(format!(
            "{unread} missing or without data, which is never taken as healthy"
        ))),
        (rang, _) => Err(StepError::alarm_raised(format!("{rang} rang"))),
    }
}

fn names(readings: &[Reading], which: impl Fn(&Reading) -> bool) -> String {
    let names: Vec<String> = readings
        .iter()
        .filter(|alarm| which(alarm))
        .map(|alarm| format!("`{}`", alarm.alarm))
        .collect();
    names.join(", ")
}

/// What `watch` answers once a wait has begun.
#[must_use]
pub fn begun(since: Millis, readings: &[Reading]) -> Output {
    let summary = match readings.len() {
        0 => "The wait has begun; no alarm can end it.".to_owned(),
        1 => "The wait has begun; an alarm can end it.".to_owned(),
        many => format!("The wait has begun; {many} alarms can end it."),
    };
    Output {
        summary,
        quiet_since: since,
    }
}

/// What `watch` answers after a clean reading.
#[must_use]
pub fn quiet(since: Millis, readings: &[Reading]) -> Output {
    let summary = match readings.len() {
        0 => "No alarm guards this upgrade, so the wait alone says little.".to_owned(),
        1 => "The alarm was quiet all the time.".to_owned(),
        many => format!("All {many} alarms were quiet all the time."),
    };
    Output {
        summary,
        quiet_since: since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorName;

    fn alarm(state: State, rang: bool) -> Reading {
        Reading {
            alarm: "errors".into(),
            state,
            rang,
        }
    }

    #[test]
    fn only_an_alarm_that_is_and_was_quiet_is_quiet() {
        for state in [State::Quiet, State::Ringing, State::Blind, State::Missing] {
            for rang in [false, true] {
                let clean = judge(Phase::Before, &[alarm(state, rang)]).is_ok();
                assert_eq!(clean, state == State::Quiet && !rang, "{state:?} {rang}");
            }
        }
    }

    #[test]
    fn an_alarm_that_rang_and_recovered_has_rung() {
        let failure = judge(Phase::Before, &[alarm(State::Quiet, true)]).unwrap_err();
        assert_eq!(failure.name, ErrorName::AlarmRaised);
    }

    #[test]
    fn after_the_switchover_only_a_confirmed_alarm_is_one() {
        let blind = [alarm(State::Blind, false)];
        let name = |phase| judge(phase, &blind).unwrap_err().name;
        assert_eq!(name(Phase::Before), ErrorName::AlarmRaised);
        assert_eq!(name(Phase::After), ErrorName::Failed);
        let rang = judge(Phase::After, &[alarm(State::Blind, true)]).unwrap_err();
        assert_eq!(rang.name, ErrorName::AlarmRaised);
    }

    #[test]
    fn an_unknown_state_is_blind() {
        assert_eq!(State::of("SOMETHING_NEW"), State::Blind);
    }
}
