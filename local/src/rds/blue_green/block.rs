//! Replication that stands still, for tests and scenarios.

use super::link;
use crate::rds::Rds;
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

impl Rds {
    /// Stops the replication from blue to green of a deployment, by locks on all tables of green.
    ///
    /// # Errors
    /// When there is no such deployment, or its green doesn't answer.
    pub async fn block_replication(&self, deployment: &str) -> anyhow::Result<ReplicationBlock> {
        let pairs = self.pairs(deployment)?;
        let links = self.state().deployment(deployment)?.links.clone();
        let mut sessions = Vec::new();
        for (pair, link) in pairs
            .iter()
            .take(1)
            .flat_map(|pair| links.iter().map(move |link| (pair, link)))
        {
            let session = link::session(&pair.green, &link.database).await?;
            let tables: Option<String> = session.query_one(TABLES, &[]).await?.get(0);
            if let Some(tables) = tables {
                lock(&session, &tables).await?;
                sessions.push(session);
            }
        }
        Ok(ReplicationBlock {
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
