//! Makes green fit to take over: statistics, parity, and a rehearsal of the fence.

use crate::inspection::joined;
use crate::plan::Plan;
use crate::rds::{Instance, ParameterStatus};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

#[cfg(test)]
mod tests;

pub use super::ByTicket as Input;

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
    let mut compare = |what: &str, wanted: &dyn fmt::Display, is: &dyn fmt::Display| {
        let (wanted, is) = (wanted.to_string(), is.to_string());
        if wanted != is {
            faults.push(format!("{what} of {} is {is}, not {wanted}", green.id));
        }
    };
    let (in_sync, applied) = (ParameterStatus::InSync, &green.parameters_applied);
    let is_replica = |it: &Instance| it.replica_of.is_some();
    // More is no fault.
    let storage = blue.storage_gib.max(green.storage_gib);
    let by_iam = blue.iam_login || green.iam_login;
    compare("the version", &plan.to_version, &green.version);
    compare("the class", &blue.class, &green.class);
    compare("Multi-AZ", &blue.multi_az, &green.multi_az);
    compare("the storage in GiB", &storage, &green.storage_gib);
    compare("the storage type", &blue.storage_type, &green.storage_type);
    compare("IAM database authentication", &by_iam, &green.iam_login);
    compare("being a replica", &is_replica(blue), &is_replica(green));
    compare("the parameter group's state", &in_sync, applied);
    faults
}

fn lines(twins: &Twins) -> Vec<String> {
    let Twins {
        blue,
        green,
        parameters,
    } = twins;
    let zones = if green.multi_az { ", Multi-AZ" } else { "" };
    let alike = format!(
        "{} is like {}: {}{zones}, {} GiB {}",
        green.id, blue.id, green.class, green.storage_gib, green.storage_type
    );
    let (there, here) = (&blue.parameter_group, &green.parameter_group);
    let unlike = |name| format!("{name} is set in {there}, and not so in {here}");
    let unlike = parameters.iter().map(unlike);
    std::iter::once(alike).chain(unlike).collect()
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
    let shut = roles.iter().filter(|role| !opened.contains(role));
    let shut = joined(shut, ", ");
    if roles.is_empty() {
        Err("none of the application's roles can log in to green".to_owned())
    } else if !leaking.is_empty() {
        Err(format!(
            "{} could still log in to green although the fence stood",
            leaking.join(", ")
        ))
    } else if !shut.is_empty() {
        Err(format!("{shut} could not be opened again on green"))
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
