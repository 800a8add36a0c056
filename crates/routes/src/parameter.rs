//! A parameter of Systems Manager that clients poll.
//!
//! `PutParameter` takes no condition. So the version is read immediately before the write and has to be one less than the version
//! that the write makes; what others do in between is noticed, and what they did before is not overwritten.

use domain::error::StepError;
use domain::ids::Millis;
use domain::routes::Parameter;
use ports::{Clock, Error, Parameters, Value, World};
use std::collections::BTreeSet;
use std::time::Duration;
use tracing::{info, warn};

/// How soon a write is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The parameter of a name.
pub(crate) async fn find(
    world: &impl World,
    name: &str,
    poll_seconds: u32,
) -> Result<Option<Parameter>, Error> {
    let found = world.parameters().value(name).await?;
    Ok(found.map(|value| Parameter {
        parameter: name.to_owned(),
        value: value.text,
        version: value.version,
        poll_seconds,
    }))
}

/// The parameter as it is now; `None` if it is gone.
pub(crate) async fn read(
    world: &impl World,
    route: &Parameter,
) -> Result<Option<Parameter>, Error> {
    find(world, &route.parameter, route.poll_seconds).await
}

/// Gives the parameter the wanted value and returns what it was before. `Upgrade.Refused` if it holds anything but that with hosts
/// of this upgrade in it.
pub(crate) async fn apply(
    world: &impl World,
    wanted: &Parameter,
    hosts: &BTreeSet<String>,
    deadline: Millis,
    verify: impl AsyncFn() -> Result<(), Error>,
) -> Result<Option<Parameter>, Error> {
    let before = there(world, wanted).await?;
    let mut now = before.clone();
    while now.text != wanted.value {
        if !wanted.is_ours(&now.text, hosts) {
            return Err(foreign(wanted, now.version).into());
        }
        verify().await?;
        let seen = there(world, wanted).await?;
        if seen == now {
            match replace(world, wanted, now.version, deadline).await {
                Ok(()) => info!(name = wanted.parameter, "parameter changed"),
                Err(failed) if failed.is_transient() && world.clock().now() < deadline => {
                    warn!(%failed, "parameter not changed yet");
                    world.clock().sleep(LOOK_AGAIN).await;
                }
                Err(failed) => return Err(failed),
            }
            now = there(world, wanted).await?;
        } else {
            now = seen;
        }
    }
    Ok(Some(Parameter {
        value: before.text,
        version: before.version,
        ..wanted.clone()
    }))
}

/// One write after this version, read back.
async fn replace(
    world: &impl World,
    wanted: &Parameter,
    version: i64,
    deadline: Millis,
) -> Result<(), Error> {
    let name = &wanted.parameter;
    let made = world.parameters().replace(name, &wanted.value).await?;
    if made != version + 1 {
        let why = format!(
            "the parameter {name} was written at the same moment outside of this upgrade: the versions after {version} and before {made} were overwritten; look at them with `aws ssm get-parameter-history --name {name}`, then start again"
        );
        return Err(StepError::refused(why).into());
    }
    while there(world, wanted).await?.version < made {
        if world.clock().now() >= deadline {
            let why = format!("version {made} of the parameter {name} is not seen yet");
            return Err(StepError::transient(why).into());
        }
        world.clock().sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

async fn there(world: &impl World, route: &Parameter) -> Result<Value, Error> {
    let name = &route.parameter;
    let value = world.parameters().value(name).await?;
    value.ok_or_else(|| {
        let version = route.version;
        StepError::refused(format!(
            "the parameter {name} is gone; create it again with the value that it had (version {version}), then start again"
        ))
        .into()
    })
}

fn foreign(wanted: &Parameter, version: i64) -> StepError {
    let (name, found) = (&wanted.parameter, wanted.version);
    StepError::refused(format!(
        "the parameter {name} was changed outside of this upgrade: version {version} is neither what the upgrade found (version {found}) nor what it wrote, and is left alone; give the parameter the value of version {found} again, then start again"
    ))
}
