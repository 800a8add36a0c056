//! The critical section: one writer becomes another.

use crate::check_lag::{Lag, Limits};
use crate::ids::{Lsn, Millis};
use crate::rds::{Deployment, DeploymentStatus, Instance};
use crate::record::{Marker, Phase, Ticket};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the state machine gives to `switchover`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
}

/// What `switchover` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: RDS is not through, or the moment was not quiet; call again.
    pub done: bool,
    /// The evidence, once it is done.
    pub receipt: Option<Receipt>,
}

/// The evidence that one side wrote at a time and that nothing was lost.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Receipt {
    /// What was checked before, a line each.
    pub checklist: Vec<String>,
    /// What a person should know although it stopped nothing, a line each.
    pub complaints: Vec<String>,
    /// Per database of the server: the proof of what arrived.
    pub databases: BTreeMap<String, Arrived>,
    /// Application sessions that were ended by us on green.
    pub sessions_drained: u32,
    /// Roles that were closed and opened again.
    pub roles: Vec<String>,
    /// When the fence stood on green.
    pub fenced_at: Option<Millis>,
    /// When RDS was called.
    pub called_at: Option<Millis>,
    /// When green was opened.
    pub opened_at: Option<Millis>,
    /// What each phase took, in milliseconds, in order.
    pub phases: Vec<(String, u64)>,
    /// From RDS's call to every member at `SWITCHOVER_COMPLETED` as seen by us, in milliseconds.
    pub rds_ms: u64,
    /// From there to the first write that green took, in milliseconds.
    pub ours_ms: u64,
}

/// What is known of one database of the server at the moment of the switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// The number of the marker that was written on blue before RDS was called and found on green.
    pub marker: i64,
    /// Old blue's last log position when the proof was taken; nothing if old could not be asked.
    pub old_position: Option<Lsn>,
    /// Rows on both sides at the moment when green was opened; nothing while they are not counted.
    pub rows: Option<u64>,
    /// The digest over them, equal on both sides; nothing while it is not.
    pub digest: Option<String>,
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Checklist, reads, fence, marker, and the call.
    Begin,
    /// The record says that RDS was to be called, but it does not switch: the call never reached it, or it was taken back
    /// while nobody looked. The fence comes down, and everything begins anew.
    StartOver,
    /// RDS switches; look again.
    Follow,
    /// RDS is through, with every member: prove, and open green.
    Finish,
    /// RDS took it back. The fence comes down, and blue goes on.
    TakenBack {
        /// RDS's own words.
        why: String,
    },
    /// Somebody else switches; nothing of ours may interfere.
    Wait,
    /// Somebody else has switched, without a fence and without a proof.
    Foreign,
    /// There is nothing that this step could do.
    Refuse {
        /// Why.
        why: String,
    },
}

/// Decides from the record and from what RDS says. `asked`: this very call has told RDS to switch.
#[must_use]
pub fn stage(phase: Phase, asked: bool, seen: Option<&Deployment>) -> Stage {
    match (phase, seen) {
        (Phase::After, _) => Stage::Finish,
        (Phase::Before, Some(seen)) => before(seen),
        (Phase::Switching, Some(seen)) => switching(asked, seen),
        (Phase::Before | Phase::Switching, None) => Stage::Refuse {
            why: "the blue/green deployment is gone; nobody but RDS knows which side serves"
                .to_owned(),
        },
        (Phase::RollingBack | Phase::NeedsOperator | Phase::Ended, _) => Stage::Refuse {
            why: format!("the upgrade is past its switchover: {}", phase.as_str()),
        },
    }
}

fn before(seen: &Deployment) -> Stage {
    match &seen.status {
        _ if seen.is_available() => Stage::Begin,
        _ if seen.is_switched() => Stage::Foreign,
        DeploymentStatus::SwitchoverInProgress | DeploymentStatus::SwitchoverCompleted => {
            Stage::Wait
        }
        other => Stage::Refuse {
            why: format!(
                "the deployment can't be switched, it is {other:?}: {}",
                seen.status_details
            ),
        },
    }
}

