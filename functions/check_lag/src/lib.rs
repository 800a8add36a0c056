//! Measures how far green is behind blue: bytes from the slots, time from a marker that is written on blue and looked
//! for on green.

use domain::check_lag::{Input, Lag, Limits, Output, judge};
use domain::error::StepError;
use domain::plan::Plan;
use domain::record::{Green, Record};
use effects::claims::{Claims, Held};
use effects::dns::Resolver;
use effects::error::Error;
use effects::metrics;
use effects::postgres::{Access, Connector, Endpoint, Session, lag};
use effects::secrets::Secrets;
use effects::step::Invocation;
use futures_util::future::{join_all, try_join_all};
use std::time::Duration;
use tracing::info;

/// What an invocation needs besides waiting for markers.
const SPARE: Duration = Duration::from_secs(10);

/// What the lag is measured with.
#[derive(Clone)]
pub struct Gauge {
    /// The table of upgrades.
    pub claims: Claims,
    /// Our credentials.
    pub secrets: Secrets,
    /// Who knows the servers' addresses.
    pub resolver: Resolver,
}

/// Takes one reading over all databases of the server and judges it after those that came before.
///
/// # Errors
///
/// `Upgrade.Transient` if blue can't be reached; a green that doesn't answer is a bad reading, not an error.
pub async fn run(gauge: &Gauge, input: Input, invocation: Invocation) -> Result<Output, Error> {
    let act = async |held: &mut Held<'_>| gauge.reading(held, input.streak, &invocation).await;
    gauge
        .claims
        .holding(&input.ticket, "check_lag", &invocation, act)
        .await
}

impl Gauge {
    async fn reading(
        &self,
        held: &Held<'_>,
        streak: u32,
        invocation: &Invocation,
    ) -> Result<Output, Error> {
        let record = held.record();
        let limits = Limits::from(&record.plan.request);
        let connector = self
            .secrets
            .connector(&record.plan.database, &self.resolver)
            .await?;
        let blue = blue_sessions(&connector, &record.plan).await?;
        let green = green_sessions(&connector, record).await?;
        held.verify().await?;
        let limit = Duration::from_millis(limits.ms);
        let patience = limit.min(invocation.remaining().saturating_sub(SPARE));
        let pairs = record.plan.databases.iter().zip(blue.iter().zip(&green));
        let readings = pairs.map(|(database, (blue, green))| async move {
            match green {
                Some(green) => lag::measure(blue, green, database, patience).await,
                None => Ok(Lag::default()),
            }
        });
        let lag = Lag::worst(&try_join_all(readings).await?);
        info!(bytes = lag.bytes, ms = lag.ms, "lag measured");
        metrics::lag(held.ticket(), lag);
        Ok(judge(limits, streak, lag))
    }
}

async fn blue_sessions(connector: &Connector, plan: &Plan) -> Result<Vec<Session>, Error> {
    let writer = plan.members.first();
    let writer = writer.ok_or_else(|| StepError::refused("the plan has no writer"))?;
    let endpoint = Endpoint::new(&writer.address, writer.port);
    let opened = plan
        .databases
        .iter()
        .map(|database| connector.connect(&endpoint, database, Access::AsServed));
    try_join_all(opened).await
}

/// Green may be away for a moment: then the reading is bad.
async fn green_sessions(
    connector: &Connector,
    record: &Record,
) -> Result<Vec<Option<Session>>, Error> {
    let writer = record.green.as_ref().and_then(Green::writer);
    let writer =
        writer.ok_or_else(|| StepError::refused("there is no green yet; provision makes it"))?;
    let endpoint = Endpoint::new(&writer.address, writer.port);
    let opened = record
        .plan
        .databases
        .iter()
        .map(|database| connector.connect(&endpoint, database, Access::AsServed));
    let opened = join_all(opened).await;
    Ok(opened
        .into_iter()
        .map(|session| {
            session
                .inspect_err(|cause| tracing::warn!(%cause, "green not reached"))
                .ok()
        })
        .collect())
}
