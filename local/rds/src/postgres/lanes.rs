//! The lanes of a switch from one server to the other, one for each database: opened before the pause, so that the pause has
//! none but its own work.

use super::link::{self, Link};
use super::sequences::{Reading, Values};
use super::server::Server;
use super::shape;
use anyhow::ensure;
use futures_util::future::{try_join, try_join_all};
use std::time::Duration;
use tokio_postgres::{Client, Error};

/// The lanes, and a session of either side beside them.
pub struct Lanes {
    /// Of the side that took the writes so far.
    pub source: Client,
    /// Of the side that is to take them.
    pub target: Client,
    databases: Vec<Lane>,
    subscriptions: Vec<String>,
}

/// One database of the server.
struct Lane {
    source: Client,
    target: Client,
    sequences: Reading,
    link: Link,
}

impl Lane {
    async fn open(source: &Server, target: &Server, link: &Link) -> anyhow::Result<Self> {
        let (source, target) = sessions(source, target, &link.database).await?;
        let sequences = Reading::plan(&source).await?;
        Ok(Self {
            source,
            target,
            sequences,
            link: link.clone(),
        })
    }

    async fn check_shape(&self) -> anyhow::Result<()> {
        let (link, shape) = (&self.link, shape::of(&self.source).await?);
        let unchanged = shape == link.shape;
        ensure!(unchanged, "the schema of {} was changed", link.database);
        Ok(())
    }
}

/// A session of either side.
async fn sessions(one: &Server, other: &Server, name: &str) -> anyhow::Result<(Client, Client)> {
    try_join(link::session(one, name), link::session(other, name)).await
}

impl Lanes {
    /// Opens everything, where the target follows the source by these links. Changes nothing.
    ///
    /// # Errors
    /// When a side doesn't answer.
    pub async fn open(source: &Server, target: &Server, links: &[Link]) -> anyhow::Result<Self> {
        let databases = links.iter().map(|link| Lane::open(source, target, link));
        let databases = try_join_all(databases).await?;
        let (source, target) = sessions(source, target, "postgres").await?;
        Ok(Self {
            source,
            target,
            databases,
            subscriptions: links.iter().map(|link| link.name.clone()).collect(),
        })
    }

    /// Waits until the target has everything that the source has committed until now.
    ///
    /// # Errors
    /// When a side doesn't answer.
    pub async fn catch_up(&self) -> Result<(), Error> {
        // A commit that doesn't return before it is on disk; walsenders send nothing that isn't.
        let last_word = "SELECT pg_logical_emit_message(true, 'rds', 'last word')";
        self.source.batch_execute(last_word).await?;
        let position = "SELECT pg_current_wal_flush_lsn()::text";
        let position: String = self.source.query_one(position, &[]).await?.get(0);
        while !self.has_arrived(&position).await? {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Whether every subscription has applied everything before a position: a walsender says in its keepalives how far it
    /// has come, and the worker reads them in their place among the changes, which it applies one by one.
    async fn has_arrived(&self, position: &str) -> Result<bool, Error> {
        let arrived = "SELECT count(*) FROM pg_stat_subscription WHERE subname = ANY($1) AND relid IS NULL \
                       AND leader_pid IS NULL AND latest_end_lsn >= $2::text::pg_lsn";
        let (target, all) = (&self.target, &self.subscriptions);
        let arrived: i64 = target.query_one(arrived, &[all, &position]).await?.get(0);
        Ok(usize::try_from(arrived).is_ok_and(|arrived| arrived == all.len()))
    }

    /// What the source's sequences stand at.
    ///
    /// # Errors
    /// When the source doesn't answer.
    pub async fn sequences(&self) -> Result<Vec<Values>, Error> {
        let databases = self.databases.iter();
        try_join_all(databases.map(|lane| lane.sequences.read(&lane.source))).await
    }

    /// Sets the target's sequences.
    ///
    /// # Errors
    /// When the target doesn't answer.
    pub async fn set_sequences(&self, values: &[Values]) -> Result<(), Error> {
        let databases = self.databases.iter().zip(values);
        let writes = databases.map(|(lane, values)| values.write(&lane.target));
        try_join_all(writes).await.map(drop)
    }

    /// Refuses where a session ran DDL since the links were made.
    pub(crate) async fn check_shapes(&self) -> anyhow::Result<()> {
        let checks = self.databases.iter().map(Lane::check_shape);
        try_join_all(checks).await.map(drop)
    }

    /// The target stops following.
    ///
    /// # Errors
    /// When the target doesn't answer.
    pub async fn cut(&self) -> anyhow::Result<()> {
        let databases = self.databases.iter();
        let drops = databases.map(|lane| link::drop_subscription(&lane.target, &lane.link.name));
        try_join_all(drops).await.map(drop)
    }
}
