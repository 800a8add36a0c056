//! What the roll says.

use super::{Act, MemberSeen, Output, Seen, next, percent};
use crate::plan::Plan;
use crate::record::{Phase, Record, Ticket};

/// Why the roll stopped, what is left in service, and where the snapshot is.
#[must_use]
pub fn failure(seen: &Seen, why: &str) -> String {
    let members: Vec<String> = seen.members.iter().map(MemberSeen::line).collect();
    let snapshot = match &seen.snapshot {
        Some(taken) => format!(
            "The snapshot from before is {}, {}.",
            taken.id, taken.status
        ),
        None => "No snapshot was taken, and nothing was upgraded.".to_owned(),
    };
    format!(
        "The roll stopped: {why}. In service: {}. {snapshot}",
        members.join("; ")
    )
}

/// The answer while the roll goes on.
#[must_use]
pub fn under_way(plan: &Plan, seen: &Seen) -> Output {
    let percent = percent(plan, seen);
    let what = match next(plan, seen) {
        Act::Snapshot(instance) => format!("the snapshot of {instance}"),
        Act::Upgrade { instance, .. } => format!("{instance} to be upgraded"),
        Act::Wait(what) | Act::Fail(what) => what,
        Act::Finish => "nothing more".to_owned(),
    };
    Output {
        summary: format!(
            "The roll to {} is {percent} % done; waiting for {what}.",
            plan.to_version
        ),
        ..output(seen, percent)
    }
}

/// The answer at the end.
#[must_use]
pub fn finished(plan: &Plan, seen: &Seen) -> Output {
    Output {
        summary: format!(
            "{} and its {} run {} and answer; the snapshot from before is {}.",
            plan.database,
            match seen.members.len() {
                2 => "replica".to_owned(),
                many => format!("{} replicas", many.saturating_sub(1)),
            },
            plan.to_version,
            plan.snapshot("before")
        ),
        done: true,
        ..output(seen, 100)
    }
}

fn output(seen: &Seen, percent: u8) -> Output {
    Output {
        summary: String::new(),
        done: false,
        percent,
        snapshot: seen.snapshot.as_ref().map(|taken| taken.id.clone()),
        members: seen.members.iter().map(MemberSeen::line).collect(),
    }
}

/// The answer of an upgrade that ended already, whose last answer may have been lost; nothing while it goes on.
#[must_use]
pub fn over(record: &Record, ticket: &Ticket) -> Option<Output> {
    let ended = record.phase == Phase::Ended && record.ticket == *ticket;
    ended.then(|| Output {
        summary: record.note.clone().unwrap_or_default(),
        done: true,
        percent: 100,
        snapshot: Some(record.plan.snapshot("before")),
        members: vec![],
    })
}
