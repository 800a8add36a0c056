//! What guards the upgrade, and what routes the reads.

use crate::alarms::{Reading, State};
use crate::inspection::{Case, count, listed};
use crate::plan::Check;
use crate::rds::READS_TAG;
use crate::request::InsufficientData;
use crate::routes::{Route, share};
use std::collections::BTreeMap;

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
        State::Blind if blind == InsufficientData::Ok => None,
        State::Quiet => None,
        State::Ringing => Some(format!("{} is in ALARM", reading.alarm)),
        State::Blind => Some(format!("{} has no data", reading.alarm)),
        State::Missing => Some(format!("there is no alarm {}", reading.alarm)),
    }
}

pub(super) fn reads(case: &Case<'_>) -> Check {
    const NAME: &str = "reads";
    let Some(name) = &case.seen.reads_name else {
        let remedy = format!(
            "put the readers' name on weighted records and name it in `reads.record`, or tag the instance with {READS_TAG}"
        );
        return Check::warning(
            NAME,
            "nothing routes the reads by weight, so that they move with the writes, all at once",
            &remedy,
        );
    };
    match &case.seen.reads {
        Err(why) => Check::blocker(
            NAME,
            format!("the records of {name} can't be used: {why}"),
            "let the name have weighted CNAME records only",
        ),
        Ok(None) => Check::blocker(
            NAME,
            format!("{name} has no weighted records"),
            "create them in Route 53, or correct the name",
        ),
        Ok(Some(route)) => shareable(case, route),
    }
}

fn shareable(case: &Case<'_>, route: &Route) -> Check {
    const NAME: &str = "reads";
    let hosts: BTreeMap<String, String> = case
        .members()
        .filter_map(|member| member.address.clone())
        .map(|address| (address.clone(), address))
        .collect();
    match share(&route.records, &hosts, 1, 1) {
        Ok(_) => Check::pass(
            NAME,
            format!(
                "{} with {}",
                route.name,
                count(route.records.len(), "weighted record")
            ),
        ),
        Err(error) => Check::blocker(
            NAME,
            error.message,
            "let the records lead to the endpoints of this database's instances",
        ),
    }
}