fn switching(asked: bool, seen: &Deployment) -> Stage {
    let why = || seen.status_details.clone();
    match &seen.status {
        _ if seen.is_switched() => Stage::Finish,
        DeploymentStatus::Available if asked => Stage::TakenBack { why: why() },
        DeploymentStatus::Available => Stage::StartOver,
        DeploymentStatus::SwitchoverFailed | DeploymentStatus::InvalidConfiguration => {
            Stage::TakenBack { why: why() }
        }
        DeploymentStatus::SwitchoverInProgress
        | DeploymentStatus::SwitchoverCompleted
        | DeploymentStatus::Other(_) => Stage::Follow,
        DeploymentStatus::Provisioning | DeploymentStatus::Deleting => Stage::Refuse {
            why: format!("the deployment is {:?}: {}", seen.status, why()),
        },
    }
}

/// What the checklist looks at, alarms apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readiness {
    /// Whether the deployment and every member of it were available, observation by observation.
    pub deployment: Vec<bool>,
    /// The members of both sides; nothing where an instance was not found.
    pub members: Vec<(String, Option<Instance>)>,
    /// How far green is behind.
    pub lag: Lag,
    /// Transactions that have been open for long, and prepared ones, of both sides.
    pub transactions: Vec<String>,
    /// Logical slots of blue beyond one per database.
    pub foreign_slots: Vec<String>,
    /// Why the fence could not be rehearsed, side by side.
    pub fence: Vec<String>,
}

/// What the checklist says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every item is good.
    Go,
    /// It may be better in a moment.
    NotQuiet {
        /// What is not.
        why: String,
    },
    /// Waiting does not help.
    Unfit {
        /// What is in the way.
        why: String,
    },
}

