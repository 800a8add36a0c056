//! Green: taken down before the switchover, opened after it.

use crate::failback;
use crate::look::Looked;
use crate::old::{self, Old};
use domain::error::StepError;
use domain::fence::{Fence, Side};
use domain::ids::{InstanceId, ResourceId};
use domain::proof::{OLD_UNFENCED, missing};
use domain::rds::{Deployment, Instance, instance_of};
use domain::receipt::Receipt;
use domain::record::{Green, GreenMember, Record};
use domain::steps::rollback::{fences, named};
use ports::{Access, Error, Rds, Session, SessionOf, World};
use std::collections::BTreeMap;
use steps::fencing::{self, DRAIN, is_kept};
use steps::{Held, Servers, metrics};
use tracing::warn;

/// Ends what is still connected to green, and deletes the deployment with green. A green that can't be reached has no
/// sessions worth waiting for.
pub(crate) async fn take_down<W: World>(
    held: &mut Held<'_, W>,
    servers: &Servers<'_, W>,
    looked: &Looked,
) -> Result<Vec<String>, Error> {
    let Some(deployment) = &looked.deployment else {
        return Ok(vec![]);
    };
    record_members(held, deployment, &looked.green).await?;
    let mut actions = Vec::new();
    for member in &looked.green {
        match drain(servers, &member.resource_id).await {
            Ok(0) => {}
            Ok(ended) => actions.push(format!("{ended} sessions on {} were ended.", member.id)),
            Err(failed) => warn!(%failed, member = %member.id, "sessions on green not ended"),
        }
    }
    unprotect(held, &looked.green).await?;
    held.verify().await?;
    let rds = held.call.world.rds();
    rds.delete_deployment(&deployment.id, true).await?;
    actions.push(format!(
        "The deployment {} is deleted with green.",
        deployment.id
    ));
    Ok(actions)
}

/// Records green's members before the deployment, which alone knows them, is deleted. One that is not found was deleted by hand,
/// unless a switchover outside of Viridian changes names between two looks.
async fn record_members<W: World>(
    held: &mut Held<'_, W>,
    deployment: &Deployment,
    found: &[Instance],
) -> Result<(), Error> {
    if held.record().green.is_some() {
        return Ok(());
    }
    let targets = deployment.pairs.iter();
    let targets = targets.filter_map(|pair| Some((pair, instance_of(pair.target.as_deref()?))));
    let is_found = |target: &InstanceId| found.iter().any(|found| found.id == *target);
    if targets.clone().any(|(_, target)| !is_found(&target)) {
        let now = held.call.world.rds().deployment(&deployment.id).await?;
        let rests =
            |now: &Deployment| now.status == deployment.status && now.pairs == deployment.pairs;
        if !now.as_ref().is_some_and(rests) {
            let why = "the deployment changes while green's members are looked up";
            return Err(StepError::transient(why).into());
        }
    }
    let members = targets.filter_map(|(pair, target)| {
        let green = found.iter().find(|found| found.id == target)?;
        Some(GreenMember {
            blue: instance_of(&pair.source),
            instance: target,
            resource_id: green.resource_id.clone(),
            address: green.address.clone().unwrap_or_default(),
            port: green.port,
        })
    });
    let green = Green {
        deployment: deployment.id.clone(),
        members: members.collect(),
    };
    held.change(|record| record.green = Some(green)).await
}

async fn drain<W: World>(servers: &Servers<'_, W>, member: &ResourceId) -> Result<u32, Error> {
    let session = servers.anywhere_on(member, Access::AsServed).await?;
    let roles = &servers.plan.application_roles;
    Ok(session.drain(roles, DRAIN).await?.ended)
}

async fn unprotect<W: World>(held: &Held<'_, W>, green: &[Instance]) -> Result<(), Error> {
    for member in green.iter().filter(|member| member.deletion_protection) {
        held.verify().await?;
        let rds = held.call.world.rds();
        rds.lift_deletion_protection(&member.id).await?;
    }
    Ok(())
}

/// Deletes, by identity, the instances of green that outlived the deployment.
pub(crate) async fn delete_left<W: World>(
    held: &Held<'_, W>,
    looked: &Looked,
) -> Result<Vec<String>, Error> {
    unprotect(held, &looked.green).await?;
    let mut actions = Vec::new();
    for member in &looked.green {
        held.verify().await?;
        let rds = held.call.world.rds();
        rds.delete_instance(&member.resource_id, &member.id).await?;
        actions.push(format!("{} is deleted.", member.id));
    }
    Ok(actions)
}

/// The result of opening green.
pub(crate) enum Opened {
    /// Green serves and old is closed; what was done, a line each.
    Serves(Vec<String>),
    /// Something is still to be done, and what; it says whether green serves meanwhile.
    NotYet(String),
    /// Green must stay closed, and why.
    Withheld(String),
}

