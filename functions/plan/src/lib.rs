//! Reads everything that an upgrade depends on, and touches nothing.

use domain::alarms::Reading;
use domain::claims;
use domain::engine::Engine as Kind;
use domain::error::StepError;
use domain::ids::Owner;
use domain::inspection::{Inspection, Seen, Unreadable};
use domain::rds::{GREEN_GROUP_TAG, Instance, READS_TAG, WRITES_TAG, tags};
use domain::request::{Request, parse};
use domain::routes::{Named, Traffic};
use domain::steps::plan::{Input, Output, decide};
use ports::{Alarms, Endpoint, Engine, EngineOf, Error, Executions, Logins, Notices, Rds, World};
use std::collections::BTreeMap;
use steps::{Call, read};
use tracing::info;

/// Plans an upgrade: the request, everything that was found, what will happen, what is in the way.
///
/// # Errors
///
/// `Upgrade.InvalidInput` with every fault of the request; `Upgrade.Transient` while something can't be read.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let mut request =
        parse(&input.request).map_err(|faults| StepError::invalid_input(faults.to_string()))?;
    let seen = see(call, &mut request, &input.owner).await?;
    let output = decide(&request, &input.owner, &seen);
    info!(outcome = ?output.outcome, checks = output.plan.checks.len(), "planned");
    Ok(output)
}

/// What the writer's tags say of green completes the request.
async fn see<W: World>(
    call: &Call<'_, W>,
    request: &mut Request,
    owner: &Owner,
) -> Result<Seen, Error> {
    let (world, rds) = (call.world, call.world.rds());
    let database = &request.database.clone();
    // First, so that whatever an upgrade does after it makes this plan stale.
    let last_claim = claims::last(read(call, database).await?.as_ref());
    let Some(writer) = rds.instance_named(&database.as_str().into()).await? else {
        return Ok(Seen::nothing());
    };
    let group = request.green.parameter_group.take();
    request.green.parameter_group = group.or_else(|| writer.tags.get(GREEN_GROUP_TAG).cloned());
    let reads_name = named(request.reads.as_ref(), READS_TAG, &writer);
    let writes_name = named(request.writes.as_ref(), WRITES_TAG, &writer);
    let parameters = green_parameters(rds, request).await?;
    let set = |name: &str, value: &str| parameters.get(name).is_some_and(|set| set == value);
    let (by_iam, server) = server(world, &writer, request).await?;
    let readers = readers(rds, &writer).await?;
    let members = std::iter::once(&writer).chain(&readers);
    let hosts: Vec<String> = members.filter_map(|one| one.address.clone()).collect();
    let tags = tags(database, owner);
    let route = async |named: Option<&Named>, traffic| match named {
        None => Ok(None),
        Some(named) => routes::find(world, named, traffic, &hosts, &tags).await,
    };
    Ok(Seen {
        last_claim,
        targets: rds.upgrade_targets(&writer.engine, &writer.version).await?,
        family: rds.family(&writer.engine, &request.target_version).await?,
        green_group_family: group_family(rds, request).await?,
        green_group_is_logical: set("rds.logical_replication", "1"),
        green_group_bounds_slots: parameters
            .get("max_slot_wal_keep_size")
            .is_some_and(|megabytes| megabytes != "-1"),
        deployments: rds.deployments_of(&writer.arn).await?,
        by_iam,
        server,
        alarms: found(readings(world, request).await)?,
        subscribers: said(world.notices().subscribers().await)?,
        execution: said(world.executions().describe(owner).await.map(drop))?,
        reads: found(route(reads_name.as_ref(), Traffic::Reads).await)?,
        reads_name,
        writes: found(route(writes_name.as_ref(), Traffic::Writes).await)?,
        writes_name,
        readers,
        writer: Some(writer),
    })
}

/// Replicas that can't be found are left out; the plan misses them by name.
async fn readers(rds: &impl Rds, writer: &Instance) -> Result<Vec<Instance>, Error> {
    let mut readers = vec![];
    for name in &writer.replicas {
        readers.extend(rds.instance_named(name).await?);
    }
    Ok(readers)
}

async fn group_family(rds: &impl Rds, request: &Request) -> Result<Option<String>, Error> {
    match &request.green.parameter_group {
        None => Ok(None),
        Some(group) => rds.family_of_group(group).await,
    }
}

/// What a person set in green's group; RDS's default groups set nothing.
async fn green_parameters(
    rds: &impl Rds,
    request: &Request,
) -> Result<BTreeMap<String, String>, Error> {
    let group = request.green.parameter_group.as_deref();
    let Some(group) = group.filter(|group| !group.starts_with("default.")) else {
        return Ok(BTreeMap::new());
    };
    match rds.parameters(group).await {
        Err(failed) if failed.is_transient() => Err(failed),
        // Another check says that there is no such group.
        set => Ok(set.unwrap_or_default()),
    }
}

async fn readings(world: &impl World, request: &Request) -> Result<Vec<Reading>, Error> {
    let names = match &request.alarms {
        Some(names) => names.clone(),
        None => world.alarms().tagged(&request.database).await?,
    };
    world.alarms().read(&names, None).await
}

/// What the writer's server says, or why it can't be asked.
type Asked = Result<Box<dyn Inspection>, Unreadable>;

/// Whether we log in by IAM, and what the writer's server says.
async fn server<W: World>(
    world: &W,
    writer: &Instance,
    request: &Request,
) -> Result<(bool, Asked), Error> {
    let Ok(kind) = writer.engine.parse::<Kind>() else {
        // Another check says so.
        let why = format!("{} is not supported", writer.engine);
        return Ok((false, Err(unreadable::<W>(Kind::default(), false, why))));
    };
    let logins = world.logins();
    let engine = match found(logins.engine(kind, &request.database).await)? {
        Ok(engine) => engine,
        Err(why) => return Ok((false, Err(unreadable::<W>(kind, false, why)))),
    };
    let by_iam = engine.is_by_iam();
    let asked = found(inspect(&engine, writer, request).await)?;
    Ok((
        by_iam,
        asked.map_err(|why| unreadable::<W>(kind, by_iam, why)),
    ))
}

async fn inspect<E: Engine>(
    engine: &E,
    writer: &Instance,
    request: &Request,
) -> Result<Box<dyn Inspection>, Error> {
    let Some(address) = &writer.address else {
        return Err(StepError::refused("it has no endpoint yet").into());
    };
    let endpoint = Endpoint::new(address, writer.port);
    let named = request.application_roles.as_deref().unwrap_or_default();
    engine.inspect(&endpoint, named).await
}

fn unreadable<W: World>(kind: Kind, by_iam: bool, why: String) -> Unreadable {
    Unreadable {
        why,
        remedy: <EngineOf<W> as Engine>::login_remedy(kind, by_iam),
    }
}

/// A route by name: what the request says, or else the writer's tag.
fn named(asked: Option<&Named>, tag: &str, writer: &Instance) -> Option<Named> {
    let tagged = || writer.tags.get(tag).map(|name| name.as_str().into());
    asked.cloned().or_else(tagged)
}

/// A permanent failure is a finding of the plan; a transient one is retried. A refused login may pass during an upgrade, but
/// before it a person should look at it.
fn found<T>(answer: Result<T, Error>) -> Result<Result<T, String>, Error> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.is_transient() && !error.is_refused_login() => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// As [`found`], for a service that may be unreachable: no answer is a finding as well.
fn said<T>(answer: Result<T, Error>) -> Result<Result<T, String>, Error> {
    match answer {
        Err(silent) if silent.is_silence() => Ok(Err(silent.to_string())),
        answered => found(answered),
    }
}
