//! A session on one database of a server. What is one question to the server is asked here; a subject that is more has a
//! file of its own. What each method does and how it fails is said by [`ports::Session`].

use crate::error::{acted, looked};
use crate::reverse::{self, publisher, room, subscriber};
use crate::{
    count, digest, fence, identifier, inspect, marker, position, sequences, slots, tables,
};
use domain::error::StepError;
use domain::fence::{Fence, Role};
use domain::ids::{Millis, Position};
use domain::marker::Seen;
use domain::proof::Standing;
use domain::reverse::{Link, Shape, SlotSeen, SubscriptionSeen};
use domain::rows::{Bucket, Key, Rows, Table};
use ports::{Drained, Error, Session, TableName, WrittenMarker};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Deref;
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

/// Ends sessions of the application: never replication's, never ours.
const TERMINATE: &str = "select pid, pg_terminate_backend(pid) from pg_stat_activity \
    where usename::text = any($1) and backend_type = 'client backend' and pid <> pg_backend_pid()";

/// Transactions that wrote something, without the server's own and replication's.
const LONG_TRANSACTIONS: &str = "select format('%s of %s in %s, open for %s s', pid, usename, datname, \
        round(extract(epoch from clock_timestamp() - xact_start))) \
    from pg_stat_activity \
    where backend_type = 'client backend' and pid <> pg_backend_pid() \
      and backend_xid is not null \
      and extract(epoch from clock_timestamp() - xact_start) >= $1::float8 order by xact_start";

/// One round trip, since writers wait.
const STANDING: &str = "
select array(select rolname::text from pg_roles where rolname::text = any($1) and rolcanlogin order by 1),
       (select count(*) from pg_stat_activity
        where usename::text = any($1) and backend_type = 'client backend' and pid <> pg_backend_pid()),
       array(select gid from pg_prepared_xacts order by 1),
       current_setting('default_transaction_read_only')::bool,
       pg_current_wal_insert_lsn()::text";

/// Tables with rows for whose columns there are no statistics at all: `pg_upgrade` leaves them behind before 18.
const WITHOUT_STATISTICS: &str = "select n.nspname::text, c.relname::text from pg_class c \
    join pg_namespace n on n.oid = c.relnamespace \
    where c.relkind in ('r', 'm') and c.relpersistence = 'p' \
      and n.nspname not like 'pg\\_%' and n.nspname not in ('information_schema', 'viridian') \
      and pg_relation_size(c.oid) > 0 \
      and not exists (select from pg_stats s where s.schemaname = n.nspname and s.tablename = c.relname) \
    order by 1, 2";

/// A session of our own role on one database of a server. Ends when it is dropped.
pub struct PgSession {
    client: Client,
    version: String,
}

impl PgSession {
    pub(crate) const fn new(client: Client, version: String) -> Self {
        Self { client, version }
    }

    /// The server's major version.
    pub(crate) fn major(&self) -> i32 {
        let said = self.version.as_str();
        let end = said.find(|c: char| !c.is_ascii_digit());
        let digits = end.map_or(said, |end| &said[..end]);
        digits.parse().unwrap_or_default()
    }

    /// Runs statements that change something, in one round trip. `doing` completes “… failed”.
    ///
    /// # Errors
    ///
    /// `Upgrade.Failed` where the server's answer does not say that trying again helps.
    pub(crate) async fn change(&self, doing: &'static str, statements: &str) -> Result<(), Error> {
        self.batch_execute(statements).await.map_err(acted(doing))
    }

    /// The rows of a query that only looks. `doing` completes “… failed”.
    pub(crate) async fn look(
        &self,
        doing: &'static str,
        query: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        self.query(query, values).await.map_err(looked(doing))
    }

