//! Reconciler: repairs every minute what a lost event left undone.
//!
//! An event can be lost, an execution can end without one, a Lambda can die with a fence up, and nothing else watches the
//! reverse replication. Each decision is made from the record and the present state, so the next run makes up for one that
//! was lost.

use crate::alarms::{Reading, judge};
use crate::error::{ErrorName, StepError};
use crate::execution::Execution;
use crate::fence::Fence;
use crate::ids::Millis;
use crate::notice::Notice;
use crate::record::{Phase, Record};
use crate::reverse::{Health, Unavailable};
use serde::{Deserialize, Serialize};

/// How long the rules on stopped executions have before the reconciler acts in their place, in milliseconds.
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

/// What was seen of one upgrade. What could not be seen is `None`, and nothing is done about it.
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
    /// End the wait: an alarm is in ALARM, and its event was lost.
    EndWait(StepError),
    /// Start the rollback machine: no execution works on this upgrade any more. Why, in a sentence.
    Restart(String),
    /// Open the roles: the step that closed them is gone.
    LiftFence(Fence),
    /// Notify people, once, that failback is unavailable.
    GiveUpFailback(Unavailable),
    /// The same, and drop the slots before they fill green's disk.
    DropSlots(Unavailable),
    /// Notify people, once, that the slots retain much of the log.
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

/// A wait whose alarm is in ALARM although its token is still awaited.
fn ends_wait(record: &Record, seen: &Seen) -> Option<Act> {
    let waits = matches!(record.phase, Phase::Before | Phase::After);
    let readings = seen
        .readings
        .as_ref()
        .filter(|_| waits && record.token().is_some())?;
    // Inconclusive alarms are for the reading at the end of the wait.
    let raised = judge(
        record.phase,
        record.plan.request.insufficient_data,
        readings,
    )
    .err()?;
    (raised.name == ErrorName::AlarmRaised).then_some(Act::EndWait(raised))
}

/// The upgrade has not ended, and no execution works on it.
fn abandoned(record: &Record, seen: &Seen) -> Option<Act> {
    let gone = |execution: Option<Execution>| match execution? {
        Execution::Running => None,
        Execution::Unknown => Some(()),
        Execution::Ended(at) => (seen.now.since(at) > HEAD_START).then_some(()),
    };
    let why = match record.phase {
        Phase::Before | Phase::Switching | Phase::After => {
            gone(seen.upgrade)?;
            "The upgrade's execution is gone, and no event reported it."
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

/// Whether a call may be at work. One that was killed leaves its lease behind, which only time ends.
fn is_held(record: &Record, seen: &Seen) -> bool {
    let lease = record.lease.as_ref();
    lease.is_some_and(|lease| seen.now.since(lease.until) <= CLOCKS_DIFFER)
}

/// Fences past their deadline while no call holds the lease. Only before the switchover: from the call of RDS on, the
/// switchover and the rollback decide which side is opened.
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
    // The notice is sent before it is recorded, so none is sent while the record is held: it would repeat each minute.
    if is_held(record, seen) {
        return None;
    }
    // Until the switchover has subscribed old, there is nothing that could be broken.
    let health = seen.link.as_ref().filter(|_| reverse.subscribed);
    match (health, &reverse.unavailable) {
        (_, Some(why)) if !reverse.told => Some(Act::GiveUpFailback(why.clone())),
        (Some(Health::Broken(why)), None) => Some(Act::GiveUpFailback(why.clone())),
        (Some(Health::Holding(what)), None) if !reverse.warned => Some(Act::Warn(what.clone())),
        _ => None,
    }
}

/// The notice for an act; `None` where the rollback machine sends its own.
#[must_use]
pub fn notice(record: &Record, act: &Act) -> Option<Notice> {
    let of = |event| Notice::of(event, &record.ticket);
    match act {
        Act::EndWait(_) | Act::Restart(_) | Act::LiftFence(_) => None,
        Act::GiveUpFailback(closed) | Act::DropSlots(closed) => Some(Notice {
            what: "can no longer fail back".to_owned(),
            happened: format!("Failback is unavailable: {}.", closed.why),
            next: match record.phase {
                Phase::NeedsOperator => "Green goes on serving. Its alarms are no longer watched.",
                _ => "Green goes on serving, and from now on an alarm calls you instead of causing a failback.",
            }
            .to_owned(),
            todo: format!("{}.", closed.remedy),
            ..of("way_back_closed")
        }),
        Act::Warn(what) => Some(Notice {
            what: "retains WAL for the failback".to_owned(),
            happened: format!("{what}."),
            next: "If it goes on, the slot is dropped and failback becomes unavailable, before green's disk fills.".to_owned(),
            todo: "Find out from old blue's log why it does not apply the changes."
                .to_owned(),
            ..of("log_held_back")
        }),
    }
}

#[cfg(test)]
mod tests;
