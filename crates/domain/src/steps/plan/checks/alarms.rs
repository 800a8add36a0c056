//! What guards the upgrade.

use crate::alarms::{Reading, State};
use crate::inspection::{Case, count, listed};
use crate::plan::Check;
use crate::request::InsufficientData;

pub(super) fn check(case: &Case<'_>) -> Check {
    const NAME: &str = "alarms quiet";
    let readings = match &case.seen.alarms {
        Err(why) => {
            let found = format!("the alarms can't be read: {why}");
            return Check::blocker(
                NAME,
                found,
                "an alarm that can't be read can't guard; see to the function's permissions",
            );
        }
        Ok(readings) => readings,
    };
    let blind = case.request.insufficient_data;
    let ills: Vec<String> = readings.iter().filter_map(|one| ill(one, blind)).collect();
    if !ills.is_empty() {
        Check::blocker(
            NAME,
            listed(&ills),
            "see to the alarm, or name others in `alarms`",
        )
    } else if readings.is_empty() {
        let remedy = format!(
            "tag the alarms that show whether the application is well with viridian:database={}, or name them in `alarms`",
            case.request.database
        );
        Check::warning(
            NAME,
            "no alarm guards this upgrade, so that nothing rolls it back by itself",
            &remedy,
        )
    } else {
        Check::pass(NAME, format!("{} quiet", count(readings.len(), "alarm")))
    }
}

fn ill(reading: &Reading, blind: InsufficientData) -> Option<String> {
    match reading.state {
        State::InsufficientData if blind == InsufficientData::Ok => None,
        State::Ok => None,
        State::Alarm => Some(format!("{} is in ALARM", reading.alarm)),
        State::InsufficientData => Some(format!("{} has no data", reading.alarm)),
        State::Missing => Some(format!("there is no alarm {}", reading.alarm)),
    }
}
