//! The marker: one row per database, written on blue. Once it is seen on green, everything that was committed before it
//! is there too, since logical replication applies transactions in the order of their commits.

use crate::error::acted;
use crate::{PgSession, position};
use domain::error::StepError;
use domain::ids::Millis;
use domain::marker::{Marker, Seen};
use ports::{Error, WrittenMarker};
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::Row;

/// Makes the marker's table with its row, if it is not there. Only before green exists: later it would be DDL.
pub(crate) async fn create(session: &PgSession) -> Result<(), Error> {
    let made = "create schema if not exists viridian; \
                create table if not exists viridian.marker (id int primary key check (id = 1), \
                    number bigint not null, written_at timestamptz not null); \
                insert into viridian.marker values (1, 0, clock_timestamp()) on conflict do nothing;";
    session.change("making the marker's table", made).await
}

/// Removes the marker's table with its schema, if they are there. Only when no green exists: it is DDL.
pub(crate) async fn remove(session: &PgSession) -> Result<(), Error> {
    let removed = "drop table if exists viridian.marker; drop schema if exists viridian;";
    session.change("removing the marker's table", removed).await
}

/// Advances the marker of the session's database, with where its commit stands in the log and the transaction's id.
pub(crate) async fn write(session: &PgSession) -> Result<WrittenMarker, Error> {
    let update = "update viridian.marker set number = number + 1, written_at = clock_timestamp() \
                  where id = 1 returning number, (extract(epoch from written_at) * 1000)::bigint, txid_current()";
    let row = session.query_opt(update, &[]).await;
    let row = row.map_err(acted("writing the marker"))?.ok_or_else(|| {
        StepError::refused("the marker's row is gone from `viridian.marker`; provision makes it")
    })?;
    let Seen { number, written_at } = seen(&row);
    let marker = Marker {
        number,
        written_at,
        position: position::last(session).await?,
    };
    Ok(WrittenMarker {
        marker,
        transaction: u64::try_from(row.get::<_, i64>(2)).unwrap_or(0),
    })
}

/// What fails where it can't be read.
pub(crate) const READING: &str = "reading the marker";

/// The query for the marker's row.
pub(crate) const MARKER: &str = "select number, (extract(epoch from written_at) * 1000)::bigint from viridian.marker where id = 1";

/// The marker of the session's database; none where there is no row.
pub(crate) async fn read(session: &PgSession) -> Result<Option<Seen>, Error> {
    let row = session.look_opt(READING, MARKER, &[]).await?;
    Ok(row.as_ref().map(seen))
}

/// What the marker's row says.
pub(crate) fn seen(row: &Row) -> Seen {
    Seen {
        number: row.get(0),
        written_at: Millis(row.get(1)),
    }
}

/// Looks until a marker with at least this number is there, or until the bound; the last one that was seen.
pub(crate) async fn wait(
    session: &PgSession,
    number: i64,
    bound: Duration,
) -> Result<Option<Seen>, Error> {
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
