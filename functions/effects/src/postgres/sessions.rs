//! Who is connected, and what they hold open. Never replication's sessions, never ours.

use super::Session;
use crate::error::{Error, acted, looked};
use std::time::{Duration, Instant};

/// What came of ending sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Sessions that were told to end.
    pub ended: u32,
    /// Sessions that were still there at the bound.
    pub left: u32,
}

/// How many sessions the roles have, over all databases of the server.
///
/// # Errors
///
/// If the session is gone.
pub async fn count(session: &Session, roles: &[String]) -> Result<u32, Error> {
    let row = session
        .query_one(
            "select count(*) from pg_stat_activity \
             where usename::text = any($1) and backend_type = 'client backend' and pid <> pg_backend_pid()",
            &[&roles],
        )
        .await
        .map_err(looked("counting the application's sessions"))?;
    Ok(u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX))
}

/// Ends the roles' sessions until none is left, or until the bound. Each round is a transaction of its own, since
/// `pg_stat_activity` stands still inside one.
///
/// # Errors
///
/// If the session is gone, or a session of the roles may not be ended by us.
pub async fn drain(session: &Session, roles: &[String], bound: Duration) -> Result<Drained, Error> {
    let began = Instant::now();
    let mut told = std::collections::HashSet::new();
    loop {
        let rows = session
            .query(
                "select pid, pg_terminate_backend(pid) from pg_stat_activity \
                 where usename::text = any($1) and backend_type = 'client backend' and pid <> pg_backend_pid()",
                &[&roles],
            )
            .await
            .map_err(acted("ending the application's sessions"))?;
        told.extend(rows.iter().map(|row| row.get::<_, i32>(0)));
        if rows.is_empty() || began.elapsed() >= bound {
            return Ok(Drained {
                ended: u32::try_from(told.len()).unwrap_or(u32::MAX),
                left: u32::try_from(rows.len()).unwrap_or(u32::MAX),
            });
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Prepared transactions of all databases, by their global identifiers. They outlive their sessions.
///
/// # Errors
///
/// If the session is gone.
pub async fn prepared_transactions(session: &Session) -> Result<Vec<String>, Error> {
    let rows = session
        .query("select gid from pg_prepared_xacts order by 1", &[])
        .await
        .map_err(looked("reading the prepared transactions"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Transactions that have been open for at least `age` and wrote something, a line each. The server's own, and
/// replication's, are left out.
///
/// # Errors
///
/// If the session is gone.
pub async fn long_transactions(session: &Session, age: Duration) -> Result<Vec<String>, Error> {
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
