//! Part 1: everything that has to be good before anything is touched.

use crate::Bridge;
use crate::sides::{Sides, opened};
use domain::check_lag::{Lag, Limits};
use domain::error::StepError;
use domain::ids::DeploymentId;
use domain::record::{Fence, Green, Record};
use domain::switchover::{Readiness, Verdict, checklist};
use domain::watch;
use effects::error::Error;
use effects::postgres::{Access, Session, fence, inspect, lag, roles, sessions, slots, tables};
use futures_util::future::{join_all, try_join, try_join_all};
use std::collections::BTreeSet;
use std::time::Duration;

/// Observations of the deployment, and the time between two of them.
const OBSERVATIONS: u32 = 3;
const BETWEEN: Duration = Duration::from_millis(300);
/// A transaction that has been open for longer is long.
const LONG: Duration = Duration::from_secs(5);

/// The lines of the checklist, and its verdict. Alarms are an error of their own.
pub(crate) async fn run(
    bridge: &Bridge,
    record: &Record,
    sides: &Sides,
    blue_inside: &[Session],
) -> Result<(Vec<String>, Verdict), Error> {
    let limits = Limits::from(&record.plan.request);
    let green = record.green.as_ref();
    let green = green.ok_or_else(|| StepError::refused("there is no green; provision makes it"))?;
    let readings = match &record.wait {
        // Nobody has watched since the last wait ended: a person may have been asked meanwhile.
        Some(wait) => {
            let alarms = &record.plan.alarms;
            bridge.alarms.read_since(alarms, wait.since).await?
        }
        None => bridge.alarms.read(&record.plan.alarms).await?,
    };
    let alarms = watch::judge(
        record.phase,
        record.plan.request.insufficient_data,
        &readings,
    )?;
    let (old, new) = (
        opened(sides.old_roles.as_ref())?,
        opened(sides.new_roles.as_ref())?,
    );
    let seen = Readiness {
        deployment: observations(bridge, &green.deployment).await?,
        members: members(bridge, record, green).await?,
        lag: lag(sides, blue_inside, limits).await?,
        transactions: transactions(old, new).await?,
        foreign_slots: foreign_slots(old).await?,
        databases: databases(sides, old, new).await?,
        only_on_blue: only_on_blue(sides, blue_inside).await?,
        blind: match alarms {
            watch::Verdict::Quiet => vec![],
            watch::Verdict::Inconclusive(why) => vec![why],
        },
        fence: rehearsals(record, old, new).await?,
    };
    let (mut lines, verdict) = checklist(&seen, limits);
    lines.push(format!("no alarm: {} read", readings.len()));
    Ok((lines, verdict))
}

async fn observations(bridge: &Bridge, id: &DeploymentId) -> Result<Vec<bool>, Error> {
    let mut seen = vec![];
    for _ in 0..OBSERVATIONS {
        tokio::time::sleep(BETWEEN).await;
        let deployment = bridge.deployments.describe(id).await?;
        seen.push(deployment.is_some_and(|deployment| deployment.is_available()));
    }
    Ok(seen)
}

async fn members(
    bridge: &Bridge,
    record: &Record,
    green: &Green,
) -> Result<Vec<(String, Option<domain::rds::Instance>)>, Error> {
    let all = bridge.instances.all().await?;
    let blue = record.plan.members.iter();
    let blue = blue.map(|member| (member.instance.to_string(), &member.resource_id));
    let green = green.members.iter();
    let green = green.map(|member| (member.instance.to_string(), &member.resource_id));
    let found = |(name, id): (String, &domain::ids::ResourceId)| {
        let instance = all.iter().find(|instance| instance.resource_id == *id);
        (name, instance.cloned())
    };
    Ok(blue.chain(green).map(found).collect())
}