/// The checklist: each item with what was found, and the verdict over all.
#[must_use]
pub fn checklist(seen: &Readiness, limits: Limits) -> (Vec<String>, Verdict) {
    let items = [
        ("deployment available", deployment(&seen.deployment), true),
        (
            "members available, parameters in sync",
            members(&seen.members),
            true,
        ),
        ("lag under the limits", lag(seen.lag, limits), true),
        (
            "no long or prepared transaction",
            none(&seen.transactions),
            true,
        ),
        ("no foreign slot", none(&seen.foreign_slots), false),
        ("fence rehearsed", none(&seen.fence), false),
    ];
    let bad = |passes: bool| -> Vec<String> {
        let bad = items
            .iter()
            .filter(|item| item.1.is_err() && item.2 == passes);
        bad.map(|(name, found, _)| {
            format!(
                "not {name}: {}",
                found.as_ref().err().cloned().unwrap_or_default()
            )
        })
        .collect()
    };
    let (waits, stays) = (bad(true).join("; "), bad(false).join("; "));
    let verdict = match (stays.is_empty(), waits.is_empty()) {
        (false, _) => Verdict::Unfit { why: stays },
        (true, false) => Verdict::NotQuiet { why: waits },
        (true, true) => Verdict::Go,
    };
    let lines = items.iter().map(|(name, found, _)| match found {
        Ok(found) => format!("{name}: {found}"),
        Err(found) => format!("NOT {name}: {found}"),
    });
    (lines.collect(), verdict)
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
        Some(found) if found.parameters_applied != "in-sync" => Some(format!(
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

fn none(found: &[String]) -> Result<String, String> {
    if found.is_empty() {
        Ok("none found wanting".to_owned())
    } else {
        Err(found.join(", "))
    }
}

/// One side, between RDS's end of the switchover and the opening.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Application roles that can log in.
    pub open_roles: Vec<String>,
    /// Sessions of application roles.
    pub sessions: u32,
    /// Prepared transactions.
    pub prepared: Vec<String>,
    /// Whether sessions are read-only by default.
    pub read_only: bool,
    /// The last position in its log.
    pub position: Lsn,
}

/// What may be done with new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Open it. What is complained of stopped nothing.
    Open {
        /// A line each.
        complaints: Vec<String>,
    },
    /// Old is not closed: opening new would make two writers. Close it, and look again.
    CloseOld,
    /// Something that blue had committed is not there. Opening would bury it under new writes.
    Withhold {
        /// What is missing.
        why: String,
    },
}

/// Judges what was seen after RDS's end: `markers` as they were written on blue, `arrived` as new has them, `old` where
/// it could be asked. An old that nobody can reach takes no writes, but nobody can vouch for it either.
#[must_use]
pub fn prove(
    markers: &BTreeMap<String, Marker>,
    arrived: &BTreeMap<String, Option<i64>>,
    new: &Standing,
    old: Option<&Standing>,
) -> Proof {
    let missing: Vec<&str> = markers
        .iter()
        .filter(|(database, marker)| {
            let there = arrived.get(*database).copied().flatten();
            there.is_none_or(|number| number < marker.number)
        })
        .map(|(database, _)| database.as_str())
        .collect();
    match old {
        Some(old) if !old.open_roles.is_empty() || old.sessions > 0 => Proof::CloseOld,
        _ if !missing.is_empty() => Proof::Withhold {
            why: format!(
                "the marker that was written on blue is not on green in {}",
                missing.join(", ")
            ),
        },
        _ => Proof::Open {
            complaints: complaints(new, old),
        },
    }
}

fn complaints(new: &Standing, old: Option<&Standing>) -> Vec<String> {
    let mut all = vec![];
    if !new.open_roles.is_empty() {
        all.push(format!(
            "roles could log in to green before the proof: {}",
            new.open_roles.join(", ")
        ));
    }
    if new.sessions > 0 {
        all.push(format!(
            "{} application sessions were on green before the proof",
            new.sessions
        ));
    }
    if !new.prepared.is_empty() {
        all.push(format!(
            "prepared transactions on green: {}",
            new.prepared.join(", ")
        ));
    }
    match old {
        None => {
            all.push("old could not be reached; only RDS says that it takes no writes".to_owned())
        }
        Some(old) if !old.prepared.is_empty() => {
            all.push(format!(
                "prepared transactions on old: {}",
                old.prepared.join(", ")
            ));
        }
        Some(old) if !old.read_only => {
            all.push(
                "old is not read-only by default; its application roles are closed".to_owned(),
            );
        }
        Some(_) => {}
    }
    all
}

/// Rows and digest of a table.
pub type Digests = BTreeMap<String, (u64, i128)>;

/// One digest over a database's tables; the mismatches where there are any, a line each.
///
/// # Errors
///
/// The tables that are not the same, or not on both sides.
pub fn matched(database: &str, old: &Digests, new: &Digests) -> Result<(u64, String), Vec<String>> {
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name));
    let told = |side: &Digests, name: &String| {
        side.get(name)
            .map_or("no table".to_owned(), |(rows, _)| format!("{rows} rows"))
    };
    let lines: Vec<String> = differ
        .map(|name| {
            let (old, new) = (told(old, name), told(new, name));
            format!(
                "`{database}.{name}` is not the same: {old} on old, {new} on new at its opening"
            )
        })
        .collect();
    if !lines.is_empty() {
        return Err(lines);
    }
    let rows = old.values().map(|(rows, _)| rows).sum();
    let sum = old.values().fold(0_i128, |sum, (_, digest)| {
        sum.wrapping_mul(31).wrapping_add(*digest)
    });
    Ok((rows, format!("{sum:032x}")))
}

