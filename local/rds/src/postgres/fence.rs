//! The fence of a switchover: only the superuser gets into a server, and the sessions of other roles are ended.
//!
//! A connection limit of 0 on each database does it: it counts from its commit on, it spares superusers (so the
//! subscriptions and their walsenders can even reconnect behind it), and lifting it is one commit as well. A parameter such as
//! `default_transaction_read_only` would be no fence, since any session can override it; `pg_hba.conf` would be one, but costs
//! a reload of the server in the middle of the pause.

use super::quoted;
use std::time::Duration;
use tokio_postgres::Client;

/// What lifts the fence of one server: its databases' own limits.
#[derive(Debug, Clone)]
pub struct Fence {
    limits: Vec<(String, i32)>,
}

impl Fence {
    /// Notes the limits as they are, before any pause.
    pub async fn plan(admin: &Client) -> Result<Self, tokio_postgres::Error> {
        let limits = "SELECT datname, datconnlimit FROM pg_database \
                      WHERE datallowconn AND datname NOT IN ('template0', 'template1') AND datconnlimit >= -1";
        let rows = admin.query(limits, &[]).await?;
        Ok(Self {
            limits: rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
        })
    }

    /// From its return on, no client gets in any more, and no client is in.
    pub async fn raise(&self, admin: &Client) -> Result<(), tokio_postgres::Error> {
        self.set(admin, |_| 0).await?;
        drain(admin).await.map(drop)
    }

    /// From its return on, everybody gets in as before.
    pub async fn lift(&self, admin: &Client) -> Result<(), tokio_postgres::Error> {
        self.set(admin, |limit| limit).await
    }

    async fn set(
        &self,
        admin: &Client,
        to: impl Fn(i32) -> i32,
    ) -> Result<(), tokio_postgres::Error> {
        let alter = |(database, limit): &(String, i32)| {
            let (database, limit) = (quoted(database), to(*limit));
            format!("ALTER DATABASE {database} CONNECTION LIMIT {limit};")
        };
        // One message with several statements is one transaction.
        let all: String = self.limits.iter().map(alter).collect();
        admin.batch_execute(&all).await
    }
}

/// Sessions of clients, which are neither the superuser's nor replication's. One that is still being let in is not seen
/// here; it finds the raised fence.
const DRAIN: &str = "
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND usename IS NOT NULL AND usename <> 'rdsadmin' AND pid <> pg_backend_pid()";

/// Ends clients' sessions until there are none. Returns whether there were any.
///
/// # Errors
/// When the server doesn't answer.
pub async fn drain(admin: &Client) -> Result<bool, tokio_postgres::Error> {
    let end = admin.prepare(DRAIN).await?;
    let mut any = false;
    loop {
        let left: i64 = admin.query_one(&end, &[]).await?.get(0);
        if left == 0 {
            return Ok(any);
        }
        any = true;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
