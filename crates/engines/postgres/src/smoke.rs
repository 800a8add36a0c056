//! A few questions that a server answers only if it really serves.

use crate::inspect::MAINTENANCE;
use crate::{Network, PgSession, Postgres};
use ports::{Access, Answer, Endpoint, Engine, Error};

/// Logs in to each of the databases and asks there for something from disk.
pub(crate) async fn ask<N: Network + Clone>(
    engine: &Postgres<N>,
    endpoint: &Endpoint,
    databases: &[String],
) -> Result<Answer, Error> {
    for database in databases {
        let session = engine.connect(endpoint, database, Access::AsServed).await?;
        let doing = "asking a database something";
        let query = "select count(*) from pg_class";
        session.look_one(doing, query, &[]).await?;
    }
    let session = engine
        .connect(endpoint, MAINTENANCE, Access::AsServed)
        .await?;
    answer(&session).await
}

async fn answer(session: &PgSession) -> Result<Answer, Error> {
    let query = "select split_part(current_setting('server_version'), ' ', 1), \
                    current_setting('transaction_read_only')::bool, \
                    exists (select from pg_stat_wal_receiver where status = 'streaming')";
    let doing = "asking a server for its version";
    let row = session.look_one(doing, query, &[]).await?;
    Ok(Answer {
        version: row.get(0),
        read_only: row.get(1),
        streaming: row.get(2),
    })
}
