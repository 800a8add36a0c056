//! Compares green with blue, while writes go on: the version, the tables, and every row.

mod compare;

pub use compare::{Alike, compare};

use domain::error::StepError;
use domain::rows::Schema;
use domain::steps::validate::{Input, Output, unlike};
use futures_util::future::try_join;
use ports::{Access, Engine, Error, Session, SessionOf, World};
use std::time::Duration;
use steps::{Call, Held, Servers};
use tracing::info;

/// What a call needs besides comparing.
const SPARE: Duration = Duration::from_secs(10);

/// Compares green with blue. Only reads, apart from markers on blue.
///
/// # Errors
///
/// `Upgrade.Refused` with everything that is not the same, by table.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let act = async |held: &mut Held<'_, W>| validate(held).await;
    call.holding(&input.ticket, "validate", act).await
}

async fn validate<W: World>(held: &Held<'_, W>) -> Result<Output, Error> {
    let servers = Servers::of(held.call, held.record());
    let mut found = other_version(&servers).await?;
    let mut sum = Alike::default();
    held.verify().await?;
    for database in &servers.plan.databases {
        let schema = schema(&servers, database, &mut found).await?;
        let patience = held.call.remaining().saturating_sub(SPARE);
        let open = async || sessions(&servers, database).await;
        let clock = held.call.world.clock();
        sum.add(compare(clock, open, database, schema.tables, patience).await?);
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
            "green is not like blue: {what}; green must be created again"
        ))
        .into())
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

/// A session on each side.
async fn sessions<W: World>(
    servers: &Servers<'_, W>,
    database: &str,
) -> Result<(SessionOf<W>, SessionOf<W>), Error> {
    let blue = servers.blue(database, Access::AsServed);
    let green = servers.green(database, Access::AsServed);
    try_join(blue, green).await
}

async fn other_version<W: World>(servers: &Servers<'_, W>) -> Result<Vec<String>, Error> {
    let wanted = &servers.plan.to_version;
    let maintenance = servers.engine().await?.maintenance();
    let green = servers.green(maintenance, Access::AsServed).await?;
    let version = green.version();
    let other = version != wanted;
    Ok(other
        .then(|| format!("green answers as {version}, not {wanted}"))
        .into_iter()
        .collect())
}

/// Blue's schema; differences on green are added to `found`.
async fn schema<W: World>(
    servers: &Servers<'_, W>,
    database: &str,
    found: &mut Vec<String>,
) -> Result<Schema, Error> {
    let (blue, green) = sessions(servers, database).await?;
    let (blue, green) = try_join(read(&blue), read(&green)).await?;
    let unlike = unlike(database, &blue, &green);
    let clean = unlike.is_empty();
    found.extend(unlike);
    Ok(if clean { blue } else { Schema::default() })
}

async fn read<S: Session>(session: &S) -> Result<Schema, Error> {
    Ok(Schema {
        tables: session.tables().await?,
        extensions: session.extensions().await?,
        invalid_indexes: session.invalid_indexes().await?,
    })
}
