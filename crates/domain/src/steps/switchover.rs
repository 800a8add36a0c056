//! The critical section: one writer becomes another.

mod checklist;

pub use checklist::{Readiness, Verdict, checklist};

use crate::rds::{Deployment, DeploymentStatus};
use crate::receipt::Receipt;
use crate::record::Phase;
use serde::{Deserialize, Serialize};

pub use super::ByTicket as Input;

/// What `switchover` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: RDS has not finished, or the checklist did not pass yet; call again.
    pub done: bool,
    /// The evidence, once it is done.
    pub receipt: Option<Receipt>,
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Checklist, reads, fence, marker, and the call.
    Begin,
    /// The record says that RDS was to be called, but it does not switch: the call never reached it, or it was taken back
    /// between two calls. The fence comes down, and the switchover begins again.
    StartOver,
    /// RDS switches; look again.
    Follow,
    /// RDS has switched every member: prove, and open green.
    Finish,
    /// RDS took it back. The fence comes down, and blue goes on.
    TakenBack {
        /// RDS's own words.
        why: String,
    },
    /// The deployment is being switched over outside of Viridian, which must not interfere.
    Wait,
    /// The deployment was switched over outside of Viridian, without a fence and without a proof.
    Foreign,
    /// This step can do nothing.
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
            why: "the blue/green deployment is gone; only RDS knows which side serves".to_owned(),
        },
        (Phase::RollingBack | Phase::Returning | Phase::NeedsOperator | Phase::Ended, _) => {
            Stage::Refuse {
                why: format!("the upgrade is past its switchover: {}", phase.as_ref()),
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
    use crate::samples::{PHASES, deployment_at};
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

    fn status() -> impl Strategy<Value = &'static str> {
        prop::sample::select(STATUSES.as_slice())
    }

    fn phase() -> impl Strategy<Value = Phase> {
        prop::sample::select(PHASES.as_slice())
    }

    proptest! {
        #[test]
        fn green_is_opened_only_when_every_member_is_through(
            status in status(), members in prop::collection::vec(status(), 0..4), asked: bool,
        ) {
            let seen = deployment_at(status, &members);
            let finish = stage(Phase::Switching, asked, Some(&seen)) == Stage::Finish;
            prop_assert_eq!(finish, seen.is_switched());
        }

        #[test]
        fn rds_is_called_only_from_a_clean_start(
            phase in phase(), status in status(), members in prop::collection::vec(status(), 0..4), asked: bool,
        ) {
            let seen = deployment_at(status, &members);
            let begins = stage(phase, asked, Some(&seen)) == Stage::Begin;
            prop_assert_eq!(begins, phase == Phase::Before && seen.is_available());
        }

        #[test]
        fn a_second_call_never_begins_what_a_first_one_began(status in status(), asked: bool) {
            let seen = deployment_at(status, &[status]);
            prop_assert_ne!(stage(Phase::Switching, asked, Some(&seen)), Stage::Begin);
            prop_assert_eq!(stage(Phase::After, asked, Some(&seen)), Stage::Finish);
        }
    }
}
