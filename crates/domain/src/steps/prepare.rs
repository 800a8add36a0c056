//! Makes green fit to take over: statistics, parity, and a rehearsal of the fence.

use crate::plan::Plan;
use crate::rds::{Instance, ParameterStatus};
use crate::record::Ticket;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

#[cfg(test)]
mod tests;

/// What the state machine gives to `prepare`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
}

/// What `prepare` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: wait a little and call again.
    pub done: bool,
    /// What is alike and what is not, a line each.
    pub parity: Vec<String>,
}

/// What was seen of one member: blue's instance and the one of green that stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twins {
    /// Blue's.
    pub blue: Instance,
    /// Green's.
    pub green: Instance,
    /// Parameters that a person set in blue's group and that are not, or not the same, in green's.
    pub parameters: Vec<String>,
}

/// How the two sides compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parity {
    /// Green can take over.
    Fit(Vec<String>),
    /// Green is busy with something that ends by itself.
    Wait(String),
    /// Green could not carry what blue carries.
    Unfit(String),
}

/// Compares both sides, member by member. More storage on green is no fault; anything less of anything is.
#[must_use]
pub fn parity(plan: &Plan, twins: &[Twins]) -> Parity {
    let mut faults: Vec<String> = twins.iter().flat_map(|twins| faults(plan, twins)).collect();
    if twins.len() != plan.members.len() {
        faults.push(format!(
            "green has {} of {} instances",
            twins.len(),
            plan.members.len()
        ));
    }
    let busy = twins
        .iter()
        .find(|twins| !twins.green.is_available() || twins.green.storage_is_busy());
    match (busy, faults.is_empty()) {
        (_, false) => Parity::Unfit(format!("green is not what blue is: {}", faults.join("; "))),
        (Some(busy), _) => Parity::Wait(format!("{} is {}", busy.green.id, busy.green.state())),
        (None, true) => Parity::Fit(twins.iter().flat_map(lines).collect()),
    }
}

fn faults(plan: &Plan, twins: &Twins) -> Vec<String> {
    let Twins { blue, green, .. } = twins;
    let mut faults = vec![];
    let mut differs =
        |differs: bool, what: &str, blues: &dyn fmt::Display, greens: &dyn fmt::Display| {
            if differs {
                faults.push(format!("{what} of {} is {greens}, not {blues}", green.id));
            }
        };
    differs(
        green.version != plan.to_version,
        "the version",
        &plan.to_version,
        &green.version,
    );
    differs(
        green.class != blue.class,
        "the class",
        &blue.class,
        &green.class,
    );
    differs(
        green.multi_az != blue.multi_az,
        "Multi-AZ",
        &blue.multi_az,
        &green.multi_az,
    );
    differs(
        green.storage_gib < blue.storage_gib,
        "the storage in GiB",
        &blue.storage_gib,
        &green.storage_gib,
    );
    differs(
        green.storage_type != blue.storage_type,
        "the storage type",
        &blue.storage_type,
        &green.storage_type,
    );
    differs(
        blue.iam_login && !green.iam_login,
        "IAM database authentication",
        &blue.iam_login,
        &green.iam_login,
    );
    differs(
        green.replica_of.is_some() != blue.replica_of.is_some(),
        "being a replica",
        &blue.replica_of.is_some(),
        &green.replica_of.is_some(),
    );
    differs(
        green.parameters_applied != ParameterStatus::InSync,
        "the parameter group's state",
        &ParameterStatus::InSync,
        &green.parameters_applied,
    );
    faults
}

fn lines(twins: &Twins) -> Vec<String> {
    let Twins {
        blue,
        green,
        parameters,
    } = twins;
    let zones = if green.multi_az { ", Multi-AZ" } else { "" };
    let mut lines = vec![format!(
        "{} is like {}: {}{zones}, {} GiB {}",
        green.id, blue.id, green.class, green.storage_gib, green.storage_type
    )];
    let set = parameters.iter();
    lines.extend(set.map(|name| {
        format!(
            "{} is set in {}, and not so in {}",
            name, blue.parameter_group, green.parameter_group
        )
    }));
    lines
}

/// Parameters that a person set for blue and that green does not have so.
#[must_use]
pub fn unlike(blue: &BTreeMap<String, String>, green: &BTreeMap<String, String>) -> Vec<String> {
    let differs = |name: &&String| green.get(*name) != blue.get(*name);
    blue.keys().filter(differs).cloned().collect()
}

/// What the rehearsal of the fence showed.
///
/// # Errors
/// Why the fence can't be relied on.
pub fn rehearsed(
    roles: &[String],
    leaking: &[String],
    opened: &[String],
) -> Result<String, String> {
    let shut: Vec<&str> = roles
        .iter()
        .filter(|role| !opened.contains(role))
        .map(String::as_str)
        .collect();
    if roles.is_empty() {
        Err("none of the application's roles can log in to green".to_owned())
    } else if !leaking.is_empty() {
        Err(format!(
            "{} could still log in to green although the fence stood",
            leaking.join(", ")
        ))
    } else if !shut.is_empty() {
        Err(format!(
            "{} could not be opened again on green",
            shut.join(", ")
        ))
    } else {
        Ok(format!("the fence closed and opened {}", roles.join(", ")))
    }
}

/// What came of the statistics. Those of `left` we may not gather.
#[must_use]
pub fn statistics(analyzed: u32, left: &[String]) -> String {
    match (analyzed, left) {
        (0, []) => "every table has statistics".to_owned(),
        (1, []) => "one table was without statistics and was analyzed".to_owned(),
        (many, []) => format!("{many} tables were without statistics and were analyzed"),
        (_, left) => format!(
            "gather statistics on green as their owner: {} are without",
            left.join(", ")
        ),
    }
}

/// The answer while green is busy.
#[must_use]
pub fn waiting(what: &str) -> Output {
    Output {
        summary: format!("Green is being prepared; waiting for {what}."),
        done: false,
        parity: vec![],
    }
}

/// The answer once green can take over.
#[must_use]
pub fn prepared(lines: Vec<String>) -> Output {
    Output {
        summary: "Green is like blue, has its statistics, and the fence was rehearsed there."
            .to_owned(),
        done: true,
        parity: lines,
    }
}
