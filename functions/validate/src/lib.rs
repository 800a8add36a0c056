//! Asks green what blue knows: the version, the tables, and every row, while writes go on.

mod compare;

pub use compare::{Alike, compare};

use domain::error::StepError;
use domain::record::{Green, Record};
use domain::validate::{Input, Output, Shape, unlike};
use effects::claims::{Claims, Held};
use effects::dns::Resolver;
use effects::error::Error;
use effects::postgres::{Access, Connector, Endpoint, Session, tables};
use effects::secrets::Secrets;
use effects::step::Invocation;
use std::time::Duration;
use tracing::info;

/// What an invocation needs besides comparing.
const SPARE: Duration = Duration::from_secs(10);

/// What is compared with.
#[derive(Clone)]
pub struct Scales {
    /// The table of upgrades.
    pub claims: Claims,
    /// Our credentials.
    pub secrets: Secrets,
    /// Who knows the servers' addresses.
    pub resolver: Resolver,
}

/// Compares green with blue. Only reads, apart from markers on blue.
///
/// # Errors
///
/// `Upgrade.Refused` with everything that is not the same, by table.
pub async fn run(scales: &Scales, input: Input, invocation: Invocation) -> Result<Output, Error> {
    let act = async |held: &mut Held<'_>| scales.weigh(held, &invocation).await;
    scales
        .claims
        .holding(&input.ticket, "validate", &invocation, act)
        .await
}

impl Scales {
    async fn weigh(&self, held: &Held<'_>, invocation: &Invocation) -> Result<Output, Error> {
        let record = held.record();
        let connector = self
            .secrets
            .connector(&record.plan.database, &self.resolver)
            .await?;
        let sides = Sides::of(&connector, record)?;
        let mut found = sides.version(&record.plan.to_version).await?;
        let mut sum = Alike::default();
        held.verify().await?;
        for database in &record.plan.databases {
            let shape = sides.shape(database, &mut found).await?;
            let patience = invocation.remaining().saturating_sub(SPARE);
            sum.add(compare(&sides, database, shape.tables, patience).await?);
        }
        found.append(&mut sum.mismatches);
        info!(
            tables = sum.tables,
            rows = sum.rows,
            busy = sum.busy,
            "sides compared"
        );
        if found.is_empty() {
            Ok(output(&sum))
        } else {
            let what = found.join("; ");
            Err(StepError::refused(format!(
                "green is not like blue: {what}; green must be made anew"
            ))
            .into())
        }
    }
}

fn output(sum: &Alike) -> Output {
    let busy = match sum.busy {
        0 => String::new(),
        busy => format!("; {busy} rows changed whenever they were looked at"),
    };
    Output {
        summary: format!(
            "green holds what blue holds: {} tables, {} rows alike{busy}",
            sum.tables, sum.rows
        ),
        tables: sum.tables,
        rows: sum.rows,
        busy: sum.busy,
    }
}

/// Where both sides listen.
pub struct Sides<'a> {
    /// Who opens sessions.
    pub connector: &'a Connector,
    /// The old version's writer.
    pub blue: Endpoint,
    /// The new version's writer.
    pub green: Endpoint,
}

impl<'a> Sides<'a> {
    fn of(connector: &'a Connector, record: &Record) -> Result<Self, StepError> {
        let blue = record.plan.members.first();
        let blue = blue.ok_or_else(|| StepError::refused("the plan has no writer"))?;
        let green = record.green.as_ref().and_then(Green::writer);
        let green =
            green.ok_or_else(|| StepError::refused("there is no green yet; provision makes it"))?;
        Ok(Self {
            connector,
            blue: Endpoint::new(&blue.address, blue.port),
            green: Endpoint::new(&green.address, green.port),
        })
    }

    /// A session on each side.
    ///
    /// # Errors
    ///
    /// As [`Connector::connect`].
    pub async fn sessions(&self, database: &str) -> Result<(Session, Session), Error> {
        let blue = self
            .connector
            .connect(&self.blue, database, Access::AsServed);
        let green = self
            .connector
            .connect(&self.green, database, Access::AsServed);
        futures_util::future::try_join(blue, green).await
    }

    async fn version(&self, wanted: &str) -> Result<Vec<String>, Error> {
        let maintenance = effects::postgres::inspect::MAINTENANCE;
        let green = self
            .connector
            .connect(&self.green, maintenance, Access::AsServed);
        let version = tables::version(&green.await?).await?;
        let other = version != wanted;
        Ok(other
            .then(|| format!("green answers as {version}, not {wanted}"))
            .into_iter()
            .collect())
    }

    /// Blue's shape; what green has otherwise is added to what was found.
    async fn shape(&self, database: &str, found: &mut Vec<String>) -> Result<Shape, Error> {
        let (blue, green) = self.sessions(database).await?;
        let shapes = futures_util::future::try_join(shape(&blue), shape(&green));
        let (blue, green) = shapes.await?;
        let unlike = unlike(database, &blue, &green);
        let clean = unlike.is_empty();
        found.extend(unlike);
        Ok(if clean { blue } else { Shape::default() })
    }
}

async fn shape(session: &Session) -> Result<Shape, Error> {
    Ok(Shape {
        tables: tables::read(session).await?,
        extensions: tables::extensions(session).await?,
        invalid_indexes: tables::invalid_indexes(session).await?,
    })
}
