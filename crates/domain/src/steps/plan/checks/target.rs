//! The version to reach, and the way there.

use crate::inspection::{Case, listed};
use crate::plan::Check;
use crate::request::Strategy;
use crate::version::{Change, Offer, can_replicate_logically, change, offer};

pub(super) fn checks(case: &Case<'_>) -> Vec<Check> {
    let mut checks = vec![version(case)];
    checks.extend(forced(case));
    if case.strategy == Strategy::BlueGreen {
        checks.push(source(case));
        checks.push(group(case));
    }
    checks
}

fn version(case: &Case<'_>) -> Check {
    const NAME: &str = "target version";
    let (from, to) = (&case.from, &case.to);
    match (change(from, to), offer(to, &case.seen.targets)) {
        (Change::Same, _) => Check::blocker(
            NAME,
            format!("it runs {to} already"),
            "nothing is left to do",
        ),
        (Change::Downgrade, _) => Check::blocker(
            NAME,
            format!("{to} is older than {from}"),
            "restore a snapshot into a new instance if you want to go back",
        ),
        (kind, Offer::Offered) => Check::pass(
            NAME,
            format!(
                "{from} → {to}, a {} upgrade that RDS offers",
                if kind == Change::Minor {
                    "minor"
                } else {
                    "major"
                }
            ),
        ),
        (_, Offer::Not(others)) if others.is_empty() => Check::blocker(
            NAME,
            format!("RDS offers no upgrade from {from}"),
            "look at the instance's engine version in the console",
        ),
        (_, Offer::Not(others)) => Check::blocker(
            NAME,
            format!("RDS offers no upgrade from {from} to {to}"),
            &format!("choose one of {}", listed(&others)),
        ),
    }
}

fn forced(case: &Case<'_>) -> Option<Check> {
    const NAME: &str = "strategy";
    let minor = change(&case.from, &case.to) == Change::Minor;
    match (case.request.strategy?, minor) {
        (Strategy::InPlace, false) => Some(Check::blocker(
            NAME,
            "a major upgrade is not done in place",
            "leave `strategy` out, or write blue_green",
        )),
        (Strategy::BlueGreen, true) => Some(Check::blocker(
            NAME,
            "RDS replicates a minor upgrade's green physically, so that no fence can be put up on it",
            "leave `strategy` out, or write in_place",
        )),
        _ => None,
    }
}

fn source(case: &Case<'_>) -> Check {
    const NAME: &str = "source version";
    if can_replicate_logically(&case.from) {
        Check::pass(NAME, format!("RDS can replicate from {}", case.from))
    } else {
        let remedy = "upgrade to the newest minor version first (at least 16.1, 15.4, 14.9, 13.12, 12.16 or 11.21)";
        Check::blocker(
            NAME,
            format!(
                "RDS can't replicate from {} to another major version",
                case.from
            ),
            remedy,
        )
    }
}

fn group(case: &Case<'_>) -> Check {
    const NAME: &str = "green's parameters";
    let family = case
        .seen
        .family
        .as_deref()
        .unwrap_or("the target version's family");
    let Some(group) = case.request.green.parameter_group.as_deref() else {
        return default_group(case, family);
    };
    match case.seen.green_group_family.as_deref() {
        Some(found) if Some(found) == case.seen.family.as_deref() => {
            Check::pass(NAME, format!("{group}, of {found}"))
        }
        Some(found) => Check::blocker(
            NAME,
            format!("{group} is of {found}, not of {family}"),
            &format!("name a parameter group of {family}"),
        ),
        None => Check::blocker(
            NAME,
            format!("there is no parameter group {group}"),
            &format!("create it, of {family}"),
        ),
    }
}

fn default_group(case: &Case<'_>, family: &str) -> Check {
    const NAME: &str = "green's parameters";
    let blue = &case.writer.parameter_group;
    if blue.starts_with("default.") {
        Check::pass(
            NAME,
            format!("the default group of {family}, as blue has its version's default"),
        )
    } else {
        let found = format!("blue has {blue}, green will get the default group of {family}");
        Check::warning(
            NAME,
            found,
            &format!(
                "create a group of {family} with what you set in {blue}, and name it in `green.parameter_group`"
            ),
        )
    }
}
