//! A session on one database of a server. Each method leads to the file of its subject; what it does and how it fails is
//! said by [`ports::Session`].

use crate::error::{acted, looked};
use crate::reverse::{self, publisher, room, subscriber};
use crate::{
    digest, fence, inspect, marker, roles, sequences, server, sessions, slots, standing,
    statistics, tables, transactions,
};
use domain::fence::{Fence, Role};
use domain::ids::{Millis, Position};
use domain::marker::Seen;
use domain::proof::Standing;
use domain::reverse::{Link, Shape, SlotSeen, SubscriptionSeen};
use domain::rows::{Bucket, Key, Rows, Table};
use ports::{Drained, Error, Session, TableName, WrittenMarker};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::time::Duration;
use tokio_postgres::Client;

/// A session of our own role on one database of a server. Ends when it is dropped.
pub struct PgSession {
    client: Client,
    version: String,
}

impl PgSession {
    pub(crate) const fn new(client: Client, version: String) -> Self {
        Self { client, version }
    }

    /// Runs statements that change something, in one round trip. `doing` completes “… failed”.
    ///
    /// # Errors
    ///
    /// `Upgrade.Failed` where the server's answer does not say that trying again helps.
    pub(crate) async fn change(&self, doing: &'static str, statements: &str) -> Result<(), Error> {
        self.batch_execute(statements).await.map_err(acted(doing))
    }

    /// The first column of a query's rows. `doing` completes “… failed”.
    pub(crate) async fn texts<C: FromIterator<String>>(
        &self,
        query: &str,
        doing: &'static str,
    ) -> Result<C, Error> {
        let rows = self.query(query, &[]).await.map_err(looked(doing))?;
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
        server::clock(self).await
    }

    // Roles and fences.

    async fn roles(&self, names: &[String]) -> Result<Vec<Role>, Error> {
        roles::read(self, names).await
    }

    async fn logins(&self) -> Result<BTreeSet<String>, Error> {
        roles::logins(self).await
    }

    async fn role_names(&self) -> Result<BTreeSet<String>, Error> {
        roles::names(self).await
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
        sessions::drain(self, roles, bound).await
    }

    // Transactions.

    async fn long_transactions(&self, age: Duration) -> Result<Vec<String>, Error> {
        transactions::long(self, age).await
    }

    async fn prepared_transactions(&self) -> Result<Vec<String>, Error> {
        transactions::prepared(self).await
    }

    async fn next_transaction(&self) -> Result<u64, Error> {
        transactions::next(self).await
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
        standing::read(self, roles).await
    }

    async fn freeze(&self) -> Result<Option<Seen>, Error> {
        standing::freeze(self).await
    }

    async fn release(&self) -> Result<(), Error> {
        standing::release(self).await
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
        tables::extensions(self).await
    }

    async fn invalid_indexes(&self) -> Result<Vec<String>, Error> {
        tables::invalid_indexes(self).await
    }

    async fn sequences(&self) -> Result<Vec<(String, Option<i64>)>, Error> {
        sequences::read(self).await
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
        statistics::missing(self).await
    }

    async fn analyze(&self, table: &TableName) -> Result<(), Error> {
        statistics::analyze(self, table).await
    }
}
