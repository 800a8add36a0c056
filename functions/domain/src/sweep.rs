//! Every minute: what no event told anybody.
//!
//! An event can be lost, an execution can be gone without one, a Lambda can die with a fence up, and nobody else looks at
//! the link from new to old. Everything here is decided from the record and from what is seen now, so that a sweep that is
//! lost is made good by the next one.

use crate::error::{ErrorName, StepError};
use crate::ids::Millis;
use crate::record::{Fence, Phase, Record};
use crate::reverse::{Health, Unavailable};
use crate::watch::{Reading, judge};
use serde::{Deserialize, Serialize};

/// How long the rules on stopped executions have before a sweep does their work, in milliseconds.
const HEAD_START: i64 = 15_000;

/// Clocks of two Lambdas may differ by this much, in milliseconds; a lease counts for so long after its end.
const CLOCKS_DIFFER: i64 = 1_000;

/// What `sweep` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// What was found and done, a line each.
    pub actions: Vec<String>,
}

/// An execution, as far as it decides anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// It runs.
    Running,
    /// It has ended, at this moment.
    Ended(Millis),
    /// Step Functions knows none.
    Unknown,
}

/// What was seen of one upgrade. What could not be seen is nothing, and nothing is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// This machine's clock.
    pub now: Millis,
    /// The upgrade's own execution.
    pub upgrade: Option<Execution>,
    /// The rollback's, if one was recorded.
    pub rollback: Option<Execution>,
    /// The alarms of a wait.
    pub readings: Option<Vec<Reading>>,
    /// The link from new to old.
    pub link: Option<Health>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// End the wait: an alarm rings, and its event was lost.
    EndWait(StepError),
    /// Start the rollback machine: nobody works on this upgrade any more. Why, in a sentence.
    Restart(String),
    /// Open the roles: the step that closed them is gone.
    LiftFence(Fence),
    /// Tell people, once, that nothing goes back by itself any more.
    CloseWayBack(Unavailable),
    /// The same, and drop the slots before they fill green's disk.
    DropSlots(Unavailable),
    /// Tell people, once, that the slots hold back much of the log.
    Warn(String),
}

/// Everything that is to be done about one upgrade now.
#[must_use]
pub fn acts(record: &Record, seen: &Seen) -> Vec<Act> {
    let ends = ends_wait(record, seen);
    let acts = [ends, abandoned(record, seen), link(record, seen)];
    let fences = forgotten(record, seen).map(Act::LiftFence);
    acts.into_iter().flatten().chain(fences).collect()
}

/// A wait whose alarm rings although its token is still awaited.
fn ends_wait(record: &Record, seen: &Seen) -> Option<Act> {
    let waits = matches!(record.phase, Phase::Before | Phase::After);
    let readings = seen
        .readings
        .as_ref()
        .filter(|_| waits && token(record).is_some())?;
    // What nobody can tell is for the reading at the end of the wait.
    let rings = judge(
        record.phase,
        record.plan.request.insufficient_data,
        readings,
    )
    .err()?;
    (rings.name == ErrorName::AlarmRaised).then_some(Act::EndWait(rings))
}

/// The token of a wait that lasts.
#[must_use]
pub fn token(record: &Record) -> Option<&str> {
    record.wait.as_ref()?.token.as_deref()
}

/// Nobody works on the upgrade, and it has not come to an end.
fn abandoned(record: &Record, seen: &Seen) -> Option<Act> {
    let gone = |execution: Option<Execution>| match execution? {
        Execution::Running => None,
        Execution::Unknown => Some(()),
        Execution::Ended(at) => (seen.now.since(at) > HEAD_START).then_some(()),
    };
    let why = match record.phase {
        Phase::Before | Phase::Switching | Phase::After => {
            gone(seen.upgrade)?;
            "The upgrade's execution is gone, and no event told of it."
        }
        Phase::RollingBack | Phase::Returning => {
            match (&record.rollback, seen.rollback) {
                (Some(_), rollback) => gone(rollback)?,
                (None, _) => gone(seen.upgrade)?,
            }
            "The rollback's execution is gone before its end."
        }
        Phase::NeedsOperator | Phase::Ended => return None,
    };
    Some(Act::Restart(why.to_owned()))
}

/// Whether a call may be at work. One that was killed leaves its lease behind, and nobody but the clock ends it.
fn is_held(record: &Record, seen: &Seen) -> bool {
    let lease = record.lease.as_ref();
    lease.is_some_and(|lease| seen.now.since(lease.until) <= CLOCKS_DIFFER)
}

