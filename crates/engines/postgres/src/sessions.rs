//! The application's sessions: never replication's, never ours.

use crate::PgSession;
use crate::error::acted;
use ports::{Drained, Error};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// Ends the roles' sessions until none is left, or until the bound. Each round is a transaction of its own, since
/// `pg_stat_activity` stands still inside one.
pub(crate) async fn drain(
    session: &PgSession,
    roles: &[String],
    bound: Duration,
) -> Result<Drained, Error> {
    let began = Instant::now();
    let mut ended = HashSet::new();
    loop {
        let rows = session
            .query(
                "select pid, pg_terminate_backend(pid) from pg_stat_activity \
                 where usename::text = any($1) and backend_type = 'client backend' and pid <> pg_backend_pid()",
                &[&roles],
            )
            .await
            .map_err(acted("ending the application's sessions"))?;
        ended.extend(rows.iter().map(|row| row.get::<_, i32>(0)));
        if rows.is_empty() || began.elapsed() >= bound {
            return Ok(Drained {
                ended: u32::try_from(ended.len()).unwrap_or(u32::MAX),
                left: u32::try_from(rows.len()).unwrap_or(u32::MAX),
            });
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
