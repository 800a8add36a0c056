//! After the switchover: the writes go back to blue, with every one that green has acknowledged.
//!
//! Green goes on serving until everything is ready for the failback, and serves again if that fails. Once its last write is
//! proven on old ([`crate::record::Back::arrived`]) it stays closed for good, and the failback only goes forward.

use crate::fence::Side;
use crate::ids::{DeploymentId, InstanceId, ResourceId};
use crate::plan::{Plan, Way};
use crate::rds::{Deployment, DeploymentStatus, Instance};
use crate::record::Record;
use crate::reverse::{Health, Unavailable};
use crate::routes::Route;
use std::collections::BTreeMap;

/// Calls that are made before the failback is given up and green goes on.
pub const TRIES: u32 = 20;

/// Fencings of green before the same: each of them ends every session of the application.
pub const CROSSINGS: u32 = 5;

/// RDS allows so many characters in the name of an instance.
const NAME: usize = 63;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackSeen {
    /// The link from new to old, over all databases.
    pub link: Health,
    /// The deployment's record, which keeps old read-only as long as it stands.
    pub deployment: Option<Deployment>,
    /// Whether old is read-only by default; `None` if it can't be asked.
    pub old_read_only: Option<bool>,
    /// Whether the route of the writes leads elsewhere than to old.
    pub writes_away: bool,
    /// Whether the route of the reads leads elsewhere than to blue's members.
    pub reads_away: bool,
    /// Every instance that is a member of either side, or has a name that one of blue's had.
    pub instances: Vec<Instance>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackAct {
    /// The failback is impossible: green goes on serving, and a person is called.
    GiveUp(Unavailable),
    /// Not now; look again later.
    Wait(String),
    /// Delete the deployment's record, after which RDS lets old take writes. Old's roles are closed all the same.
    DeleteRecord(DeploymentId),
    /// Let the route of the writes lead to old, which is still closed.
    PointWrites,
    /// Fence new, prove that all it has is on old, and open old.
    Cross,
    /// Give an instance another name.
    Rename {
        /// Its identity.
        resource_id: ResourceId,
        /// Its name now.
        from: InstanceId,
        /// Its name from then on.
        to: InstanceId,
    },
    /// Another instance has one of blue's names.
    AskPerson(String),
    /// Cut the link, bring the sequences over, and let the application into old.
    OpenOld,
    /// Let the route of the reads lead to blue's members.
    RestoreReads,
    /// Everything is done.
    End,
}

/// The next thing to do for the failback, from what is recorded and what was seen.
#[must_use]
pub fn back(record: &Record, seen: &BackSeen) -> BackAct {
    let begun = record.back.clone().unwrap_or_default();
    if begun.arrived {
        return onwards(record, seen);
    }
    let not_now = |why: &str| {
        if begun.tries < TRIES {
            return BackAct::Wait(why.to_owned());
        }
        BackAct::GiveUp(Unavailable {
            why: format!("it could not be made in {TRIES} calls: {why}"),
            remedy: "fix that, then start the rollback machine again".to_owned(),
        })
    };
    match &seen.link {
        Health::Broken(broken) | Health::Overflowing(broken) => {
            return BackAct::GiveUp(broken.clone());
        }
        Health::Resting(why) | Health::Holding(why) => return not_now(why),
        Health::Well => {}
    }
    match &seen.deployment {
        Some(record) if record.status == DeploymentStatus::Deleting => {
            return not_now("the deployment's record is being deleted");
        }
        Some(record) => return BackAct::DeleteRecord(record.id.clone()),
        None => {}
    }
    if let Some(why) = stranger(record, &seen.instances) {
        return BackAct::GiveUp(Unavailable {
            why,
            remedy: "give that instance another name, then start the rollback machine again"
                .to_owned(),
        });
    }
    match seen.old_read_only {
        Some(false) if begun.tries >= TRIES || begun.crossings >= CROSSINGS => {
            BackAct::GiveUp(Unavailable {
                why: format!(
                    "the failback was tried {} times, and green's last writes did not arrive in time",
                    begun.crossings
                ),
                remedy: "find out what writes past the fence, or raise `max_write_pause_ms`, then start the rollback machine again".to_owned(),
            })
        }
        Some(false) if record.plan.way() == Way::Route && seen.writes_away => BackAct::PointWrites,
        Some(false) => BackAct::Cross,
        Some(true) => not_now("RDS still keeps old read-only"),
        None => not_now("old can't be reached"),
    }
}

/// Everything is on old: there is no return to green.
fn onwards(record: &Record, seen: &BackSeen) -> BackAct {
    if record.plan.way() == Way::Renames
        && let Some(act) = rename(record, &seen.instances)
    {
        return act;
    }
    if is_closed(record) {
        BackAct::OpenOld
    } else if seen.reads_away {
        BackAct::RestoreReads
    } else {
        BackAct::End
    }
}

/// Whether old is still to be opened.
#[must_use]
pub fn is_closed(record: &Record) -> bool {
    super::fences(record, Side::Blue).next().is_some()
}

/// An instance that has one of blue's names and belongs to neither side; found before anything is closed.
fn stranger(record: &Record, instances: &[Instance]) -> Option<String> {
    if record.plan.way() != Way::Renames {
        return None;
    }
    let greens = super::identities(record.green.as_ref());
    record.plan.members.iter().find_map(|member| {
        let holder = instances.iter().find(|one| one.id == member.instance)?;
        let theirs =
            holder.resource_id != member.resource_id && !greens.contains(&holder.resource_id);
        theirs.then(|| taken(holder))
    })
}

fn taken(holder: &Instance) -> String {
    format!(
        "{} is called {} now, and is neither blue's nor green's",
        holder.resource_id, holder.id
    )
}

/// What green's instance is called once blue has its name again: an earlier failback may have left one behind, so its
/// identity is a part of the name.
fn aside(member: &InstanceId, holder: &ResourceId) -> InstanceId {
    let letters = holder.as_str().to_ascii_lowercase();
    let letters = letters.rsplit('-').next().unwrap_or_default();
    let tail = &letters[letters.len().saturating_sub(6)..];
    let tail = format!("-new-{tail}");
    let head: String = member
        .as_str()
        .chars()
        .take(NAME.saturating_sub(tail.len()))
        .collect();
    format!("{}{tail}", head.trim_end_matches('-')).into()
}

/// The next name that has to be given; nothing once each of blue's instances has its own again. The writer's comes first,
/// and while old is closed it is the only one: the replicas' names can wait until production writes again.
fn rename(record: &Record, instances: &[Instance]) -> Option<BackAct> {
    let greens = super::identities(record.green.as_ref());
    let members = record.plan.members.iter();
    let writer = record.plan.writer().ok().map(|writer| &writer.resource_id);
    let mut due = members
        .filter(|member| !is_closed(record) || writer.is_none_or(|id| *id == member.resource_id));
    due.find_map(|member| {
        let ours = instances
            .iter()
            .find(|one| one.resource_id == member.resource_id)?;
        if ours.id == member.instance {
            return None;
        }
        let holder = instances.iter().find(|one| one.id == member.instance);
        let (who, to) = match holder {
            Some(holder) if greens.contains(&holder.resource_id) => {
                (holder, aside(&member.instance, &holder.resource_id))
            }
            Some(holder) => {
                return Some(BackAct::AskPerson(taken(holder)));
            }
            None => (ours, member.instance.clone()),
        };
        Some(if who.is_available() {
            BackAct::Rename {
                resource_id: who.resource_id.clone(),
                from: who.id.clone(),
                to,
            }
        } else {
            BackAct::Wait(format!("{} is {}", who.id, who.status))
        })
    })
}

/// The host of each of blue's members now, by the one that it had when the upgrade was planned. One without any is left out.
#[must_use]
pub fn hosts(plan: &Plan, instances: &[Instance]) -> BTreeMap<String, String> {
    let members = plan.members.iter().filter_map(|member| {
        let now = instances
            .iter()
            .find(|one| one.resource_id == member.resource_id)?;
        Some((member.address.clone(), now.address.clone()?))
    });
    members.collect()
}

/// The routes that were moved before the switchover, as they were, leading to blue's members by the hosts that these have now.
#[must_use]
pub fn restored(plan: &Plan, instances: &[Instance]) -> Vec<Route> {
    let hosts = hosts(plan, instances);
    let routes = plan.moved_early();
    routes.map(|route| route.to(&hosts).at_once()).collect()
}

/// The route of the writes, leading to old and ready to lead back; `None` where there is none, or old has no host now.
#[must_use]
pub fn writes(plan: &Plan, instances: &[Instance]) -> Option<Route> {
    let (route, writer) = (plan.writes.as_ref()?, plan.writer().ok()?);
    let mut hosts = hosts(plan, instances);
    hosts.retain(|planned, _| *planned == writer.address);
    let route = route.poised(&plan.hosts()).ok()?;
    (!hosts.is_empty()).then(|| route.to(&hosts).at_once())
}

/// Whether nothing but Viridian has committed on new since its markers: they took one transaction id each, from `first`
/// on, and `next` is the id that the next transaction would get.
#[must_use]
pub const fn is_quiet(first: u64, markers: u64, next: u64) -> bool {
    next <= first + markers
}
