//! Makes blue serve again, from whatever state is found.
//!
//! A rollback takes the database over first ([`order`]), then looks and does the next thing until blue serves: [`next`]
//! before the switchover, [`back`] after it. It can stop anywhere and begin again. Reads go back to blue before anything
//! slower, and without the lease: blue's names always lead to a side that serves.

use crate::fence::{Fence, Side};
use crate::ids::{Database, Millis, Owner, ResourceId};
use crate::plan::Plan;
use crate::rds::{Deployment, DeploymentStatus, Instance, InstanceStatus};
use crate::receipt::Receipt;
use crate::record::{Green, Phase, Record};
use crate::request::Strategy;
use serde::{Deserialize, Serialize};

mod back;
mod foreign;
mod order;

pub use back::{BackAct, BackSeen, CROSSINGS, TRIES, back, is_closed, is_quiet, restored, writes};
pub use foreign::named;
pub use order::{Order, no_failback, order};

/// What applications get to end their connections to green themselves once no answer leads there, in milliseconds.
const GRACE: i64 = 1_000;

/// What the state machine gives to `rollback`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The database to bring back.
    pub database: Database,
    /// The execution whose upgrade is to be undone; absent when a person gives the order for whatever is there.
    #[serde(default)]
    pub owner: Option<Owner>,
    /// Why, in a sentence, for the messages.
    #[serde(default)]
    pub reason: Option<String>,
    /// Who wants it. An order without an upgrade is a person's.
    #[serde(default)]
    pub cause: Cause,
    /// The execution of the rollback machine, which shows whether it still runs.
    #[serde(default)]
    pub execution: Option<Owner>,
}

/// Who wants a rollback. After the switchover it decides whether writes go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The upgrade stopped: a failed step, an abort, a timeout. After the switchover production is not moved for it.
    #[default]
    Stopped,
    /// An alarm that is known to have gone to ALARM.
    Alarm,
    /// A person.
    Person,
}

impl Input {
    /// Why, in a sentence.
    #[must_use]
    pub fn reason(&self) -> &str {
        let reason = self.reason.as_deref();
        reason.unwrap_or("a person gave the order.")
    }

    /// Who wants it.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        match self.owner {
            None => Cause::Person,
            Some(_) => self.cause,
        }
    }
}

/// What `rollback` answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: wait a little and call again.
    pub done: bool,
    /// What was found and done, a line each.
    pub actions: Vec<String>,
    /// The evidence of a failback after the switchover, once it is done.
    #[serde(default)]
    pub receipt: Option<Receipt>,
    /// The state of the upgrade, once this is done.
    #[serde(default)]
    pub rest: Option<Rest>,
    /// Whose upgrade it is, so that the next call is about the same one, also if another has claimed the database by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// The state of an upgrade where a rollback has nothing left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// It is over.
    Over,
    /// It waits for a person.
    Person,
    /// It has no claim on the database.
    Unclaimed,
}

/// Whether reads may go back at once, without looking which side serves: before the switchover it is blue.
#[must_use]
pub fn reads_first(found: &Record) -> bool {
    found.phase == Phase::Before && found.plan.strategy == Strategy::BlueGreen
}

/// Which side serves writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// Blue, as before the upgrade.
    Blue,
    /// RDS has not finished, or does not show it yet.
    Undecided,
    /// Green, for good.
    Green,
}

/// Which side serves, from the deployment and from who has the writer's name: RDS swaps names, never identities.
#[must_use]
pub fn serving(
    record: &Record,
    deployment: Option<&Deployment>,
    named: Option<&Instance>,
) -> Serving {
    match deployment {
        Some(deployment) if deployment.is_switched() => return Serving::Green,
        Some(deployment) if under_way(&deployment.status) => return Serving::Undecided,
        _ => {}
    }
    let Some(named) = named.map(|named| &named.resource_id) else {
        return Serving::Undecided;
    };
    let blue = record.plan.writer().ok().map(|writer| &writer.resource_id);
    let is_green = identities(record.green.as_ref()).contains(named);
    // Without a deployment nothing is under way any more, and RDS deletes no record while it switches: who has the name has
    // it for good.
    let settled = deployment.is_none_or(|found| !found.keeps_old());
    match named {
        _ if blue == Some(named) => Serving::Blue,
        _ if settled && is_green => Serving::Green,
        _ => Serving::Undecided,
    }
}

fn under_way(status: &DeploymentStatus) -> bool {
    matches!(
        status,
        DeploymentStatus::SwitchoverInProgress | DeploymentStatus::SwitchoverCompleted
    )
}

/// What was seen of green.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The deployment stands, and green with it.
    Deployed,
    /// The deployment is being deleted, or it is gone and instances of green are.
    Going,
    /// The deployment is gone and instances of green are left.
    Left,
    /// Nothing of green is there.
    Gone,
}

