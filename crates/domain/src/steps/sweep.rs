//! Every minute: what no event told anybody.
//!
//! An event can be lost, an execution can be gone without one, a Lambda can die with a fence up, and nobody else looks at
//! the link from new to old. Everything here is decided from the record and from what is seen now, so that a sweep that is
//! lost is made good by the next one.

use crate::alarms::{Reading, judge};
use crate::error::{ErrorName, StepError};
use crate::execution::Execution;
use crate::fence::Fence;
use crate::ids::Millis;
use crate::notice::Notice;
use crate::record::{Phase, Record};
use crate::reverse::{Health, Unavailable};
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
        .filter(|_| waits && record.token().is_some())?;
    // What nobody can tell is for the reading at the end of the wait.
    let rings = judge(
        record.phase,
        record.plan.request.insufficient_data,
        readings,
    )
    .err()?;
    (rings.name == ErrorName::AlarmRaised).then_some(Act::EndWait(rings))
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

/// What people are told; nothing for what the rollback machine tells itself.
#[must_use]
pub fn notice(record: &Record, act: &Act) -> Option<Notice> {
    let of = |event| Notice::of(event, &record.ticket);
    match act {
        Act::EndWait(_) | Act::Restart(_) | Act::LiftFence(_) => None,
        Act::CloseWayBack(closed) | Act::DropSlots(closed) => Some(Notice {
            what: "has no way back any more".to_owned(),
            happened: format!("The way back is closed: {}.", closed.why),
            next: match record.phase {
                Phase::NeedsOperator => "Green goes on serving. Nobody watches its alarms any more.",
                _ => "Green goes on serving, and from now on an alarm calls you instead of going back.",
            }
            .to_owned(),
            todo: format!("{}.", closed.remedy),
            ..of("way_back_closed")
        }),
        Act::Warn(what) => Some(Notice {
            what: "holds back its log for the way back".to_owned(),
            happened: format!("{what}."),
            next: "If it goes on, the way back is given up before green's disk fills.".to_owned(),
            todo: "See why old blue does not apply the changes; its log says so."
                .to_owned(),
            ..of("log_held_back")
        }),
    }
}

#[cfg(test)]
mod tests;
