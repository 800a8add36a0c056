//! Ends the watch: old blue is kept, or deleted after a final snapshot.

use crate::ids::{DeploymentId, InstanceId, ResourceId};
use crate::inspection::joined;
use crate::plan::{Member, MemberRole, Plan};
use crate::rds::{Deployment, DeploymentStatus, Instance, InstanceStatus, Snapshot};
use crate::record::{Phase, Record, Ticket};
use crate::request::Retire;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

pub use super::ByTicket as Input;

/// What `retire` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: wait a little and call again.
    pub done: bool,
}

/// What was seen at the end of the watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The deployment, while its record is there.
    pub deployment: Option<Deployment>,
    /// Old blue: each member as it was planned, and the instance that has its resource id now.
    pub old: Vec<(Member, Option<Instance>)>,
    /// The instance that serves writes now, by green's resource id.
    pub serving: Option<Instance>,
    /// The final snapshot.
    pub snapshot: Option<Snapshot>,
    /// Why it is not proven that green holds what old blue held.
    pub doubt: Option<String>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Old blue stays; the upgrade is over. How it ended, in a sentence.
    Keep(String),
    /// Take the final snapshot of this instance.
    Snapshot(InstanceId),
    /// Delete the deployment's record, which leaves every instance.
    DeleteRecord(DeploymentId),
    /// Delete an instance.
    Delete {
        /// Its name now.
        instance: InstanceId,
        /// Its identity.
        resource_id: ResourceId,
    },
    /// Something is under way.
    Wait(String),
    /// Old blue is gone; the upgrade is over. How it ended, in a sentence.
    Finish(String),
    /// Nothing more may be done here without a person.
    Refuse(String),
}

/// Decides from what is there. Old blue is deleted only if the request says so, green was proven to hold what it held, the
/// new writer serves, and a snapshot of old blue's writer is available; replicas first, everything by its resource id.
#[must_use]
pub fn next(plan: &Plan, seen: &Seen) -> Act {
    if plan.request.retire == Retire::Keep {
        return Act::Keep(kept(plan, seen, "as the request says"));
    }
    let protected = |(_, instance): &(&Member, &Instance)| instance.deletion_protection;
    if let Some((_, instance)) = seen.standing().find(protected) {
        let why = format!("since {} has deletion protection", instance.id);
        return Act::Keep(kept(plan, seen, &why));
    }
    if let Some(doubt) = &seen.doubt {
        return Act::Keep(kept(plan, seen, &format!("since {doubt}")));
    }
    if let Some(why) = unserved(plan, seen) {
        return Act::Refuse(why);
    }
    snapshot(plan, seen)
        .or_else(|| delete(seen))
        .unwrap_or_else(|| Act::Finish(finished(plan, seen)))
}

impl Seen {
    /// Old blue's instances that are still there, replicas first.
    fn standing(&self) -> impl Iterator<Item = (&Member, &Instance)> {
        let of = |role| {
            self.old
                .iter()
                .filter(move |(member, _)| member.role == role)
        };
        let ordered = of(MemberRole::Reader).chain(of(MemberRole::Writer));
        ordered.filter_map(|(member, instance)| Some((member, instance.as_ref()?)))
    }

    fn old_writer(&self) -> Option<&Instance> {
        let mut standing = self.standing();
        standing
            .find(|(member, _)| member.role == MemberRole::Writer)
            .map(|(_, instance)| instance)
    }
}

/// Why old blue may be needed still: the name that it had must lead to an instance of the new version that is well.
fn unserved(plan: &Plan, seen: &Seen) -> Option<String> {
    let is_old = |serving: &Instance| {
        let mut old = seen.old.iter();
        old.any(|(member, _)| member.resource_id == serving.resource_id)
    };
    let why = match &seen.serving {
        None => "the new writer can't be found".to_owned(),
        Some(serving) if serving.id.as_str() != plan.database.as_str() => format!(
            "the new writer is called {}, not {}",
            serving.id, plan.database
        ),
        Some(serving) if is_old(serving) => format!("{} is old blue", serving.id),
        Some(serving) if !serving.is_available() => format!("the new writer is {}", serving.status),
        Some(_) => return None,
    };
    Some(format!("{why}; nothing is deleted"))
}

