//! Minor versions, replicas first.

use crate::ids::{InstanceId, ResourceId};
use crate::plan::{Member, MemberRole, Plan};
use crate::rds::{Instance, InstanceStatus, Snapshot};
use serde::{Deserialize, Serialize};

mod words;

#[cfg(test)]
mod tests;

pub use words::{failure, finished, over, under_way};

pub use super::ByTicket as Input;

/// What `upgrade_in_place` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: wait a little and call again.
    pub done: bool,
    /// How far the roll is, 0 to 100.
    pub percent: u8,
    /// The snapshot that was taken first.
    pub snapshot: Option<String>,
    /// Each member and its version, a line each.
    pub members: Vec<String>,
}

/// How often RDS may accept one instance's upgrade: an upgrade that fails goes back to the old version.
pub const ATTEMPTS: u32 = 2;

/// What was seen of the roll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The snapshot that is taken first.
    pub snapshot: Option<Snapshot>,
    /// The plan's members, in its order.
    pub members: Vec<MemberSeen>,
}

/// What was seen of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSeen {
    /// The member as it was planned.
    pub planned: Member,
    /// The instance with its resource id now.
    pub instance: Option<Instance>,
    /// How often RDS accepted its upgrade.
    pub attempts: u32,
    /// What it answered to a query; asked only at the target version. An error says why it did not answer as it should.
    pub answer: Option<Answer>,
}

/// What a member answered to the smoke query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It serves in its role: the version that it says it has.
    Serves(String),
    /// It can't be reached, or does not yet serve in its role.
    NotYet(String),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Take the snapshot of the writer.
    Snapshot(InstanceId),
    /// Ask RDS to upgrade this one.
    Upgrade {
        /// Its name.
        instance: InstanceId,
        /// Its identity.
        resource_id: ResourceId,
    },
    /// Something is under way.
    Wait(String),
    /// Every member runs the target version and answers.
    Finish,
    /// The roll stops here.
    Fail(String),
}

/// Decides from what is there: the snapshot, then the replicas one at a time, each answering before the next, then the
/// writer.
#[must_use]
pub fn next(plan: &Plan, seen: &Seen) -> Act {
    snapshot(plan, seen)
        .or_else(|| seen.order().find_map(|member| step(plan, member)))
        .unwrap_or(Act::Finish)
}

impl Seen {
    /// Replicas first.
    fn order(&self) -> impl Iterator<Item = &MemberSeen> {
        let of = |role| {
            self.members
                .iter()
                .filter(move |member| member.planned.role == role)
        };
        of(MemberRole::Reader).chain(of(MemberRole::Writer))
    }
}

fn snapshot(plan: &Plan, seen: &Seen) -> Option<Act> {
    let Some(writer) = seen
        .members
        .iter()
        .find(|member| member.planned.role == MemberRole::Writer)
    else {
        return Some(Act::Fail("the plan has no writer".to_owned()));
    };
    match &seen.snapshot {
        Some(taken) if taken.resource_id != writer.planned.resource_id => Some(Act::Fail(format!(
            "the snapshot {} is of another instance",
            taken.id
        ))),
        Some(taken) if taken.is_available() => None,
        Some(taken) if taken.status == "creating" => Some(Act::Wait(format!(
            "the snapshot {}, {} %",
            taken.id, taken.percent
        ))),
        Some(taken) => Some(Act::Fail(format!(
            "the snapshot {} is {}",
            taken.id, taken.status
        ))),
        None => Some(match &writer.instance {
            None => gone(writer),
            Some(instance) if !instance.is_available() => resting(instance),
            Some(instance) if instance.version == plan.from_version => {
                Act::Snapshot(instance.id.clone())
            }
            Some(instance) => Act::Fail(format!(
                "{} runs {} and the snapshot {} is not there",
                instance.id,
                instance.version,
                plan.snapshot("before")
            )),
        }),
    }
}

fn gone(member: &MemberSeen) -> Act {
    Act::Fail(format!(
        "{} ({}) is gone",
        member.planned.instance, member.planned.resource_id
    ))
}

/// What to do for one member; nothing once it runs the target version and answers.
fn step(plan: &Plan, member: &MemberSeen) -> Option<Act> {
    let Some(instance) = &member.instance else {
        return Some(gone(member));
    };
    if !instance.is_available() {
        return Some(resting(instance));
    }
    if instance.version == plan.to_version {
        return answered(plan, member, instance);
    }
    let id = &instance.id;
    if instance.pending_version.is_some() {
        return Some(Act::Wait(format!("{id}, whose upgrade is about to begin")));
    }
    Some(if instance.version != member.planned.version {
        Act::Fail(format!(
            "{id} runs {}, which is neither the old version nor the new one",
            instance.version
        ))
    } else if member.attempts >= ATTEMPTS {
        Act::Fail(format!(
            "{id} still runs {} after RDS began its upgrade {ATTEMPTS} times; see its events and its log of the upgrade",
            instance.version
        ))
    } else {
        Act::Upgrade {
            instance: id.clone(),
            resource_id: instance.resource_id.clone(),
        }
    })
}

fn answered(plan: &Plan, member: &MemberSeen, instance: &Instance) -> Option<Act> {
    let id = &instance.id;
    match &member.answer {
        Some(Answer::Serves(version)) if *version == plan.to_version => None,
        Some(Answer::Serves(version)) => Some(Act::Fail(format!(
            "{id} is {} for RDS, but says that it runs {version}",
            plan.to_version
        ))),
        Some(Answer::NotYet(why)) => Some(Act::Wait(format!("{id} to answer: {why}"))),
        None => Some(Act::Wait(format!("{id} to answer"))),
    }
}

/// An instance that is not available: most states pass, a few need a person.
fn resting(instance: &Instance) -> Act {
    match &instance.status {
        stuck @ (InstanceStatus::Stuck(_) | InstanceStatus::Deleting) => {
            Act::Fail(format!("{} is {stuck}", instance.id))
        }
        busy => Act::Wait(format!("{}, which is {busy}", instance.id)),
    }
}

/// How far the roll is: the snapshot counts as one member.
#[must_use]
pub fn percent(plan: &Plan, seen: &Seen) -> u8 {
    let snapshot = usize::from(seen.snapshot.as_ref().is_some_and(Snapshot::is_available));
    let done = seen
        .members
        .iter()
        .filter(|member| member.is_done(plan))
        .count();
    let percent = (snapshot + done) * 100 / (seen.members.len() + 1);
    u8::try_from(percent).unwrap_or(100)
}

impl MemberSeen {
    fn is_done(&self, plan: &Plan) -> bool {
        self.instance.is_some() && step(plan, self).is_none()
    }

    /// One line for a person.
    #[must_use]
    pub fn line(&self) -> String {
        let name = &self.planned.instance;
        match (&self.instance, &self.answer) {
            (None, _) => format!("{name} is gone"),
            (Some(instance), Some(Answer::Serves(_))) => {
                format!("{} runs {} and answers", instance.id, instance.version)
            }
            (Some(instance), _) => format!(
                "{} runs {} and is {}",
                instance.id, instance.version, instance.status
            ),
        }
    }
}

/// Whether what a member answered is what its role must answer.
#[must_use]
pub fn serves(planned: &Member, version: &str, read_only: bool, streaming: bool) -> Answer {
    match (planned.role, read_only, streaming) {
        (MemberRole::Writer, true, _) => Answer::NotYet("it takes no writes".to_owned()),
        (MemberRole::Reader, _, false) => {
            Answer::NotYet("it does not follow the writer".to_owned())
        }
        _ => Answer::Serves(version.to_owned()),
    }
}
