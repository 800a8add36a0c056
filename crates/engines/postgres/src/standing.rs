//! The state of a side between the end of RDS's switchover and the opening: one round trip each, since writers wait.

use crate::error::looked;
use crate::{PgSession, position};
use domain::error::StepError;
use domain::ids::Millis;
use domain::marker::Seen;
use domain::proof::Standing;
use ports::Error;
use tokio_postgres::types::Type;

const STANDING: &str = "
select array(select rolname::text from pg_roles where rolname::text = any($1) and rolcanlogin order by 1),
       (select count(*) from pg_stat_activity
        where usename::text = any($1) and backend_type = 'client backend' and pid <> pg_backend_pid()),
       array(select gid from pg_prepared_xacts order by 1),
       current_setting('default_transaction_read_only')::bool,
       pg_current_wal_insert_lsn()::text";

/// Roles, sessions, prepared transactions, and whether the session finds itself read-only.
pub(crate) async fn read(session: &PgSession, roles: &[String]) -> Result<Standing, Error> {
    let rows = session
        .query_typed(STANDING, &[(&roles, Type::TEXT_ARRAY)])
        .await
        .map_err(looked("looking at a side of the switchover"))?;
    let row = rows
        .first()
        .ok_or_else(|| StepError::transient("a side of the switchover returned no row"))?;
    Ok(Standing {
        open_roles: row.get(0),
        sessions: u32::try_from(row.get::<_, i64>(1)).unwrap_or(u32::MAX),
        prepared: row.get(2),
        read_only: row.get(3),
        position: position::read(row.get(4))?,
    })
}

/// Begins a transaction that goes on seeing the database as it is at this moment, and reads the marker in it.
pub(crate) async fn freeze(session: &PgSession) -> Result<Option<Seen>, Error> {
    let begin = session.batch_execute("begin isolation level repeatable read, read only");
    let marker = session.query_typed(
        "select number, (extract(epoch from written_at) * 1000)::bigint from viridian.marker where id = 1",
        &[],
    );
    // Both are sent at once, in this order.
    let (frozen, rows) = futures_util::future::join(begin, marker).await;
    frozen.map_err(looked("holding on to the moment of the switchover"))?;
    let rows = rows.map_err(looked("reading the marker"))?;
    Ok(rows.first().map(|row| Seen {
        number: row.get(0),
        written_at: Millis(row.get(1)),
    }))
}

/// Ends what [`freeze`] began.
pub(crate) async fn release(session: &PgSession) -> Result<(), Error> {
    let ended = session.batch_execute("rollback").await;
    ended.map_err(looked("letting go of the moment of the switchover"))
}