/// Fences whose time is over while nobody holds the lease. Only before the switchover: from RDS's call on, who may be let
/// in is for the switchover and the rollback to say.
fn forgotten<'a>(record: &'a Record, seen: &'a Seen) -> impl Iterator<Item = Fence> + 'a {
    let before = record.phase == Phase::Before && !is_held(record, seen);
    let fences = record.fences.iter().filter(move |_| before);
    fences.filter(|fence| fence.deadline < seen.now).cloned()
}

fn link(record: &Record, seen: &Seen) -> Option<Act> {
    let reverse = record.reverse.as_ref().filter(|_| record.is_guarded())?;
    if let Some(Health::Overflowing(why)) = &seen.link {
        return Some(Act::DropSlots(why.clone()));
    }
    // People are told before it is noted: nobody is told while it can't be, since they would be told again each minute.
    if is_held(record, seen) {
        return None;
    }
    // Old has nothing to follow with until the switchover has subscribed it: what is not open yet is not broken.
    let health = seen.link.as_ref().filter(|_| reverse.subscribed);
    match (health, &reverse.unavailable) {
        (_, Some(why)) if !reverse.told => Some(Act::CloseWayBack(why.clone())),
        (Some(Health::Broken(why)), None) => Some(Act::CloseWayBack(why.clone())),
        (Some(Health::Holding(what)), None) if !reverse.warned => Some(Act::Warn(what.clone())),
        _ => None,
    }
}