/// What is left of green, from the deployment and those of its instances that still exist.
#[must_use]
pub fn standing(deployment: Option<&Deployment>, left: &[Instance]) -> Standing {
    let deleting = |instance: &Instance| instance.status == InstanceStatus::Deleting;
    match deployment {
        Some(deployment) if deployment.status == DeploymentStatus::Deleting => Standing::Going,
        Some(_) => Standing::Deployed,
        None if left.is_empty() => Standing::Gone,
        None if left.iter().all(deleting) => Standing::Going,
        None => Standing::Left,
    }
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// This machine's clock.
    pub now: Millis,
    /// Which side serves.
    pub serving: Serving,
    /// Whether weighted records differ from the originals.
    pub reads_away: bool,
    /// What is left of green.
    pub green: Standing,
    /// Whether a member of green has the identity of one of blue's, which must never be.
    pub confused: bool,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Mark the claim: a person has to look.
    AskPerson(String),
    /// Let green serve: it has the writes, and a fence may still keep the application out.
    OpenGreen,
    /// Look again later.
    Wait(String),
    /// Open blue's roles.
    LiftFence(Fence),
    /// Put the weighted records back.
    RestoreReads,
    /// Write down that reads are back, from which moment clients' old answers run out.
    NoteReadsBack,
    /// Give clients this long, in milliseconds, to forget answers that lead to green.
    Settle(i64),
    /// End what is still connected to green, then delete deployment and green.
    TakeGreenDown,
    /// Delete the instances of green that outlived the deployment.
    DeleteLeft,
    /// See that blue takes writes and logins, remove what is ours there, and end the claim.
    End,
}

/// The next thing to do, from what is recorded and what was seen. `ttl` is the seconds for which clients may keep an
/// answer that leads to green.
#[must_use]
pub fn next(record: &Record, seen: &Seen, ttl: u32) -> Act {
    if record.plan.strategy == Strategy::InPlace {
        return Act::AskPerson(
            "an upgrade in place can't be rolled back; look at each member's version and at the snapshot".to_owned(),
        );
    }
    // The record is written after RDS and every member said so, and RDS's own record may be gone since.
    let serving = match record.phase {
        Phase::After => Serving::Green,
        _ => seen.serving,
    };
    match serving {
        Serving::Green => Act::OpenGreen,
        Serving::Undecided => Act::Wait("RDS has not decided yet which side serves".to_owned()),
        Serving::Blue => to_blue(record, seen, ttl),
    }
}

fn to_blue(record: &Record, seen: &Seen, ttl: u32) -> Act {
    if let Some(fence) = fences(record, Side::Blue).next() {
        return Act::LiftFence(fence.clone());
    }
    if seen.reads_away {
        return Act::RestoreReads;
    }
    let Some(back) = record.reads_back else {
        return Act::NoteReadsBack;
    };
    match seen.green {
        _ if seen.confused => Act::AskPerson(
            "the deployment's target has the identity of one of blue's members; nothing is deleted"
                .to_owned(),
        ),
        Standing::Deployed if record.plan.reads.is_none() => Act::TakeGreenDown,
        Standing::Deployed => {
            let settled = Millis(back.0 + i64::from(ttl) * 1_000 + GRACE);
            match settled.since(seen.now) {
                left if left > 0 => Act::Settle(left),
                _ => Act::TakeGreenDown,
            }
        }
        Standing::Going => Act::Wait("green is being deleted".to_owned()),
        Standing::Left => Act::DeleteLeft,
        Standing::Gone => Act::End,
    }
}

/// The recorded fences of one side.
pub fn fences(record: &Record, side: Side) -> impl Iterator<Item = &Fence> {
    record.fences.iter().filter(move |fence| fence.side == side)
}

/// Whether one of these instances is blue's: then they must not be deleted.
#[must_use]
pub fn confused(plan: &Plan, green: &[ResourceId]) -> bool {
    plan.members
        .iter()
        .any(|blue| green.contains(&blue.resource_id))
}

/// The identities of green's recorded members.
#[must_use]
pub fn identities(green: Option<&Green>) -> Vec<ResourceId> {
    let members = green.into_iter().flat_map(|green| &green.members);
    members.map(|member| member.resource_id.clone()).collect()
}

/// The sentence with which a rollback ends the claim.
#[must_use]
pub fn note(input: &Input) -> String {
    format!("Rolled back: {}", input.reason())
}

/// What `rollback` answers where there is nothing to do.
#[must_use]
pub fn nothing(rest: Rest, summary: String) -> Output {
    Output {
        summary,
        done: true,
        actions: vec![],
        rest: Some(rest),
        ..Output::default()
    }
}

/// The answer of a rollback that has ended the upgrade, once more: the first one was lost.
#[must_use]
pub fn again(record: &Record) -> Output {
    let done = record.note.clone().unwrap_or_default();
    Output {
        summary: format!("`{}` is served by blue.", record.ticket.database),
        done: true,
        actions: vec![done],
        receipt: record.back.clone().map(|back| back.receipt),
        rest: Some(Rest::Over),
        ..Output::default()
    }
}

#[cfg(test)]
mod tests;