fn snapshot(plan: &Plan, seen: &Seen) -> Option<Act> {
    match (&seen.snapshot, seen.old_writer()) {
        (Some(taken), Some(old)) if taken.resource_id != old.resource_id => {
            Some(Act::Refuse(format!(
                "the snapshot {} is not of {}; nothing is deleted",
                taken.id, old.id
            )))
        }
        (Some(taken), _) if taken.is_available() => None,
        (Some(taken), _) if taken.status == "creating" => Some(Act::Wait(format!(
            "the final snapshot {}, {} %",
            taken.id, taken.percent
        ))),
        (Some(taken), _) => Some(Act::Refuse(format!(
            "the final snapshot {} is {}; nothing is deleted",
            taken.id, taken.status
        ))),
        (None, Some(old)) if old.is_available() => Some(Act::Snapshot(old.id.clone())),
        (None, Some(old)) => Some(Act::Wait(format!(
            "{}, which is {}, before its final snapshot",
            old.id, old.status
        ))),
        (None, None) if seen.standing().next().is_some() => Some(Act::Refuse(format!(
            "old {} is gone without a final snapshot of ours; its replicas are kept",
            plan.database
        ))),
        (None, None) => None,
    }
}

fn delete(seen: &Seen) -> Option<Act> {
    match &seen.deployment {
        Some(deployment) if deployment.status == DeploymentStatus::Deleting => {
            return Some(Act::Wait(format!("the record of {} to go", deployment.id)));
        }
        Some(deployment) => return Some(Act::DeleteRecord(deployment.id.clone())),
        None => {}
    }
    // A writer that goes before its replicas would leave them as writers.
    let (_, instance) = seen.standing().next()?;
    Some(if instance.status == InstanceStatus::Deleting {
        Act::Wait(format!("{} to go", instance.id))
    } else {
        Act::Delete {
            instance: instance.id.clone(),
            resource_id: instance.resource_id.clone(),
        }
    })
}

fn kept(plan: &Plan, seen: &Seen, why: &str) -> String {
    let standing = seen.standing();
    let names = standing.map(|(_, it)| format!("{} ({})", it.id, it.resource_id));
    let place = match joined(names, " and ").as_str() {
        "" => "gone already".to_owned(),
        names => format!("kept as {names}, closed to the application"),
    };
    format!(
        "{} runs {}; old blue is {place}, {why}.",
        plan.database, plan.to_version
    )
}

fn finished(plan: &Plan, seen: &Seen) -> String {
    let snapshot = match &seen.snapshot {
        Some(taken) => format!("its final snapshot is {}", taken.id),
        None => "it was deleted outside of Viridian, without a final snapshot".to_owned(),
    };
    format!(
        "{} runs {}; old blue is gone, {snapshot}.",
        plan.database, plan.to_version
    )
}

/// The answer while something is under way.
#[must_use]
pub fn waiting(what: &str) -> Output {
    Output {
        summary: format!("Old blue is being retired; waiting for {what}."),
        done: false,
    }
}

/// The answer at the end.
#[must_use]
pub fn done(how: &str) -> Output {
    Output {
        summary: how.to_owned(),
        done: true,
    }
}

/// The answer of an upgrade that ended already, whose last answer may have been lost; nothing while it goes on.
#[must_use]
pub fn over(record: &Record, ticket: &Ticket) -> Option<Output> {
    let ended = record.phase == Phase::Ended && record.ticket == *ticket;
    ended.then(|| done(record.note.as_deref().unwrap_or_default()))
}
