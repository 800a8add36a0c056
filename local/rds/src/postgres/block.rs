//! Replication that stands still, for tests and scenarios.

use super::link::{self, Link};
use super::server::Server;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// As long as this lives, green applies nothing. Its tables can be read, but neither analyzed nor vacuumed.
#[derive(Debug)]
#[must_use = "replication goes on as soon as this is dropped"]
pub struct ReplicationBlock {
    _sessions: Vec<Client>,
}

const TABLES: &str = "
SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

impl ReplicationBlock {
    /// Locks all tables of green that are followed.
    pub(crate) async fn of(green: &Server, links: &[Link]) -> anyhow::Result<Self> {
        let mut sessions = Vec::new();
        for link in links {
            let session = link::session(green, &link.database).await?;
            let tables: Option<String> = session.query_one(TABLES, &[]).await?.get(0);
            if let Some(tables) = tables {
                lock(&session, &tables).await?;
                sessions.push(session);
            }
        }
        Ok(Self {
            _sessions: sessions,
        })
    }
}

/// Locks the tables one by one, as `LOCK` does it. What is being applied may hold one of them and want another; either of
/// us is then sent away to try again.
async fn lock(session: &Client, tables: &str) -> Result<(), tokio_postgres::Error> {
    let lock = format!("BEGIN; LOCK TABLE {tables} IN SHARE MODE");
    loop {
        match session.batch_execute(&lock).await {
            Err(failed) if failed.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => {
                session.batch_execute("ROLLBACK").await?;
            }
            done => return done,
        }
    }
}
