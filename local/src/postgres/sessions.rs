//! Sessions on a server: the superuser's own, and the end of everybody else's.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, NoTls};

use super::{ADMIN, Server};

const GONE_WITHIN: Duration = Duration::from_secs(10);

impl Server {
    /// A session of the superuser `rdsadmin`, by the socket.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn admin(&self, database: &str) -> Result<Client> {
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(self.socket())
            .port(self.address().port())
            .user(ADMIN)
            .dbname(database);
        config
            .application_name("rdsadmin")
            .connect_timeout(Duration::from_secs(10));
        let (client, connection) = config
            .connect(NoTls)
            .await
            .with_context(|| format!("connecting to {} as {ADMIN}", self.id()))?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Its databases that take connections, templates of the user's own included, without PostgreSQL's templates and
    /// `rdsadmin`'s own.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn databases(&self) -> Result<Vec<String>> {
        let all = "SELECT datname::text FROM pg_database \
                   WHERE datallowconn AND datname NOT IN ('template0', 'template1', $1) ORDER BY datname";
        let rows = self.admin("postgres").await?.query(all, &[&ADMIN]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Ends all sessions of clients but the superuser's, never replication's, and waits until they are gone;
    /// returns how many.
    ///
    /// # Errors
    /// When the server doesn't answer, or a session doesn't end.
    pub async fn drop_sessions(&self) -> Result<usize> {
        let admin = self.admin("postgres").await?;
        // Materialized: in one WHERE the function may be asked before the name, and then it ends this session as well.
        let ended = "WITH clients AS MATERIALIZED (
                         SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> $1)
                     SELECT pid FROM clients WHERE pg_terminate_backend(pid)";
        let pids: Vec<i32> = admin
            .query(ended, &[&ADMIN])
            .await?
            .iter()
            .map(|row| row.get(0))
            .collect();
        let deadline = Instant::now() + GONE_WITHIN;
        while Instant::now() < deadline {
            let left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)";
            if admin.query_one(left, &[&pids]).await?.get::<_, i64>(0) == 0 {
                return Ok(pids.len());
            }
            sleep(Duration::from_millis(2)).await;
        }
        bail!("sessions on {} do not end", self.id())
    }

    /// Makes a physical replica a server of its own.
    ///
    /// # Errors
    /// When it is none, or doesn't finish in time.
    pub async fn promote(&self) -> Result<()> {
        let promoted = self
            .admin("postgres")
            .await?
            .query_one("SELECT pg_promote(true, 60)", &[])
            .await?;
        if !promoted.get::<_, bool>(0) {
            bail!("{} was not promoted within a minute", self.id());
        }
        self.stand_alone().await
    }
}
