//! Part 1: what is checked before anything is touched.

use crate::sides::{Sides, opened};
use domain::alarms::{self, Reading, judge};
use domain::fence::Side;
use domain::ids::{DeploymentId, ResourceId};
use domain::lag::{Lag, Limits};
use domain::rds::Instance;
use domain::record::{Green, Record};
use domain::steps::switchover::{Readiness, Verdict, checklist};
use futures_util::future::{join_all, try_join, try_join_all};
use ports::{Access, Alarms, Error, Rds, Session, SessionOf, World};
use std::collections::BTreeSet;
use std::time::Duration;
use steps::{Call, Held, fencing, lag};

/// Observations of the deployment, and the time between two of them.
const OBSERVATIONS: u32 = 3;
const BETWEEN: Duration = Duration::from_millis(300);
/// A transaction that has been open for longer is long.
const LONG: Duration = Duration::from_secs(5);

/// The lines of the checklist, and its verdict. Alarms are an error of their own.
pub(crate) async fn run<W: World>(
    held: &Held<'_, W>,
    sides: &Sides<'_, W>,
    blue_inside: &[SessionOf<W>],
) -> Result<(Vec<String>, Verdict), Error> {
    let (call, record) = (held.call, held.record());
    let limits = Limits::from(&record.plan.request);
    let green = record.made_green()?;
    let readings = readings(call, record).await?;
    let blind = record.plan.request.insufficient_data;
    let alarms = judge(record.phase, blind, &readings)?;
    let (old, new) = (sides.on_old()?, sides.on_new()?);
    let seen = Readiness {
        deployment: observations(call, &green.deployment).await?,
        members: members(call, record, green).await?,
        lag: worst_lag(sides, blue_inside, limits).await?,
        transactions: transactions(old, new).await?,
        foreign_slots: old.foreign_replication().await?,
        databases: databases(sides, old, new).await?,
        only_on_blue: only_on_blue(sides, blue_inside).await?,
        blind: match alarms {
            alarms::Verdict::Quiet => vec![],
            alarms::Verdict::Inconclusive(why) => vec![why],
        },
        fence: rehearsals(call, record, old, new).await?,
    };
    let (mut lines, verdict) = checklist(&seen, limits);
    lines.push(format!("no alarm: {} read", readings.len()));
    Ok((lines, verdict))
}

/// Reads the alarms since the last wait: none was watched after it, and a person may have been asked meanwhile.
async fn readings<W: World>(call: &Call<'_, W>, record: &Record) -> Result<Vec<Reading>, Error> {
    let since = record.wait.as_ref().map(|wait| wait.since);
    call.world.alarms().read(&record.plan.alarms, since).await
}

async fn observations<W: World>(call: &Call<'_, W>, id: &DeploymentId) -> Result<Vec<bool>, Error> {
    let mut seen = vec![];
    for _ in 0..OBSERVATIONS {
        call.sleep(BETWEEN).await;
        let deployment = call.world.rds().deployment(id).await?;
        seen.push(deployment.is_some_and(|deployment| deployment.is_available()));
    }
    Ok(seen)
}

async fn members<W: World>(
    call: &Call<'_, W>,
    record: &Record,
    green: &Green,
) -> Result<Vec<(String, Option<Instance>)>, Error> {
    let all = call.world.rds().instances().await?;
    let blue = record.plan.members.iter();
    let blue = blue.map(|member| (member.instance.to_string(), &member.resource_id));
    let green = green.members.iter();
    let green = green.map(|member| (member.instance.to_string(), &member.resource_id));
    let found = |(name, id): (String, &ResourceId)| {
        let instance = all.iter().find(|instance| instance.resource_id == *id);
        (name, instance.cloned())
    };
    Ok(blue.chain(green).map(found).collect())
}

async fn worst_lag<W: World>(
    sides: &Sides<'_, W>,
    blue_inside: &[SessionOf<W>],
    limits: Limits,
) -> Result<Lag, Error> {
    let patience = Duration::from_millis(limits.ms);
    let pairs = blue_inside
        .iter()
        .zip(&sides.new_inside)
        .zip(&sides.databases);
    let readings = pairs.map(|((blue, green), database)| async move {
        lag::measure(blue, opened(green.as_ref())?, database, patience).await
    });
    Ok(Lag::worst(&try_join_all(readings).await?))
}

