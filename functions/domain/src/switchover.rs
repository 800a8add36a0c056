//! The critical section: one writer becomes another.

mod checklist;
mod proof;

pub use checklist::{Readiness, Verdict, checklist};
pub use proof::{Digests, LOOSE, Proof, Standing, behind, matched, missing, prove};

use crate::ids::{Lsn, Millis};
use crate::rds::{Deployment, DeploymentStatus};
use crate::record::{Phase, Ticket};
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
    /// What green does not hold as it should, found after it was opened, a line each.
    #[serde(default)]
    pub wrong: Vec<String>,
    /// Whether the side that was left, old blue or on the way back green, was seen with its application roles closed and
    /// without their sessions.
    #[serde(default)]
    pub left_closed: bool,
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

impl Receipt {
    /// From closing to opening, in milliseconds; nothing while it is not open. RDS closes blue by itself, a moment after it
    /// was called; the way back calls nobody, and closes by its fence.
    #[must_use]
    pub fn pause_ms(&self) -> Option<u64> {
        let closed = self.called_at.or(self.fenced_at)?;
        u64::try_from(self.opened_at?.since(closed)).ok()
    }

    /// Why old blue may be needed still, to tell what green should hold; nothing where each database was compared with it
    /// and is the same.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        let uncompared = |(name, arrived): (&String, &Arrived)| {
            arrived
                .digest
                .is_none()
                .then(|| format!("`{name}` was not compared with it"))
        };
        let uncompared = self.databases.iter().filter_map(uncompared);
        let doubts: Vec<String> = self.wrong.iter().cloned().chain(uncompared).collect();
        match self.databases.is_empty() {
            true => Some("nothing was compared with it".to_owned()),
            false if doubts.is_empty() => None,
            false => Some(doubts.join(", ")),
        }
    }
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
        (Phase::RollingBack | Phase::Returning | Phase::NeedsOperator | Phase::Ended, _) => {
            Stage::Refuse {
                why: format!("the upgrade is past its switchover: {}", phase.as_str()),
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::{Pair, PairStatus};
    use proptest::prelude::*;

    #[test]
    fn the_pause_is_from_rds_s_call_or_from_the_fence_of_a_way_back_to_the_opening() {
        let back = Receipt {
            fenced_at: Some(Millis(1_000)),
            opened_at: Some(Millis(1_250)),
            ..Receipt::default()
        };
        assert_eq!(back.pause_ms(), Some(250));
        let called = Receipt {
            called_at: Some(Millis(1_100)),
            ..back
        };
        assert_eq!(called.pause_ms(), Some(150));
        let closed = Receipt {
            opened_at: None,
            ..called
        };
        assert_eq!(closed.pause_ms(), None);
    }

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
            Phase::Returning,
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
    }
}
