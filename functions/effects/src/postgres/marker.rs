//! The marker: one row per database, written on blue. Once it is seen on green, everything that was committed before it
//! is there too, since logical replication applies transactions in the order of their commits.

use super::Session;
use crate::error::{Error, acted, looked};
use domain::error::StepError;
use domain::ids::Millis;
use domain::record::Marker;
use std::time::{Duration, Instant};

/// The schema that is ours in every database. Nothing in it is the application's.
pub const SCHEMA: &str = "viridian";

/// A marker as it is seen on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub number: i64,
    /// When it was written, by the clock of the side that wrote it.
    pub written_at: Millis,
}

/// Makes the marker's table with its row, if it is not there. Only before green exists: later it would be DDL.
///
/// # Errors
///
/// If our role may not create a schema in the database.
pub async fn create(session: &Session) -> Result<(), Error> {
    let made = "create schema if not exists viridian; \
                create table if not exists viridian.marker (id int primary key check (id = 1), \
                    number bigint not null, written_at timestamptz not null); \
                insert into viridian.marker values (1, 0, clock_timestamp()) on conflict do nothing;";
    session.change("making the marker's table", made).await
}

/// Removes the marker's table with its schema, if they are there. Only when no green exists: it is DDL.
///
/// # Errors
///
/// If somebody else put something into the schema.
pub async fn remove(session: &Session) -> Result<(), Error> {
    let removed = "drop table if exists viridian.marker; drop schema if exists viridian;";
    session.change("removing the marker's table", removed).await
}

/// Advances the marker of the session's database and says where its commit stands in the log.
///
/// # Errors
///
/// `Upgrade.Refused` if there is no marker's row, or if the database takes no writes.
pub async fn write(session: &Session) -> Result<Marker, Error> {
    Ok(write_traced(session).await?.0)
}

/// As [`write`], with the id of the transaction in which it was written.
///
/// # Errors
///
/// As [`write`].
pub async fn write_traced(session: &Session) -> Result<(Marker, u64), Error> {
    let row = session
        .query_opt(
            "update viridian.marker set number = number + 1, written_at = clock_timestamp() \
             where id = 1 returning number, (extract(epoch from written_at) * 1000)::bigint, txid_current()",
            &[],
        )
        .await
        .map_err(acted("writing the marker"))?
        .ok_or_else(|| {
            StepError::refused(
                "the marker's row is gone from `viridian.marker`; provision makes it",
            )
        })?;
    let marker = Marker {
        number: row.get(0),
        written_at: Millis(row.get(1)),
        position: super::slots::position(session).await?,
    };
    Ok((marker, u64::try_from(row.get::<_, i64>(2)).unwrap_or(0)))
}

/// The marker of the session's database; none where there is no row.
///
/// # Errors
///
/// If the table can't be read.
pub async fn read(session: &Session) -> Result<Option<Seen>, Error> {
    let row = session
        .query_opt(
            "select number, (extract(epoch from written_at) * 1000)::bigint \
             from viridian.marker where id = 1",
            &[],
        )
        .await
        .map_err(looked("reading the marker"))?;
    Ok(row.map(|row| Seen {
        number: row.get(0),
        written_at: Millis(row.get(1)),
    }))
}

/// Looks until a marker with at least this number is there, or until the bound; the last one that was seen.
///
/// # Errors
///
/// If the table can't be read.
pub async fn wait(session: &Session, number: i64, bound: Duration) -> Result<Option<Seen>, Error> {
    let began = Instant::now();
    loop {
        let seen = read(session).await?;
        let arrived = seen.is_some_and(|seen| seen.number >= number);
        if arrived || began.elapsed() >= bound {
            return Ok(seen);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The server's own clock.
///
/// # Errors
///
/// If the session is gone.
pub async fn clock(session: &Session) -> Result<Millis, Error> {
    let row = session
        .query_one(
            "select (extract(epoch from clock_timestamp()) * 1000)::bigint",
            &[],
        )
        .await
        .map_err(looked("reading the server's clock"))?;
    Ok(Millis(row.get(0)))
}
