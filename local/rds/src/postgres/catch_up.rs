//! When a subscriber holds everything that its publisher has committed.

use std::time::Duration;
use tokio_postgres::{Client, Error};

/// Waits until the target has applied everything that the source has committed until now, by these subscriptions of the
/// target.
///
/// # Errors
/// When a side doesn't answer.
pub async fn reach(
    source: &Client,
    target: &Client,
    subscriptions: &[String],
) -> Result<(), Error> {
    // A commit that doesn't return before it is on disk; walsenders send nothing that isn't.
    let last_word = "SELECT pg_logical_emit_message(true, 'rds', 'last word')";
    source.batch_execute(last_word).await?;
    let position = "SELECT pg_current_wal_flush_lsn()::text";
    let position: String = source.query_one(position, &[]).await?.get(0);
    while !has_arrived(target, subscriptions, &position).await? {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Whether every subscription has applied everything before a position: a walsender says in its keepalives how far it
/// has come, and the worker reads them in their place among the changes, which it applies one by one.
async fn has_arrived(
    target: &Client,
    subscriptions: &[String],
    position: &str,
) -> Result<bool, Error> {
    let arrived = "SELECT count(*) FROM pg_stat_subscription WHERE subname = ANY($1) AND relid IS NULL \
                   AND leader_pid IS NULL AND latest_end_lsn >= $2::text::pg_lsn";
    let row = target
        .query_one(arrived, &[&subscriptions, &position])
        .await?;
    let arrived: i64 = row.get(0);
    Ok(usize::try_from(arrived).is_ok_and(|arrived| arrived == subscriptions.len()))
}