async fn lag(sides: &Sides, blue_inside: &[Session], limits: Limits) -> Result<Lag, Error> {
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

async fn transactions(old: &Session, new: &Session) -> Result<Vec<String>, Error> {
    let mut found = sessions::long_transactions(old, LONG).await?;
    found.extend(sessions::prepared_transactions(old).await?);
    found.extend(sessions::prepared_transactions(new).await?);
    Ok(found)
}

/// RDS has one slot per database; another one is somebody else's.
async fn foreign_slots(old: &Session) -> Result<Vec<String>, Error> {
    let mut seen = BTreeSet::new();
    let slots = slots::logical(old).await?.into_iter();
    let doubled = slots.filter(|slot| !seen.insert(slot.database.clone()));
    Ok(doubled.map(|slot| slot.name).collect())
}

/// Databases come and go while green stands. One that the plan does not know has no marker, so that nothing would prove its
/// rows, and one that green lacks would be left behind.
async fn databases(sides: &Sides, old: &Session, new: &Session) -> Result<Vec<String>, Error> {
    let (blue, green) = try_join(inspect::databases(old), inspect::databases(new)).await?;
    let names = |listed: Vec<inspect::Listed>| -> BTreeSet<String> {
        listed.into_iter().map(|database| database.name).collect()
    };
    let (blue, green) = (names(blue), names(green));
    let planned: BTreeSet<String> = sides.databases.iter().cloned().collect();
    let system = [inspect::MAINTENANCE, inspect::TEMPLATE].map(str::to_owned);
    let unplanned = blue
        .intersection(&green)
        .filter(|name| !planned.contains(*name) && !system.contains(name));
    let mut found: Vec<String> = blue
        .difference(&green)
        .map(|name| format!("the database `{name}` is on blue only"))
        .chain(
            green
                .difference(&blue)
                .map(|name| format!("the database `{name}` is on green only")),
        )
        .chain(unplanned.map(|name| format!("the database `{name}` was made after the plan")))
        .collect();
    if !planned.contains(inspect::MAINTENANCE) && !tables::read(old).await?.is_empty() {
        found.push(format!(
            "the database `{}` has tables, which it had not when the upgrade was planned",
            inspect::MAINTENANCE
        ));
    }
    Ok(found)
}

/// What was made on blue since green was: neither DDL nor roles are replicated.
async fn only_on_blue(sides: &Sides, blue_inside: &[Session]) -> Result<Vec<String>, Error> {
    let (old, new) = (
        opened(sides.old_roles.as_ref())?,
        opened(sides.new_roles.as_ref())?,
    );
    // A fence of an earlier call may stand on green, so that its roles need not be open.
    let (blue, green) = try_join(roles::logins(old), roles::names(new)).await?;
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

async fn names(session: &Session) -> Result<BTreeSet<String>, Error> {
    let tables = tables::read(session).await?;
    Ok(tables.iter().map(ToString::to_string).collect())
}

/// Closing and taking it back in one transaction, which nobody sees.
async fn rehearsals(record: &Record, old: &Session, new: &Session) -> Result<Vec<String>, Error> {
    let sides = [("blue", old), ("green", new)];
    let tried = sides.map(|(name, session)| async move {
        let seen = roles::read(session, &record.plan.application_roles).await?;
        let fence = Fence {
            side: domain::record::Side::Green,
            resource_id: String::new().into(),
            owner: record.ticket.owner.clone(),
            deadline: effects::step::now(),
            roles: fence::restoring(seen, None),
        };
        match fence::rehearse(session, &fence).await {
            Err(busy) if busy.is_transient() => Err(busy),
            Err(failed) => Ok(Some(format!("{name}: {failed}"))),
            Ok(()) => Ok(None),
        }
    });
    let tried: Vec<Result<_, Error>> = join_all(tried).await;
    let tried: Result<Vec<Option<String>>, Error> = tried.into_iter().collect();
    Ok(tried?.into_iter().flatten().collect())
}

/// Sessions in every database of blue, which writers still use.
pub(crate) async fn inside_blue(sides: &Sides) -> Result<Vec<Session>, Error> {
    let opened = sides
        .databases
        .iter()
        .map(|database| sides.old.open(database, Access::AsServed));
    try_join_all(opened).await
}
