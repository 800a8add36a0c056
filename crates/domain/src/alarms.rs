//! The states of CloudWatch alarms, and what they mean for an upgrade.

use crate::error::StepError;
use crate::record::Phase;
use crate::request::InsufficientData;
use serde::{Deserialize, Serialize};

/// What an alarm shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// `OK`.
    Ok,
    /// `ALARM`.
    Alarm,
    /// `INSUFFICIENT_DATA`, or an unknown state: inconclusive.
    InsufficientData,
    /// There is no alarm with this name.
    Missing,
}

impl State {
    /// Reads CloudWatch's `StateValue`.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "OK" => Self::Ok,
            "ALARM" => Self::Alarm,
            _ => Self::InsufficientData,
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
    /// Whether it went to ALARM in the window that was asked for.
    pub went_to_alarm: bool,
    /// Whether it flapped too often to be conclusive, without reaching ALARM.
    pub flapped: bool,
}

/// What the readings mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every alarm is `OK`, and none went to ALARM in the window.
    Quiet,
    /// None went to ALARM, but some are inconclusive, and why. Going on would count missing data as good, and a rollback
    /// might undo the upgrade for nothing, so a person is asked.
    Inconclusive(String),
}

/// Whether the upgrade may go on. Quiet is only what is `OK` now and did not go to ALARM in the window; `blind` is how the
/// request treats an alarm without data.
///
/// # Errors
///
/// `Upgrade.AlarmRaised` if an alarm is or was in ALARM. After the switchover, production is not moved for an unconfirmed
/// alarm: where one is inconclusive, the error is `Upgrade.Failed`, green goes on serving, and a person is called.
pub fn judge(
    phase: Phase,
    blind: InsufficientData,
    readings: &[Reading],
) -> Result<Verdict, StepError> {
    let raised = names(readings, |alarm| {
        alarm.state == State::Alarm || alarm.went_to_alarm
    });
    if !raised.is_empty() {
        return Err(StepError::alarm_raised(format!("{raised} went to ALARM")));
    }
    let is_inconclusive = |alarm: &Reading| match alarm.state {
        State::Missing => true,
        State::InsufficientData => blind != InsufficientData::Ok,
        State::Ok | State::Alarm => alarm.flapped && blind != InsufficientData::Ok,
    };
    let unread = names(readings, is_inconclusive);
    if unread.is_empty() {
        return Ok(Verdict::Quiet);
    }
    let why =
        format!("{unread} missing, without data or flapping, which is never taken as healthy");
    match (phase, blind) {
        (Phase::After, _) => Err(StepError::failed(format!(
            "can't tell whether all is well: {why}; green goes on serving"
        ))),
        (_, InsufficientData::Alarm) => Err(StepError::alarm_raised(why)),
        _ => Ok(Verdict::Inconclusive(why)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorName;
    use crate::samples::reading;

    fn alarm(state: State, went_to_alarm: bool) -> Reading {
        Reading {
            went_to_alarm,
            ..reading(state)
        }
    }

    const PAUSE: InsufficientData = InsufficientData::Pause;

    #[test]
    fn only_an_alarm_that_is_and_was_quiet_is_quiet() {
        for state in [
            State::Ok,
            State::Alarm,
            State::InsufficientData,
            State::Missing,
        ] {
            for went_to_alarm in [false, true] {
                let clean = judge(Phase::Before, PAUSE, &[alarm(state, went_to_alarm)])
                    == Ok(Verdict::Quiet);
                assert_eq!(
                    clean,
                    state == State::Ok && !went_to_alarm,
                    "{state:?} {went_to_alarm}"
                );
            }
        }
    }

    #[test]
    fn the_request_says_what_no_data_means_but_never_what_no_alarm_means() {
        const OK: InsufficientData = InsufficientData::Ok;
        let judged = |policy, reading| judge(Phase::Before, policy, &[reading]);
        let blind = || reading(State::InsufficientData);
        assert_eq!(judged(OK, blind()), Ok(Verdict::Quiet));
        assert!(judged(InsufficientData::Alarm, blind()).is_err());
        let wavers = Reading {
            flapped: true,
            ..reading(State::Ok)
        };
        let missing = reading(State::Missing);
        for (policy, reading) in [(PAUSE, blind()), (OK, missing), (PAUSE, wavers)] {
            let verdict = judged(policy, reading);
            assert!(matches!(verdict, Ok(Verdict::Inconclusive(_))));
        }
    }

    #[test]
    fn an_alarm_that_rang_and_recovered_has_rung() {
        let failure = judge(Phase::Before, PAUSE, &[alarm(State::Ok, true)]).unwrap_err();
        assert_eq!(failure.name, ErrorName::AlarmRaised);
    }

    #[test]
    fn after_the_switchover_only_a_confirmed_alarm_is_one() {
        let blind = [alarm(State::InsufficientData, false)];
        let name = |policy| judge(Phase::After, policy, &blind).unwrap_err().name;
        assert_eq!(name(PAUSE), ErrorName::Failed);
        assert_eq!(name(InsufficientData::Alarm), ErrorName::Failed);
        let went_to_alarm =
            judge(Phase::After, PAUSE, &[alarm(State::InsufficientData, true)]).unwrap_err();
        assert_eq!(went_to_alarm.name, ErrorName::AlarmRaised);
    }

    #[test]
    fn an_unknown_state_is_blind() {
        assert_eq!(State::of("SOMETHING_NEW"), State::InsufficientData);
    }
}
