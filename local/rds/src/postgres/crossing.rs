//! The sessions and notes of one switchover, opened before the pause so that the pause has none but its own work.

use super::fence::{self, Fence};
use super::link::{self, Link};
use super::sequences::{Reading, Values};
use super::server::Server;
use super::{catch_up, shape};
use anyhow::ensure;
use futures_util::future::{try_join, try_join_all};
use tokio_postgres::Client;
use tracing::debug;

/// One switchover, on the servers' side.
pub struct Crossing {
    blue: Client,
    green: Client,
    blue_fence: Fence,
    green_fence: Fence,
    lanes: Vec<Lane>,
    subscriptions: Vec<String>,
}

/// One database of the server.
struct Lane {
    blue: Client,
    green: Client,
    sequences: Reading,
    link: Link,
}

impl Lane {
    async fn open(blue: &Server, green: &Server, link: &Link) -> anyhow::Result<Self> {
        let database = &link.database;
        let (blue, green) = sessions(blue, green, database).await?;
        let sequences = Reading::plan(&blue).await?;
        Ok(Self {
            blue,
            green,
            sequences,
            link: link.clone(),
        })
    }

    /// What has to be carried over by hand, and whether nobody ran DDL until the fence stood.
    async fn settle(&self) -> anyhow::Result<Values> {
        let values = self.sequences.read(&self.blue);
        let (values, shape) = try_join(values, shape::of(&self.blue)).await?;
        let (link, unchanged) = (&self.link, shape == self.link.shape);
        ensure!(unchanged, "the schema of {} was changed", link.database);
        Ok(values)
    }
}

/// A session of either side.
async fn sessions(blue: &Server, green: &Server, name: &str) -> anyhow::Result<(Client, Client)> {
    try_join(link::session(blue, name), link::session(green, name)).await
}

impl Crossing {
    /// Opens everything. Changes nothing.
    pub async fn open(blue: &Server, green: &Server, links: &[Link]) -> anyhow::Result<Self> {
        let lanes = links.iter().map(|link| Lane::open(blue, green, link));
        let lanes = try_join_all(lanes).await?;
        let (blue, green) = sessions(blue, green, "postgres").await?;
        let (blue_fence, green_fence) = try_join(Fence::plan(&blue), Fence::plan(&green)).await?;
        let subscriptions = lanes.iter().map(|lane| lane.link.name.clone()).collect();
        Ok(Self {
            blue,
            green,
            blue_fence,
            green_fence,
            lanes,
            subscriptions,
        })
    }

    /// Closes green, which serves no writer yet.
    pub async fn close_green(&self) -> anyhow::Result<()> {
        self.green_fence.raise(&self.green).await?;
        fence::drain(&self.green).await?;
        Ok(())
    }

    /// Lets everybody into green. A lost session is no reason to leave it closed.
    pub async fn open_green(&self, green: &Server) -> anyhow::Result<()> {
        if self.green_fence.lift(&self.green).await.is_ok() {
            return Ok(());
        }
        let session = link::session(green, "postgres").await?;
        Ok(self.green_fence.lift(&session).await?)
    }

    /// Closes blue: the pause begins.
    pub async fn close_blue(&self) -> anyhow::Result<()> {
        self.blue_fence.raise(&self.blue).await?;
        fence::drain(&self.blue).await?;
        Ok(())
    }

    /// Lets everybody into blue.
    pub async fn open_blue(&self) -> anyhow::Result<()> {
        Ok(self.blue_fence.lift(&self.blue).await?)
    }

    /// Waits until green has everything that blue has committed until now.
    pub async fn catch_up(&self) -> anyhow::Result<()> {
        Ok(catch_up::reach(&self.blue, &self.green, &self.subscriptions).await?)
    }

    /// Behind the fence: green gets blue's last changes and its sequences.
    pub async fn carry_over(&self) -> anyhow::Result<()> {
        loop {
            let settle = try_join_all(self.lanes.iter().map(Lane::settle));
            let ((), values) = try_join(self.catch_up(), settle).await?;
            debug!("blue's last changes are on green");
            let writes = values.iter().zip(&self.lanes);
            let writes = writes.map(|(values, lane)| values.write(&lane.green));
            try_join_all(writes).await?;
            if !fence::drain(&self.blue).await? {
                return Ok(());
            }
        }
    }

    /// Green stops following.
    pub async fn cut(&self) -> anyhow::Result<()> {
        let lanes = self.lanes.iter();
        let drops = lanes.map(|lane| link::drop_subscription(&lane.green, &lane.link.name));
        try_join_all(drops).await?;
        debug!("green no longer follows");
        Ok(())
    }
}