    /// The same of a query that has exactly one row.
    pub(crate) async fn look_one(
        &self,
        doing: &'static str,
        query: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, Error> {
        self.query_one(query, values).await.map_err(looked(doing))
    }

    /// The same of a query that has one row or none.
    pub(crate) async fn look_opt(
        &self,
        doing: &'static str,
        query: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, Error> {
        self.query_opt(query, values).await.map_err(looked(doing))
    }

    /// The first column of such a query's rows.
    pub(crate) async fn texts<C: FromIterator<String>>(
        &self,
        doing: &'static str,
        query: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<C, Error> {
        let rows = self.look(doing, query, values).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

impl Deref for PgSession {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Session for PgSession {
    fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    fn version(&self) -> &str {
        &self.version
    }

    async fn limit_statements(&self, limit: Duration) -> Result<(), Error> {
        let set = format!("set statement_timeout = {}", limit.as_millis().max(1));
        let done = self.batch_execute(&set).await;
        done.map_err(looked("setting the statement timeout"))
    }

    // The server.

    async fn databases(&self) -> Result<BTreeSet<String>, Error> {
        inspect::database_names(self).await
    }

    async fn can_send_back(&self, databases: usize) -> Result<Result<String, String>, Error> {
        let settings = inspect::settings(self).await?;
        Ok(room::can_send_back(&settings, databases))
    }

    async fn clock(&self) -> Result<Millis, Error> {
        let query = "select (extract(epoch from clock_timestamp()) * 1000)::bigint";
        let doing = "reading the server's clock";
        Ok(Millis(self.look_one(doing, query, &[]).await?.get(0)))
    }

    // Roles and fences.

    async fn roles(&self, names: &[String]) -> Result<Vec<Role>, Error> {
        let query = "select rolname::text, rolcanlogin, shobj_description(oid, 'pg_authid') \
                     from pg_roles where rolname::text = any($1) order by 1";
        let doing = "reading the application's roles";
        let rows = self.look(doing, query, &[&names]).await?;
        let role = |row: &Row| {
            let (fenced_by, comment) = fence::read_notice(row.get(2));
            Role {
                name: row.get(0),
                can_login: row.get(1),
                fenced_by,
                comment,
            }
        };
        Ok(rows.iter().map(role).collect())
    }

    async fn logins(&self) -> Result<BTreeSet<String>, Error> {
        // PostgreSQL's own and RDS's apart: a new version brings more of those.
        let query = "select rolname::text from pg_roles \
                     where rolcanlogin and rolname !~ '^pg_' and rolname !~ '^rds'";
        let doing = "reading the roles that can log in";
        self.texts(doing, query, &[]).await
    }

    async fn role_names(&self) -> Result<BTreeSet<String>, Error> {
        let query = "select rolname::text from pg_roles";
        let doing = "reading the names of the roles";
        self.texts(doing, query, &[]).await
    }

    async fn raise(&self, fence: &Fence) -> Result<(), Error> {
        fence::raise(self, fence).await
    }

    async fn lift(&self, fence: &Fence) -> Result<(), Error> {
        fence::lift(self, fence).await
    }

    async fn rehearse(&self, fence: &Fence) -> Result<(), Error> {
        fence::rehearse(self, fence).await
    }

    async fn drain(&self, roles: &[String], bound: Duration) -> Result<Drained, Error> {
        let began = Instant::now();
        let mut ended = HashSet::new();
        // Each round is a transaction of its own, since `pg_stat_activity` stands still inside one.
        loop {
            let rows = self.query(TERMINATE, &[&roles]).await;
            let rows = rows.map_err(acted("ending the application's sessions"))?;
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

    // Transactions.

    async fn long_transactions(&self, age: Duration) -> Result<Vec<String>, Error> {
        let (doing, seconds) = ("reading the open transactions", age.as_secs_f64());
        self.texts(doing, LONG_TRANSACTIONS, &[&seconds]).await
    }

    async fn prepared_transactions(&self) -> Result<Vec<String>, Error> {
        // By their global identifiers. They outlive their sessions.
        let query = "select gid from pg_prepared_xacts order by 1";
        let doing = "reading the prepared transactions";
        self.texts(doing, query, &[]).await
    }

    async fn next_transaction(&self) -> Result<u64, Error> {
        let query = "select txid_snapshot_xmax(txid_current_snapshot())";
        let doing = "reading the next transaction id";
        let next: i64 = self.look_one(doing, query, &[]).await?.get(0);
        let negative = |_| StepError::failed("the next transaction id is negative").into();
        u64::try_from(next).map_err(negative)
    }

    // The marker.

    async fn make_marker(&self) -> Result<(), Error> {
        marker::create(self).await
    }

    async fn remove_marker(&self) -> Result<(), Error> {
        marker::remove(self).await
    }

    async fn write_marker(&self) -> Result<WrittenMarker, Error> {
        marker::write(self).await
    }

    async fn read_marker(&self) -> Result<Option<Seen>, Error> {
        marker::read(self).await
    }

    async fn await_marker(&self, number: i64, bound: Duration) -> Result<Option<Seen>, Error> {
        marker::wait(self, number, bound).await
    }

    // Replication from blue to green.

    async fn unconfirmed(&self, database: &str) -> Result<Option<u64>, Error> {
        slots::unconfirmed(self, database).await
    }

    async fn foreign_replication(&self) -> Result<Vec<String>, Error> {
        slots::foreign(self).await
    }

    async fn follows(&self) -> Result<bool, Error> {
        Ok(slots::subscriptions(self).await? != 0)
    }

    // The proof.

    async fn standing(&self, roles: &[String]) -> Result<Standing, Error> {
        let values: [(&(dyn ToSql + Sync), Type); 1] = [(&roles, Type::TEXT_ARRAY)];
        let rows = self.query_typed(STANDING, &values).await;
        let rows = rows.map_err(looked("looking at a side of the switchover"))?;
        let none = || StepError::transient("a side of the switchover returned no row");
        let row = rows.first().ok_or_else(none)?;
        Ok(Standing {
            open_roles: row.get(0),
            sessions: count(row, 1),
            prepared: row.get(2),
            read_only: row.get(3),
            position: position::read(row.get(4))?,
        })
    }

    async fn freeze(&self) -> Result<Option<Seen>, Error> {
        let begin = self.batch_execute("begin isolation level repeatable read, read only");
        let marker = self.query_typed(marker::MARKER, &[]);
        // Both are sent at once, in this order.
        let (frozen, rows) = futures_util::future::join(begin, marker).await;
        frozen.map_err(looked("holding on to the moment of the switchover"))?;
        let rows = rows.map_err(looked(marker::READING))?;
        Ok(rows.first().map(marker::seen))
    }

    async fn release(&self) -> Result<(), Error> {
        let ended = self.batch_execute("rollback").await;
        ended.map_err(looked("letting go of the moment of the switchover"))
    }

    // Reverse replication, from new to old.

    async fn adopt(&self) -> Result<(), Error> {
        reverse::adopt(self).await
    }

    async fn shape(&self) -> Result<Shape, Error> {
        reverse::shape(self).await
    }

    async fn arm(&self, pusher: &Self, link: &Link) -> Result<Position, Error> {
        publisher::arm(self, pusher, &link.name, &link.tables).await
    }

    async fn slot(&self, name: &str) -> Result<Option<SlotSeen>, Error> {
        publisher::slot(self, name).await
    }

    async fn disarm(&self, name: &str) -> Result<(), Error> {
        publisher::disarm(self, name).await
    }

    async fn follow(&self, new: &Self, link: &Link, conninfo: &str) -> Result<(), Error> {
        subscriber::follow(new, self, link, conninfo).await
    }

    async fn subscription(&self, name: &str) -> Result<Option<SubscriptionSeen>, Error> {
        subscriber::subscription(self, name).await
    }

    async fn disable(&self, name: &str) -> Result<(), Error> {
        subscriber::disable(self, name).await
    }

    async fn unsubscribe(&self, name: &str) -> Result<(), Error> {
        subscriber::unsubscribe(self, name).await
    }

    async fn carry_sequences(&self, new: &Self) -> Result<Vec<String>, Error> {
        sequences::carry(new, self).await
    }

    // Tables and rows.

    async fn tables(&self) -> Result<Vec<Table>, Error> {
        tables::read(self).await
    }

    async fn extensions(&self) -> Result<Vec<String>, Error> {
        let query = "select extname::text from pg_extension order by 1";
        self.texts("reading the extensions", query, &[]).await
    }

    async fn invalid_indexes(&self) -> Result<Vec<String>, Error> {
        let query = "select format('%I.%I', n.nspname, c.relname) \
                     from pg_index i join pg_class c on c.oid = i.indexrelid \
                     join pg_namespace n on n.oid = c.relnamespace \
                     where not (i.indisvalid and i.indisready) and n.nspname !~ '^pg_' order by 1";
        self.texts("reading the indexes", query, &[]).await
    }

    async fn sequences(&self) -> Result<Vec<(String, Option<i64>)>, Error> {
        let query = "select format('%I.%I', schemaname, sequencename), last_value * sign(increment_by)::bigint \
                     from pg_sequences where schemaname !~ '^pg_' order by 1";
        let rows = self.look("reading the sequences", query, &[]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    async fn buckets(&self, table: &Table, buckets: u32) -> Result<BTreeMap<i32, Bucket>, Error> {
        digest::buckets(self, table, buckets).await
    }

    async fn rows_of(&self, table: &Table, buckets: u32, chosen: &[i32]) -> Result<Rows, Error> {
        digest::rows_of(self, table, buckets, chosen).await
    }

    async fn rows_at(&self, table: &Table, keys: &[Key]) -> Result<Rows, Error> {
        digest::rows_at(self, table, keys).await
    }

    // The planner's statistics.

    async fn missing_statistics(&self) -> Result<Vec<TableName>, Error> {
        let doing = "looking for missing statistics";
        let rows = self.look(doing, WITHOUT_STATISTICS, &[]).await?;
        let table = |row: &Row| TableName {
            schema: row.get(0),
            name: row.get(1),
        };
        Ok(rows.iter().map(table).collect())
    }

    async fn analyze(&self, table: &TableName) -> Result<(), Error> {
        let (schema, name) = (identifier(&table.schema), identifier(&table.name));
        let analyze = format!("analyze {schema}.{name}");
        self.change("gathering a table's statistics", &analyze)
            .await
    }
}
