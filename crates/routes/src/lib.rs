//! Ways to move an application's traffic between blue and green, a file each, behind one door.
//!
//! A step says what it wants as a [`Route`], and does not know which one it is: [`find`] returns what stands under a name when an
//! upgrade is planned, [`read`] returns it as it is now, and [`apply`] makes it as wanted. What is wanted is decided in
//! [`domain::routes`], where each way has its model. Another way to move traffic is another file here and a line in each of these
//! functions.

mod cname;
mod listener;
mod parameter;
mod weighted;
mod zones;

use domain::ids::Millis;
use domain::routes::{Named, Route, Traffic};
use ports::{Error, World};
use std::collections::{BTreeMap, BTreeSet};

/// What stands under a name that shall lead reads or writes; `None` if nothing does. `hosts` are the database's, `tags` those of
/// everything that the upgrade makes.
///
/// # Errors
///
/// `Upgrade.Refused` if what stands there can't lead this traffic.
pub async fn find(
    world: &impl World,
    named: &Named,
    traffic: Traffic,
    hosts: &[String],
    tags: &BTreeMap<String, String>,
) -> Result<Option<Route>, Error> {
    Ok(match (named, traffic) {
        (Named::Record { record }, Traffic::Reads) => {
            weighted::find(world, record).await?.map(Route::Weighted)
        }
        (Named::Record { record }, Traffic::Writes) => {
            cname::find(world, record).await?.map(Route::Cname)
        }
        (
            Named::Parameter {
                parameter,
                poll_seconds,
            },
            _,
        ) => {
            let found = parameter::find(world, parameter, *poll_seconds).await?;
            found.map(Route::Parameter)
        }
        (Named::Listener { listener }, _) => {
            let found = listener::find(world, listener, hosts, tags).await?;
            found.map(Route::Listener)
        }
    })
}

/// The route as it is now; `None` if it is gone.
///
/// # Errors
///
/// As [`find`].
pub async fn read(world: &impl World, route: &Route) -> Result<Option<Route>, Error> {
    Ok(match route {
        Route::Weighted(records) => Some(Route::Weighted(weighted::read(world, records).await?)),
        Route::Cname(pointer) => cname::read(world, pointer).await?.map(Route::Cname),
        Route::Parameter(parameter) => {
            let now = parameter::read(world, parameter).await?;
            now.map(Route::Parameter)
        }
        Route::Listener(listener) => {
            let now = listener::read(world, listener).await?;
            now.map(Route::Listener)
        }
    })
}

/// Whether one of the routes is not as it is wanted.
///
/// # Errors
///
/// As [`find`].
pub async fn is_away<'r>(
    world: &impl World,
    wanted: impl IntoIterator<Item = &'r Route>,
) -> Result<bool, Error> {
    for wanted in wanted {
        let now = read(world, wanted).await?;
        if !wanted.is_met_by(now.as_ref()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes the route as wanted, if it is not so yet, and returns what it was before.
///
/// It looks before each attempt, so that an attempt whose answer was lost is recognized. On return, each client that asks gets the
/// new answer. `hosts` are those of both sides, by which a route tells what this upgrade made of it; `verify` runs immediately
/// before each change.
///
/// # Errors
///
/// `Upgrade.Transient` if it is not done by `deadline`; `Upgrade.Refused` if a change from outside of this upgrade would be
/// lost; what `verify` fails with.
pub async fn apply(
    world: &impl World,
    wanted: &Route,
    hosts: &BTreeSet<String>,
    deadline: Millis,
    verify: impl AsyncFn() -> Result<(), Error>,
) -> Result<Option<Route>, Error> {
    match wanted {
        Route::Weighted(records) => {
            let before = weighted::apply(world, records, deadline, verify).await?;
            Ok(Some(Route::Weighted(before)))
        }
        Route::Cname(pointer) => {
            let before = cname::apply(world, pointer, deadline, verify).await?;
            Ok(before.map(Route::Cname))
        }
        Route::Parameter(parameter) => {
            let before = parameter::apply(world, parameter, hosts, deadline, verify).await?;
            Ok(before.map(Route::Parameter))
        }
        Route::Listener(listener) => {
            let before = listener::apply(world, listener, hosts, deadline, verify).await?;
            Ok(before.map(Route::Listener))
        }
    }
}

/// Brings the addresses that a route leads to in step with the hosts that they belong to, and changes nothing else of it. Names do
/// that by themselves.
///
/// # Errors
///
/// As [`apply`].
pub async fn follow(
    world: &impl World,
    route: &Route,
    hosts: &BTreeSet<String>,
    verify: impl AsyncFn() -> Result<(), Error>,
) -> Result<(), Error> {
    match route {
        Route::Listener(listener) => listener::follow(world, listener, hosts, verify).await,
        Route::Weighted(_) | Route::Cname(_) | Route::Parameter(_) => Ok(()),
    }
}