async fn transactions<S: Session>(old: &S, new: &S) -> Result<Vec<String>, Error> {
    let mut found = old.long_transactions(LONG).await?;
    found.extend(old.prepared_transactions().await?);
    found.extend(new.prepared_transactions().await?);
    Ok(found)
}

/// Databases that were created or dropped since the plan. One that the plan does not know has no marker to prove its rows, and
/// one that green lacks would be left behind. `old` is connected to the maintenance database.
async fn databases<W: World>(
    sides: &Sides<'_, W>,
    old: &SessionOf<W>,
    new: &SessionOf<W>,
) -> Result<Vec<String>, Error> {
    let (blue, green) = try_join(old.databases(), new.databases()).await?;
    let planned: BTreeSet<String> = sides.databases.iter().cloned().collect();
    let on_blue = blue.difference(&green);
    let on_green = green.difference(&blue);
    let both = blue.intersection(&green);
    let mut found: Vec<String> = on_blue
        .map(|name| format!("the database `{name}` is on blue only"))
        .chain(on_green.map(|name| format!("the database `{name}` is on green only")))
        .chain(
            both.filter(|name| !planned.contains(*name))
                .map(|name| format!("the database `{name}` was made after the plan")),
        )
        .collect();
    let maintenance = sides.maintenance();
    if !planned.contains(maintenance) && !old.tables().await?.is_empty() {
        found.push(format!(
            "the database `{maintenance}` has tables, which it had not when the upgrade was planned"
        ));
    }
    if let Some(last) = found.last_mut() {
        last.push_str("; start the upgrade again, which plans it anew, and create or drop no database until it ends");
    }
    Ok(found)
}

/// Tables and roles that were created on blue after green: neither DDL nor roles are replicated.
async fn only_on_blue<W: World>(
    sides: &Sides<'_, W>,
    blue_inside: &[SessionOf<W>],
) -> Result<Vec<String>, Error> {
    // A fence of an earlier call may stand on green, so that its roles need not be open.
    let (blue, green) = try_join(sides.on_old()?.logins(), sides.on_new()?.role_names()).await?;
    let roles = blue.difference(&green);
    let mut found: Vec<String> = roles.map(|name| format!("the role `{name}`")).collect();
    let pairs = blue_inside
        .iter()
        .zip(&sides.new_inside)
        .zip(&sides.databases);
    for ((blue, green), database) in pairs {
        let (blue, green) = try_join(names(blue), names(opened(green.as_ref())?)).await?;
        let tables = blue.difference(&green);
        found.extend(tables.map(|name| format!("the table `{database}.{name}`")));
    }
    Ok(found)
}

async fn names<S: Session>(session: &S) -> Result<BTreeSet<String>, Error> {
    let tables = session.tables().await?;
    Ok(tables.iter().map(ToString::to_string).collect())
}

/// Closes the roles and rolls that back in one transaction, invisible to others.
async fn rehearsals<W: World>(
    call: &Call<'_, W>,
    record: &Record,
    old: &SessionOf<W>,
    new: &SessionOf<W>,
) -> Result<Vec<String>, Error> {
    let sides = [("blue", old), ("green", new)];
    let tried = sides.map(|(name, session)| async move {
        let nowhere = String::new().into();
        let place = (Side::Green, &nowhere);
        let fence = fencing::plan(record, session, place, call.now()).await?;
        match session.rehearse(&fence).await {
            Err(busy) if busy.is_transient() => Err(busy),
            Err(failed) => Ok(Some(format!("{name}: {failed}"))),
            Ok(()) => Ok(None),
        }
    });
    let tried: Vec<Result<_, Error>> = join_all(tried).await;
    let tried: Result<Vec<Option<String>>, Error> = tried.into_iter().collect();
    Ok(tried?.into_iter().flatten().collect())
}

/// Opens a session in every database of blue, which still takes writes.
pub(crate) async fn inside_blue<W: World>(
    sides: &Sides<'_, W>,
) -> Result<Vec<SessionOf<W>>, Error> {
    let opened = sides
        .databases
        .iter()
        .map(|database| sides.old.open(database, Access::AsServed));
    try_join_all(opened).await
}
