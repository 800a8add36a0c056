//! What is checked before anything is touched.

use crate::lag::{Lag, Limits};
use crate::rds::{Instance, ParameterStatus};

/// What the checklist looks at, alarms apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readiness {
    /// Whether the deployment and every member of it were available, observation by observation.
    pub deployment: Vec<bool>,
    /// The members of both sides; `None` where an instance was not found.
    pub members: Vec<(String, Option<Instance>)>,
    /// How far green is behind.
    pub lag: Lag,
    /// Transactions that have been open for long, and prepared ones, of both sides.
    pub transactions: Vec<String>,
    /// Logical slots of blue beyond one per database.
    pub foreign_slots: Vec<String>,
    /// Databases that only one side has, or that the plan does not know.
    pub databases: Vec<String>,
    /// Tables and roles that green does not have.
    pub only_on_blue: Vec<String>,
    /// Why the alarms are inconclusive.
    pub blind: Vec<String>,
    /// Why the fence could not be rehearsed, side by side.
    pub fence: Vec<String>,
}

/// What the checklist comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every item is good.
    Go,
    /// It may be better in a moment.
    NotQuiet {
        /// Which items, and why.
        why: String,
    },
    /// Waiting does not help.
    Unfit {
        /// Which items, and why.
        why: String,
    },
}

/// The name of a success, the name of a failure, what was found, and whether a failure may pass by itself.
type Item<'a> = (&'a str, &'a str, Result<String, String>, bool);

/// The checklist: each item with what was found, and the verdict over all.
#[must_use]
pub fn checklist(seen: &Readiness, limits: Limits) -> (Vec<String>, Verdict) {
    let items = [
        (
            "deployment available",
            "deployment not available",
            deployment(&seen.deployment),
            true,
        ),
        (
            "members available, parameters in sync",
            "members not ready",
            members(&seen.members),
            true,
        ),
        (
            "lag under the limits",
            "lag over the limits",
            lag(seen.lag, limits),
            true,
        ),
        empty("long or prepared transactions", &seen.transactions, true),
        empty("inconclusive alarms", &seen.blind, true),
        empty("foreign slots", &seen.foreign_slots, false),
        empty("unplanned databases", &seen.databases, false),
        empty("only on blue", &seen.only_on_blue, false),
        empty("failed rehearsals of the fence", &seen.fence, false),
    ];
    let bad = |passes: bool| {
        let bad = items.iter().filter(|item| item.3 == passes);
        let bad = bad.filter_map(|(_, name, found, _)| {
            let why = found.as_ref().err()?;
            Some(format!("{name}: {why}"))
        });
        bad.collect::<Vec<String>>().join("; ")
    };
    let (waits, stays) = (bad(true), bad(false));
    let verdict = match (stays.is_empty(), waits.is_empty()) {
        (false, _) => Verdict::Unfit { why: stays },
        (true, false) => Verdict::NotQuiet { why: waits },
        (true, true) => Verdict::Go,
    };
    let lines = items.iter().map(|(good, bad, found, _)| match found {
        Ok(found) => format!("{good}: {found}"),
        Err(found) => format!("{bad}: {found}"),
    });
    (lines.collect(), verdict)
}

/// An item that is good while nothing was found; its name is the same for success and failure.
fn empty<'a>(name: &'a str, found: &[String], passes: bool) -> Item<'a> {
    let found = match found {
        [] => Ok("none".to_owned()),
        some => Err(some.join(", ")),
    };
    (name, name, found, passes)
}

fn deployment(observations: &[bool]) -> Result<String, String> {
    let good = observations.iter().filter(|good| **good).count();
    let told = format!("{good} of {} observations", observations.len());
    if good == observations.len() && good >= 2 {
        Ok(told)
    } else {
        Err(told)
    }
}

fn members(members: &[(String, Option<Instance>)]) -> Result<String, String> {
    let unfit = members.iter().filter_map(|(name, found)| match found {
        None => Some(format!("{name} is not there")),
        Some(found) if !found.is_available() => Some(format!("{name} is {}", found.status)),
        Some(found) if found.parameters_applied != ParameterStatus::InSync => Some(format!(
            "{name} has parameters {}",
            found.parameters_applied
        )),
        Some(_) => None,
    });
    let unfit: Vec<String> = unfit.collect();
    match (unfit.as_slice(), members.len()) {
        ([], 1..) => Ok(format!("{} members", members.len())),
        ([], _) => Err("no members".to_owned()),
        (some, _) => Err(some.join(", ")),
    }
}

fn lag(lag: Lag, limits: Limits) -> Result<String, String> {
    let told = lag.told(limits);
    if lag.is_under(limits) {
        Ok(told)
    } else {
        Err(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_good_observation_is_not_enough() {
        let limits = Limits { bytes: 1, ms: 1 };
        let mut seen = Readiness {
            deployment: vec![true],
            ..Readiness::default()
        };
        assert!(matches!(
            checklist(&seen, limits).1,
            Verdict::NotQuiet { .. }
        ));
        seen.foreign_slots = vec!["cdc".to_owned()];
        assert!(matches!(checklist(&seen, limits).1, Verdict::Unfit { .. }));
    }
}