/// Lets the application into green, which has the writes, if everything is there that blue had committed when RDS was
/// called. Old is closed first; where it can't be reached, RDS keeps it read-only and production needn't wait for it.
pub(crate) async fn open<W: World>(
    held: &mut Held<'_, W>,
    servers: &Servers<'_, W>,
    looked: &Looked,
) -> Result<Opened, Error> {
    record_switched(held, looked).await?;
    let Some(green) = held.record().green.as_ref().and_then(Green::writer) else {
        return Ok(unknown(held.record(), looked));
    };
    let green = green.resource_id.clone();
    let arrived = arrived(servers, held.record(), &green).await?;
    if let Some(why) = missing(&held.record().markers, &arrived) {
        return Ok(Opened::Withheld(why));
    }
    let session = servers.anywhere_on(&green, Access::AsServed).await?;
    let old = match old_first(held, servers, &session).await? {
        Ok(old) => old,
        Err(not_opened) => return Ok(not_opened),
    };
    failback::arm(servers, held, &green).await?;
    let actions = let_green_in(held, servers).await?;
    held.verify().await?;
    session.write_marker().await?;
    note_opened(held).await?;
    if matches!(old, Old::Closed) {
        failback::follow(servers, held).await?;
    }
    Ok(match old {
        Old::Away(failed) => Opened::NotYet(format!(
            "green serves; old blue, which RDS keeps read-only, can't be reached to be closed: {failed}"
        )),
        Old::Closed | Old::Open(_) => Opened::Serves(actions),
    })
}

/// Lifts the fences that stand on green, which serves or is about to; what was done, a line each.
pub(crate) async fn let_green_in<W: World>(
    held: &mut Held<'_, W>,
    servers: &Servers<'_, W>,
) -> Result<Vec<String>, Error> {
    let standing: Vec<Fence> = fences(held.record(), Side::Green).cloned().collect();
    let mut actions = Vec::new();
    for stands in standing {
        actions.push(fencing::lift_on(held, servers, &stands).await?);
    }
    Ok(actions)
}

/// Green's members were not recorded. RDS's record of the deployment shows them sooner or later; without it nothing does.
fn unknown(record: &Record, looked: &Looked) -> Opened {
    if looked.deployment.is_some() {
        return Opened::NotYet("it is still unknown which instance is green".to_owned());
    }
    let writer = &record.plan.database;
    Opened::Withheld(format!(
        "it is unknown which instance is green, since RDS's record of the deployment is gone and Viridian's never had it. \
         What is called `{writer}` takes the writes; see that the application's roles can't log in to its predecessor, whose \
         name ends in `-old1`"
    ))
}

/// Closes old before green is opened; or why green can't be opened yet, or must not be. Once green lets the application in,
/// old is closed whatever it is.
async fn old_first<W: World>(
    held: &mut Held<'_, W>,
    servers: &Servers<'_, W>,
    green: &SessionOf<W>,
) -> Result<Result<Old, Opened>, Error> {
    let seen = green.standing(&servers.plan.application_roles).await?;
    let in_time = seen.open_roles.is_empty();
    if in_time && old::is_unfenced(held, servers).await? {
        return Ok(Err(Opened::Withheld(OLD_UNFENCED.to_owned())));
    }
    Ok(match old::close(held, servers).await? {
        // RDS may have let go of it before its last session ended.
        Old::Closed if in_time && old::is_let_go(held, servers).await? => {
            Err(Opened::Withheld(OLD_UNFENCED.to_owned()))
        }
        Old::Closed => {
            note_closed(held).await?;
            Ok(Old::Closed)
        }
        Old::Open(why) => Err(Opened::NotYet(format!(
            "green stays closed, since old blue still lets the application in: {why}"
        ))),
        Old::Away(failed) if in_time && !is_kept(held.call.world, held.record()).await? => {
            Err(Opened::NotYet(format!(
                "green stays closed, since old blue, which RDS does not keep read-only any more, can't be reached to be closed: {failed}"
            )))
        }
        old @ Old::Away(_) => Ok(old),
    })
}

/// Records green's members where the deployment was switched over outside of Viridian before that was done.
async fn record_switched<W: World>(held: &mut Held<'_, W>, looked: &Looked) -> Result<(), Error> {
    let (None, Some(deployment)) = (&held.record().green, &looked.deployment) else {
        return Ok(());
    };
    let mut found = vec![];
    for member in &held.record().plan.members {
        let rds = held.call.world.rds();
        found.extend(rds.instance_named(&member.instance).await?);
    }
    let green = named(&held.record().plan, &deployment.id, &found);
    match green {
        Some(green) => held.change(|record| record.green = Some(green)).await,
        None => Ok(()),
    }
}

/// From now on old is known to have taken no writes: it was closed, and RDS had kept it read-only until then.
async fn note_closed<W: World>(held: &mut Held<'_, W>) -> Result<(), Error> {
    let mut receipt = held.record().receipt.clone().unwrap_or_default();
    if receipt.left_closed {
        return Ok(());
    }
    receipt.left_closed = true;
    held.change(|record| record.receipt = Some(receipt)).await
}

/// From now on green is known to serve.
async fn note_opened<W: World>(held: &mut Held<'_, W>) -> Result<(), Error> {
    let receipt = held.record().receipt.clone().unwrap_or_default();
    if receipt.opened_at.is_some() {
        return Ok(());
    }
    let opened = Receipt {
        opened_at: Some(held.call.now()),
        ..receipt
    };
    let kept = opened.clone();
    held.change(|record| record.receipt = Some(kept)).await?;
    metrics::switched(held, &opened);
    Ok(())
}

/// The markers that green has.
async fn arrived<W: World>(
    servers: &Servers<'_, W>,
    record: &Record,
    green: &ResourceId,
) -> Result<BTreeMap<String, Option<i64>>, Error> {
    let mut arrived = BTreeMap::new();
    for database in record.markers.keys() {
        let session = servers.on(green, database, Access::AsServed).await?;
        let seen = session.read_marker().await?;
        arrived.insert(database.clone(), seen.map(|seen| seen.number));
    }
    Ok(arrived)
}
