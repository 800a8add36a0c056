//! Creates green, and reports its progress.

use crate::ids::Owner;
use crate::inspection::joined;
use crate::plan::{Member, Plan};
use crate::rds::{Deployment, DeploymentStatus, Instance, OWNER_TAG, PairStatus, instance_of};
use crate::record::{Green, GreenMember, Ticket};
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// What the state machine gives to `provision`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
    /// The token of a wait for green that begins with this call.
    #[serde(default)]
    pub token: Option<String>,
}

/// What `provision` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// False: wait a little and call again.
    pub done: bool,
    /// How far green is, 0 to 100.
    pub percent: u8,
}

/// What was seen of green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The deployment that has this upgrade's name.
    pub deployment: Option<Deployment>,
    /// The instances of green, as far as they exist.
    pub instances: Vec<Instance>,
    /// Green as the last observation recorded it, which it does only if everything was available.
    pub recorded: Option<Green>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Nothing is there: make the marker tables, then ask RDS.
    Create,
    /// Green is being made.
    Wait {
        /// How far it is, 0 to 99.
        percent: u8,
        /// What is waited for.
        what: String,
    },
    /// Everything is available for the first time: record it, and look once more, since RDS has been seen to say so too early.
    Record(Green),
    /// Everything is available again.
    Done(Green),
    /// It can't become a green.
    Refuse {
        /// Why, and what to do.
        why: String,
    },
}

/// Decides from what is there, so that asking twice makes one green.
#[must_use]
pub fn next(plan: &Plan, owner: &Owner, seen: &Seen) -> Act {
    let Some(deployment) = &seen.deployment else {
        return Act::Create;
    };
    if let Some(why) = foreign(plan, owner, deployment) {
        return Act::Refuse { why };
    }
    match &deployment.status {
        DeploymentStatus::Provisioning | DeploymentStatus::Other(_) => made(deployment),
        DeploymentStatus::Available => available(plan, deployment, seen),
        DeploymentStatus::InvalidConfiguration => refuse(deployment, "RDS can't make green"),
        DeploymentStatus::Deleting => refuse(deployment, "the deployment is being deleted"),
        DeploymentStatus::SwitchoverInProgress
        | DeploymentStatus::SwitchoverCompleted
        | DeploymentStatus::SwitchoverFailed => {
            let what = "the deployment was switched over outside of Viridian";
            refuse(deployment, what)
        }
    }
}

/// Why the deployment is not ours, although it has our name.
fn foreign(plan: &Plan, owner: &Owner, deployment: &Deployment) -> Option<String> {
    let id = &deployment.id;
    let source = plan.writer().ok().map(|writer| writer.arn.as_str());
    if deployment.tags.get(OWNER_TAG).map(String::as_str) != Some(owner.as_str()) {
        return Some(format!(
            "the deployment {id} has this upgrade's name, but not its tag {OWNER_TAG}; find out whose it is"
        ));
    }
    (source != Some(deployment.source.as_str())).then(|| {
        format!(
            "the deployment {id} has this upgrade's name, but its source is {}",
            deployment.source
        )
    })
}

fn refuse(deployment: &Deployment, what: &str) -> Act {
    let details = match deployment.status_details.as_str() {
        "" => "RDS gives no reason; see its events".to_owned(),
        details => details.to_owned(),
    };
    Act::Refuse {
        why: format!("{what} ({}): {details}", deployment.id),
    }
}

fn made(deployment: &Deployment) -> Act {
    let mut tasks = deployment.tasks.iter();
    if let Some(failed) = tasks.find(|task| task.status == "FAILED") {
        return refuse(deployment, &format!("RDS could not do {}", failed.name));
    }
    let mut tasks = deployment.tasks.iter();
    let current = tasks.find(|task| task.status == "IN_PROGRESS");
    Act::Wait {
        percent: percent(deployment),
        what: match current {
            Some(task) => task.name.to_lowercase().replace('_', " "),
            None => "RDS to begin".to_owned(),
        },
    }
}

/// How far RDS is: of its tasks and of the members, each counts the same; what has begun counts half.
#[must_use]
pub fn percent(deployment: &Deployment) -> u8 {
    let tasks = deployment.tasks.iter().map(|task| task.status.as_str());
    let tasks = tasks.map(|status| match status {
        "COMPLETED" => 2,
        "IN_PROGRESS" => 1,
        _ => 0,
    });
    let members = deployment.pairs.iter().map(|pair| match pair.status {
        PairStatus::Available => 2,
        _ => 0,
    });
    let halves: usize = tasks.chain(members).sum();
    let all = (deployment.tasks.len() + deployment.pairs.len()) * 2;
    let percent = (halves * 100).checked_div(all).unwrap_or(0);
    u8::try_from(percent.min(99)).unwrap_or(99)
}

/// The deployment says that it is available; whether it is shows in every member and every instance.
fn available(plan: &Plan, deployment: &Deployment, seen: &Seen) -> Act {
    let wait = |what: String| Act::Wait {
        percent: percent(deployment),
        what,
    };
    if !deployment.is_available() || deployment.pairs.len() < plan.members.len() {
        return wait("every member of the deployment".to_owned());
    }
    let busy = |green: &&Instance| !green.is_available() || green.storage_is_busy();
    if let Some(busy) = seen.instances.iter().find(busy) {
        return wait(format!("{}, which is {}", busy.id, busy.state()));
    }
    match green(plan, deployment, &seen.instances) {
        None => wait("green's instances to show up".to_owned()),
        Some(green) if seen.recorded.as_ref() == Some(&green) => Act::Done(green),
        Some(green) => Act::Record(green),
    }
}

/// Green in the order of blue's members; none while one of them can't be seen, or has no address yet.
fn green(plan: &Plan, deployment: &Deployment, instances: &[Instance]) -> Option<Green> {
    let member = |blue: &Member| {
        let mut pairs = deployment.pairs.iter();
        let pair = pairs.find(|pair| pair.source == blue.arn)?;
        let name = instance_of(pair.target.as_deref()?);
        let instance = instances.iter().find(|instance| instance.id == name)?;
        instance.address.as_ref()?;
        Some(GreenMember::of(blue, instance))
    };
    Some(Green {
        deployment: deployment.id.clone(),
        members: plan.members.iter().map(member).collect::<Option<_>>()?,
    })
}

/// The answer while green is being made.
#[must_use]
pub fn waiting(percent: u8, what: &str) -> Output {
    Output {
        summary: format!("Green is {percent} % made; waiting for {what}."),
        done: false,
        percent,
    }
}

/// The answer once green stands.
#[must_use]
pub fn done(plan: &Plan, green: &Green) -> Output {
    let names = green.members.iter().map(|member| &member.instance);
    let names = joined(names, ", ");
    Output {
        summary: format!("Green stands on {}: {names}.", plan.to_version),
        done: true,
        percent: 100,
    }
}
