//! Whether the replication from blue to green can still be trusted.

use super::link::{self, Link};
use super::server::Server;
use super::shape;
use std::time::Duration;
use tokio_postgres::Client;

/// Without an applying worker for this long, replication is taken for broken: a restart of either side takes less.
const WORKERS_GONE: Duration = Duration::from_secs(20);

/// What is kept between two looks.
#[derive(Default)]
pub struct Watch {
    /// A session of blue per database, in the order of the links.
    sessions: Vec<Client>,
    workers_gone: Duration,
}

impl Watch {
    /// Connects anew at the next look.
    pub fn forget(&mut self) {
        self.sessions.clear();
    }

    /// Why replication is degraded, if it is; `passed` is the time since the last look.
    pub async fn degraded(
        &mut self,
        blue: &Server,
        links: &[Link],
        publication: &str,
        passed: Duration,
    ) -> anyhow::Result<Option<String>> {
        if self.sessions.is_empty() {
            for link in links {
                let session = link::session(blue, &link.database).await?;
                self.sessions.push(session);
            }
        }
        for (link, session) in links.iter().zip(&self.sessions) {
            if shape::of(session).await? != link.shape {
                let database = &link.database;
                let why = format!("DDL or large objects on the blue database {database}");
                return Ok(Some(why));
            }
        }
        let working = "SELECT count(*) FROM pg_stat_replication WHERE application_name LIKE $1";
        let ours = format!("{publication}\\_%");
        let working: i64 = match self.sessions.first() {
            Some(session) => session.query_one(working, &[&ours]).await?.get(0),
            None => 0,
        };
        let all = usize::try_from(working).unwrap_or_default() >= links.len();
        let gone = self.workers_gone + passed;
        self.workers_gone = if all { Duration::ZERO } else { gone };
        Ok((self.workers_gone > WORKERS_GONE).then(|| "green doesn't apply changes".to_owned()))
    }
}