/// Sequences on new that stand before old's: the next number would be given out twice.
#[must_use]
pub fn behind(
    database: &str,
    old: &[(String, Option<i64>)],
    new: &[(String, Option<i64>)],
) -> Vec<String> {
    let new: BTreeMap<&str, Option<i64>> = new
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let behind = old.iter().filter(|(name, value)| {
        let there = new.get(name.as_str()).copied().flatten();
        value.is_some() && there < *value
    });
    behind
        .map(|(name, _)| format!("the sequence `{database}.{name}` is behind on green"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::{Pair, PairStatus};
    use proptest::prelude::*;

    const STATUSES: [&str; 8] = [
        "PROVISIONING",
        "AVAILABLE",
        "SWITCHOVER_IN_PROGRESS",
        "SWITCHOVER_COMPLETED",
        "INVALID_CONFIGURATION",
        "SWITCHOVER_FAILED",
        "DELETING",
        "RESTING",
    ];

    fn seen(status: &str, members: &[&str]) -> Deployment {
        let pair = |status: &&str| Pair {
            source: String::new(),
            target: None,
            status: PairStatus::from(*status),
        };
        Deployment {
            id: "bgd-1".into(),
            name: "orders".into(),
            source: String::new(),
            target: None,
            status: DeploymentStatus::from(status),
            status_details: String::new(),
            pairs: members.iter().map(pair).collect(),
            tasks: vec![],
            tags: BTreeMap::new(),
        }
    }

    fn status() -> impl Strategy<Value = &'static str> {
        prop::sample::select(STATUSES.as_slice())
    }

    fn phase() -> impl Strategy<Value = Phase> {
        prop::sample::select(vec![
            Phase::Before,
            Phase::Switching,
            Phase::After,
            Phase::RollingBack,
            Phase::NeedsOperator,
            Phase::Ended,
        ])
    }

    proptest! {
        #[test]
        fn green_is_opened_only_when_every_member_is_through(
            status in status(), members in prop::collection::vec(status(), 0..4), asked: bool,
        ) {
            let seen = seen(status, &members);
            let finish = stage(Phase::Switching, asked, Some(&seen)) == Stage::Finish;
            prop_assert_eq!(finish, seen.is_switched());
        }

        #[test]
        fn rds_is_called_only_from_a_clean_start(
            phase in phase(), status in status(), members in prop::collection::vec(status(), 0..4), asked: bool,
        ) {
            let seen = seen(status, &members);
            let begins = stage(phase, asked, Some(&seen)) == Stage::Begin;
            prop_assert_eq!(begins, phase == Phase::Before && seen.is_available());
        }

        #[test]
        fn a_second_call_never_begins_what_a_first_one_began(status in status(), asked: bool) {
            let seen = seen(status, &[status]);
            prop_assert_ne!(stage(Phase::Switching, asked, Some(&seen)), Stage::Begin);
            prop_assert_eq!(stage(Phase::After, asked, Some(&seen)), Stage::Finish);
        }

        #[test]
        fn new_is_never_opened_beside_an_old_that_lets_anybody_in(
            roles in prop::collection::vec("[a-z]{3}", 0..3), sessions in 0_u32..3, number in 0_i64..4,
        ) {
            let old = Standing { open_roles: roles.clone(), sessions, read_only: true, ..Standing::default() };
            let marker = Marker { number: 2, position: Lsn(1), written_at: Millis(1) };
            let markers = [("orders".to_owned(), marker)].into();
            let arrived = [("orders".to_owned(), Some(number))].into();
            let proof = prove(&markers, &arrived, &Standing::default(), Some(&old));
            let opens = matches!(proof, Proof::Open { .. });
            prop_assert_eq!(opens, roles.is_empty() && sessions == 0 && number >= 2);
        }
    }

    #[test]
    fn a_marker_that_cannot_be_read_has_not_arrived() {
        let marker = Marker {
            number: 2,
            position: Lsn(1),
            written_at: Millis(1),
        };
        let markers = [("orders".to_owned(), marker)].into();
        for arrived in [BTreeMap::new(), [("orders".to_owned(), None)].into()] {
            let proof = prove(&markers, &arrived, &Standing::default(), None);
            assert!(matches!(proof, Proof::Withhold { .. }));
        }
    }

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

    #[test]
    fn one_row_more_or_less_is_a_mismatch() {
        let old: Digests = [("public.a".to_owned(), (2, 5))].into();
        let new: Digests = [("public.a".to_owned(), (3, 5))].into();
        assert_eq!(matched("orders", &old, &new).unwrap_err().len(), 1);
        assert_eq!(matched("orders", &old, &old).unwrap().0, 2);
        assert!(matched("orders", &old, &Digests::new()).is_err());
    }

    #[test]
    fn a_sequence_that_stands_before_olds_is_told() {
        let at = |value| vec![("public.s".to_owned(), value)];
        assert_eq!(behind("orders", &at(Some(7)), &at(Some(6))).len(), 1);
        assert_eq!(behind("orders", &at(Some(7)), &at(None)).len(), 1);
        assert!(behind("orders", &at(None), &at(None)).is_empty());
        assert!(behind("orders", &at(Some(7)), &at(Some(7))).is_empty());
    }
}
