//! A reader: short connections by the weighted name, as a pool with a maximum lifetime makes them.

use super::backoff::Backoff;
use super::tally::{Read, Tally};
use anyhow::{Context, Result};
use local_rds::postgres::dial::{Dialer, Session};
use rand::RngExt as _;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// A read that takes longer has failed.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// What a reader needs.
pub(super) struct Reader {
    pub(super) id: u32,
    pub(super) dialer: Dialer,
    pub(super) tally: Tally,
    /// Time from one read to the next.
    pub(super) pace: Duration,
    /// A connection is replaced at this age.
    pub(super) lifetime: Duration,
    /// Orders that can be asked for, from 1.
    pub(super) orders: i64,
    pub(super) stop: watch::Receiver<bool>,
}

impl Reader {
    /// Reads until it is told to stop.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::of_a_reader();
        while !*self.stop.borrow() {
            match self.life().await {
                Ok(()) => backoff = Backoff::of_a_reader(),
                Err(error) => {
                    self.failed(&format!("{error:#}"));
                    backoff.wait().await;
                }
            }
        }
    }

    /// One connection's life.
    async fn life(&mut self) -> Result<()> {
        // Not all clients of a pool are of one age.
        let age = self.lifetime.mul_f64(rand::rng().random_range(0.8..=1.2));
        let end = Instant::now() + age;
        let session = self.dialer.dial().await?;
        while Instant::now() < end && !*self.stop.borrow() {
            self.read(&session).await?;
            tokio::time::sleep(self.pace).await;
        }
        Ok(())
    }

    async fn read(&self, session: &Session) -> Result<()> {
        let order = rand::rng().random_range(1..=self.orders);
        let query = format!(
            "SELECT o.status, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = {order}"
        );
        let read = timeout(READ_TIMEOUT, session.client.simple_query(&query)).await;
        read.context("no answer in time")??;
        self.tally.read(Read {
            at: self.tally.now(),
            reader: self.id,
            side: Some(self.tally.side(&session.system)),
        });
        Ok(())
    }

    fn failed(&self, why: &str) {
        let at = self.tally.now();
        let (reader, side) = (self.id, None);
        self.tally.read(Read { at, reader, side });
        self.tally.trouble(format!("reader {}: {why}", self.id));
    }
}
