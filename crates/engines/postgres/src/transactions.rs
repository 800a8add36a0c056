//! Transactions that are open, prepared, or next.

use crate::PgSession;
use crate::error::looked;
use domain::error::StepError;
use ports::Error;
use std::time::Duration;

/// Transactions that have been open for at least `age` and wrote something, a line each. The server's own, and
/// replication's, are left out.
pub(crate) async fn long(session: &PgSession, age: Duration) -> Result<Vec<String>, Error> {
    let seconds = age.as_secs_f64();
    let rows = session
        .query(
            "select format('%s of %s in %s, open for %s s', pid, usename, datname, \
                           round(extract(epoch from clock_timestamp() - xact_start))) \
             from pg_stat_activity \
             where backend_type = 'client backend' and pid <> pg_backend_pid() \
               and backend_xid is not null \
               and extract(epoch from clock_timestamp() - xact_start) >= $1::float8 order by xact_start",
            &[&seconds],
        )
        .await
        .map_err(looked("reading the open transactions"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Prepared transactions of all databases, by their global identifiers. They outlive their sessions.
pub(crate) async fn prepared(session: &PgSession) -> Result<Vec<String>, Error> {
    let query = "select gid from pg_prepared_xacts order by 1";
    session
        .texts(query, "reading the prepared transactions")
        .await
}

/// The next transaction id. Every commit that changed something, by any session, advances it.
pub(crate) async fn next(session: &PgSession) -> Result<u64, Error> {
    let query = "select txid_snapshot_xmax(txid_current_snapshot())";
    let row = session.query_one(query, &[]).await;
    let next: i64 = row
        .map_err(looked("reading the next transaction id"))?
        .get(0);
    u64::try_from(next).map_err(|_| StepError::failed("the next transaction id is negative").into())
}
