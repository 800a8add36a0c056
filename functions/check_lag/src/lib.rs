//! Measures how far green is behind blue: bytes from the log, time from a marker that is written on blue and looked for on
//! green.

use domain::lag::{Lag, Limits};
use domain::steps::check_lag::{Input, Output, judge};
use futures_util::future::{join_all, try_join_all};
use ports::{Access, Error, Observation, SessionOf, World};
use std::time::Duration;
use steps::{Call, Held, Servers, lag, metrics};
use tracing::{info, warn};

/// What a call needs besides waiting for markers.
const SPARE: Duration = Duration::from_secs(10);

/// Takes one reading over all databases of the server and judges it after those that came before.
///
/// # Errors
///
/// `Upgrade.Transient` if blue can't be reached; a green that doesn't answer is a bad reading, not an error.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let act = async |held: &mut Held<'_, W>| reading(held, input.streak).await;
    call.holding(&input.ticket, "check_lag", act).await
}

async fn reading<W: World>(held: &Held<'_, W>, streak: u32) -> Result<Output, Error> {
    let servers = Servers::of(held.call, held.record());
    let databases = &servers.plan.databases;
    let limits = Limits::from(&servers.plan.request);
    let blue = databases
        .iter()
        .map(|database| servers.blue(database, Access::AsServed));
    let blue = try_join_all(blue).await?;
    let green = green(&servers).await?;
    held.verify().await?;
    let patience = lag::patience(held.call, limits.ms, SPARE);
    let pairs = databases.iter().zip(blue.iter().zip(&green));
    let readings = pairs.map(|(database, (blue, green))| async move {
        match green {
            Some(green) => lag::measure(blue, green, database, patience).await,
            None => Ok(Lag::default()),
        }
    });
    let lag = Lag::worst(&try_join_all(readings).await?);
    info!(bytes = lag.bytes, ms = lag.ms, "lag measured");
    metrics::observe(held, &Observation::Lag(lag));
    Ok(judge(limits, streak, lag))
}

/// Green may be away for a moment: then the reading is bad.
async fn green<W: World>(servers: &Servers<'_, W>) -> Result<Vec<Option<SessionOf<W>>>, Error> {
    servers.green_endpoint()?;
    let databases = servers.plan.databases.iter();
    let opened = databases.map(|database| servers.green(database, Access::AsServed));
    let opened = join_all(opened).await.into_iter().map(|session| {
        session
            .inspect_err(|cause| warn!(%cause, "green not reached"))
            .ok()
    });
    Ok(opened.collect())
}
