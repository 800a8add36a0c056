//! A few questions that a server answers only if it really serves.

use super::{Access, Connector, Endpoint, Session, inspect::MAINTENANCE};
use crate::error::{Error, looked};

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its version, such as `16.14`.
    pub version: String,
    /// Whether it takes no writes: a replica, or fenced by its default.
    pub read_only: bool,
    /// Whether it follows another server right now.
    pub streaming: bool,
}

/// Logs in to each of the databases and asks there for something from disk.
///
/// # Errors
/// As [`Connector::connect`], or if a question is not answered.
pub async fn ask(
    connector: &Connector,
    endpoint: &Endpoint,
    databases: &[String],
) -> Result<Answer, Error> {
    for database in databases {
        let session = connector
            .connect(endpoint, database, Access::AsServed)
            .await?;
        let asked = session
            .query_one("select count(*) from pg_class", &[])
            .await;
        asked.map_err(looked("asking a database something"))?;
    }
    let session = connector
        .connect(endpoint, MAINTENANCE, Access::AsServed)
        .await?;
    answer(&session).await
}

/// RDS's builds say `16.14`, others may say `16.14 (Debian …)`.
async fn answer(session: &Session) -> Result<Answer, Error> {
    let query = "select split_part(current_setting('server_version'), ' ', 1), \
                    current_setting('transaction_read_only')::bool, \
                    exists (select from pg_stat_wal_receiver where status = 'streaming')";
    let row = session.query_one(query, &[]).await;
    let row = row.map_err(looked("asking a server for its version"))?;
    Ok(Answer {
        version: row.get(0),
        read_only: row.get(1),
        streaming: row.get(2),
    })
}