/// Subject and text of what people are told; nothing for what the rollback machine tells itself.
#[must_use]
pub fn notice(record: &Record, act: &Act) -> Option<(String, String)> {
    let database = &record.ticket.database;
    let subject = |what: &str| format!("Viridian: {database} {what}");
    match act {
        Act::EndWait(_) | Act::Restart(_) | Act::LiftFence(_) => None,
        Act::CloseWayBack(closed) | Act::DropSlots(closed) => Some((
            subject("has no way back any more"),
            format!(
                "Green goes on serving, and from now on an alarm calls you instead of going back.\n\nWhy: {}.\n\nWhat to do: {}.",
                closed.why, closed.remedy
            ),
        )),
        Act::Warn(what) => Some((
            subject("holds back its log for the way back"),
            format!(
                "{what}. If it goes on, the way back is given up before green's disk fills.\n\nWhat to do: see why old blue does not apply the changes: pg_stat_subscription there, and its log."
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Lease, Side, Wait, tests::record};
    use crate::reverse::Reverse;
    use crate::switchover::Receipt;
    use crate::watch::State;

    const LATER: Millis = Millis(1_000_000);

    fn seen() -> Seen {
        Seen {
            now: LATER,
            upgrade: Some(Execution::Running),
            rollback: None,
            readings: None,
            link: None,
        }
    }

    fn at(phase: Phase) -> Record {
        Record { phase, ..record() }
    }

    fn guarded() -> Record {
        Record {
            reverse: Some(Reverse {
                links: [].into(),
                subscribed: true,
                unavailable: None,
                warned: false,
                told: false,
            }),
            receipt: Some(Receipt {
                opened_at: Some(Millis(1)),
                ..Receipt::default()
            }),
            ..at(Phase::After)
        }
    }

    fn unavailable() -> Unavailable {
        Unavailable {
            why: "a table is new".into(),
            remedy: "go on".into(),
        }
    }

    #[test]
    fn an_upgrade_that_runs_is_left_alone() {
        for phase in [Phase::Before, Phase::Switching, Phase::After] {
            assert_eq!(acts(&at(phase), &seen()), []);
        }
    }

    #[test]
    fn an_upgrade_whose_execution_is_gone_is_rolled_back_unless_it_has_ended() {
        let gone = Seen {
            upgrade: Some(Execution::Ended(Millis(0))),
            ..seen()
        };
        for phase in [
            Phase::Before,
            Phase::Switching,
            Phase::After,
            Phase::RollingBack,
        ] {
            assert!(
                matches!(acts(&at(phase), &gone)[..], [Act::Restart(_)]),
                "{phase:?}"
            );
        }
        for phase in [Phase::Ended, Phase::NeedsOperator] {
            assert_eq!(acts(&at(phase), &gone), []);
        }
        let just_now = Seen {
            upgrade: Some(Execution::Ended(LATER)),
            ..seen()
        };
        assert_eq!(
            acts(&at(Phase::Before), &just_now),
            [],
            "the rules come first"
        );
        let unseen = Seen {
            upgrade: None,
            ..seen()
        };
        assert_eq!(acts(&at(Phase::Before), &unseen), []);
    }

    #[test]
    fn a_rollback_that_runs_is_left_alone_although_its_parent_is_gone() {
        let mut rolling = at(Phase::Returning);
        rolling.rollback = Some("arn:rollback".into());
        let runs = Seen {
            upgrade: Some(Execution::Ended(Millis(0))),
            rollback: Some(Execution::Running),
            ..seen()
        };
        assert_eq!(acts(&rolling, &runs), []);
        let gone = Seen {
            rollback: Some(Execution::Unknown),
            ..runs
        };
        assert!(matches!(acts(&rolling, &gone)[..], [Act::Restart(_)]));
    }

    #[test]
    fn an_alarm_that_rings_ends_a_wait_that_lasts() {
        let rings = Seen {
            readings: Some(vec![Reading {
                alarm: "errors".into(),
                state: State::Ringing,
                rang: false,
                wavered: false,
            }]),
            ..seen()
        };
        let mut waits = at(Phase::Before);
        assert_eq!(acts(&waits, &rings), [], "no wait lasts");
        waits.wait = Some(Wait {
            token: Some("t".into()),
            since: Millis(0),
        });
        assert!(matches!(acts(&waits, &rings)[..], [Act::EndWait(_)]));
    }

    #[test]
    fn a_fence_of_nobody_is_lifted_before_the_switchover_only() {
        let fence = Fence {
            side: Side::Green,
            resource_id: "db-green".into(),
            owner: "arn:x".into(),
            deadline: Millis(0),
            roles: vec![],
        };
        let mut fenced = at(Phase::Before);
        fenced.fences = vec![fence.clone()];
        assert_eq!(acts(&fenced, &seen()), [Act::LiftFence(fence)]);
        fenced.phase = Phase::Switching;
        assert_eq!(acts(&fenced, &seen()), []);
        fenced.phase = Phase::Before;
        fenced.lease = Some(Lease {
            holder: "call".into(),
            step: "switchover".into(),
            until: LATER,
        });
        assert_eq!(acts(&fenced, &seen()), []);
    }

    /// A record under a lease that ends at this moment.
    fn leased(record: Record, until: Millis) -> Record {
        let lease = Lease {
            holder: "call".into(),
            step: "switchover".into(),
            until,
        };
        Record {
            lease: Some(lease),
            ..record
        }
    }

    #[test]
    fn a_lease_that_has_run_out_holds_nothing() {
        for (until, held) in [
            (LATER, true),
            (Millis(LATER.0 - CLOCKS_DIFFER), true),
            (Millis(LATER.0 - CLOCKS_DIFFER - 1), false),
        ] {
            assert_eq!(is_held(&leased(record(), until), &seen()), held);
        }
    }

    #[test]
    fn a_way_back_that_is_not_open_yet_is_not_broken_but_its_slots_may_fill_the_disk() {
        let linked = |link| Seen {
            link: Some(link),
            ..seen()
        };
        let mut record = guarded();
        if let Some(reverse) = &mut record.reverse {
            reverse.subscribed = false;
        }
        assert_eq!(acts(&record, &linked(Health::Broken(unavailable()))), []);
        let full = linked(Health::Overflowing(unavailable()));
        assert_eq!(acts(&record, &full), [Act::DropSlots(unavailable())]);
    }

    #[test]
    fn nobody_is_told_of_the_way_back_while_it_cannot_be_noted() {
        let broken = Seen {
            link: Some(Health::Broken(unavailable())),
            ..seen()
        };
        assert_eq!(acts(&leased(guarded(), LATER), &broken), []);
        assert_eq!(
            acts(&leased(guarded(), Millis(0)), &broken),
            [Act::CloseWayBack(unavailable())]
        );
    }

    #[test]
    fn a_way_back_that_is_broken_is_told_once_and_its_slots_go_when_they_hold_too_much() {
        let broken = Seen {
            link: Some(Health::Broken(unavailable())),
            ..seen()
        };
        let mut record = guarded();
        assert_eq!(acts(&record, &broken), [Act::CloseWayBack(unavailable())]);
        if let Some(reverse) = &mut record.reverse {
            reverse.unavailable = Some(unavailable());
        }
        assert_eq!(acts(&record, &seen()), [Act::CloseWayBack(unavailable())]);
        if let Some(reverse) = &mut record.reverse {
            reverse.told = true;
        }
        assert_eq!(acts(&record, &broken), []);
        let full = Seen {
            link: Some(Health::Overflowing(unavailable())),
            ..seen()
        };
        assert_eq!(acts(&record, &full), [Act::DropSlots(unavailable())]);
    }
}
