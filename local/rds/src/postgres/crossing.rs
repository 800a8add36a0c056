//! What one switchover does on the servers, with the notes that it takes before the pause.

use super::fence::{Fence, drain};
use super::lanes::Lanes;
use super::link::{self, Link};
use super::server::Server;
use futures_util::future::{try_join, try_join3};
use tracing::debug;

/// One switchover, on the servers' side.
pub struct Crossing {
    lanes: Lanes,
    blue_fence: Fence,
    green_fence: Fence,
}

impl Crossing {
    /// Opens everything. Changes nothing.
    pub async fn open(blue: &Server, green: &Server, links: &[Link]) -> anyhow::Result<Self> {
        let lanes = Lanes::open(blue, green, links).await?;
        let fences = try_join(Fence::plan(&lanes.source), Fence::plan(&lanes.target));
        let (blue_fence, green_fence) = fences.await?;
        Ok(Self {
            lanes,
            blue_fence,
            green_fence,
        })
    }

    /// Closes green, which serves no writer yet.
    pub async fn close_green(&self) -> anyhow::Result<()> {
        Ok(self.green_fence.raise(&self.lanes.target).await?)
    }

    /// Lets everybody into green. A lost session is no reason to leave it closed.
    pub async fn open_green(&self, green: &Server) -> anyhow::Result<()> {
        if self.green_fence.lift(&self.lanes.target).await.is_ok() {
            return Ok(());
        }
        let session = link::session(green, "postgres").await?;
        Ok(self.green_fence.lift(&session).await?)
    }

    /// Closes blue: the pause begins.
    pub async fn close_blue(&self) -> anyhow::Result<()> {
        Ok(self.blue_fence.raise(&self.lanes.source).await?)
    }

    /// Lets everybody into blue.
    pub async fn open_blue(&self) -> anyhow::Result<()> {
        Ok(self.blue_fence.lift(&self.lanes.source).await?)
    }

    /// Waits until green has everything that blue has committed until now.
    pub async fn catch_up(&self) -> anyhow::Result<()> {
        Ok(self.lanes.catch_up().await?)
    }

    /// Behind the fence: green gets blue's last changes and its sequences, unless a session ran DDL until the fence stood.
    pub async fn carry_over(&self) -> anyhow::Result<()> {
        loop {
            let sequences = async { Ok(self.lanes.sequences().await?) };
            let settled = try_join3(self.catch_up(), sequences, self.lanes.check_shapes());
            let ((), values, ()) = settled.await?;
            debug!("blue's last changes are on green");
            self.lanes.set_sequences(&values).await?;
            if !drain(&self.lanes.source).await? {
                return Ok(());
            }
        }
    }

    /// Green stops following.
    pub async fn cut(&self) -> anyhow::Result<()> {
        self.lanes.cut().await?;
        debug!("green no longer follows");
        Ok(())
    }
}
